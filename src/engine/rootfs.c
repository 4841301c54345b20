/*
 * rootfs - the mount plan, step by step, and the change of root
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

int
mount_set_attr(int fd, uint64_t attr, bool recursive, struct err *e)
{
	struct mount_attr a = { .attr_set = attr };

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a) < 0) {
		(void)err_sys(e, "set mount attributes");
		return err_needs(e, "mount_setattr(2), Linux 5.12");
	}
	return 0;
}

/*
 * The stage is mounted over "/": absolute paths do not see it, because they start at the process's
 * root, which is below it.  Only ".." of the root climbs onto what is mounted there.
 */
static int
enter_stage(const struct spec *s, struct err *e)
{
	char opts[48] = "";

	if (s->layer == SPEC_LAYER_RAM && s->layer_size)
		(void)snprintf(opts, sizeof(opts), "size=%llu",
			       (unsigned long long)s->layer_size);
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
		(void)err_sys(e, "make mounts private");
		if (e->code == EPERM || e->code == EACCES)
			return err_hint(e, "something around us forbids mounts: AppArmor, or "
					   "Landlock as in a rootlet sandbox without --privileged; see "
					   "rootlet doctor");
		return -e->code;
	}
	if (mount("tmpfs", "/", "tmpfs", MS_NOSUID | MS_NODEV, opts) < 0)
		return err_sys(e, "mount tmpfs for the stage");
	if (chdir("/..") < 0)
		return err_sys(e, "enter the stage");
	return 0;
}

static int
open_layer(struct rootfs *r, struct err *e)
{
	r->layer_fd = -1;
	if (!r->layer_path)
		return 0;
	r->layer_fd = sys_openat(AT_FDCWD, r->layer_path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return r->layer_fd < 0 ? err_sys(e, "open the layer %s", r->layer_path) : 0;
}

/*
 * The caller's descriptor @fd in our own mount namespace, where alone it can be bound: by its name,
 * which must still lead there.
 */
static int
open_source_fd(int fd, struct err *e)
{
	AUTO_FD found = -1;
	char path[PATH_MAX];
	struct stat given, st;

	if (fd_path(fd, path) < 0 || fstat(fd, &given) < 0)
		return err_sys(e, "descriptor %d", fd);
	found = sys_openat(AT_FDCWD, path, O_PATH, 0);
	if (found < 0 || fstat(found, &st) < 0)
		return err_sys(e, "descriptor %d, %s", fd, path);
	if (st.st_dev != given.st_dev || st.st_ino != given.st_ino)
		return err_set(e, ESTALE, "descriptor %d is no longer %s", fd, path);
	return TAKE_FD(found);
}

int
rootfs_open_source(const struct rootfs *r, const struct mount_step *m, const char *path,
		   struct err *e)
{
	int fd;

	if (!path)
		return open_source_fd(m->fd, e);
	if (!m->trusted)
		return source_open(path, &r->sources[m - r->spec->mounts], e);
	fd = sys_openat(r->cwd_fd, path, O_PATH, 0);
	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

/* Is the source absent or unreadable, so that an optional step is skipped? */
static bool
is_absent(const struct rootfs *r, const struct err *e)
{
	return e->code == ENOENT ||
	       (!r->spec->mounts_as_given && (e->code == EACCES || e->code == ENOTDIR));
}

/*
 * What is mounted at @src and below it.  The stage is mounted over "/": an unbindable mount is left
 * out of the copy.
 */
static int
clone_tree(int src, const struct stat *st, struct err *e)
{
	struct stat root;
	const bool has_stage = stat("/", &root) == 0 && root.st_dev == st->st_dev &&
			       root.st_ino == st->st_ino;
	int tree;

	if (has_stage && mount(NULL, ".", NULL, MS_UNBINDABLE, NULL) < 0)
		return err_sys(e, "keep the stage out");
	tree = sys_open_tree(src, "",
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0) {
		(void)err_sys(e, "copy the mounts");
		return err_needs(e, "open_tree(2), Linux 5.2");
	}
	if (has_stage && mount(NULL, ".", NULL, MS_PRIVATE, NULL) < 0) {
		(void)err_sys(e, "take the stage back");
		fd_closep(&tree);
		return -e->code;
	}
	return tree;
}

/* @m: a step of the plan; @op, @read_only: what to make of it */
static int
bind_source(const struct rootfs *r, const struct mount_step *m, enum mount_op op, bool read_only,
	    struct err *e)
{
	const uint64_t attr = MOUNT_ATTR_NOSUID |
			      (op == MOUNT_DEVICE || m->devices ? 0 : MOUNT_ATTR_NODEV) |
			      (read_only || (op == MOUNT_DEVICE && r->spec->host_root)
				       ? MOUNT_ATTR_RDONLY
				       : 0);
	AUTO_FD src = rootfs_open_source(r, m, m->src, e), tree = -1, target = -1;
	const char *const name = m->src ? m->src : "descriptor";
	struct stat st;

	if (src < 0) {
		if (!m->optional || !is_absent(r, e))
			return -e->code;
		err_clear(e);
		return 0;
	}
	if (fstat(src, &st) < 0)
		return err_sys(e, "stat %s", name);
	if (op == MOUNT_DEVICE && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ENODEV, "%s is not a device", name);
	tree = clone_tree(src, &st, e);
	if (tree < 0)
		return err_prefix(e, "bind %s", name);
	if (mount_set_attr(tree, attr, true, e) < 0)
		return err_prefix(e, "bind %s", name);
	target = target_open(r, m->dst, S_ISDIR(st.st_mode), 0644 | (st.st_mode & 0111), e);
	if (target < 0)
		return target;
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
		(void)err_sys(e, "bind %s on %s", name, m->dst);
		return err_needs(e, "move_mount(2), Linux 5.2");
	}
	return 0;
}

static int
step_tmpfs(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD target = target_open(r, m->dst, true, 0755, e);
	char opts[64], place[32];

	if (target < 0)
		return target;
	(void)snprintf(opts, sizeof(opts), m->size ? "mode=%o,size=%llu" : "mode=%o",
		       rootfs_mode(m, 0755), (unsigned long long)m->size);
	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", target);
	if (mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, opts) < 0)
		return err_sys(e, "mount tmpfs on %s", m->dst);
	return target_own_dst(r, m->dst, e);
}

