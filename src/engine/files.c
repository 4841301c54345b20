/*
 * files - what a plan writes into the new root, or changes there, rather than mounts
 */
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

static int
copy_bytes(int from, int to, struct err *e)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (fd_write_all(to, buf, (size_t)n, e) < 0)
			return -e->code;
	}
	return 0;
}

/* What the caller's descriptor has; it can be read once. */
static int
copy_fd(const struct mount_step *m, int to, struct err *e)
{
	if (copy_bytes(m->fd, to, e) < 0)
		return err_prefix(e, "copy descriptor %d to %s", m->fd, m->dst);
	(void)close(m->fd);
	return 0;
}

static int
open_new_file(const struct rootfs *r, const struct mount_step *m, mode_t mode, struct err *e)
{
	const char *name;
	AUTO_FD parent = target_open_parent(r, m->dst, &name, e);
	int fd;

	if (parent < 0)
		return parent;
	/* An old file of that name is in the layer's way, not in the base's. */
	if (!r->spec->layer_keep)
		(void)unlinkat(parent, name, 0);
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? err_sys(e, "make %s", m->dst) : fd;
}

/* Not those of overlays, which would direct ours, nor labels, which the kernel gives. */
static bool
is_copied(const char *name)
{
	return (str_begins(name, "user.") && !str_begins(name, "user.overlay.")) ||
	       strcmp(name, "security.capability") == 0 || strcmp(name, "system.posix_acl_access") == 0;
}

/* As far as can be: one that names an id outside of our map, or is longer than any of ext4, is left out. */
static void
copy_attributes(int from, int to)
{
	char names[4096], value[4096];
	const ssize_t n = flistxattr(from, names, sizeof(names));

	for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		const ssize_t len = is_copied(name) ? fgetxattr(from, name, value, sizeof(value)) : -1;

		if (len >= 0)
			IGNORE(fsetxattr(to, name, value, (size_t)len, 0));
	}
}

int
file_copy(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD from = open(m->src, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to = -1;
	struct stat st;

	if (from < 0)
		return err_sys(e, "%s", m->src);
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s is not a regular file", m->src);
	to = open_new_file(r, m, st.st_mode & 07777, e);
	if (to < 0 && r->spec->layer_keep && e->code == EEXIST) {
		/* From an earlier start: as the program left it. */
		err_clear(e);
		return 0;
	}
	if (to < 0)
		return to;
	if (copy_bytes(from, to, e) < 0)
		return err_prefix(e, "copy %s", m->src);
	IGNORE(fchown(to, st.st_uid, st.st_gid));
	IGNORE(fchmod(to, st.st_mode & 07777));
	copy_attributes(from, to);
	IGNORE(futimens(to, (const struct timespec[]){ st.st_atim, st.st_mtim }));
	return 0;
}

/* Mount file @name of the stage on @target.  One call where it can be one. */
static int
mount_from_stage(const char *name, int target, const struct mount_step *m, struct err *e)
{
	AUTO_FD tree = -1;
	char place[32];

	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", target);
	if (!m->read_only)
		return mount(name, place, NULL, MS_BIND, NULL) < 0 ? err_sys(e, "mount %s", m->dst)
								   : 0;
	tree = sys_open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0) {
		(void)err_sys(e, "mount %s", m->dst);
		return err_needs(e, "open_tree(2), Linux 5.2");
	}
	if (mount_set_attr(tree, MOUNT_ATTR_RDONLY, false, e) < 0)
		return err_prefix(e, "mount %s", m->dst);
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "mount %s", m->dst);
	return 0;
}

/* A file of the stage, mounted: that works where the directory's owner has no id inside, too. */
int
file_mount(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	char name[16];
	AUTO_FD fd = -1, target = target_open(r, m->dst, false, 0644, e);

	if (target < 0)
		return target;
	(void)snprintf(name, sizeof(name), "f%u", r->serial++);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, rootfs_mode(m, 0644));
	if (fd < 0)
		return err_sys(e, "make %s", m->dst);
	if (m->fd >= 0 && copy_fd(m, fd, e) < 0)
		return -e->code;
	if (m->fd < 0 && fd_write_all(fd, m->data, m->data_len, e) < 0)
		return err_prefix(e, "%s", m->dst);
	return mount_from_stage(name, target, m, e);
}

int
file_write(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const char *name;
	AUTO_FD parent = target_open_parent(r, m->dst, &name, e), fd = -1;

	if (parent < 0)
		return parent;
	/* Not below @parent: @dst itself may be a link, to a place in the root. */
	fd = fd_open_in_root(r->root_fd, m->dst, O_WRONLY | O_CREAT | O_TRUNC,
			     rootfs_mode(m, 0644), e);
	return fd < 0 ? fd : copy_fd(m, fd, e);
}

/* Is there a link already that says just this? */
static bool
is_same_link(int dir_fd, const char *name, const char *text)
{
	char old[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, old, sizeof(old));

	return n == (ssize_t)strlen(text) && memcmp(old, text, (size_t)n) == 0;
}

int
file_symlink(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const char *name;
	AUTO_FD parent = target_open_parent(r, m->dst, &name, e);

	if (parent < 0)
		return parent;
	if (symlinkat(m->src, parent, name) == 0)
		return 0;
	/* What a base has there is as good as the usual link. */
	if (errno == EEXIST &&
	    (!r->spec->mounts_as_given || is_same_link(parent, name, m->src)))
		return 0;
	return err_sys(e, "make link %s", m->dst);
}

int
file_chmod(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD fd = fd_open_in_root(r->root_fd, m->dst, O_PATH, 0, e);
	char path[32];

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, (mode_t)m->mode) < 0 ? err_sys(e, "chmod %s", m->dst) : 0;
}

int
file_dir(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD fd = target_make_dir(r, m->dst, rootfs_mode(m, 0755), e);
	char path[32];
	struct stat st;

	if (fd < 0)
		return fd;
	if (!m->src || stat(m->src, &st) < 0)
		return 0;
	/* An owner outside of our map cannot be given; then it is ours.  mkdir(2) made no setgid bit. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	IGNORE(chown(path, st.st_uid, st.st_gid));
	IGNORE(chmod(path, st.st_mode & 07777));
	return 0;
}
