/*
 * certs - certificates of one registry: containers-certs.d(5)
 *
 * *.crt are of CAs that are trusted there; the first pair NAME.cert and NAME.key is what we are known
 * by.
 */
#ifndef REGISTRY_CERTS_H
#define REGISTRY_CERTS_H

#include "image/places.h"
#include "registry/endpoint.h"

/*
 * @dir: in place of those of certs.d; NULL
 * @host: HOST[:PORT]
 * @ret: its ca, cert and key are set
 */
int certs_read(const struct places *p, const char *dir, const char *host, struct endpoint *ret,
	       struct err *e);

#endif