static int
step_mqueue(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD target = target_open(r, m->dst, true, 0755, e);
	char place[32];

	if (target < 0)
		return target;
	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", target);
	if (mount("mqueue", place, "mqueue", 0, NULL) < 0)
		return err_sys(e, "mount mqueue on %s", m->dst);
	return target_own_dst(r, m->dst, e);
}

static int
step_remount_ro(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD fd = fd_open_in_root(r->root_fd, m->dst, O_PATH, 0, e);

	if (fd < 0)
		return fd;
	if (mount_set_attr(fd, MOUNT_ATTR_RDONLY, false, e) == 0)
		return 0;
	(void)err_prefix(e, "remount %s read-only", m->dst);
	return e->code == EINVAL ? err_hint(e, "nothing is mounted there") : -e->code;
}

/* Some file systems cannot be a lower directory: then they are at least seen, and not written. */
static int
step_overlay(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	if (overlay_mount(r, m, e) == 0)
		return r->root_fd < 0 ? target_own(r, AT_FDCWD, "root", e)
				      : target_own_dst(r, m->dst, e);
	if (!m->optional || is_absent(r, e))
		return -e->code;
	err_clear(e);
	return bind_source(r, m, MOUNT_BIND, true, e);
}

static int
run_step(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	switch (m->op) {
	case MOUNT_LAYER_DIR:
		return layer_dir_mount(r, m, e);
	case MOUNT_OVERLAY:
		return step_overlay(r, m, e);
	case MOUNT_BIND:
	case MOUNT_DEVICE:
		return bind_source(r, m, m->op, m->read_only, e);
	case MOUNT_TMPFS:
		return step_tmpfs(r, m, e);
	case MOUNT_PROC:
		return stage_proc(r, m, e);
	case MOUNT_SYSFS:
		return stage_sysfs(r, m, e);
	case MOUNT_DEV:
		return stage_dev(r, m, e);
	case MOUNT_MQUEUE:
		return step_mqueue(r, m, e);
	case MOUNT_COPY:
		return file_copy(r, m, e);
	case MOUNT_FILE:
		return file_mount(r, m, e);
	case MOUNT_WRITE:
		return file_write(r, m, e);
	case MOUNT_SYMLINK:
		return file_symlink(r, m, e);
	case MOUNT_DIR:
		return file_dir(r, m, e);
	case MOUNT_CHMOD:
		return file_chmod(r, m, e);
	case MOUNT_REMOUNT_RO:
		return step_remount_ro(r, m, e);
	case MOUNT_MASK:
		return mask_path(r, m->dst, e);
	case MOUNT_OP_MAX_:
		break;
	}
	return err_set(e, EINVAL, "unknown mount operation %d", (int)m->op);
}

