/* verify-internal - what the parts of verify share */
#ifndef IMAGE_VERIFY_INTERNAL_H
#define IMAGE_VERIFY_INTERNAL_H

#include "image/allowance.h"
#include "image/model.h"
#include "image/pack-internal.h"
#include "image/verify.h"

/* How to look; all is borrowed. */
struct verify_how {
	const char *kind;
	size_t memory;             /* bytes, for decompression */
	struct allowance *models;  /* NULL: any memory */
	struct progress *progress; /* or NULL */
};

/*
 * Read all of the layer's blob, and compare the tree unpacked from it, if there is one.  -ENOBUFS:
 * decompression needs more memory than how->memory, which is less than it may have.
 */
int verify_layer(const struct store *s, const struct verify_how *how, const struct oci_layer *l,
		 verify_fn *fn, void *arg, struct verify_result *ret, struct err *e);
/* Does the blob's name say what is in it? */
int verify_blob(const struct store *s, const struct verify_how *how, const char *digest,
		verify_fn *fn, void *arg, struct verify_result *ret, struct err *e);

struct verifying {
	struct model *model;    /* borrowed, as all is */
	struct content *content; /* the same as the model's */
	enum unpack_owners how;
	verify_fn *fn;
	void *arg;
	uint64_t faults;
};

PRINTF_LIKE(3, 4) void verify_fault(struct verifying *v, const char *path, const char *format, ...);

/* One file that is on disk, open on @fd (O_PATH), with what it should be. */
int verify_node(struct verifying *v, const char *path, int fd, const struct attr *is,
		struct model_node *should, struct err *e);

/* All of the tree at @dir_fd. */
int verify_tree(struct verifying *v, int dir_fd, struct err *e);

#endif
