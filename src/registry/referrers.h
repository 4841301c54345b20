/*
 * referrers - what refers to an image from outside: signatures, attestations, lists of what is in it
 *
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md, "Listing Referrers" and
 * "Referrers Tag Schema"; and cosign's tags, sha256-HEX.sig, .att and .sbom.
 */
#ifndef REGISTRY_REFERRERS_H
#define REGISTRY_REFERRERS_H

#include "registry/push.h"

/*
 * Push what refers to any of @documents (digests), from where @p takes images; each once.
 *
 * A registry that does not list referrers itself gets the list as a tag.
 *
 * @ret_n: manifests and tags that there were
 */
int referrers_push(const struct push *p, json_t *documents, size_t *ret_n, struct err *e);

#endif