/* The root, or what has just been mounted on it: as the stage sees it. */
static int
open_root(struct rootfs *r, struct err *e)
{
	fd_closep(&r->root_fd);
	r->root_fd = sys_openat(AT_FDCWD, "root", O_PATH | O_DIRECTORY, 0);
	return r->root_fd < 0 ? err_sys(e, "open the new root") : 0;
}

static int
run_plan(struct rootfs *r, struct err *e)
{
	const struct spec *s = r->spec;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct mount_step *m = &s->mounts[i];
		const bool is_root = m->dst[strspn(m->dst, "/.")] == '\0';

		r->parent_mode = m->parent_mode < 0 ? 0755 : (mode_t)m->parent_mode;
		if (ground_has(r, m))
			continue;
		if (run_step(r, m, e) < 0) {
			if (!m->optional || i == 0 || m->op == MOUNT_BIND || !is_absent(r, e))
				return -e->code;
			err_clear(e);
		}
		if (is_root && open_root(r, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Does a later step certainly mount something else at the place of step @i? */
static bool
is_covered(const struct spec *s, size_t i)
{
	for (size_t j = i + 1; j < s->n_mounts; j++) {
		const struct mount_step *m = &s->mounts[j];
		const bool mounts = m->op != MOUNT_DIR && m->op != MOUNT_COPY &&
				    m->op != MOUNT_SYMLINK && !m->optional;

		if (mounts && strcmp(m->dst, s->mounts[i].dst) == 0)
			return true;
	}
	return false;
}

/*
 * Writes are refused where the base shows through; volumes, /tmp, /dev keep what they are.  The
 * overlays were writable so far because mount points had to be made.
 */
static int
make_read_only(const struct rootfs *r, struct err *e)
{
	for (size_t i = 0; i < r->spec->n_mounts; i++) {
		const struct mount_step *m = &r->spec->mounts[i];
		AUTO_FD fd = -1;

		if (i > 0 && ((m->op != MOUNT_OVERLAY && m->op != MOUNT_LAYER_DIR) || !m->read_only ||
			      is_covered(r->spec, i)))
			continue;
		fd = fd_open_in_root(r->root_fd, m->dst, O_PATH, 0, e);
		if (fd < 0 || mount_set_attr(fd, MOUNT_ATTR_RDONLY, false, e) < 0)
			return -e->code;
	}
	return 0;
}

/*
 * pivot_root(".", ".") puts the old root on top of the new one; the stage is still mounted on it.
 * Both are detached: what is mounted inside them goes with them, busy or not.
 */
static int
change_root(const struct rootfs *r, struct err *e)
{
	if (fchdir(r->root_fd) < 0)
		return err_sys(e, "enter the new root");
	if (sys_pivot_root(".", ".") < 0)
		return err_sys(e, "pivot_root");
	for (int mounts = 0; mounts < 2; mounts++)
		if (umount2(".", MNT_DETACH) < 0)
			return err_sys(e, "detach the old root");
	return 0;
}

int
rootfs_build(struct rootfs *r, struct err *e)
{
	r->root_fd = -1;
	r->pty_fd = -1;
	r->serial = 0;
	for (size_t i = 0; i < r->spec->n_mounts && !r->spec->mounts_as_given; i++)
		r->has_folders = r->has_folders || r->spec->mounts[i].op == MOUNT_BIND;
	r->cwd_fd = r->spec->mounts_as_given ? sys_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0)
					     : -1;
	(void)umask(0);
	if (enter_stage(r->spec, e) < 0 || open_layer(r, e) < 0 || run_plan(r, e) < 0)
		return -e->code;
	if (r->spec->read_only && make_read_only(r, e) < 0)
		return -e->code;
	fd_closep(&r->cwd_fd);
	return change_root(r, e);
}
