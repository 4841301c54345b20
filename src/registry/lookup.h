/*
 * lookup - where an image of a name is to be had, and who we are there
 *
 * All files about registries are read here, before anything comes from one: registries.conf (conf.h),
 * passwords (auth.h), certificates (certs.h).
 */
#ifndef REGISTRY_LOOKUP_H
#define REGISTRY_LOOKUP_H

#include "base/err.h"
#include "image/places.h"
#include "registry/endpoint.h"

/* What the user said.  All is borrowed. */
struct lookup {
	struct places places;
	const char *tls_verify; /* "true", "false"; NULL: as the files say */
	const char *authfile;   /* NULL: where docker and podman have it */
	const char *auth_host;  /* NULL: none */
	const char *cert_dir;   /* NULL: certs.d */
	const char *ssh;        /* of ssh_take(): another machine's store, and no registry; NULL */
	const char *ssh_program; /* NULL: ssh */
	bool push;              /* there, and not to a mirror */
	bool by_digest;         /* the image is asked for by its digest: some mirrors are for that alone */
};

/*
 * The registries that are to be asked for an image, in this order: mirrors first.
 *
 * @name: as in an image_ref: with the registry, where it is not Docker Hub; without a tag
 */
int lookup_endpoints(const char *name, const struct lookup *l, struct endpoints *ret, struct err *e);

/*
 * A registry itself.
 *
 * @name: HOST[:PORT][/PATH]; the repository of @ret is "" or PATH
 * @known: with name and password
 */
int lookup_registry(const char *name, const struct lookup *l, bool known, struct endpoint *ret,
		    struct err *e);

/* Those that a name without a registry is searched in: at least one.  @ret: owned strv */
int lookup_search_registries(const struct lookup *l, char ***ret, struct err *e);

/* "HOST[:PORT]", of an endpoint, as names of images have it: docker.io.  Borrowed. */
const char *lookup_shown_host(const struct endpoint *ep);

#endif
