/*
 * apply-internal - what the parts of apply share
 *
 *   list     changes, and which of them are wanted
 *   stamp    what is at a place
 *   collect  changes of upper directories
 *   save     a list as a file
 *   read     a file as a list
 *   plan     which names have to be renamed for a list
 *   stage    new contents under temporary names
 *   journal  the plan on disk
 *   commit   the renames, there and back
 */
#ifndef IMAGE_APPLY_INTERNAL_H
#define IMAGE_APPLY_INTERNAL_H

#include "image/apply.h"
#include "image/pack-internal.h"

/* --- the file: a tar, whose first entry has 512 bytes at most: this, the digest, whose owners --- */

#define SAVED_NAME  "rootlet-changes"
#define SAVED_MAGIC "rootlet changes 1\nsha256 "
#define SAVED_HEAD  1024 /* bytes of the first entry; the digest is of what comes after it */
#define SAVED_DIR   "rootlet-directory"
#define SAVED_HERE  "here/"
#define SAVED_ELSE  "machine/"
#define ATTR_BELOW  "user.rootlet.below"
#define ATTR_DIR    "user.rootlet.directory"

/* --- list --- */

struct apply_change *apply_list_add(struct apply_list *l);
/* The change at @path, or NULL.  Only of a list that apply_list_index() has seen. */
struct apply_index;
struct apply_index *apply_index_new(const struct apply_list *l);
void apply_index_freep(struct apply_index **x);
#define AUTO_APPLY_INDEX CLEANUP(apply_index_freep) struct apply_index *
struct apply_change *apply_index_find(const struct apply_index *x, enum apply_root root,
				      const char *path, size_t len);
/* The nearest change on the way to @c, or NULL. */
struct apply_change *apply_index_above(const struct apply_index *x, const struct apply_change *c);
/* Two changes of one name, or NULL. */
const struct apply_change *apply_index_double(const struct apply_index *x);

/* May a change carry this attribute? */
bool apply_takes_xattr(const char *name);

/* --- read --- */

struct stream;
struct tar;
/* The entries of a file that apply_read() has seen; both are the caller's. */
int apply_open_entries(int fd, struct stream **ret_stream, struct tar **ret, struct err *e);

/* --- stamp --- */

/*
 * What @fd (O_PATH; -1: nothing) is: APPLY_NOTHING, or its type, mode and contents.
 *
 * @deep: of a directory: with all that is in it
 * @newest: becomes the latest time of change that was met, if later
 */
int apply_stamp(int fd, bool deep, struct timespec *newest, char **ret, struct err *e);
/* Does the change need the stamp of all that is in a directory? */
static inline bool
apply_needs_deep(const struct apply_change *c)
{
	return c->kind == 'D' || c->type != 'd';
}

/* --- plan --- */

enum op_kind { OP_NEW, OP_REPLACE, OP_REMOVE, OP_ATTR, OP_MAX_ };

struct op {
	enum op_kind kind;
	enum apply_root root;
	char *dir;  /* owned; below the root: where @name and @temp are */
	char *name; /* owned; "." for the root itself */
	char *temp; /* owned */
	uint64_t old_ino, new_ino;
	struct timespec old_ctime;
	uint32_t old_mode, new_mode; /* 07777; the new one of OP_ATTR */
	uint32_t old_gid;
	struct xattr *old_xattrs, *new_xattrs; /* owned */
	size_t n_old, n_new;
};

enum plan_state { PLAN_STAGING, PLAN_COMMIT, PLAN_UNDO, PLAN_DONE, PLAN_STATE_MAX_ };

struct plan {
	enum plan_state state;
	char *root_path[APPLY_ROOT_MAX_]; /* owned */
	uint64_t root_ino[APPLY_ROOT_MAX_];
	int root_fd[APPLY_ROOT_MAX_]; /* owned */
	char id[17];
	struct op *ops; /* owned */
	size_t n;
};
#define PLAN_INIT                                                                                  \
	{                                                                                          \
		.root_fd = { -1, -1 }                                                              \
	}
static_assert(APPLY_ROOT_MAX_ == 2, "PLAN_INIT does not match enum apply_root");
void plan_clear(struct plan *p);
#define AUTO_PLAN CLEANUP(plan_clear) struct plan
/*
 * @ret_op: owned; for each change the number of the operation that brings it to its place, or -1
 */
int plan_make(const struct apply_list *l, const struct apply_target *t, struct plan *p,
	      ssize_t **ret_op, struct err *e);
int plan_open_dir(const struct plan *p, const struct op *o, struct err *e);
/* Nothing is there, so a change brings a directory of its own. */
static inline bool
apply_makes_dir(const struct apply_change *c)
{
	return c->kind != 'D' && c->type == 'd' && c->below[0] != 'd';
}
/* Those of an attribute list that changes carry, copied. */
void plan_copy_xattrs(const struct xattr *from, size_t n, struct xattr **ret, size_t *ret_n);
void plan_free_xattrs(struct xattr *v, size_t n);
/* Room for one more operation. */
struct op *plan_add(struct plan *p);

/* --- stage --- */

/* Unpack the selected changes of @fd under the temporary names of @p. */
int stage_all(const struct apply_list *l, const ssize_t *ops, struct plan *p, int fd,
	      struct err *e);

/* --- journal --- */

/* The directory of journals, locked against all others: a descriptor, or -errno. */
int journal_open(const char *state_dir, struct err *e);
/* In place of what it said before; on the disk when this returns. */
int journal_write(int dir_fd, const struct plan *p, struct err *e);
/* Returns 1 with a plan, 0 when there is none. */
int journal_read(int dir_fd, struct plan *ret, struct err *e);
void journal_remove(int dir_fd);

/* --- commit --- */

/* All of @p that is not done yet.  On an error what was done stays done. */
int plan_do(const struct plan *p, struct err *e);
/* Undo what of @p is done, last things first.  Goes on after errors, and returns the first. */
int plan_undo(const struct plan *p, struct err *e);
/* Remove what is left under temporary names, save @keep_old: what was taken away. */
void plan_clean(const struct plan *p, bool keep_old);

#endif
