/*
 * sys - the only file that calls syscall(2)
 *
 * The kernel's names with a sys_ prefix and the kernel's contract (-1 and
 * errno), so a newer C library can never clash with them.  Constants that the
 * headers of Debian 12 (Linux 6.1) lack are defined here and nowhere else.
 */
#ifndef KERNEL_SYS_H
#define KERNEL_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <sys/stat.h>

#ifndef __GLIBC__ /* glibc's <sys/mount.h> has these, and clashes with the kernel's header */
#include <linux/mount.h>
#include <linux/stat.h>
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER /* ABI 2, Linux 5.19 */
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE /* ABI 3, Linux 6.2 */
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define SYS_LANDLOCK_SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6, Linux 6.12 */
#define SYS_LANDLOCK_SCOPE_SIGNAL        (1ULL << 1)

/* struct landlock_ruleset_attr of ABI 6; older kernels take a prefix of it. */
struct sys_landlock_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/*
 * open(2) in one system call: musl follows each with fcntl(F_SETFD), for kernels that do not know
 * O_CLOEXEC (before 2.6.23).
 */
static inline int
sys_openat(int dfd, const char *path, int flags, mode_t mode)
{
	return (int)syscall(__NR_openat, dfd, path, flags | O_CLOEXEC | O_LARGEFILE, mode);
}

static inline int
sys_openat2(int dfd, const char *path, struct open_how *how)
{
	int fd, tries = 100;

	/* With RESOLVE_..., when something on the machine is renamed or mounted meanwhile. */
	do
		fd = (int)syscall(__NR_openat2, dfd, path, how, sizeof(*how));
	while (fd < 0 && errno == EAGAIN && how->resolve && --tries > 0);
	return fd;
}

static inline int
sys_statx(int dfd, const char *path, int flags, unsigned int mask, struct statx *st)
{
	return (int)syscall(__NR_statx, dfd, path, flags, mask, st);
}

static inline pid_t
sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(__NR_clone3, args, sizeof(*args));
}

/* clone(2) as fork(2) with namespaces; only these flags, so the argument order is the same. */
static inline pid_t
sys_clone_fork(unsigned long flags)
{
	return (pid_t)syscall(__NR_clone, flags, 0UL, 0UL, 0UL, 0UL);
}

static inline int
sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(__NR_pidfd_open, pid, flags);
}

static inline int
sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(__NR_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* The default action, also for the signals that libc keeps for itself. */
static inline int
sys_sigaction_default(int sig)
{
	/* More than the kernel's struct sigaction: no handler, no flags, no mask. */
	static const unsigned long dfl[8];

	return (int)syscall(__NR_rt_sigaction, sig, dfl, NULL, 8);
}

static inline int
sys_capget(struct __user_cap_header_struct *h, struct __user_cap_data_struct *d)
{
	return (int)syscall(__NR_capget, h, d);
}

static inline int
sys_capset(struct __user_cap_header_struct *h, const struct __user_cap_data_struct *d)
{
	return (int)syscall(__NR_capset, h, d);
}

static inline int
sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(__NR_close_range, first, last, flags);
}

static inline int
sys_open_tree(int dfd, const char *path, unsigned int flags)
{
	return (int)syscall(__NR_open_tree, dfd, path, flags);
}

static inline int
sys_move_mount(int from_dfd, const char *from, int to_dfd, const char *to, unsigned int flags)
{
	return (int)syscall(__NR_move_mount, from_dfd, from, to_dfd, to, flags);
}

static inline int
sys_fsopen(const char *fstype, unsigned int flags)
{
	return (int)syscall(__NR_fsopen, fstype, flags);
}

static inline int
sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(__NR_fsconfig, fd, cmd, key, value, aux);
}

static inline int
sys_fsmount(int fd, unsigned int flags, unsigned int attr)
{
	return (int)syscall(__NR_fsmount, fd, flags, attr);
}

static inline int
sys_mount_setattr(int dfd, const char *path, unsigned int flags, struct mount_attr *attr)
{
	return (int)syscall(__NR_mount_setattr, dfd, path, flags, attr, sizeof(*attr));
}

static inline int
sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(__NR_pivot_root, new_root, put_old);
}

static inline int
sys_seccomp(unsigned int op, unsigned int flags, void *args)
{
	return (int)syscall(__NR_seccomp, op, flags, args);
}

static inline long
sys_keyctl_join_session(void)
{
	return syscall(__NR_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL, 0, 0, 0);
}

static inline int
sys_landlock_create_ruleset(const struct sys_landlock_ruleset_attr *attr, size_t size,
			    uint32_t flags)
{
	return (int)syscall(__NR_landlock_create_ruleset, attr, size, flags);
}

static inline int
sys_landlock_add_path(int ruleset_fd, const struct landlock_path_beneath_attr *attr)
{
	return (int)syscall(__NR_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, attr,
			    0);
}

static inline int
sys_landlock_restrict_self(int ruleset_fd)
{
	return (int)syscall(__NR_landlock_restrict_self, ruleset_fd, 0);
}

/* setuid(2) & co. of the calling thread alone, not glibc's broadcast to all threads. */
static inline int
sys_setresuid(uid_t uid)
{
	return (int)syscall(__NR_setresuid, uid, uid, uid);
}

static inline int
sys_setresgid(gid_t gid)
{
	return (int)syscall(__NR_setresgid, gid, gid, gid);
}

static inline int
sys_setgroups(size_t n, const gid_t *groups)
{
	return (int)syscall(__NR_setgroups, n, groups);
}

#endif
