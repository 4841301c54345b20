/*
 * tar - the entries of an archive, one after the other
 *
 * ustar, pax and gnu tar, and what came before them; no other format.  Everything in an entry is as
 * the archive has it: names are bytes, not yet looked at.
 */
#ifndef IMAGE_TAR_H
#define IMAGE_TAR_H

#include <sys/types.h>
#include <time.h>

#include "image/stream.h"

enum tar_kind {
	TAR_FILE,
	TAR_DIR,
	TAR_SYMLINK,
	TAR_HARDLINK,
	TAR_FIFO,
	TAR_CHAR,
	TAR_BLOCK,
};

struct tar_xattr {
	const char *name;
	const void *value;
	size_t n;
};

/* All is borrowed, until the next entry. */
struct tar_entry {
	enum tar_kind kind;
	const char *name;
	const char *link; /* of TAR_SYMLINK and TAR_HARDLINK; else NULL */
	uint32_t uid, gid;
	uint32_t mode; /* 07777 */
	uint64_t size; /* of TAR_FILE, with its holes; else 0 */
	struct timespec mtime;
	uint64_t major, minor; /* of TAR_CHAR and TAR_BLOCK */
	const struct tar_xattr *xattrs; /* access lists too, as the kernel has them */
	size_t n_xattrs;
	const char *lost; /* an attribute of it that could not be understood, or NULL */
};

struct tar;

/* @s is borrowed, and read by this alone until tar_closep(). */
int tar_open(struct stream *s, struct tar **ret, struct err *e);
void tar_closep(struct tar **t);
#define AUTO_TAR CLEANUP(tar_closep) struct tar *

/* Returns 1 and the next entry, 0 at the end of the archive, -errno with a message. */
int tar_next(struct tar *t, struct tar_entry *ret, struct err *e);
/*
 * The next piece of the entry's contents, which begins @ret_offset bytes into it: its length, 0 at
 * the end, -errno.  It lies within the size of the entry.
 */
ssize_t tar_data(struct tar *t, const void **ret, uint64_t *ret_offset, struct err *e);

#endif
