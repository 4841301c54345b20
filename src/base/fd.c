#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
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
	if (fd < 0) {
		(void)err_sys(e, "open %s in container root", path);
		return err_needs(e, "openat2(2), Linux 5.6");
	}
	return fd;
}

int
fd_path(int fd, char ret[PATH_MAX])
{
	char place[32];
	ssize_t n;

	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
	n = readlink(place, ret, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
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
		/* A short read of a regular file is its end; of procfs, whose files have no size, not. */
		if (n < size && st.st_size > 0 && n == (size_t)st.st_size)
			break;
		if (n == size)
			size *= 2;
	}
	data[n] = '\0';
	*ret_data = TAKE_PTR(data);
	return (ssize_t)n;
}

/* Without close_range(2) (before Linux 5.9): one by one.  Some may be above a lowered limit. */
static int
close_listed(unsigned int first, unsigned int last, struct err *e)
{
	DIR *d = opendir("/proc/self/fd");

	if (!d)
		return err_sys(e, "list open descriptors");
	for (const struct dirent *de; (de = readdir(d));) {
		struct err ignored = ERR_INIT;
		uint64_t fd;

		if (parse_u64(de->d_name, INT_MAX, &fd, &ignored) == 0 && fd >= first &&
		    fd <= last && (int)fd != dirfd(d))
			(void)close((int)fd);
	}
	(void)closedir(d);
	return 0;
}

static int
close_span(unsigned int first, unsigned int last, struct err *e)
{
	if (first > last || sys_close_range(first, last, 0) == 0)
		return 0;
	return errno == ENOSYS ? close_listed(first, last, e)
			       : err_sys(e, "close inherited descriptors");
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
fd_list_inherited(int **ret, size_t *ret_n, struct err *e)
{
	DIR *d = opendir("/proc/self/fd");
	struct err ignored = ERR_INIT;
	int *list = NULL;
	size_t n = 0;

	if (!d)
		return err_sys(e, "open /proc/self/fd");
	for (const struct dirent *de; (de = readdir(d));) {
		uint64_t fd;

		if (parse_u64(de->d_name, INT_MAX, &fd, &ignored) < 0 || fd < 3 ||
		    (fcntl((int)fd, F_GETFD) & FD_CLOEXEC))
			continue;
		list = xrealloc_array(list, n + 1, sizeof(*list));
		list[n++] = (int)fd;
	}
	(void)closedir(d);
	*ret = list;
	*ret_n = n;
	return 0;
}

int
fd_fill_stdio(struct err *e)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		/* The lowest that is free is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return err_sys(e, "open /dev/null");
	return 0;
}

int
fd_check_stdio(struct err *e)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return err_set(e, EISDIR,
				       "descriptor %d is a directory: a way out of any sandbox", fd);
	return 0;
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
