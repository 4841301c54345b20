#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove.h"
#include "image/tree-internal.h"
#include "kernel/sys.h"

int
tree_count_entry(struct tree *t, struct err *e)
{
	if (t->count.entries >= t->limits->entries)
		return err_set(e, E2BIG, "more than %llu entries",
			       (unsigned long long)t->limits->entries);
	t->count.entries++;
	return 0;
}

int
dir_open(const struct tree *t, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = sys_openat2(t->root, path[0] ? path : ".", &how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

static int
open_error(struct err *e)
{
	if (errno == ENOTDIR)
		return err_set(e, ENOTDIR, "what it lies in is not a directory");
	if (errno == ELOOP)
		return err_set(e, ELOOP, "the links on the way to it go round in circles");
	(void)err_sys(e, "open its directory");
	return err_needs(e, "openat2(2), Linux 5.6");
}

/* --- the way to the directory that entries are made in --- */

static void
pop_to(struct tree *t, size_t n)
{
	while (t->n_steps > n)
		fd_closep(&t->steps[--t->n_steps].fd);
}

void
dir_leave(struct tree *t)
{
	pop_to(t, 0);
	t->stale = false;
}

/* @end: bytes of the path, which are there already */
static void
push(struct tree *t, size_t end, int fd)
{
	if (t->n_steps == STEPS_MAX)
		pop_to(t, STEPS_MAX - 1);
	t->steps[t->n_steps++] = (struct step){ .end = end, .fd = fd };
}

void
dir_push(struct tree *t, const struct place *p, int fd)
{
	const size_t end = strlen(p->path);

	if (t->stale) {
		(void)close(fd);
		return;
	}
	memcpy(t->dir_path, p->path, end);
	push(t, end, fd);
}

/* Forget what is not on the way to @path.  Returns the bytes of it that are known. */
static size_t
go_back(struct tree *t, const char *path)
{
	const size_t known = t->n_steps > 0 ? t->steps[t->n_steps - 1].end : 0;
	size_t same = 0, n = t->n_steps;

	if (t->stale)
		n = 0;
	while (same < known && t->dir_path[same] == path[same])
		same++;
	while (n > 0 && (t->steps[n - 1].end > same ||
			 (path[t->steps[n - 1].end] != '/' && path[t->steps[n - 1].end] != '\0')))
		n--;
	pop_to(t, n);
	t->stale = false;
	return n > 0 ? t->steps[n - 1].end : 0;
}

/* One that has no entry, or none yet. */
static int
make_implied(struct tree *t, int parent, const char *name, const char *path, struct err *e)
{
	const mode_t mode = t->exact_modes ? MODE_IMPLIED : MODE_PRIVATE;
	struct late_dir d = { .mode = MODE_IMPLIED, .has_mode = t->exact_modes };
	AUTO_FD fd = -1;
	struct stat st;

	if (tree_count_entry(t, e) < 0)
		return -e->code;
	if (mkdirat(parent, name, mode) < 0)
		return errno == EEXIST ? err_set(e, ENOENT, "a link on the way to it leads nowhere")
				       : err_sys(e, "make its directory");
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open its directory");
	d.ino = st.st_ino;
	if (late_add_dir(t, path, &d, NULL, e) < 0)
		return -e->code;
	return TAKE_FD(fd);
}

/* The next step on the way, or -1: @path ends with @name, which is looked for in @parent. */
static int
look_down(const struct tree *t, int parent, const char *name, const char *path)
{
	int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* Perhaps a link to a directory. */
	return fd < 0 && errno == ENOTDIR ? dir_open(t, path, O_PATH) : fd;
}

enum missing { MISSING_MAKE, MISSING_TELL };

/* The same for t->dir_path.  Returns 1 when it is missing, and not to be made. */
static int
step_down(struct tree *t, int parent, const char *name, enum missing missing, bool *made,
	  int *ret_fd, struct err *e)
{
	/* There is nothing in what has just been made. */
	int fd = *made ? -1 : look_down(t, parent, name, t->dir_path);

	if (fd < 0 && !*made && missing == MISSING_TELL)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 1 : open_error(e);
	if (fd < 0 && !*made && errno != ENOENT)
		return open_error(e);
	if (fd < 0) {
		*made = true;
		fd = make_implied(t, parent, name, t->dir_path, e);
	}
	*ret_fd = fd;
	return fd < 0 ? fd : 0;
}

/* From the first @at bytes of @path, step by step. */
static int
walk(struct tree *t, const char *path, size_t at, enum missing missing, struct err *e)
{
	int fd = t->n_steps > 0 ? t->steps[t->n_steps - 1].fd : t->root;
	bool made = false;

	while (path[at]) {
		const size_t begin = at + (path[at] == '/');
		const size_t end = begin + strcspn(path + begin, "/");
		int r;

		memcpy(t->dir_path + at, path + at, end - at);
		t->dir_path[end] = '\0';
		r = step_down(t, fd, t->dir_path + begin, missing, &made, &fd, e);
		if (r != 0)
			return r;
		push(t, end, fd);
		at = end;
	}
	return 0;
}

/*
 * Very deep ones are looked for at once: the work shall not grow with the depth where names jump to
 * and fro.
 */
#define FAR 8

static bool
is_far(const char *path)
{
	size_t n = 0;

	for (; *path && n < FAR; path++)
		n += *path == '/';
	return n == FAR;
}

/* Why it could not be done is seen when one walks. */
static bool
jump(struct tree *t, const char *path)
{
	int fd = dir_open(t, path, O_PATH);

	if (fd < 0)
		return false;
	memcpy(t->dir_path, path, strlen(path) + 1);
	push(t, strlen(path), fd);
	return true;
}

static int
go(struct tree *t, const char *path, enum missing missing, int *ret_fd, struct err *e)
{
	const size_t known = go_back(t, path);
	int r = is_far(path + known) && jump(t, path) ? 0 : walk(t, path, known, missing, e);

	if (r == 0)
		*ret_fd = t->n_steps > 0 ? t->steps[t->n_steps - 1].fd : t->root;
	return r;
}

int
dir_enter(struct tree *t, const char *path, int *ret_fd, struct err *e)
{
	return go(t, path, MISSING_MAKE, ret_fd, e);
}

int
dir_find(struct tree *t, const char *path, int *ret_fd, struct err *e)
{
	return go(t, path, MISSING_TELL, ret_fd, e);
}

/* --- removal --- */

/* Many calls may fail on the way; what counts is whether it is gone. */
static int
remove_dir(const struct place *p, struct err *e)
{
	remove_tree(p->dir, p->name);
	if (faccessat(p->dir, p->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ENOTEMPTY, "the directory that is there cannot be removed");
	return 0;
}

int
place_clear(struct tree *t, const struct place *p, struct stat *ret_old, struct err *e)
{
	*ret_old = (struct stat){ .st_mode = 0 };
	if (fstatat(p->dir, p->name, ret_old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at what is there");
	/* The path of the directory may lead through it; the descriptors stay good. */
	t->stale = t->cleared = true;
	if (S_ISDIR(ret_old->st_mode))
		return remove_dir(p, e);
	return unlinkat(p->dir, p->name, 0) < 0 ? err_sys(e, "replace what is there") : 0;
}
