/* verify-internal - what the parts of verify share */
#ifndef IMAGE_VERIFY_INTERNAL_H
#define IMAGE_VERIFY_INTERNAL_H

#include "image/model.h"
#include "image/pack-internal.h"
#include "image/verify.h"

struct verifying {
	struct model *model;    /* borrowed, as all is */
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
