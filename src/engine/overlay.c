/*
 * overlay - mounts of the writable layer
 *
 * Upper and work directories of step N of the plan are called uN and wN, in the stage (a tmpfs) or in
 * the layer's directory on disk: who made the plan can find what was written where.  All options are
 * `userxattr` (the only way to have opaque directories in a user namespace, Linux 5.11) and `volatile`
 * (no sync: the layer is thrown away, 5.10).  In a layer that is kept they have the names of
 * layer_name() and may be there already, and it is not volatile.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/record.h"
#include "base/str.h"
#include "engine/layer.h"
#include "engine/overlay-mount.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

static void
overlay_close(struct overlay *o)
{
	for (size_t i = 0; i < o->n; i++)
		fd_closep(&o->lowers[i]);
	o->n = 0;
	fd_closep(&o->upper_fd);
	fd_closep(&o->work_fd);
}

/* What earlier directories of a layer that is kept have by that name. */
static int
open_below(const struct rootfs *r, struct overlay *o, const char *name, struct err *e)
{
	for (char **p = r->spec->layer_below; p && *p; p++) {
		AUTO_FD dir = sys_openat(AT_FDCWD, *p, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0), fd = -1;

		if (dir < 0)
			return err_sys(e, "open the layer %s", *p);
		fd = sys_openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_sys(e, "open the layer %s/%s", *p, name);
		if (o->n == OVERLAY_LOWERS_MAX)
			return err_set(e, E2BIG, "more than %d layers", OVERLAY_LOWERS_MAX);
		o->lowers[o->n++] = TAKE_FD(fd);
	}
	return 0;
}


static int
open_lowers(const struct rootfs *r, struct overlay *o, const struct mount_step *m, struct err *e)
{
	char name[NAME_MAX + 1];

	if (m->trusted && !m->upper && !r->spec->layer_below && !r->spec->layer_told &&
	    overlay_are_beside(m->lowers))
		o->beside = m->lowers;
	if (r->spec->layer_below && !m->upper && !m->lowers_only &&
	    (layer_name(r->spec, m, name, e) < 0 || open_below(r, o, name, e) < 0))
		return -e->code;
	for (char **p = m->lowers; *p && !(o->beside && o->n); p++) {
		int fd;

		if (o->n == OVERLAY_LOWERS_MAX)
			return err_set(e, E2BIG, "more than %d layers", OVERLAY_LOWERS_MAX);
		fd = rootfs_open_source(r, m, *p, e);
		if (fd < 0)
			return fd;
		o->lowers[o->n++] = fd;
	}
	return 0;
}

/* The caller's own directories, which stay. */
static int
open_upper(const struct rootfs *r, struct overlay *o, const struct mount_step *m, struct err *e)
{
	o->upper_fd = rootfs_open_source(r, m, m->upper, e);
	if (o->upper_fd < 0)
		return -e->code;
	o->work_fd = rootfs_open_source(r, m, m->work, e);
	if (o->work_fd < 0)
		return -e->code;
	(void)snprintf(o->upper, sizeof(o->upper), "/proc/self/fd/%d", o->upper_fd);
	(void)snprintf(o->work, sizeof(o->work), "/proc/self/fd/%d", o->work_fd);
	return 0;
}

/* Where all layers are taken there is none, and mount points are told like what the program made. */
static int
add_ground(const struct rootfs *r, struct overlay *o, const struct mount_step *m, struct err *e)
{
	int found;

	if (!r->spec->layer_told || o->n == OVERLAY_LOWERS_MAX)
		return 0;
	found = ground_open(r, m, o->lowers, o->n, &o->lowers[o->n], e);
	if (found < 0)
		return found;
	o->n += (size_t)found;
	return 0;
}

/*
 * A directory of the layer that looks like @like: what is seen at the top of an overlay are the
 * attributes of the upper directory.  An owner outside of our map cannot be given; then it is ours.
 */
