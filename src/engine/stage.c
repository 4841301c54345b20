/*
 * stage - /proc, /sys and /dev, put together out of sight and then moved
 *
 * A step costs one plain mount(2) with a name relative to the stage; only rootlet ever wrote there,
 * so these names cannot be links.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/rootfs.h"
#include "kernel/sys.h"

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)

enum mask_when {
	MASK_ALWAYS,
	MASK_IF_HOST_ROOT, /* only the host's root may touch it: others need no mask */
};

/* What a sandbox must not read or write below /proc and /sys; runc's list and what leaks timing. */
static const struct mask {
	const char *path;
	enum mask_when when;
	enum mask_how { HIDE_FILE, HIDE_DIR, READ_ONLY } how;
} masks[] = {
	{ "proc/sys", MASK_ALWAYS, READ_ONLY },
	{ "proc/keys", MASK_ALWAYS, HIDE_FILE },
	{ "proc/key-users", MASK_ALWAYS, HIDE_FILE },
	{ "proc/interrupts", MASK_ALWAYS, HIDE_FILE },
	{ "proc/config.gz", MASK_ALWAYS, HIDE_FILE },
	{ "proc/acpi", MASK_ALWAYS, HIDE_DIR },
	{ "proc/asound", MASK_ALWAYS, HIDE_DIR },
	{ "proc/scsi", MASK_ALWAYS, HIDE_DIR },
	{ "proc/latency_stats", MASK_ALWAYS, HIDE_FILE },
	{ "proc/kcore", MASK_IF_HOST_ROOT, HIDE_FILE },
	{ "proc/kmsg", MASK_IF_HOST_ROOT, HIDE_FILE },
	{ "proc/kallsyms", MASK_IF_HOST_ROOT, HIDE_FILE },
	{ "proc/timer_list", MASK_IF_HOST_ROOT, HIDE_FILE },
	{ "proc/vmallocinfo", MASK_IF_HOST_ROOT, HIDE_FILE },
	{ "proc/sysrq-trigger", MASK_IF_HOST_ROOT, READ_ONLY },
	{ "proc/bus", MASK_IF_HOST_ROOT, READ_ONLY },
	{ "proc/fs", MASK_IF_HOST_ROOT, READ_ONLY },
	{ "proc/irq", MASK_IF_HOST_ROOT, READ_ONLY },
	{ "sys/firmware", MASK_ALWAYS, HIDE_DIR },
	{ "sys/fs/bpf", MASK_IF_HOST_ROOT, HIDE_DIR },
	{ "sys/fs/pstore", MASK_IF_HOST_ROOT, HIDE_DIR },
	{ "sys/kernel/debug", MASK_IF_HOST_ROOT, HIDE_DIR },
	{ "sys/kernel/security", MASK_IF_HOST_ROOT, HIDE_DIR },
	{ "sys/kernel/tracing", MASK_IF_HOST_ROOT, HIDE_DIR },
	{ "sys/devices/virtual/powercap", MASK_ALWAYS, HIDE_DIR },
};

static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };

static const struct {
	const char *text, *name;
} dev_links[] = {
	{ "pts/ptmx", "ptmx" },
	{ "/proc/self/fd", "fd" },
	{ "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" },
	{ "/proc/self/fd/2", "stderr" },
};

int
stage_mount(const char *src, const char *name, const char *type, unsigned long flags,
	    const char *data, struct err *e)
{
	if (mount(src, name, type, flags, data) < 0)
		return err_sys(e, "mount %s%s%s", type ? type : src ? src : name,
			       type ? " for /" : "", type ? name : "");
	return 0;
}

