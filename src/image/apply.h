/*
 * apply - bring what a run changed in its layer to the machine's own files
 *
 * What an upper directory changes is collected as a list (apply_collect), saved as one file
 * (apply_save), and applied from that file (apply_read, apply_run), at once or later.
 *
 * Each change knows the stamp of what was below it.  It is applied only where the same is there
 * still.  All changes of one file are applied, or none: new contents are staged beside their places
 * under temporary names, then each goes to its place by one rename, and what was there stays under the
 * temporary name until all are done.  A journal in rootlet's own directory says how far it is; whoever
 * finds one of a process that is gone finishes it, or puts everything back.
 *
 * Nothing is reached but through descriptors of the two roots, beneath them, and through no link.
 */
#ifndef IMAGE_APPLY_H
#define IMAGE_APPLY_H

#include <sys/types.h>
#include <time.h>

#include "base/err.h"

enum apply_root {
	APPLY_HERE,    /* the directory that it is about */
	APPLY_MACHINE, /* "/": elsewhere */
	APPLY_ROOT_MAX_
};

struct apply_change {
	char kind; /* 'A': new; 'C': another than before; 'D': gone */
	char type; /* 'f', 'd', 'l', 'p', or one that cannot be made; of what is gone: what it was */
	enum apply_root root;
	char *path;    /* owned; below the root, no slash in front; "" for the root itself */
	uint64_t size; /* of a regular file, else 0 */
	char *below;   /* owned; stamp of what was there, or APPLY_NEVER and so on */
	char *why;     /* owned; why it cannot be applied; NULL: it can */
	bool selected;
	/* Where it is in the layer, between apply_collect() and apply_save(). */
	size_t place;
	char *layer_path; /* owned */
	/* After apply_read(): the change that has the contents of this further name; -1: itself. */
	ssize_t link_to;
};

/* Begins a stamp that nothing has, with the kind of the change and why it can never be applied. */
#define APPLY_NEVER   '?'
#define APPLY_NOTHING "-"

struct apply_list {
	struct apply_change *v; /* owned; a directory before what is in it */
	size_t n, room;
	char *dir;	  /* owned; APPLY_HERE's absolute path when it was saved */
	bool real_owners; /* owners in it are those of the machine */
	size_t n_foreign; /* others have been made owners of so many, which cannot be applied */
	size_t n_sockets; /* left out */
};
void apply_list_clear(struct apply_list *l);
#define AUTO_APPLY_LIST CLEANUP(apply_list_clear) struct apply_list

/* As it is shown: "src/x" here, "/etc/x" elsewhere, with a slash after a directory.  Owned. */
char *apply_shown_path(const struct apply_change *c);

/*
 * Select what one of @patterns names, all below it, and the new directories that it is in; without
 * patterns all.  A pattern is a path or one of fnmatch(3).  One that names nothing is an error.
 *
 * @elsewhere: changes elsewhere can be selected, too
 */
int apply_select(struct apply_list *l, char *const *patterns, bool elsewhere, struct err *e);
/* How many are selected; @ret_blocked (may be NULL): the first that cannot be applied. */
size_t apply_count(const struct apply_list *l, const struct apply_change **ret_blocked);

/* An overlay's upper directory, and the directory of the machine that it lies over. */
struct apply_place {
	int upper_fd, lower_fd; /* owned by the caller */
	const char *path;	/* of the lower one; absolute and clean */
	bool closed;		/* the caller cannot look into the lower one */
	bool mirror;		/* what the program saw of the lower one was a copy, whose
				 * directories have no extended attributes */
};

/*
 * Add to @l what the places change.
 *
 * @dir: what is below it is APPLY_HERE
 * @start: what changed at that time or later on the machine, changed during the run
 * @recorded: owners are in records; else they are real
 */
int apply_collect(const struct apply_place *places, size_t n_places, const char *dir,
		  const struct timespec *start, bool recorded, struct apply_list *l, struct err *e);

/* Write the selected changes to @fd, an empty regular file. */
int apply_save(const struct apply_list *l, const struct apply_place *places, bool recorded, int fd,
	       struct err *e);

/* A regular file below a directory, to be read; no link is followed.  A descriptor, or -errno. */
int apply_open_file(int root_fd, const char *path, struct err *e);

/* Read, and check in all, what is saved in @fd. */
int apply_read(int fd, struct apply_list *ret, struct err *e);

struct apply_target {
	int root_fd[APPLY_ROOT_MAX_];
	const char *root_path[APPLY_ROOT_MAX_]; /* absolute, for the journal */
	const char *state_dir;			/* rootlet's own directory, where "apply" is made */
};

/* Look which of the selected changes cannot be applied now: their .why is set.  Nothing is changed. */
int apply_check(struct apply_list *l, const struct apply_target *t, struct err *e);
/*
 * Apply the selected changes of @l, which was read from @fd.  After an error nothing has changed; when
 * something could not even be put back, the error says what.
 */
int apply_run(struct apply_list *l, const struct apply_target *t, int fd, struct err *e);

enum apply_recovery {
	APPLY_CLEAN,	/* there was nothing to do */
	APPLY_FINISHED, /* an interrupted one was finished */
	APPLY_UNDONE,	/* an interrupted one was undone */
};
/* Returns one of enum apply_recovery, or -errno. */
int apply_recover(const char *state_dir, struct err *e);

#endif
