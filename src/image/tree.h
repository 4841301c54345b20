/*
 * tree - a directory into which the entries of one layer go
 *
 * Names are resolved below the directory as if it were "/" (openat2, RESOLVE_IN_ROOT), so links
 * made by an earlier entry are followed and lead nowhere else; the last part of a name is never
 * followed.  The directories on the way to a name are resolved once, and used as descriptors for all
 * entries in a row that lie below them.  Everything new is made with O_EXCL, or by a call that makes
 * nothing over something else; what is there already, by an earlier entry, is removed first, unless
 * both are directories.
 *
 * Directories get their times at the end, and a default access list, and a mode that is not harmless:
 * making what is in them would change these, or be hindered by them.
 */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include "image/tar.h"
#include "image/unpack.h"

struct tree;

/* @dir_fd and @l are borrowed. */
int tree_new(int dir_fd, enum unpack_owners how, const struct unpack_limits *l, struct tree **ret,
	     struct err *e);
void tree_freep(struct tree **t);
#define AUTO_TREE CLEANUP(tree_freep) struct tree *

/* @data: where the contents of a file come from */
int tree_add(struct tree *t, const struct tar_entry *x, struct tar *data, struct err *e);
/* No entry follows: do what had to wait. */
int tree_finish(struct tree *t, struct err *e);
/* What was made: bytes, entries, opaque_root, n_dropped and dropped. */
void tree_count(const struct tree *t, struct unpack_result *ret);

#endif
