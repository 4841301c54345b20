/*
 * policy - may an image be taken? containers-policy.json(5)
 *
 * The user's ~/.config/containers/policy.json in place of /etc/containers/policy.json; where there is
 * neither, every image may.  "insecureAcceptAnything", "reject" and "sigstoreSigned" with a key are known,
 * the latter with signatures as cosign makes them.  Whatever else a policy asks for is an error: never is
 * an image accepted because a requirement is not understood.
 */
#ifndef REGISTRY_POLICY_H
#define REGISTRY_POLICY_H

#include "image/places.h"
#include "registry/http.h"

struct policy;

/*
 * What is required of one image, with the keys for it: all files are read here.
 *
 * @full_name: with registry, and tag or digest: "docker.io/library/debian:12"
 * @ret: NULL where nothing is required
 *
 * An error also where no such image may be taken at all.
 */
int policy_read(const struct places *p, const char *full_name, struct policy **ret, struct err *e);
void policy_freep(struct policy **p);
#define AUTO_POLICY CLEANUP(policy_freep) struct policy *

/*
 * Are its signatures those that are required?
 *
 * @p: NULL: nothing is required
 * @repository: at @h, where the signatures are
 * @digest: of the manifest or index that the name stands for
 */
int policy_check(const struct policy *p, struct http *h, const char *repository, const char *digest,
		 struct err *e);

#endif
