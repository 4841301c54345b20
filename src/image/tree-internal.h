/* tree-internal - what the parts of tree share */
#ifndef IMAGE_TREE_INTERNAL_H
#define IMAGE_TREE_INTERNAL_H

#include <sys/stat.h>

#include "base/fd.h"
#include "image/name.h"
#include "image/tree.h"

/* What a directory gets at the end. */
struct late_dir {
	char *path; /* clean; owned, and so is acl */
	ino_t ino;  /* another directory may have its name by then */
	size_t seq;
	mode_t mode;
	bool has_mode; /* it has been made with it */
	bool done;
	struct timespec mtime;
	void *acl; /* default access list */
	size_t n_acl;
};

/* A hard link to what was not there yet. */
struct late_link {
	char *name, *target; /* clean; owned */
	bool done;
};

/* On the way to a directory: the first @end bytes of its path, and a descriptor of what they name. */
struct step {
	size_t end;
	int fd; /* owned */
};

/* Descriptors that are kept open; further down, the last one is of whatever directory it is. */
#define STEPS_MAX 16

struct tree {
	int root; /* borrowed */
	enum unpack_owners how;
	const struct unpack_limits *limits; /* borrowed */
	uid_t uid; /* what is made belongs to */
	gid_t gid;

	bool exact_modes; /* what is made gets the very mode that is asked for */

	/* The way to the directory that the last entry lay in. */
	char dir_path[PATH_MAX];
	struct step steps[STEPS_MAX];
	size_t n_steps;
	bool stale;   /* the path may lead elsewhere by now; the descriptors are still in use */
	bool cleared; /* something was removed: other paths may lead elsewhere, too */

	struct late_dir *dirs;
	size_t n_dirs, room_dirs;
	struct late_link *links;
	size_t n_links, room_links;
	size_t late_bytes; /* that these take */

	struct unpack_result count;
};

/* Where an entry goes. */
struct place {
	int dir;          /* borrowed from the tree */
	const char *name; /* in it, one part */
	const char *path; /* from the top */
};

#define ACL_DEFAULT "system.posix_acl_default"

#define MODE_FILE    0600 /* of files, until they are complete */
#define MODE_PRIVATE 0700 /* of directories, until the end */
#define MODE_IMPLIED 0755 /* of those that have no entry of their own */

/* With such a mode nobody who is no root is kept from what is in his directory. */
static inline bool
is_open_mode(mode_t mode)
{
	return (mode & S_IRWXU) == S_IRWXU;
}

static inline bool
is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* dir: directories, as places */

/* Open directory @path below the top, following links inside; -1 and errno. */
int dir_open(const struct tree *t, const char *path, int flags);
/* The directory @path for entries to be made in: it and those above are made when missing. */
int dir_enter(struct tree *t, const char *path, int *ret_fd, struct err *e);
/* The same, where nothing is made: returns 1 when it is missing. */
int dir_find(struct tree *t, const char *path, int *ret_fd, struct err *e);
/* @fd, owned from now on, is the directory at @p: the next entries probably lie there. */
void dir_push(struct tree *t, const struct place *p, int fd);
/* The way is forgotten. */
void dir_leave(struct tree *t);
/* Remove what is at @p: 0 and what it was, 0 and st_mode 0 when nothing was there. */
int place_clear(struct tree *t, const struct place *p, struct stat *ret_old, struct err *e);
/* Count one more entry. */
int tree_count_entry(struct tree *t, struct err *e);

/* attr: owner, mode, attributes, times */

/*
 * Of the new file that @fd is open on.
 *
 * @type:  what the record says that it is, NULL when it is what it seems
 * @made:  the mode that it has
 */
int attr_set_file(struct tree *t, int fd, const struct tar_entry *x, const char *type, mode_t made,
		  struct err *e);
/* Of a directory: what does not wait until the end. @old: it was there before. */
int attr_set_dir(struct tree *t, int fd, const struct tar_entry *x, bool old, struct err *e);
/* Of a new symbolic link. */
int attr_set_symlink(struct tree *t, const struct place *p, const struct tar_entry *x,
		     struct err *e);
/* Of a new device or FIFO. */
int attr_set_node(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e);
/*
 * The mode to make a file, or a directory, with: that which it is to have in the end, where that does no
 * harm.
 */
mode_t attr_file_mode(const struct tree *t, const struct tar_entry *x);
mode_t attr_dir_mode(const struct tree *t, const struct tar_entry *x);
/* Does a tree get the attribute that an archive has? */
bool attr_is_wanted(enum unpack_owners how, const char *name);
/* Take note of what could not be had. */
void attr_dropped(struct tree *t, const char *path, const char *what, const char *why);

/* late: what waits until the end */

/* @ret: of what is common to all; path, seq and a default access list are filled in */
int late_add_dir(struct tree *t, const char *path, const struct late_dir *d,
		 const struct tar_xattr *acl, struct err *e);
int late_add_link(struct tree *t, const char *name, const char *target, struct err *e);
int late_do(struct tree *t, struct err *e);
void late_free(struct tree *t);

/* link: hard links */

/* Returns 1 when the target is not there (yet); @target is clean and gets cut in two. */
int link_make(struct tree *t, const struct place *p, char *target, struct err *e);

#endif