int
stage_move(const struct rootfs *r, const char *name, const char *dst, struct err *e)
{
	AUTO_FD target = -1;
	struct stat st;

	if (target_own(r, AT_FDCWD, name, e) < 0)
		return -e->code;
	if (!strchr(dst + 1, '/') && strcmp(dst, "/..") != 0) {
		/* A single component is not followed when it is a link: no look-up before. */
		if (sys_move_mount(AT_FDCWD, name, r->root_fd, dst + 1, 0) == 0)
			return 0;
		if (!r->spec->mounts_as_given &&
		    fstatat(r->root_fd, dst + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			return err_set(e, ELOOP, "%s of the base is a symbolic link", dst);
	}
	target = target_open(r, dst, true, 0755, e);
	if (target < 0)
		return target;
	if (sys_move_mount(AT_FDCWD, name, target, "", MOVE_MOUNT_T_EMPTY_PATH) < 0) {
		(void)err_sys(e, "mount %s", dst);
		return err_needs(e, "move_mount(2), Linux 5.2");
	}
	return 0;
}

/* What was there before has been moved to its place. */
static int
make_stage_dir(const char *name, mode_t mode, struct err *e)
{
	if (mkdir(name, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make %s in the stage", name);
	return 0;
}

int
stage_bind_node(const struct rootfs *r, const char *src, const char *name)
{
	if (mount(src, name, NULL, MS_BIND, NULL) < 0)
		return -1;
	if (!r->spec->host_root)
		return 0;
	return mount(NULL, name, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		     NULL);
}

/* Returns 1 when there was something to hide, 0 when not. */
static int
mask_one(const struct rootfs *rootfs, const struct mask *m, struct err *e)
{
	int r = 0;

	switch (m->how) {
	case HIDE_FILE:
		r = stage_bind_node(rootfs, "/dev/null", m->path);
		break;
	case HIDE_DIR:
		r = mount("tmpfs", m->path, "tmpfs", MS_RDONLY | QUIET, "size=0,nr_inodes=1");
		break;
	case READ_ONLY:
		r = mount(m->path, m->path, NULL, MS_BIND | MS_REC, NULL);
		if (r == 0)
			r = mount(NULL, m->path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | QUIET,
				  NULL);
		break;
	}
	if (r < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "mask /%s", m->path);
	return r == 0;
}

static int
mask_below(const struct rootfs *r, const char *top, struct err *e)
{
	size_t n = strlen(top);

	for (size_t i = 0; i < NELEMS(masks); i++) {
		if (strncmp(masks[i].path, top, n) != 0 || masks[i].path[n] != '/')
			continue;
		if (masks[i].when == MASK_IF_HOST_ROOT && !r->spec->host_root)
			continue;
		if (mask_one(r, &masks[i], e) < 0)
			return -e->code;
	}
	return 0;
}

/* The counters of each processor tell others what runs here.  Either all have them or none. */
static int
mask_thermal(const struct rootfs *rootfs, struct err *e)
{
	char path[64];
	int r;

	for (unsigned int cpu = 0;; cpu++) {
		(void)snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u", cpu);
		if (cpu > 0 && access(path, F_OK) < 0)
			return 0;
		(void)snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/thermal_throttle",
			       cpu);
		r = mask_one(rootfs, &(const struct mask){ .path = path, .how = HIDE_DIR }, e);
		if (r < 0 || (cpu == 0 && r == 0))
			return r;
	}
}

/* What the host has mounted at @src and below it. */
static int
bind_host_tree(const char *src, const char *name, uint64_t attr, struct err *e)
{
	AUTO_FD tree = sys_open_tree(AT_FDCWD, src,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0) {
		(void)err_sys(e, "bind the host's %s", src);
		return err_needs(e, "open_tree(2), Linux 5.2");
	}
	if (mount_set_attr(tree, attr | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true, e) < 0)
		return -e->code;
	if (sys_move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		(void)err_sys(e, "bind the host's %s", src);
		return err_needs(e, "move_mount(2), Linux 5.2");
	}
	return 0;
}

/* @plain: the options that can be hinted at are those of bwrap(1) */
static int
fresh_proc(bool plain, struct err *e)
{
	if (stage_mount("proc", "proc", "proc", QUIET, NULL, e) == 0)
		return 0;
	if (e->code == EPERM)
		return err_hint(e, "the /proc here is partly covered, as in a container: the kernel "
				   "refuses a new one; %s takes this one; see rootlet doctor",
				plain ? "a sandbox without --unshare-pid" : "--proc=host");
	return -e->code;
}

/* Read-only is what the caller could write: for anybody but root that is nothing. */
static int
protect_plain_proc(const struct rootfs *r, struct err *e)
{
	static const char *const paths[] = { "proc/sys", "proc/sysrq-trigger", "proc/irq",
					     "proc/bus" };

	for (size_t i = 0; i < NELEMS(paths); i++)
		if (access(paths[i], W_OK) == 0 &&
		    mask_one(r, &(const struct mask){ .path = paths[i], .how = READ_ONLY }, e) < 0)
			return -e->code;
	return 0;
}

int
stage_proc(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	/* Some files of processes outside belong to the caller, and could be written. */
	const uint64_t attr = m->plain ? 0 : MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
	int done;

	if (make_stage_dir("proc", 0555, e) < 0)
		return -e->code;
	done = m->from_host ? bind_host_tree("/proc", "proc", attr, e) : fresh_proc(m->plain, e);
	if (done < 0)
		return done;
	if (m->plain ? protect_plain_proc(r, e) < 0 : !m->unmasked && mask_below(r, "proc", e) < 0)
		return -e->code;
	return stage_move(r, "proc", m->dst, e);
}

int
stage_sysfs(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	int done;

	if (make_stage_dir("sys", 0555, e) < 0)
		return -e->code;
	if (r->spec->ns & SPEC_NS_NET)
		done = stage_mount("sysfs", "sys", "sysfs", MS_RDONLY | QUIET, NULL, e);
	else
		done = bind_host_tree("/sys", "sys", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, e);
	if (done < 0 || (!m->unmasked && (mask_below(r, "sys", e) < 0 || mask_thermal(r, e) < 0)))
		return -e->code;
	return stage_move(r, "sys", m->dst, e);
}

static int
stage_devices(const struct rootfs *r, struct err *e)
{
	char src[32], name[32];

	for (size_t i = 0; i < NELEMS(devices); i++) {
		(void)snprintf(src, sizeof(src), "/dev/%s", devices[i]);
		(void)snprintf(name, sizeof(name), "dev/%s", devices[i]);
		if (mknod(name, S_IFREG | 0666, 0) < 0)
			return err_sys(e, "make /%s", name);
		if (stage_bind_node(r, src, name) < 0)
			return err_sys(e, "bind %s", src);
	}
	for (size_t i = 0; i < NELEMS(dev_links); i++) {
		(void)snprintf(name, sizeof(name), "dev/%s", dev_links[i].name);
		if (symlink(dev_links[i].text, name) < 0)
			return err_sys(e, "make /%s", name);
	}
	return 0;
}

/* The first pty of the new instance becomes terminal and console of the sandbox. */
static int
stage_pty(struct rootfs *r, struct err *e)
{
	int unlock = 0;

	r->pty_fd = open("dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->pty_fd < 0)
		return err_sys(e, "open /dev/ptmx");
	if (ioctl(r->pty_fd, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock the pty");
	if (mknod("dev/console", S_IFREG | 0620, 0) < 0)
		return err_sys(e, "make /dev/console");
	return stage_mount("dev/pts/0", "dev/console", NULL, MS_BIND, NULL, e);
}

/* The parts that every /dev has, in the mount at "dev". */
static int
fill_dev(const struct rootfs *r, mode_t shm_mode, struct err *e)
{
	if (stage_devices(r, e) < 0 || make_stage_dir("dev/shm", shm_mode, e) < 0 ||
	    make_stage_dir("dev/pts", 0755, e) < 0)
		return -e->code;
	return stage_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			   "newinstance,ptmxmode=0666,mode=620", e);
}

/* The terminal outside becomes the console: the program can write there anyway. */
static int
plain_dev(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	AUTO_FD dev = -1;

	if (stage_mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", e) < 0 ||
	    fill_dev(r, 0755, e) < 0)
		return -e->code;
	if (symlink("/proc/kcore", "dev/core") < 0)
		return err_sys(e, "make %s/core", m->dst);
	if (m->src && mknod("dev/console", S_IFREG | 0666, 0) < 0)
		return err_sys(e, "make %s/console", m->dst);
	if (m->src && stage_mount(m->src, "dev/console", NULL, MS_BIND, NULL, e) < 0)
		return -e->code;
	dev = sys_openat(AT_FDCWD, "dev", O_PATH | O_DIRECTORY, 0);
	if (dev < 0)
		return err_sys(e, "open %s", m->dst);
	return mount_set_attr(dev, MOUNT_ATTR_NOSUID, true, e);
}

static int
container_dev(struct rootfs *r, struct err *e)
{
	if (stage_mount("dev", "dev", NULL, MS_BIND, NULL, e) < 0 ||
	    fill_dev(r, 01777, e) < 0 || make_stage_dir("dev/mqueue", 0755, e) < 0)
		return -e->code;
	if ((r->spec->ns & SPEC_NS_IPC) &&
	    stage_mount("mqueue", "dev/mqueue", "mqueue", QUIET, NULL, e) < 0)
		return -e->code;
	return r->spec->tty ? stage_pty(r, e) : 0;
}

int
stage_dev(struct rootfs *r, const struct mount_step *m, struct err *e)
{
	if (make_stage_dir("dev", 0755, e) < 0 ||
	    (m->plain ? plain_dev(r, m, e) : container_dev(r, e)) < 0)
		return -e->code;
	return stage_move(r, "dev", m->dst, e);
}

int
mask_path(const struct rootfs *r, const char *dst, struct err *e)
{
	AUTO_FD fd = fd_open_in_root(r->root_fd, dst, O_PATH, 0, e);
	char name[32];
	struct stat st;
	int done;

	if (fd < 0) {
		err_clear(e);
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", dst);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (S_ISDIR(st.st_mode))
		done = mount("tmpfs", name, "tmpfs", MS_RDONLY | QUIET,
			     "size=0,nr_inodes=1,mode=0700");
	else
		done = stage_bind_node(r, "/dev/null", name);
	return done < 0 ? err_sys(e, "mask %s", dst) : 0;
}
