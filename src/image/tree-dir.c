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

/* One that has no entry, or none yet. */
static int
make_implied(struct tree *t, int parent, const char *name, const char *path, struct err *e)
{
	AUTO_FD fd = -1;
	struct stat st;

	if (tree_count_entry(t, e) < 0)
		return -e->code;
	if (mkdirat(parent, name, MODE_PRIVATE) < 0)
		return errno == EEXIST ? err_set(e, ENOENT, "a link on the way to it leads nowhere")
				       : err_sys(e, "make its directory");
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open its directory");
	if (late_add_dir(t, path, &st, MODE_IMPLIED, (struct timespec){ .tv_sec = 0 }, NULL, e) < 0)
		return -e->code;
	return TAKE_FD(fd);
}

/* The next step on the way: @path ends with @name, which is looked for in @parent. */
static int
step_down(struct tree *t, int parent, const char *name, const char *path, struct err *e)
{
	int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* Perhaps a link to a directory. */
	if (fd < 0 && errno == ENOTDIR)
		fd = dir_open(t, path, O_PATH);
	if (fd < 0 && errno == ENOENT)
		return make_implied(t, parent, name, path, e);
	return fd < 0 ? open_error(e) : fd;
}

/* Step by step, so that the work grows with the depth only as much as the name does. */
static int
walk(struct tree *t, const char *path, int *ret_fd, struct err *e)
{
	AUTO_FD fd = dir_open(t, "", O_PATH);
	char so_far[PATH_MAX];
	size_t begin = 0, end;

	if (fd < 0)
		return open_error(e);
	for (;; begin = end + 1) {
		int next;

		end = begin + strcspn(path + begin, "/");
		memcpy(so_far, path, end);
		so_far[end] = '\0';
		next = step_down(t, fd, so_far + begin, so_far, e);
		if (next < 0)
			return next;
		fd_closep(&fd);
		fd = next;
		if (path[end] == '\0')
			break;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int
dir_enter(struct tree *t, const char *path, int *ret_fd, struct err *e)
{
	int fd;

	if (t->dir_valid && strcmp(t->dir_path, path) == 0) {
		*ret_fd = t->dir_fd;
		return 0;
	}
	fd = dir_open(t, path, O_PATH);
	if (fd < 0 && errno != ENOENT)
		return open_error(e);
	if (fd < 0 && walk(t, path, &fd, e) < 0)
		return -e->code;
	fd_closep(&t->dir_fd);
	*ret_fd = t->dir_fd = fd;
	memcpy(t->dir_path, path, strlen(path) + 1);
	t->dir_valid = true;
	return 0;
}

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
	/* The path of the directory may lead through it; the descriptor stays good. */
	t->dir_valid = false;
	if (S_ISDIR(ret_old->st_mode))
		return remove_dir(p, e);
	return unlinkat(p->dir, p->name, 0) < 0 ? err_sys(e, "replace what is there") : 0;
}
