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
	{ "pts/ptmx", "dev/ptmx" },
	{ "/proc/self/fd", "dev/fd" },
	{ "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" },
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
	if (!strchr(dst + 1, '/')) {
		/* A single component is not followed when it is a link: no look-up before. */
		if (sys_move_mount(AT_FDCWD, name, r->root_fd, dst + 1, 0) == 0)
			return 0;
		if (fstatat(r->root_fd, dst + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
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

static int
make_stage_dir(const char *name, mode_t mode, struct err *e)
{
	return mkdir(name, mode) < 0 ? err_sys(e, "make %s in the stage", name) : 0;
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

int
stage_proc(const struct rootfs *r, const struct mount_step *m, struct err *e)
{
	if (make_stage_dir("proc", 0555, e) < 0)
		return -e->code;
	if (stage_mount("proc", "proc", "proc", QUIET, NULL, e) < 0) {
		if (e->code == EPERM)
			return err_hint(e, "the /proc here is partly covered, as in a container; "
					   "the kernel then refuses a new one");
		return -e->code;
	}
	if (!m->unmasked && mask_below(r, "proc", e) < 0)
		return -e->code;
	return stage_move(r, "proc", m->dst, e);
}

/* The host's /sys, without what the host has mounted below it when that can be helped. */
static int
bind_host_sysfs(struct err *e)
{
	AUTO_FD tree = sys_open_tree(AT_FDCWD, "/sys",
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0) {
		(void)err_sys(e, "bind the host's /sys");
		return err_needs(e, "open_tree(2), Linux 5.2");
	}
	if (mount_set_attr(tree,
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				   MOUNT_ATTR_NOEXEC,
			   true, e) < 0)
		return -e->code;
	if (sys_move_mount(tree, "", AT_FDCWD, "sys", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		(void)err_sys(e, "bind the host's /sys");
		return err_needs(e, "move_mount(2), Linux 5.2");
	}
	return 0;
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
		done = bind_host_sysfs(e);
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
	for (size_t i = 0; i < NELEMS(dev_links); i++)
		if (symlink(dev_links[i].text, dev_links[i].name) < 0)
			return err_sys(e, "make /%s", dev_links[i].name);
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

int
stage_dev(struct rootfs *r, const char *dst, struct err *e)
{
	if (make_stage_dir("dev", 0755, e) < 0 ||
	    stage_mount("dev", "dev", NULL, MS_BIND, NULL, e) < 0 || stage_devices(r, e) < 0 ||
	    make_stage_dir("dev/shm", 01777, e) < 0 || make_stage_dir("dev/pts", 0755, e) < 0 ||
	    make_stage_dir("dev/mqueue", 0755, e) < 0 ||
	    stage_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			"newinstance,ptmxmode=0666,mode=620", e) < 0)
		return -e->code;
	if ((r->spec->ns & SPEC_NS_IPC) &&
	    stage_mount("mqueue", "dev/mqueue", "mqueue", QUIET, NULL, e) < 0)
		return -e->code;
	if (r->spec->tty && stage_pty(r, e) < 0)
		return -e->code;
	return stage_move(r, "dev", dst, e);
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
