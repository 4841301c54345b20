/*
 * confine - rootlet-image takes from itself what it does not need, before it reads what is hostile
 *
 * First the calls, before anything else is done: no network, no program, no other process, no mount,
 * no new namespace, no memory that is both written and executed (src/seccomp/image.json).  Then, when
 * everything outside has been opened, the files: nothing is opened by name but below the directories
 * that are told.  What is open stays usable.
 *
 * For a process with one thread; all threads that it starts later are confined as it is.  None of it
 * can be undone.
 *
 * With a sanitizer there is less of it: its own calls, memory and files are many.
 */
#ifndef IMAGE_CONFINE_H
#define IMAGE_CONFINE_H

#include "base/err.h"
#include "image/store.h"

struct sock_filter;

/* A directory that things are opened in later, and all below. */
struct confine_dir {
	int fd;     /* borrowed; only looked at during the call */
	bool write; /* make, write, remove, rename and link, too */
};

/*
 * no_new_privs, non-dumpable, no core file, 1 GiB of memory, of the capabilities those over files,
 * and the system call filter.
 */
int image_confine_calls(struct err *e);

/*
 * Landlock (ABI 2 or later, Linux 5.19): @s, for writing, and the @n directories at @more.  Where the
 * kernel has no Landlock, or what is around us makes it useless, it is left out: 0.
 */
int image_confine_files(const struct store *s, const struct confine_dir *more, size_t n,
			struct err *e);

/* The same for another helper. */
struct confine_helper {
	const char *name;                 /* in messages; static, as the next */
	const struct sock_filter *filter;
	unsigned int n;                   /* instructions */
	uint32_t caps;                    /* capabilities that stay, of the first 32 */
};
int confine_calls(const struct confine_helper *h, struct err *e);
/* Without Landlock it is left out: 0. */
int confine_files(const struct confine_helper *h, const struct confine_dir *dirs, size_t n, struct err *e);

#endif