static int
make_upper(const struct rootfs *r, int dir_fd, const char *name, const struct stat *like,
	   struct err *e)
{
	const uint32_t unmapped = 65534;
	bool known = r->spec->idmap == SPEC_IDMAP_ROOT ||
		     (like->st_uid != unmapped && like->st_gid != unmapped);

	if (mkdirat(dir_fd, name, like->st_mode & 07777) < 0)
		return err_sys(e, "make a directory in the layer");
	if (known && (like->st_uid || like->st_gid) &&
	    fchownat(dir_fd, name, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the owner of a directory in the layer");
	/*
	 * mkdirat(2) and chown(2) drop the bits for user and group, which nobody has removed, whoever the
	 * owner is: they would be told as a change.
	 */
	if ((like->st_mode & 06000) && fchmodat(dir_fd, name, like->st_mode & 07777, 0) < 0)
		return err_sys(e, "set the mode of a directory in the layer");
	return 0;
}

/*
 * Before Linux 6.6 a tmpfs has no user xattrs, and an overlay on it breaks later, at rmdir: unless it
 * will be read-only by then.  Callers with a plan of their own know what they get.
 */
static int
check_ram_xattr(const char *work, struct err *e)
{
	if (setxattr(work, "user.rootlet.probe", "", 0, 0) == 0)
		return 0;
	(void)err_sys(e, "layer in memory: extended attributes on tmpfs");
	return err_hint(e, "this needs Linux 6.6; use --layer=disk; see rootlet doctor");
}

/* The owner that is recorded for the lower directory, and in it, is that of the upper one, too. */
static void
copy_record(const struct rootfs *r, int lower_fd, const char *upper)
{
	static const char *const names[] = { RECORD_ATTRIBUTE, RECORD_NAMES_ATTRIBUTE };
	char from[32], value[RECORD_NAMES_SIZE];

	if (!r->spec->emulate_owners || r->serial == 0)
		return;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", lower_fd);
	for (size_t i = 0; i < NELEMS(names); i++) {
		const ssize_t n = getxattr(from, names[i], value, sizeof(value));

		if (n > 0)
			(void)setxattr(upper, names[i], value, (size_t)n, 0);
	}
}

/* Complete under its name, or not there; what is there has the owner that the program gave it. */
static int
make_kept_upper(const struct rootfs *r, const char *name, int lower_fd, const struct stat *like,
		struct err *e)
{
	char path[40];

	if (faccessat(r->layer_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	(void)unlinkat(r->layer_fd, "new", AT_REMOVEDIR);
	if (make_upper(r, r->layer_fd, "new", like, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/new", r->layer_fd);
	copy_record(r, lower_fd, path);
	if (renameat(r->layer_fd, "new", r->layer_fd, name) < 0)
		return err_sys(e, "name a directory in the layer");
	return 0;
}

static int
make_kept_dirs(struct rootfs *r, const struct mount_step *m, struct overlay *o, struct err *e)
{
	char upper[NAME_MAX + 1], work[NAME_MAX + 1];
	struct stat st;

	if (fstat(o->lowers[0], &st) < 0)
		return err_sys(e, "stat the lower directory");
	if (layer_name(r->spec, m, upper, e) < 0 ||
	    make_kept_upper(r, upper, o->lowers[0], &st, e) < 0)
		return -e->code;
	r->serial++;
	memcpy(work, upper, sizeof(work));
	work[0] = upper[0] == 'u' ? 'w' : 'x';
	if (mkdirat(r->layer_fd, work, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make a directory in the layer");
	(void)snprintf(o->upper, sizeof(o->upper), "/proc/self/fd/%d/%s", r->layer_fd, upper);
	(void)snprintf(o->work, sizeof(o->work), "/proc/self/fd/%d/%s", r->layer_fd, work);
	o->kept = true;
	return 0;
}

static int
make_layer_dirs(struct rootfs *r, const struct mount_step *m, struct overlay *o, struct err *e)
{
	const unsigned int step = (unsigned int)(m - r->spec->mounts);
	char upper[16], work[16], at[32] = OVERLAY_STAGE;
	int dir_fd = r->layer_fd >= 0 ? r->layer_fd : AT_FDCWD;
	struct stat st;

	if (fstat(o->lowers[0], &st) < 0)
		return err_sys(e, "stat the lower directory");
	(void)snprintf(upper, sizeof(upper), "u%u", step);
	(void)snprintf(work, sizeof(work), "w%u", step);
	if (make_upper(r, dir_fd, upper, &st, e) < 0)
		return -e->code;
	if (mkdirat(dir_fd, work, 0700) < 0)
		return err_sys(e, "make a directory in the layer");
	if (r->layer_fd >= 0)
		(void)snprintf(at, sizeof(at), "/proc/self/fd/%d/", r->layer_fd);
	else if (r->serial == 0 && !r->spec->read_only && !r->spec->mounts_as_given &&
		 check_ram_xattr(work, e) < 0)
		return -e->code;
	(void)snprintf(o->upper, sizeof(o->upper), "%s%s", at, upper);
	copy_record(r, o->lowers[0], o->upper);
	(void)snprintf(o->work, sizeof(o->work), "%s%s", at, work);
	r->serial++;
	return 0;
}

/* Where mount(2) puts a step: the stage's "root", or the target by its descriptor. */
static int
open_place(struct rootfs *r, const struct mount_step *m, int *ret_target, char place[32],
	   struct err *e)
{
	if (r->root_fd < 0) {
		if (mkdir("root", 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make the root in the stage");
		memcpy(place, OVERLAY_STAGE "root", sizeof(OVERLAY_STAGE "root"));
		return 0;
	}
	*ret_target = target_open(r, m->dst, true, 0755, e);
	if (*ret_target < 0)
		return -e->code;
	(void)snprintf(place, 32, "/proc/self/fd/%d", *ret_target);
	return 0;
}

static int
mount_overlay_once(struct rootfs *r, const struct mount_step *m, struct overlay *o, struct err *e)
{
	AUTO_FD target = -1;
	char place[32];

	if (open_place(r, m, &target, place, e) < 0)
		return -e->code;
	if (!m->upper && !m->lowers_only &&
	    (r->spec->layer_keep ? make_kept_dirs(r, m, o, e) : make_layer_dirs(r, m, o, e)) < 0)
		return -e->code;
	if (overlay_mount_on(o, place) < 0) {
		(void)err_sys(e, "overlay on %s", m->lowers ? m->lowers[0] : m->dst);
		if (e->code == ELOOP)
			return err_hint(e, "its directories may not contain each other");
		if (e->code == EINVAL)
			return err_hint(e, "is something mounted below it, or is the layer's "
					   "directory on a file system that cannot hold one? "
					   "see rootlet doctor");
		return -e->code;
	}
	return 0;
}

/* A descriptor for each layer may be more than the caller has; the program gets his limit again. */
static void
set_limit(const struct mount_step *m, struct rlimit *old, bool restore)
{
	struct rlimit high;

	if (strv_len(m->lowers) <= OVERLAY_SOME_LOWERS)
		return;
	if (restore) {
		(void)setrlimit(RLIMIT_NOFILE, old);
	} else if (getrlimit(RLIMIT_NOFILE, old) == 0) {
		high = (struct rlimit){ .rlim_cur = old->rlim_max, .rlim_max = old->rlim_max };
		(void)setrlimit(RLIMIT_NOFILE, &high);
	}
}

int
overlay_mount(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	struct overlay o = { .n = 0, .upper_fd = -1, .work_fd = -1 };
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	int done;

	set_limit(m, &limit, false);
	done = open_lowers(r, &o, m, e);
	if (done < 0 && e->code == EMFILE)
		(void)err_hint(e, "each layer takes a descriptor while they are mounted: ulimit -Hn 1024");
	if (done == 0 && m->upper)
		done = open_upper(r, &o, m, e);
	else if (done == 0 && !m->lowers_only)
		done = add_ground(r, &o, m, e);
	if (done == 0)
		done = mount_overlay_once(r, m, &o, e);
	if (done < 0 && e->code == EINVAL && r->layer_fd >= 0 &&
	    r->spec->layer == SPEC_LAYER_AUTO) {
		/* Overlay on overlay, NFS, FAT ...: memory takes the layer instead. */
		fd_closep(&r->layer_fd);
		err_clear(e);
		done = mount_overlay_once(r, m, &o, e);
	}
	overlay_close(&o);
	set_limit(m, &limit, true);
	return done;
}

/* A mirror that the layer lies over, so that what it takes is what the program changed. */
static int
mirror_mount(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	struct overlay o = { .n = 0, .upper_fd = -1, .work_fd = -1 };
	char name[NAME_MAX + 1];
	int fd, done = layer_name(r->spec, m, name, e);

	if (done == 0 && (done = open_below(r, &o, name, e)) == 0 && o.n == OVERLAY_LOWERS_MAX)
		done = err_set(e, E2BIG, "more than %d layers", OVERLAY_LOWERS_MAX);
	if (done == 0 && (fd = done = ground_mirror(r, m, e)) >= 0) {
		o.lowers[o.n++] = fd;
		done = mount_overlay_once(r, m, &o, e);
	}
	overlay_close(&o);
	if (done < 0)
		return done;
	return r->root_fd < 0 ? target_own(r, AT_FDCWD, "root", e) : target_own_dst(r, m->dst, e);
}

/* A directory of the layer that earlier ones have had: they show through.  Returns 1 when none has. */
static int
mount_over_earlier(struct rootfs *r, const struct mount_step *m, const char *name, struct err *e)
{
	struct overlay o = { .n = 0, .upper_fd = -1, .work_fd = -1 };
	int done = open_below(r, &o, name, e);

	if (done == 0)
		done = o.n == 0 ? 1 : mount_overlay_once(r, m, &o, e);
	overlay_close(&o);
	if (done != 0)
		return done;
	return r->root_fd < 0 ? target_own(r, AT_FDCWD, "root", e) : target_own_dst(r, m->dst, e);
}

static int
kept_dir_mount(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const bool is_root = r->root_fd < 0;
	const mode_t mode = rootfs_mode(m, 0755);
	char name[NAME_MAX + 1], src[32 + NAME_MAX], place[16];
	int done = layer_name(r->spec, m, name, e);

	if (done < 0 || (done = mount_over_earlier(r, m, name, e)) <= 0)
		return done;
	(void)snprintf(place, sizeof(place), "d%u", r->serial++);
	if (mkdir(is_root ? "root" : place, mode) < 0)
		return err_sys(e, "make a directory in the stage");
	if (mkdirat(r->layer_fd, name, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make a directory in the layer");
	(void)snprintf(src, sizeof(src), "/proc/self/fd/%d/%s", r->layer_fd, name);
	if (mount(src, is_root ? "root" : place, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount %s", m->dst);
	return is_root ? target_own(r, AT_FDCWD, "root", e) : stage_move(r, place, m->dst, e);
}

int
layer_dir_mount(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	const bool is_root = r->root_fd < 0;
	const mode_t mode = rootfs_mode(m, 0755);
	char name[16], src[48];

	if (r->spec->layer_told && m->mirror)
		return mirror_mount(r, m, e);
	if (r->spec->layer_keep)
		return kept_dir_mount(r, m, e);
	(void)snprintf(name, sizeof(name), "d%u", r->serial++);
	if (mkdir(is_root ? "root" : name, mode) < 0)
		return err_sys(e, "make a directory in the stage");
	(void)snprintf(src, sizeof(src), "%s", is_root ? "root" : name);
	if (r->layer_fd >= 0) {
		if (mkdirat(r->layer_fd, name, mode) < 0)
			return err_sys(e, "make a directory in the layer");
		(void)snprintf(src, sizeof(src), "/proc/self/fd/%d/%s", r->layer_fd, name);
	}
	if (mount(src, is_root ? "root" : name, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount %s", m->dst);
	return is_root ? target_own(r, AT_FDCWD, "root", e) : stage_move(r, name, m->dst, e);
}
