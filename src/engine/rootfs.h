/*
 * rootfs - building the root file system of a sandbox (child phase C2)
 *
 * Runs in the child, in its new user and mount namespace, with all capabilities there and the
 * host's tree still as its root.  No malloc, no stdio.
 *
 * Everything that is rootlet's own (/proc, /sys, /dev, layers in memory) is put together in the
 * *stage*, a tmpfs that nobody else can see, with short relative names and plain mount(2) calls;
 * the stage is the current directory.  It is mounted over "/", where absolute paths do not see it.
 * Then each piece is moved to its place.  Places in the root are descriptors that come from
 * openat2(RESOLVE_IN_ROOT): no path of the sandbox is resolved twice.
 */
#ifndef ENGINE_ROOTFS_H
#define ENGINE_ROOTFS_H

#include <sys/stat.h>

#include "engine/source.h"

struct rootfs {
	const struct spec *spec;
	const struct source *sources; /* one for each step of the plan */
	const char *layer_path; /* the locked directory on disk, or NULL */
	int layer_fd;           /* the same, opened in our mount namespace; -1: layer in memory */
	int root_fd;            /* O_PATH of the new root, once mounted */
	int cwd_fd;             /* O_PATH of the caller's directory, or -1 */
	mode_t parent_mode;     /* of directories that are made on the way to a mount point */
	int pty_fd;             /* master of the pty, or -1 */
	bool has_folders;       /* of the host, in a plan of ours: mount points are not made there */
	unsigned int serial;    /* makes names in stage and layer unique */
};

/* All of C2; afterwards "/" and the current directory are the new root. */
int rootfs_build(struct rootfs *r, struct err *e);

/* --- pieces, used between the files of this module --- */

/* The permissions that step @m gives to what it makes. */
static inline mode_t
rootfs_mode(const struct mount_step *m, mode_t usual)
{
	return m->mode < 0 ? usual : (mode_t)m->mode;
}

/* An O_PATH descriptor of @path, a source of step @m of the plan; of m->fd when @path is NULL. */
int rootfs_open_source(const struct rootfs *r, const struct mount_step *m, const char *path,
		       struct err *e);

/*
 * The place @dst in the root for a directory or a file, made when it is missing: in the layer, or
 * another mount of ours, but in a folder of the host only when the plan is the caller's own.  Returns
 * an O_PATH descriptor, or -errno.
 */
int target_open(const struct rootfs *r, const char *dst, bool is_dir, mode_t mode, struct err *e);

/*
 * The directory that @dst lies in, made when it is missing, for calls that create @dst itself.
 *
 * @ret_name: the last component, points into @dst
 */
int target_open_parent(const struct rootfs *r, const char *dst, const char **ret_name,
		       struct err *e);

/* The directory @dst, made wherever it is missing: the user named it. */
int target_make_dir(const struct rootfs *r, const char *dst, mode_t mode, struct err *e);

/*
 * The mount at @path relative to @dir_fd is ours: mount points may be made in it.  An empty path is
 * @dir_fd itself.
 */
int target_own(const struct rootfs *r, int dir_fd, const char *path, struct err *e);
/* The same for what has just been mounted at @dst. */
int target_own_dst(const struct rootfs *r, const char *dst, struct err *e);

/* Move the mount at @name in the stage to @dst, which in a plan of ours must not be a link. */
int stage_move(const struct rootfs *r, const char *name, const char *dst, struct err *e);

/* mount(2) on a name in the stage; @what is for the message. */
int stage_mount(const char *src, const char *name, const char *type, unsigned long flags,
		const char *data, struct err *e);

/*
 * Bind device node @src of the host on @name.  For the machine's root on a mount that is read-only:
 * the device can be written all the same, but its mode and owner are the host's and stay.
 */
int stage_bind_node(const struct rootfs *r, const char *src, const char *name);

/* Build the pieces in the stage and move them to their place. */
int stage_proc(struct rootfs *r, const struct mount_step *m, struct err *e);
int stage_sysfs(const struct rootfs *r, const struct mount_step *m, struct err *e);
int stage_dev(struct rootfs *r, const struct mount_step *m, struct err *e);

/* Hide @dst if it exists. */
int mask_path(const struct rootfs *r, const char *dst, struct err *e);

/* An overlay of the layer, or m->upper, over m->lowers at m->dst (the stage's "root" for "/"). */
int overlay_mount(struct rootfs *r, const struct mount_step *m, struct err *e);
/* An empty directory of the layer at m->dst (the stage's "root" for "/"). */
int layer_dir_mount(struct rootfs *r, const struct mount_step *m, struct err *e);

/*
 * The lowest directory of the overlay of step @m, for mount points of later steps that are missing in
 * the @n directories @lowers.
 *
 * @ret: owned, O_PATH
 *
 * Returns 1, or 0 when none is missing and there is no such directory.
 */
int ground_open(const struct rootfs *r, const struct mount_step *m, const int *lowers, size_t n,
		int *ret, struct err *e);
/* That of a mirror, with all its steps but the mounts.  Returns an O_PATH descriptor. */
int ground_mirror(const struct rootfs *r, const struct mount_step *m, struct err *e);
/* Has ground_mirror() done what step @m is for? */
static inline bool
ground_has(const struct rootfs *r, const struct mount_step *m)
{
	return r->spec->layer_told && m->mirror &&
	       (m->op == MOUNT_DIR || m->op == MOUNT_COPY || m->op == MOUNT_SYMLINK);
}

/* What is written or changed rather than mounted. */
int file_dir(const struct rootfs *r, const struct mount_step *m, struct err *e);
int file_copy(const struct rootfs *r, const struct mount_step *m, struct err *e);
int file_mount(struct rootfs *r, const struct mount_step *m, struct err *e);
int file_write(const struct rootfs *r, const struct mount_step *m, struct err *e);
int file_symlink(const struct rootfs *r, const struct mount_step *m, struct err *e);
int file_chmod(const struct rootfs *r, const struct mount_step *m, struct err *e);

/* Apply mount attributes to what is at @fd, and below it when @recursive. */
int mount_set_attr(int fd, uint64_t attr, bool recursive, struct err *e);

#endif
