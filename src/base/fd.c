#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/sys.h"

void
fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int
fd_open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *e)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	/* EAGAIN: a rename raced with ".." and the kernel could not be sure. */
	do
		fd = sys_openat2(root_fd, path, &how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		return err_sys(e, "open %s in container root", path);
	return fd;
}

/* One component of the walk of fd_open_trusted(): a link must be root's, we must not be root. */
static int
fd_check_link(int dir_fd, const char *name, const char *path, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISLNK(st.st_mode) || (st.st_uid == 0 && geteuid() != 0))
		return 0;
	(void)err_set(e, ELOOP, "%s: '%s' is a symbolic link", path, name);
	if (realpath(path, real))
		return err_hint(e, "if you mean what it points to, name that: %.200s", real);
	return -ELOOP;
}

/* Go through the components of @path and look at each link on the way. */
static int
fd_check_links(const char *path, struct err *e)
{
	char part[PATH_MAX];
	const char *p = path;
	AUTO_FD dir = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (dir >= 0 && *p) {
		size_t n;
		int next;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 0)
			break;
		if (n >= sizeof(part))
			return err_set(e, ENAMETOOLONG, "%s: name too long", path);
		memcpy(part, p, n);
		part[n] = '\0';
		p += n;
		if (fd_check_link(dir, part, path, e) < 0)
			return -e->code;
		next = openat(dir, part, O_PATH | O_CLOEXEC);
		fd_closep(&dir);
		dir = next;
	}
	return dir < 0 ? err_sys(e, "%s", path) : 0;
}

int
fd_open_trusted(const char *path, int flags, struct err *e)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	int fd = sys_openat2(AT_FDCWD, path, &how);

	if (fd >= 0)
		return fd;
	if (errno != ELOOP)
		return err_sys(e, "%s", path);
	if (fd_check_links(path, e) < 0)
		return -e->code;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	return fd;
}

ssize_t
fd_read_all(int fd, size_t max, char **ret_data, struct err *e)
{
	AUTO_FREE char *data = NULL;
	size_t n = 0, size;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return err_set(e, EINVAL, "not a regular file");
	/* One byte more than the file has, to meet its end; files of /proc tell no size. */
	size = st.st_size > 0 && (uintmax_t)st.st_size <= max ? (size_t)st.st_size + 1 : 4096;
	for (;;) {
		char *bigger = realloc(data, size + 1);
		ssize_t r;

		if (!bigger)
			return err_set(e, ENOMEM, "out of memory");
		data = bigger;
		r = read(fd, data + n, size - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "read");
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > max)
			return err_set(e, EFBIG, "larger than %zu bytes", max);
		if (n == size)
			size *= 2;
	}
	data[n] = '\0';
	*ret_data = TAKE_PTR(data);
	return (ssize_t)n;
}

/* Without close_range(2) (before Linux 5.9): one by one, up to the limit. */
static int
close_span(unsigned int first, unsigned int last, struct err *e)
{
	long max;

	if (first > last || sys_close_range(first, last, 0) == 0)
		return 0;
	if (errno != ENOSYS)
		return err_sys(e, "close inherited descriptors");
	max = sysconf(_SC_OPEN_MAX);
	for (unsigned int fd = first; fd <= last && (long)fd < max; fd++)
		(void)close((int)fd);
	return 0;
}

/* The smallest of @keep that is at least @from, or -1. */
static int
next_kept(const int *keep, size_t n, int from)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (keep[i] >= from && (best < 0 || keep[i] < best))
			best = keep[i];
	return best;
}

int
fd_close_others(const int *keep, size_t n, struct err *e)
{
	int from = 3, kept;

	while ((kept = next_kept(keep, n, from)) >= 0) {
		if (close_span((unsigned int)from, (unsigned int)kept - 1, e) < 0)
			return -e->code;
		if (fcntl(kept, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(e, "descriptor %d", kept);
		from = kept + 1;
	}
	return close_span((unsigned int)from, ~0U, e);
}

int
fd_fill_stdio(struct err *e)
{
	struct pollfd p[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };
	int fd;

	if (poll(p, NELEMS(p), 0) >= 0 &&
	    !((p[0].revents | p[1].revents | p[2].revents) & POLLNVAL))
		return 0;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return err_sys(e, "open /dev/null");
	return close(fd);
}

int
fd_write_all(int fd, const void *data, size_t n, struct err *e)
{
	const char *p = data;

	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "write");
		p += r;
		n -= (size_t)r;
	}
	return 0;
}
