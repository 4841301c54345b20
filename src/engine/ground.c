/*
 * ground - what rootlet itself makes in a root, below the layer
 *
 * Who is told what a layer has taken (spec.layer_told) is to hear what the program did: not that mount
 * points were missing, nor how a directory of the host is mirrored.  Both are made in a directory of
 * their own, which is the lowest of the overlay: whatever a base has at a place covers it, and what
 * the program changes of it goes to the upper directory like any other change.
 *
 * That of an image lies in the layer's directory, because an overlay of one file system keeps its inode
 * numbers.  Others are in the stage, made anew for each start: a directory of the host may be one that
 * the layer's is in, and the directories of an overlay may not contain each other (ELOOP).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/layer.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

/* Does the step put something over its place, rather than into it? */
static bool
is_mount(const struct mount_step *m)
{
	switch (m->op) {
	case MOUNT_DIR:
	case MOUNT_COPY:
	case MOUNT_SYMLINK:
	case MOUNT_WRITE:
	case MOUNT_CHMOD:
	case MOUNT_REMOUNT_RO:
	case MOUNT_MASK:
	case MOUNT_OP_MAX_:
		return false;
	case MOUNT_LAYER_DIR:
	case MOUNT_OVERLAY:
	case MOUNT_BIND:
	case MOUNT_DEVICE:
	case MOUNT_TMPFS:
	case MOUNT_PROC:
	case MOUNT_SYSFS:
	case MOUNT_DEV:
	case MOUNT_MQUEUE:
	case MOUNT_FILE:
		break;
	}
	return true;
}

/* Is the place of step @k in what step @m mounts, and in nothing that is mounted on that before? */
static bool
is_in(const struct mount_step *m, const struct mount_step *k)
{
	if (!path_is_below(k->dst, m->dst))
		return false;
	while (++m < k)
		if (is_mount(m) && path_is_below(k->dst, m->dst))
			return false;
	return true;
}

/* S_IFDIR or S_IFREG; 0: there will be no mount, or an error that the step itself tells. */
static mode_t
type_of_point(const struct rootfs *r, const struct mount_step *m)
{
	struct err ignored = ERR_INIT;
	AUTO_FD fd = -1;
	struct stat st;

	if (!is_mount(m) || m->op == MOUNT_FILE)
		return is_mount(m) ? S_IFREG : 0;
	if (m->op != MOUNT_BIND && m->op != MOUNT_DEVICE)
		return S_IFDIR;
	fd = rootfs_open_source(r, m, m->src, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG;
}

static bool
is_missing(const int *lowers, size_t n, const char *rel)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	for (size_t i = 0; i < n; i++) {
		AUTO_FD fd = sys_openat2(lowers[i], rel, &how);

		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
			return false;
	}
	return true;
}

/* The directory in which the whole of step @m's root is made, that is to say "/". */
static int
open_ground(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const bool in_layer = m->op == MOUNT_OVERLAY && m->trusted;
	const int dir_fd = in_layer ? r->layer_fd : AT_FDCWD;
	char name[NAME_MAX + 1];
	int fd;

	if (in_layer && r->spec->layer_keep) {
		if (layer_name(r->spec, m, name, e) < 0)
			return -e->code;
		name[0] = 'g';
	} else {
		(void)snprintf(name, sizeof(name), "g%u", (unsigned int)(m - r->spec->mounts));
	}
	if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make a directory in the layer");
	fd = sys_openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return fd < 0 ? err_sys(e, "open a directory in the layer") : fd;
}

static int
make_point(const struct rootfs *g, const struct mount_step *m, mode_t type, struct err *e)
{
	AUTO_FD fd = target_open(g, m->dst, S_ISDIR(type), S_ISDIR(type) ? 0755 : 0644, e);

	return fd < 0 ? fd : 0;
}

int
ground_open(const struct rootfs *r, const struct mount_step *m, const int *lowers, size_t n,
	    int *ret, struct err *e)
{
	const struct mount_step *end = r->spec->mounts + r->spec->n_mounts;
	const size_t len = m->dst[1] ? strlen(m->dst) : 0;
	struct rootfs g = *r;
	AUTO_FD root = -1;

	g.has_folders = false;
	g.parent_mode = 0755;
	for (const struct mount_step *k = m + 1; k < end; k++) {
		const mode_t type = is_in(m, k) ? type_of_point(r, k) : 0;
		const char *rel = type ? k->dst + len + strspn(k->dst + len, "/") : "";

		if (!*rel || !is_missing(lowers, n, rel))
			continue;
		if (root < 0 && (root = g.root_fd = open_ground(r, m, e)) < 0)
			return root;
		if (make_point(&g, k, type, e) < 0)
			return -e->code;
	}
	if (root < 0)
		return 0;
	*ret = fd_open_in_root(root, m->dst, O_PATH | O_DIRECTORY, 0, e);
	return *ret < 0 ? *ret : 1;
}

/* One step of a mirror, or of what it is made for. */
static int
mirror_step(const struct rootfs *g, const struct mount_step *k, struct err *e)
{
	int r;

	switch (k->op) {
	case MOUNT_DIR:
		return file_dir(g, k, e);
	case MOUNT_COPY:
		r = file_copy(g, k, e);
		break;
	case MOUNT_SYMLINK:
		return file_symlink(g, k, e);
	default:
		return 0;
	}
	/* It went away meanwhile, or is not ours to read. */
	if (r < 0 && k->optional && (e->code == ENOENT || e->code == EACCES)) {
		err_clear(e);
		r = 0;
	}
	return r;
}

int
ground_mirror(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const struct mount_step *end = r->spec->mounts + r->spec->n_mounts;
	struct rootfs g = *r;
	AUTO_FD root = open_ground(r, m, e);
	int fd = -1, found;

	if (root < 0)
		return root;
	g.root_fd = root;
	g.has_folders = false;
	g.parent_mode = 0755;
	if (file_dir(&g, m, e) < 0)
		return -e->code;
	for (const struct mount_step *k = m + 1;
	     k < end && k->mirror && k->op != MOUNT_LAYER_DIR; k++)
		if (mirror_step(&g, k, e) < 0)
			return -e->code;
	/* Mount points in it are missing where nothing was mirrored. */
	found = ground_open(r, m, NULL, 0, &fd, e);
	if (found != 0)
		return found < 0 ? found : fd;
	return fd_open_in_root(root, m->dst, O_PATH | O_DIRECTORY, 0, e);
}
