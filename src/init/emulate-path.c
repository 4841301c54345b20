#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "init/emulate-internal.h"
#include "kernel/sys.h"

bool
request_is_alive(const struct emulate *m, const struct request *rq)
{
	return ioctl(m->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &rq->id) == 0;
}

int
path_read(const struct request *rq, uint64_t addr, char buf[PATH_MAX])
{
	ssize_t n = mem_read_string(rq->pid, addr, buf, PATH_MAX);

	if (n >= 0 || n == -EFAULT || n == -ENAMETOOLONG)
		return (int)(n > 0 ? 0 : n);
	/* Memory that even we may not see, of a program that cannot be read: no emulation. */
	buf[0] = '\0';
	return ANSWER_NATIVE;
}

/* Open "PID/@what", a magic link of the caller, in our procfs. */
static int
open_own(const struct emulate *m, const struct request *rq, const char *what)
{
	char p[64];
	int fd;

	(void)snprintf(p, sizeof(p), "%d/%s", rq->pid, what);
	fd = sys_openat(m->proc, p, O_PATH, 0);
	return fd < 0 ? -errno : fd;
}

static int
open_dirfd(const struct emulate *m, const struct request *rq, int dirfd)
{
	char what[32];
	int fd;

	if (dirfd == AT_FDCWD)
		return open_own(m, rq, "cwd");
	if (dirfd < 0)
		return -EBADF;
	(void)snprintf(what, sizeof(what), "fd/%d", dirfd);
	fd = open_own(m, rq, what);
	return fd == -ENOENT ? -EBADF : fd;
}

/* If @path is @prefix or below, what comes after; otherwise NULL. */
static const char *
after(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && (path[n] == '/' || path[n] == '\0') ? path + n
										    : NULL;
}

/*
 * Names that mean the caller itself, and what they stand for below /proc/PID.  The links that lead
 * there would mean us when we follow them.
 */
static const char *
own_directory(const struct request *rq, const char *path, const char **ret_rest)
{
	static const struct {
		const char *name, *in_proc;
	} names[] = {
		{ "/proc/self", "" },      { "/proc/thread-self", "" }, { "/dev/fd", "/fd" },
		{ "/dev/stdin", "/fd/0" }, { "/dev/stdout", "/fd/1" },  { "/dev/stderr", "/fd/2" },
	};
	char number[32];

	for (size_t i = 0; i < NELEMS(names); i++) {
		*ret_rest = after(path, names[i].name);
		if (*ret_rest)
			return names[i].in_proc;
	}
	(void)snprintf(number, sizeof(number), "/proc/%d", rq->pid);
	*ret_rest = after(path, number);
	return *ret_rest ? "" : NULL;
}

/* Length of the magic link that @p, below /proc/PID, begins with; 0 for none. */
static size_t
magic_length(const char *p)
{
	const char *rest = NULL;
	size_t digits;

	if ((rest = after(p, "/cwd")) || (rest = after(p, "/root")))
		return (size_t)(rest - p);
	if (strncmp(p, "/fd/", 4) != 0)
		return 0;
	digits = strspn(p + 4, "0123456789");
	return digits && digits < 11 && (p[4 + digits] == '/' || p[4 + digits] == '\0')
		? 4 + digits
		: 0;
}

/*
 * Rewrite in place, and take apart, a path that goes through the caller's own part of /proc.
 *
 * Returns the descriptor that a magic link of the caller stands for, with the rest of the path in
 * @path; NO_MAGIC when there was none; or -errno.
 */
#define NO_MAGIC (-4096)

