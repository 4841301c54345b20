/*
 * policy-internal - between the files of policy.c
 *
 *   policy.c           the file: which requirements are an image's
 *   policy-identity.c  is the image that a signature is for the one that was asked for?
 *   policy-sigstore.c  signatures as cosign makes them
 */
#ifndef REGISTRY_POLICY_INTERNAL_H
#define REGISTRY_POLICY_INTERNAL_H

#include <jansson.h>

#include "registry/policy.h"

/* "sigstoreSigned" */
struct policy_signed {
	char **keys;      /* owned strv; PEM: one of them */
	json_t *identity; /* owned; "signedIdentity"; NULL: the default */
};

struct policy {
	char *name; /* owned; in full, of the image */
	struct policy_signed *v; /* owned; all of them are to be met */
	size_t n;
};

/* Has it members of these names alone?  @names: NULL-terminated */
bool policy_has_only(json_t *object, const char *const *names);

/* Is "signedIdentity" one that is known? */
int policy_check_identity(json_t *identity, struct err *e);
/* A signature is for @signed_for: does that do for @name, as @identity has it?  0, or -errno. */
int policy_match_identity(json_t *identity, const char *name, const char *signed_for, struct err *e);

/* Does one of the keys verify what has been signed?  @key: PEM */
bool policy_verify(const char *key, const void *data, size_t n, const void *signature, size_t signature_len);
/* Is it a key that signatures are verified with? */
int policy_check_key(const char *pem, struct err *e);

#endif
