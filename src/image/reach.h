/*
 * reach - what an image refers to: indexes, manifests, configs, layers, and what is unpacked of them
 *
 * https://github.com/opencontainers/image-spec: index.md, manifest.md.  Documents of any shape are
 * followed, also those that no run takes: what somebody else has put into the layout stays whole.
 */
#ifndef IMAGE_REACH_H
#define IMAGE_REACH_H

#include "image/store.h"

/* Sets of digests in hexadecimal: the keys of JSON objects. */
struct reach {
	json_t *documents; /* owned, as the next; indexes and manifests */
	json_t *blobs;     /* all of them, documents included */
	json_t *layers;    /* diff-ids */
};
#define REACH_INIT { .documents = NULL }
void reach_init(struct reach *r);
void reach_clear(struct reach *r);
#define AUTO_REACH CLEANUP(reach_clear) struct reach

bool reach_has(json_t *set, const char *hex);

/*
 * Add the index or manifest @digest and all that it refers to.  What is not there refers to
 * nothing; a document that cannot be read is an error: nobody knows what it refers to.
 */
int reach_add(struct reach *r, const struct store *s, const char *digest, struct err *e);

/* Add what the kept containers need: containers/NAME/record. */
int reach_add_containers(struct reach *r, const struct store *s, struct err *e);

#endif