static int
open_magic(const struct emulate *m, const struct request *rq, char path[PATH_MAX], bool nofollow)
{
	char new[PATH_MAX + 64], what[32];
	const char *rest, *in_proc = own_directory(rq, path, &rest);
	size_t prefix, n;

	if (!in_proc)
		return NO_MAGIC;
	prefix = (size_t)snprintf(new, sizeof(new), "/proc/%d", rq->pid);
	(void)snprintf(new + prefix, sizeof(new) - prefix, "%s%s", in_proc, rest);
	if (strlen(new) >= PATH_MAX)
		return -ENAMETOOLONG;
	n = magic_length(new + prefix);
	if (n == 0 || (nofollow && new[prefix + n] == '\0')) {
		memcpy(path, new, strlen(new) + 1);
		return NO_MAGIC;
	}
	(void)snprintf(what, sizeof(what), "%.*s", (int)(n - 1), new + prefix + 1);
	rest = new + prefix + n;
	while (*rest == '/' && rest[1])
		rest++;
	(void)snprintf(path, PATH_MAX, "%s", *rest == '/' ? "." : rest);
	return open_own(m, rq, what);
}

/*
 * The caller may have another root than we.  Returns 1 when ours was changed to it, 0 when there
 * was no need, or -errno.
 */
static int
enter_root(const struct emulate *m, const struct request *rq)
{
	char p[64];
	struct statx st;

	(void)snprintf(p, sizeof(p), "%d/root", rq->pid);
	if (sys_statx(m->proc, p, 0, STATX_INO | STATX_MNT_ID, &st) < 0) {
		if (errno != ENOSYS)
			return -errno;
	} else if (st.stx_mnt_id == m->root_mnt && st.stx_ino == m->root_ino) {
		return 0;
	}
	return chroot(p) < 0 ? -errno : 1;
}

/* Cannot fail: the descriptors are directories that were entered before. */
static void
leave_root(const struct emulate *m)
{
	if (fchdir(m->root) < 0 || chroot(".") < 0 || fchdir(m->proc) < 0)
		abort();
}

static int
open_below(const struct emulate *m, const struct request *rq, int base, const char *path,
	   bool nofollow)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0),
				.resolve = RESOLVE_NO_MAGICLINKS };
	int entered = enter_root(m, rq), fd;

	if (entered < 0)
		return entered;
	fd = sys_openat2(base, path, &how);
	if (fd < 0)
		fd = -errno;
	if (entered)
		leave_root(m);
	return fd;
}

int
path_open(struct emulate *m, const struct request *rq, int dirfd, const char *arg, bool nofollow,
	  int *ret_fd)
{
	char path[PATH_MAX];
	AUTO_FD base = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "%s", arg);
	fd = open_magic(m, rq, path, nofollow);
	if (fd == NO_MAGIC && path[0] != '/')
		fd = open_dirfd(m, rq, dirfd);
	if (fd < 0 && fd != NO_MAGIC)
		return fd;
	base = fd >= 0 ? fd : -1;
	if (path[0] == '\0') {
		*ret_fd = TAKE_FD(base);
		return 0;
	}
	fd = open_below(m, rq, base, path, nofollow);
	if (fd < 0)
		return fd == -ELOOP ? ANSWER_NATIVE : fd;
	*ret_fd = fd;
	return 0;
}

int
path_open_arg(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr, int at_flags,
	      int *ret_fd)
{
	char path[PATH_MAX] = "";
	int r = 0;

	/* NULL is as good as "" since Linux 6.11. */
	if (addr || !(at_flags & AT_EMPTY_PATH))
		r = path_read(rq, addr, path);
	if (r != 0)
		return r;
	if (path[0] == '\0' && !(at_flags & AT_EMPTY_PATH))
		return -ENOENT;
	return path_open(m, rq, dirfd, path, at_flags & AT_SYMLINK_NOFOLLOW, ret_fd);
}

int
path_split(char *path, const char **ret_dir, const char **ret_name)
{
	char *slash = strrchr(path, '/');
	char *name = slash ? slash + 1 : path;

	if (path[0] == '\0')
		return -ENOENT;
	if (name[0] == '\0') /* "x/" cannot be made; "/" is there */
		return strspn(path, "/") == strlen(path) ? -EEXIST : -ENOENT;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EEXIST;
	*ret_name = name;
	*ret_dir = !slash ? "" : slash == path ? "/" : path;
	if (slash && slash != path)
		*slash = '\0';
	return 0;
}
