/*
 * model - what the tree of a layer should be, in memory
 *
 * The same entries as for a tree on disk (tree.h) lead to the same names, also where an entry
 * replaces an earlier one, or lies behind a link.  Kept are attributes, links, and sums of
 * contents.
 */
#ifndef IMAGE_MODEL_H
#define IMAGE_MODEL_H

#include <sys/types.h>

#include "image/allowance.h"
#include "image/content.h"
#include "image/tar.h"
#include "image/unpack.h"

struct model_xattr {
	char *name;  /* owned */
	void *value; /* owned */
	size_t n;
};

/* A file, which may have several names. */
struct model_node {
	mode_t type;              /* S_IFMT bits; S_IFCHR with whiteout for what hides */
	bool whiteout, opaque;
	bool implied;             /* a directory without an entry of its own: attributes are free */
	uint32_t mode, uid, gid, major, minor;
	uint64_t size;
	struct timespec mtime;
	char *target;             /* owned; of a symbolic link */
	uint8_t content[CONTENT_SIZE]; /* of a file, as the struct content of the model has it */
	struct model_xattr *xattrs; /* owned; those that images have (pack-attr.c), any order */
	size_t n_xattrs;
	unsigned int names;       /* that it has in the tree */

	struct model_node *parent; /* of a directory */
	void *children;            /* of a directory: tsearch(3) tree of struct model_name */

	/* For whoever compares it with a tree on disk. */
	ino_t ino; /* 0: not seen yet */
};

struct model_name {
	struct model_node *node;
	bool seen;
	char name[];
};

struct model;

/*
 * @c: borrowed; sums up the contents of files, and can be used for others between the calls
 * @a: borrowed; what it may take together with others; or NULL
 */
struct model *model_new(enum unpack_owners how, struct content *c, struct allowance *a);
void model_freep(struct model **m);
#define AUTO_MODEL CLEANUP(model_freep) struct model *

int model_add(struct model *m, const struct tar_entry *x, struct tar *data, struct err *e);
int model_finish(struct model *m, struct err *e);

struct model_node *model_root(struct model *m);
/* What has the name in directory @dir, or NULL. */
struct model_name *model_find(struct model_node *dir, const char *name);
/* Each name in directory @dir, in the order of their bytes. */
void model_each(struct model_node *dir, void (*fn)(void *arg, struct model_name *n), void *arg);

#endif
