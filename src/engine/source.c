#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/source.h"
#include "kernel/sys.h"

#define LINKS_MAX 40 /* the kernel's own limit */

/* A walk along a path, a component at a time, each looked at through the descriptor it gave. */
struct walk {
	const char *path; /* the whole, for messages */
	int at;           /* owned, O_PATH */
	char todo[2 * PATH_MAX];
	int n_links;
};

/* A link must be root's, and we must not be root. */
static int
check_link(const struct walk *w, const char *name, const struct stat *st, struct err *e)
{
	char real[PATH_MAX];

	if (st->st_uid == 0 && geteuid() != 0)
		return 0;
	(void)err_set(e, ELOOP, "%s: '%s' is a symbolic link", w->path, name);
	if (realpath(w->path, real))
		return err_hint(e, "if you mean what it points to, name that: %s", real);
	return -ELOOP;
}

/* Go on with what the link @fd says, and with @rest after it. */
static int
follow_link(struct walk *w, int fd, const char *rest, struct err *e)
{
	char text[2 * PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, PATH_MAX - 1);

	if (n < 0 || ++w->n_links > LINKS_MAX)
		return err_set(e, ELOOP, "%s: too many symbolic links", w->path);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "/%s", rest);
	(void)snprintf(w->todo, sizeof(w->todo), "%s", text);
	if (text[0] != '/')
		return 0;
	fd_closep(&w->at);
	w->at = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return w->at < 0 ? err_sys(e, "open /") : 0;
}

/* One component.  Returns 1 at the end of the path, or when it leads nowhere: the child reports that. */
static int
walk_on(struct walk *w, struct err *e)
{
	const char *p = w->todo + strspn(w->todo, "/");
	size_t n = strcspn(p, "/");
	char name[NAME_MAX + 1], rest[sizeof(w->todo)];
	AUTO_FD fd = -1;
	struct stat st;

	if (n == 0)
		return 1;
	(void)snprintf(rest, sizeof(rest), "%s", p + n);
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, p);
	fd = n > NAME_MAX ? -1 : sys_openat(w->at, name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fd_closep(&w->at);
		return 1;
	}
	if (S_ISLNK(st.st_mode))
		return check_link(w, name, &st, e) < 0 ? -e->code : follow_link(w, fd, rest, e);
	fd_closep(&w->at);
	w->at = TAKE_FD(fd);
	memcpy(w->todo, rest, strlen(rest) + 1);
	return 0;
}

static int
open_without_links(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };

	return sys_openat2(AT_FDCWD, path, &how);
}

static bool
goes_up(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

static int
remember(int fd, struct source *ret)
{
	char real[PATH_MAX];
	struct stat st;

	if (fd_path(fd, real) < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct source){ .real = xstrdup(real), .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

int
source_vet(const char *path, struct source *ret, struct err *e)
{
	AUTO_FD direct = open_without_links(path);
	struct walk w = { .path = path };
	int r = 0;

	if (direct >= 0 && goes_up(path) && remember(direct, ret) < 0)
		return err_sys(e, "%s: find its place", path);
	if (direct >= 0 || errno != ELOOP)
		return 0;
	(void)snprintf(w.todo, sizeof(w.todo), "%s", path);
	w.at = sys_openat(AT_FDCWD, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0);
	while (r == 0 && w.at >= 0)
		r = walk_on(&w, e);
	if (r >= 0 && w.at >= 0 && remember(w.at, ret) < 0)
		r = err_sys(e, "%s: find its place", path);
	fd_closep(&w.at);
	return r < 0 ? r : 0;
}

int
source_open(const char *path, const struct source *vetted, struct err *e)
{
	AUTO_FD fd = open_without_links(vetted->real ? vetted->real : path);
	struct stat st;

	if (fd < 0) {
		(void)err_sys(e, "%s", path);
		return err_needs(e, "openat2(2), Linux 5.6");
	}
	if (vetted->real && (fstat(fd, &st) < 0 || st.st_dev != vetted->dev || st.st_ino != vetted->ino))
		return err_set(e, EAGAIN, "%s: where it leads has just been changed", path);
	return TAKE_FD(fd);
}
