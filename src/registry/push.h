/*
 * push - an image to a registry: from a layout, or from another registry
 *
 * What the registry has is not sent, and what another repository of it has is mounted from there.
 * Blobs first, several at once, then the manifests, those that are referred to before what refers to
 * them.  All goes as it is: what is pushed has the digest that it had.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "image/store.h"
#include "registry/client.h"

struct progress;

/* Where it comes from: one of the two.  All is borrowed. */
struct push_source {
	const struct store *store; /* NULL: the registry */
	struct http *http;
	const char *repository;
	int temp_fd;               /* a directory for what passes through */
};

struct push {
	struct push_source from;
	struct http *h;            /* there; as all here, borrowed */
	const char *repository;
	/* {HEX: repository}: where else of that registry a blob has been seen; NULL: nowhere. */
	json_t *seen;
	const char *seen_all;      /* where all of them are; NULL */
	bool one_platform;         /* of an index only what is for this machine */
	struct progress *progress; /* or NULL */
};

struct pushed {
	char digest[sizeof("sha256:") + 64];
	bool is_part; /* of an index of which not everything is here: one of its manifests */
	json_t *documents; /* owned; digests of all manifests and indexes */
};
#define PUSHED_INIT { .documents = NULL }
void pushed_clear(struct pushed *p);
#define AUTO_PUSHED CLEANUP(pushed_clear) struct pushed

/*
 * @what: digest of a manifest or of an index; or a tag, of a registry
 * @tag:  that it gets; NULL: it is pushed by its digest
 *
 * Returns 1 when there is no such thing to push.
 */
int push_image(const struct push *p, const char *what, const char *tag, struct pushed *ret, struct err *e);

/* What else the names of the store tell of a registry: all blobs of images that are called @registry/... */
json_t *push_seen(const struct store *s, const char *registry, const char *repository);

#endif
