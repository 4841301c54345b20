/*
 * verify - is the blob of a layer, and the tree unpacked from it, what they should be?
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

/*
 * Read all of the layer's blob, and compare the tree unpacked for @kind, if there is one, with what
 * is in it: names, contents, modes, owners, times, attributes, links.
 *
 * Returns 0 also when something differs; an error when it cannot be told.
 */
int verify_layer(const struct store *s, const char *kind, const struct oci_layer *l, verify_fn *fn,
		 void *arg, struct verify_result *ret, struct err *e);

/* Does the blob's name say what is in it?  @ret: false when not. */
int verify_blob(const struct store *s, const char *digest, bool *ret, uint64_t *ret_bytes,
		struct err *e);

#endif
