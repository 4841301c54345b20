#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/usage.h"

/* One directory on the way down: what of it has not been visited. */
struct level {
	char *names; /* owned; NUL-terminated, one after the other */
	size_t len, size, at;
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct level *levels; /* owned */
	size_t n, size;
	int fd;               /* owned; the directory of the last level */
	uint64_t bytes;
};

static uint64_t
share(const struct stat *st)
{
	const uint64_t n = (uint64_t)st->st_blocks * 512;

	return S_ISDIR(st->st_mode) || st->st_nlink < 2 ? n : n / st->st_nlink;
}

static void
add_name(struct level *l, const char *name)
{
	const size_t n = strlen(name) + 1;

	if (!l->names || l->len + n > l->size) {
		l->size = 2 * l->size + n;
		l->names = xrealloc_array(l->names, l->size, 1);
	}
	memcpy(l->names + l->len, name, n);
	l->len += n;
}

/* Count what is in the directory that w->fd is, and note its directories. */
static void
scan(struct walk *w, struct level *l)
{
	int copy = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct stat st;

	if (!d) {
		fd_closep(&copy);
		return;
	}
	for (const struct dirent *de; (de = readdir(d));) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    fstatat(w->fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		w->bytes += share(&st);
		if (S_ISDIR(st.st_mode))
			add_name(l, de->d_name);
	}
	(void)closedir(d);
}

static void
go_down(struct walk *w, const char *name)
{
	int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct level l = { .names = NULL };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fd_closep(&fd);
		return;
	}
	fd_closep(&w->fd);
	w->fd = fd;
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	scan(w, &l);
	if (w->n == w->size) {
		w->size = 2 * w->size + 16;
		w->levels = xrealloc_array(w->levels, w->size, sizeof(*w->levels));
	}
	w->levels[w->n++] = l;
}

/* False when that is not where we came from. */
static bool
go_up(struct walk *w)
{
	struct stat st;
	int fd;

	free(w->levels[--w->n].names);
	if (w->n == 0)
		return true;
	fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd_closep(&w->fd);
	w->fd = fd;
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == w->levels[w->n - 1].ino &&
	       st.st_dev == w->levels[w->n - 1].dev;
}

uint64_t
usage_tree(int dir_fd, const char *name)
{
	struct walk w = { .fd = -1 };
	struct stat st;
	bool there = true;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	w.bytes = share(&st);
	w.fd = S_ISDIR(st.st_mode) ? openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (w.fd >= 0)
		go_down(&w, name);
	while (there && w.n > 0) {
		struct level *l = &w.levels[w.n - 1];

		if (l->at < l->len) {
			const char *next = l->names + l->at;

			l->at += strlen(next) + 1;
			go_down(&w, next);
		} else {
			there = go_up(&w);
		}
	}
	while (w.n > 0)
		free(w.levels[--w.n].names);
	free(w.levels);
	fd_closep(&w.fd);
	return w.bytes;
}
