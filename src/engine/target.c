/*
 * target - places in the new root, found or made without ever leaving it
 */
#include <linux/magic.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

/* Mount ids (Linux 5.8) of what is ours; when there are more, mount points there must exist. */
#define OWN_MAX 512

static uint64_t own[OWN_MAX];
static size_t n_own;

static int
mount_id(int dir_fd, const char *path, uint64_t *ret, struct err *e)
{
	struct statx st;

	if (sys_statx(dir_fd, path, AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0) {
		(void)err_sys(e, "look at a mount");
		return err_needs(e, "statx(2), Linux 5.8");
	}
	*ret = st.stx_mnt_id;
	return 0;
}

int
target_own(const struct rootfs *r, int dir_fd, const char *path, struct err *e)
{
	if (!r->has_folders || n_own == OWN_MAX)
		return 0;
	if (mount_id(dir_fd, path, &own[n_own], e) < 0)
		return -e->code;
	n_own++;
	return 0;
}

int
target_own_dst(const struct rootfs *r, const char *dst, struct err *e)
{
	AUTO_FD fd = -1;

	if (!r->has_folders)
		return 0;
	fd = fd_open_in_root(r->root_fd, dst, O_PATH, 0, e);
	return fd < 0 ? fd : target_own(r, fd, "", e);
}

/* May a mount point be made in directory @fd? */
static int
check_own(const struct rootfs *r, int fd, const char *path, struct err *e)
{
	struct statfs fs;
	uint64_t id = 0;

	if (!r->has_folders)
		return 0;
	if (mount_id(fd, "", &id, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_own; i++)
		if (own[i] == id)
			return 0;
	if (fstatfs(fd, &fs) == 0 && (fs.f_flags & ST_RDONLY))
		return err_set(e, EROFS, "mount point %s is missing in a read-only folder", path);
	(void)err_set(e, ENOENT, "mount point %s is missing in a shared folder", path);
	return err_hint(e, "make it there first: nothing is created on this machine by itself");
}

/* openat2 as fd_open_in_root(), for a place that may be missing. Returns 1 when it is. */
static int
try_open(int root_fd, const char *path, int *ret_fd, struct err *e)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = sys_openat2(root_fd, path, &how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0) {
		(void)err_sys(e, "mount point %s", path);
		return err_needs(e, "openat2(2), Linux 5.6");
	}
	*ret_fd = fd;
	return 0;
}

/* Where a missing directory may be made. */
enum where { WHERE_OWN, WHERE_ANY };

/* Make component @path (a copy cut after it) in @parent_fd, unless somebody else just did. */
static int
make_dir(const struct rootfs *r, int parent_fd, const char *name, const char *path, mode_t mode,
	 enum where where, struct err *e)
{
	if (where == WHERE_OWN && check_own(r, parent_fd, path, e) < 0)
		return -e->code;
	if (mkdirat(parent_fd, name, mode) == 0 || errno == EEXIST)
		return 0;
	(void)err_sys(e, "make mount point %s", path);
	if (e->code == EROFS)
		return err_hint(e, "the file system there is read-only and has no such directory");
	return -e->code;
}

/*
 * Walk to directory @path, making what is missing.  Each prefix is resolved in the root from the
 * start, because a component may be a link that leads elsewhere in the root.
 */
static int
open_or_make_dir(const struct rootfs *rootfs, const char *path, mode_t mode, enum where where,
		 struct err *e)
{
	const int root_fd = rootfs->root_fd;
	char part[PATH_MAX];
	AUTO_FD parent = -1, fd = -1;
	int r = try_open(root_fd, path, &fd, e);

	if (r <= 0)
		return r < 0 ? r : TAKE_FD(fd);
	if ((r = try_open(root_fd, "/", &parent, e)) != 0)
		return r < 0 ? r : err_set(e, ENOENT, "the root is gone");
	for (const char *p = path; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/");
		const char *name;

		p += n;
		if ((size_t)(p - path) >= sizeof(part))
			return err_set(e, ENAMETOOLONG, "mount point %.60s...", path);
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		name = part + (p - path) - n;
		fd_closep(&fd);
		r = try_open(root_fd, part, &fd, e);
		if (r > 0 && (r = make_dir(rootfs, parent, name, part,
					   *p ? rootfs->parent_mode : mode, where, e)) == 0)
			r = try_open(root_fd, part, &fd, e);
		if (r != 0)
			return r < 0 ? r : err_set(e, ENOENT, "mount point %s is a dangling link",
						   part);
		fd_closep(&parent);
		parent = fd;
		fd = -1;
	}
	return TAKE_FD(parent);
}

int
target_open_parent(const struct rootfs *r, const char *dst, const char **ret_name, struct err *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(dst, '/');
	size_t n = (size_t)(slash - dst);
	int fd;

	if (n >= sizeof(dir))
		return err_set(e, ENAMETOOLONG, "mount point %.60s...", dst);
	memcpy(dir, dst, n);
	dir[n] = '\0';
	fd = open_or_make_dir(r, n ? dir : "/", r->parent_mode, WHERE_OWN, e);
	if (fd >= 0)
		*ret_name = slash + 1;
	return fd;
}

static int
open_or_make_file(const struct rootfs *r, const char *dst, mode_t mode, struct err *e)
{
	const char *name;
	AUTO_FD parent = -1, fd = -1;
	int found = try_open(r->root_fd, dst, &fd, e);

	if (found <= 0)
		return found < 0 ? found : TAKE_FD(fd);
	parent = target_open_parent(r, dst, &name, e);
	if (parent < 0)
		return parent;
	if (check_own(r, parent, dst, e) < 0)
		return -e->code;
	if (mknodat(parent, name, S_IFREG | (r->spec->mounts_as_given ? 0444 : mode), 0) < 0 && errno != EEXIST)
		return err_sys(e, "make mount point %s", dst);
	found = try_open(r->root_fd, dst, &fd, e);
	if (found > 0)
		return err_set(e, ENOENT, "mount point %s is a dangling link", dst);
	return found < 0 ? found : TAKE_FD(fd);
}

int
target_make_dir(const struct rootfs *r, const char *dst, mode_t mode, struct err *e)
{
	AUTO_FD fd = open_or_make_dir(r, dst, mode, WHERE_ANY, e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "%s is not a directory", dst);
	return TAKE_FD(fd);
}

int
target_open(const struct rootfs *r, const char *dst, bool is_dir, mode_t mode, struct err *e)
{
	AUTO_FD fd = is_dir ? open_or_make_dir(r, dst, mode, WHERE_OWN, e)
			    : open_or_make_file(r, dst, mode, e);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -e->code;
	/* By a link of the base: where we look ourselves, and what the masks protect. */
	if (!r->spec->mounts_as_given && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return err_set(e, EINVAL, "mount point %s is in /proc, which is rootlet's own", dst);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", dst);
	if (S_ISDIR(st.st_mode) != is_dir)
		return err_set(e, is_dir ? ENOTDIR : EISDIR, "mount point %s is %sa directory",
			       dst, is_dir ? "not " : "");
	return TAKE_FD(fd);
}
