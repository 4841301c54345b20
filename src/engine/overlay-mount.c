/*
 * overlay-mount - the mount(2) of an overlay, or the calls in its place
 *
 * It takes one page of options: names of layers where they are short, descriptors where there are few,
 * and what is more goes through fsconfig(2).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/overlay-mount.h"
#include "kernel/sys.h"

#define FEW_LOWERS 8
#define NAMES_MAX  3072 /* bytes: leaves room for the other options */

/* The length of the directory that @path lies in, with the slash behind it. */
static size_t
dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Nothing that is special in the options of a mount, or in a path. */
static bool
is_plain(const char *name)
{
	const char *p = name;

	while ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z'))
		p++;
	return p > name && !*p;
}

bool
overlay_are_beside(char *const *lowers)
{
	const size_t n_dir = dir_length(lowers[0]);
	size_t size = 0;

	if (lowers[0][0] != '/' || !lowers[1])
		return false;
	for (char *const *p = lowers; *p; p++) {
		if (strncmp(*p, lowers[0], n_dir) != 0 || !is_plain(*p + n_dir))
			return false;
		size += strlen(*p + n_dir) + 1;
	}
	return size <= NAMES_MAX;
}

/* What is thrown away need not be synced: but only that. */
static bool
is_volatile(const struct overlay *o)
{
	return o->upper[0] && o->upper_fd < 0 && !o->kept;
}

/* All but the lower directories.  Returns their length, which may be more than @size. */
static size_t
put_options(const struct overlay *o, char *opts, size_t size)
{
	return (size_t)snprintf(opts, size, "userxattr%s%s%s%s%s,lowerdir=",
				is_volatile(o) ? ",volatile" : "",
				o->upper[0] ? ",upperdir=" : "", o->upper,
				o->upper[0] ? ",workdir=" : "", o->work);
}

static int
mount_with(const char *place, const char *opts, size_t n, size_t size)
{
	if (n >= size) {
		errno = E2BIG;
		return -1;
	}
	return mount("overlay", place, "overlay", MS_NODEV, opts);
}

/* @linked: lower directories have links in the stage, called like their descriptors */
static int
mount_by_options(const struct overlay *o, const char *place, bool linked, char *opts, size_t size)
{
	size_t n = put_options(o, opts, size);

	for (size_t i = 0; i < o->n && n < size; i++)
		n += (size_t)snprintf(opts + n, size - n, linked ? "%s%d" : "%s/proc/self/fd/%d",
				      i ? ":" : "", o->lowers[i]);
	return mount_with(place, opts, n, size);
}

/* From the directory that the layers lie in. */
static int __attribute__((noinline))
mount_beside(const struct overlay *o, const char *place)
{
	const size_t n_dir = dir_length(o->beside[0]);
	char opts[NAMES_MAX + 1024];
	size_t n = (size_t)snprintf(opts, sizeof(opts), "%.*s", (int)n_dir, o->beside[0]);
	int done, saved;

	if (n >= sizeof(opts) || chdir(opts) < 0)
		return -1;
	n = put_options(o, opts, sizeof(opts));
	for (char *const *p = o->beside; *p && n < sizeof(opts); p++) {
		const size_t len = strlen(*p + n_dir);

		if (p > o->beside)
			opts[n++] = ':';
		if (n + len < sizeof(opts))
			memcpy(opts + n, *p + n_dir, len + 1);
		n += len;
	}
	done = mount_with(place, opts, n, sizeof(opts));
	saved = errno;
	if (chdir(OVERLAY_STAGE) < 0)
		return -1;
	errno = saved;
	return done;
}

/* One mount(2), on a piece of stack that need not be touched anew: a page fault costs as much. */
static int
mount_few(const struct overlay *o, const char *place)
{
	char opts[1280];

	return mount_by_options(o, place, false, opts, sizeof(opts));
}

static int __attribute__((noinline))
mount_some(const struct overlay *o, const char *place, bool linked)
{
	char opts[4096];

	return mount_by_options(o, place, linked, opts, sizeof(opts));
}

/*
 * Where there is no lowerdir+: mount(2) takes 4096 bytes of options, in which 500 layers have room when
 * their names have no more than four, as links in the stage have.
 */
static int
mount_linked(const struct overlay *o, const char *place)
{
	char name[16], to[32];
	int r = 0, saved;

	for (size_t i = 0; r == 0 && i < o->n; i++) {
		(void)snprintf(name, sizeof(name), "%d", o->lowers[i]);
		(void)snprintf(to, sizeof(to), "/proc/self/fd/%d", o->lowers[i]);
		r = symlink(to, name);
	}
	if (r == 0)
		r = mount_some(o, place, true);
	saved = errno;
	for (size_t i = 0; i < o->n; i++) {
		(void)snprintf(name, sizeof(name), "%d", o->lowers[i]);
		(void)unlink(name);
	}
	errno = saved;
	return r;
}

/* The new mount API: lowerdir+ (Linux 6.8) takes one layer a call, up to 500.  1: it is not there. */
static int __attribute__((noinline))
mount_many(const struct overlay *o, const char *place)
{
	AUTO_FD fs = sys_fsopen("overlay", FSOPEN_CLOEXEC), mnt = -1;
	char lower[32];
	int r = fs;

	if (fs < 0)
		return 1;

	for (size_t i = 0; r >= 0 && i < o->n; i++) {
		(void)snprintf(lower, sizeof(lower), "/proc/self/fd/%d", o->lowers[i]);
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", lower, 0);
		if (r < 0 && i == 0)
			return 1;
	}
	if (r >= 0 && o->upper[0]) {
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", o->upper, 0);
		if (r >= 0)
			r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "workdir", o->work, 0);
	}
	if (r >= 0 && is_volatile(o))
		r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
	if (r < 0 || sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (mnt < 0)
		return -1;
	return sys_move_mount(mnt, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
}

int
overlay_mount_on(const struct overlay *o, const char *place)
{
	int r;

	if (o->beside)
		return mount_beside(o, place);
	if (o->n <= FEW_LOWERS)
		return mount_few(o, place);
	if (o->n <= OVERLAY_SOME_LOWERS)
		return mount_some(o, place, false);
	r = mount_many(o, place);
	return r > 0 ? mount_linked(o, place) : r;
}
