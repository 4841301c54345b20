/*
 * verify - are the blobs, and the trees unpacked from layers, what they should be?
 *
 * Many are looked at at the same time (verify_all()), and told of afterwards in the order that the
 * caller wants (verify_tell()).
 *
 * What bounds memory: there are few threads, each has the fixed buffers of one stream; what all of
 * them need for decompression is together as much as one may have alone; the models of trees share
 * an allowance; so do the differences that wait to be told.  A layer that needs more than that is
 * left for verify_tell(), where it is alone.
 */
#ifndef IMAGE_VERIFY_H
#define IMAGE_VERIFY_H

#include "image/oci.h"

/*
 * Told for each difference.
 *
 * @path:  in the tree, without a slash in front; "" for its top; NULL: the blob itself
 * @what:  what is wrong, in words
 */
typedef void verify_fn(void *arg, const char *path, const char *what);

struct verify_result {
	uint64_t bytes; /* of the blob */
	uint64_t faults;
	bool tree;      /* there is one */
};

/* Zeros but for @what to begin with. */
struct verify_item {
	struct oci_layer what; /* owned; diff_id NULL: a blob that is no layer */

	/* What has been found; of verify alone. */
	bool again; /* there was no room for it beside others */
	char *told; /* owned; flag, path and NUL, text and NUL, again and again */
	size_t n_told, room;
	struct verify_result result;
	struct err err; /* why it cannot be told */
};
void verify_item_clear(struct verify_item *it);

/*
 * Read the blobs, each once, and compare trees that are unpacked for @kind with the layers: names,
 * contents, modes, owners, times, attributes, links.  Tells s->progress.
 */
void verify_all(const struct store *s, const char *kind, struct verify_item *items, size_t n);
/* Returns 0 also when something differs; an error when it cannot be told. */
int verify_tell(const struct store *s, const char *kind, struct verify_item *it, verify_fn *fn,
		void *arg, struct verify_result *ret, struct err *e);

#endif
