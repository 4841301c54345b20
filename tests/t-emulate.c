/*
 * Makes a user namespace with one id, as the engine does, with the handler in its PID 1 and the
 * tests in a child that has the filter.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "init/emulate.h"
#include "kernel/sys.h"
#include "tap.h"

#define ATTRIBUTE "user.containers.override_stat"

#ifndef __NR_fchmodat2 /* Linux 6.6 */
#define __NR_fchmodat2 452
#endif

/* The record of a file, or "-". */
static const char *
record(const char *path)
{
	static char value[128];
	ssize_t n = lgetxattr(path, ATTRIBUTE, value, sizeof(value) - 1);

	value[n < 0 ? 0 : n] = '\0';
	return n < 0 ? "-" : value;
}

static bool
is_record(const char *path, const char *want)
{
	const char *got = record(path);

	if (strcmp(got, want) == 0)
		return true;
	(void)printf("# %s: %s, not %s\n", path, got, want);
	return false;
}

static bool
fails(int r, int want)
{
	int got = r < 0 ? errno : 0;

	if (got == want)
		return true;
	(void)printf("# %s, not %s\n", strerror(got), strerror(want));
	return false;
}

static bool
make(const char *path, mode_t mode)
{
	AUTO_FD fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	return fd >= 0 && fchmod(fd, mode) == 0;
}

/* Run @fn in a child with its own credentials; true when it says so. */
static bool
in_child(bool (*fn)(void))
{
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool ok = fn();

		(void)fflush(stdout);
		_exit(ok ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static void
test_chown(void)
{
	OK(make("f", 0644) && chown("f", 5, 6) == 0, "chown of a file succeeds");
	OK(is_record("f", "5:6:0644:file"), "the owner is recorded");
	OK(chown("f", -1, 7) == 0 && is_record("f", "5:7:0644:file"), "-1 keeps the user");
	OK(chown("f", 8, -1) == 0 && is_record("f", "8:7:0644:file"), "-1 keeps the group");
	OK(chown("f", 0, 0) == 0 && is_record("f", "0:0:0644:file"), "an owner can be taken back");
	OK(make("clean", 0644) && chown("clean", 0, 0) == 0 && is_record("clean", "-"),
	   "a file of root gets no record");
	OK(mkdir("d", 0755) == 0 && lchown("d", 70000, 4294967294U) == 0 &&
	   is_record("d", "70000:4294967294:0755:dir"), "directories and large ids");
	OK(symlink("f", "l") == 0 && lchown("l", 1, 1) == 0 && is_record("f", "0:0:0644:file"),
	   "lchown of a symbolic link succeeds and leaves its target alone");
	OK(chown("l", 2, 2) == 0 && is_record("f", "2:2:0644:file"), "chown follows a link");
	OK(fchownat(AT_FDCWD, "l", 3, 3, AT_SYMLINK_NOFOLLOW) == 0 &&
	   is_record("f", "2:2:0644:file"), "fchownat with AT_SYMLINK_NOFOLLOW does not");
	OK(mkfifo("pipe", 0600) == 0 && chown("pipe", 1, 1) == 0, "chown of a FIFO does not block");
	OK(make("secret", 0) && chown("secret", 1, 2) == 0 && is_record("secret", "1:2:0000:file"),
	   "a file of mode 0 can be recorded");
	OK(make("suid", 06755) && chown("suid", 1, 2) == 0 && is_record("suid", "1:2:0755:file") &&
	   (mode_of("suid") & 07777) == 0755, "chown clears set-id bits");
}

static void
test_chown_fd(void)
{
	AUTO_FD fd = open("f", O_RDONLY | O_CLOEXEC);
	AUTO_FD dir = open("d", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];
	int p[2];

	OK(fchown(fd, 10, 11) == 0 && is_record("f", "10:11:0644:file"), "fchown");
	OK(fchownat(fd, "", 12, 13, AT_EMPTY_PATH) == 0 && is_record("f", "12:13:0644:file"),
	   "fchownat with AT_EMPTY_PATH");
	OK(fchownat(dir, "../f", 14, 15, 0) == 0 && is_record("f", "14:15:0644:file"),
	   "fchownat relative to a directory");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(chown(path, 16, 17) == 0 && is_record("f", "16:17:0644:file"), "/proc/self/fd/N");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/../f", dir);
	OK(chown(path, 18, 19) == 0 && is_record("f", "18:19:0644:file"), "below /proc/self/fd/N");
	OK(chown("/proc/self/cwd/f", 20, 21) == 0 && is_record("f", "20:21:0644:file"),
	   "/proc/self/cwd");
	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	OK(chown(path, 22, 23) == 0 && is_record("f", "22:23:0644:file"), "/proc/PID/fd/N");
	OK(fails(chown("/proc/1/cwd", 1, 1), EACCES) || errno == EINVAL || errno == ELOOP,
	   "magic links of init are not followed");
	OK(pipe2(p, O_CLOEXEC) == 0 && fchown(p[0], 1, 1) == 0, "fchown of a pipe");
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
test_chown_errors(void)
{
	char longest[PATH_MAX + 2];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	OK(fails(chown("missing", 1, 1), ENOENT), "missing file: ENOENT");
	OK(fails(chown("", 1, 1), ENOENT), "empty path: ENOENT");
	OK(fails(chown("f/x", 1, 1), ENOTDIR), "below a file: ENOTDIR");
	OK(fails(chown((char *)8, 1, 1), EFAULT), "bad pointer: EFAULT");
	OK(fails((int)syscall(SYS_fchownat, AT_FDCWD, NULL, 1, 1, 0), EFAULT),
	   "null pointer: EFAULT");
	OK(fails(chown(longest, 1, 1), ENAMETOOLONG), "endless path: ENAMETOOLONG");
	OK(fails(fchown(999, 1, 1), EBADF), "fchown of no descriptor: EBADF");
	OK(fails(fchown(-100, 1, 1), EBADF), "fchown of AT_FDCWD: EBADF");
	OK(fails(fchownat(999, "f", 1, 1, 0), EBADF), "fchownat below no descriptor: EBADF");
	OK(fails(fchownat(AT_FDCWD, "f", 1, 1, 0x40), EINVAL), "unknown flag: EINVAL");
	OK(symlink("loop", "loop") == 0 && fails(chown("loop", 1, 1), ELOOP), "loop: ELOOP");
	OK(mount("f", "f", NULL, MS_BIND, NULL) == 0 &&
	   mount(NULL, "f", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0 &&
	   fails(chown("f", 1, 1), EROFS), "read-only file system: EROFS");
	(void)umount2("f", MNT_DETACH);
}

static void
test_chmod(void)
{
	AUTO_FD fd = -1;

	OK(make("m", 0644) && chmod("m", 0600) == 0 && is_record("m", "-"),
	   "chmod records nothing by itself");
	OK(chown("m", 5, 6) == 0 && chmod("m", 02755) == 0 && is_record("m", "5:6:2755:file") &&
	   (mode_of("m") & 07777) == 02755, "chmod keeps the owner, mode and record in step");
	fd = open("m", O_RDONLY | O_CLOEXEC);
	OK(fchmod(fd, 0640) == 0 && is_record("m", "5:6:0640:file"), "fchmod");
	OK(fchmodat(AT_FDCWD, "m", 0604, 0) == 0 && is_record("m", "5:6:0604:file"), "fchmodat");
	if (syscall(__NR_fchmodat2, AT_FDCWD, "m", 0611, AT_SYMLINK_NOFOLLOW) == 0)
		OK(is_record("m", "5:6:0611:file"), "fchmodat2");
	else
		SKIP("no fchmodat2", "fchmodat2");
	OK(fails(chmod("missing", 0600), ENOENT), "chmod of nothing: ENOENT");
}

static void
test_mknod(void)
{
	(void)umask(022);
	OK(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
	   is_record("null", "0:0:0644:char-1-3"), "a character device");
	OK(S_ISREG(mode_of("null")), "it is a regular file");
	OK(mknod("disk", S_IFBLK | 0600, makedev(259, 70000)) == 0 &&
	   is_record("disk", "0:0:0600:block-259-70000"), "a block device, with large numbers");
	OK(chown("disk", 0, 6) == 0 && chmod("disk", 0660) == 0 &&
	   is_record("disk", "0:6:0660:block-259-70000"), "it stays one");
	OK(fails(mknod("disk", S_IFBLK | 0600, 1), EEXIST), "mknod over a file: EEXIST");
	OK(fails(mknod("no/disk", S_IFBLK | 0600, 1), ENOENT), "mknod nowhere: ENOENT");
	OK(fails(mknod("d/..", S_IFBLK | 0600, 1), EEXIST), "mknod of ..: EEXIST");
	OK(fails(mknod("new/", S_IFBLK | 0600, 1), ENOENT), "mknod with a slash: ENOENT");
	OK(fails(mknod((char *)8, S_IFBLK | 0600, 1), EFAULT), "mknod, bad pointer: EFAULT");
	OK(mknod("d/sock", S_IFSOCK | 0600, 0) == 0 && S_ISSOCK(mode_of("d/sock")),
	   "sockets are the kernel's");
	OK(mknod("d/reg", 0600, 0) == 0 && S_ISREG(mode_of("d/reg")) && is_record("d/reg", "-"),
	   "regular files too");
}

static bool
drop_as_apt(void)
{
	const gid_t group = 65534;
	uid_t r, e, s;
	gid_t got[4];

	if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
	    setresuid(42, 42, 42) < 0)
		return false;
	if (getuid() != 42 || geteuid() != 42 || getgid() != group || getegid() != group)
		return false;
	if (getresuid(&r, &e, &s) < 0 || r != 42 || e != 42 || s != 42)
		return false;
	return getgroups(4, got) == 1 && got[0] == group && getgroups(0, NULL) == 1;
}

static bool
cannot_regain(void)
{
	return drop_as_apt() && fails(setuid(0), EPERM) && fails(seteuid(0), EPERM) &&
	       fails(setresuid(-1, 0, -1), EPERM) && fails(setreuid(0, -1), EPERM) &&
	       fails(setgid(0), EPERM) && fails(setegid(0), EPERM) &&
	       fails(setgroups(0, NULL), EPERM) && getuid() == 42;
}

static bool
child_inherits(void)
{
	return drop_as_apt() && in_child(cannot_regain) == false && getuid() == 42;
}

static bool
is_still_42(void)
{
	return getuid() == 42 && fails(setuid(0), EPERM);
}

static bool
grandchild_is_42(void)
{
	return drop_as_apt() && in_child(is_still_42);
}

static bool
effective_and_back(void)
{
	uid_t r, e, s;

	return seteuid(7) == 0 && geteuid() == 7 && getuid() == 0 &&
	       getresuid(&r, &e, &s) == 0 && r == 0 && e == 7 && s == 0 && setfsuid(-1) == 7 &&
	       fails(setresuid(8, 8, 8), EPERM) && seteuid(0) == 0 && geteuid() == 0;
}

static bool
swap_with_setreuid(void)
{
	uid_t r, e, s;

	return setreuid(5, 6) == 0 && setreuid(6, 5) == 0 && getresuid(&r, &e, &s) == 0 && r == 6 &&
	       e == 5 && s == 5 && fails(setreuid(0, -1), EPERM);
}

static bool
user_cannot_chown(void)
{
	return drop_as_apt() && fails(chown("f", 42, -1), EPERM) &&
	       fails(mknod("mine", S_IFCHR | 0600, makedev(1, 3)), EPERM);
}

static bool
owner_may_change_group(void)
{
	const gid_t groups[] = { 50, 51 };

	return make("owned", 0644) && chown("owned", 42, 40) == 0 && setgroups(2, groups) == 0 &&
	       setgid(40) == 0 && setuid(42) == 0 && chown("owned", -1, 51) == 0 &&
	       is_record("owned", "42:51:0644:file") && fails(chown("owned", -1, 52), EPERM) &&
	       fails(chown("owned", 43, -1), EPERM);
}

static bool
keeps_privilege(void)
{
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(5, 5, 5) == 0 &&
	       setresgid(6, 6, 6) == 0 && setgroups(0, NULL) == 0 && getuid() == 5 &&
	       getgid() == 6 && prctl(PR_GET_KEEPCAPS) == 1 && prctl(PR_SET_KEEPCAPS, 0) == 0 &&
	       fails(setuid(0), EPERM);
}

static bool
survives_limits(void)
{
	struct rlimit lim;

	return setuid(77) == 0 && getrlimit(RLIMIT_LOCKS, &lim) == 0 &&
	       lim.rlim_cur == RLIM_INFINITY && setrlimit(RLIMIT_LOCKS, &lim) == 0 &&
	       (int)syscall(SYS_setrlimit, RLIMIT_LOCKS, &lim) == 0 && getuid() == 77 &&
	       getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur > 0 &&
	       setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

static bool
bad_arguments(void)
{
	uid_t id;

	return fails(setuid(-1), EINVAL) && fails(setgroups(3, (gid_t *)8), EFAULT) &&
	       fails(setgroups(1000, &id), EINVAL) &&
	       fails((int)syscall(SYS_getresuid, &id, 8L, &id), EFAULT) &&
	       fails((int)syscall(SYS_getgroups, -1, &id), EINVAL);
}

static bool
exec_keeps(void)
{
	return drop_as_apt() && execl("/bin/sh", "sh", "-c", "test $(id -u) = 42", NULL) == 0;
}

static void *
thread_id(void *arg)
{
	*(uid_t *)arg = getuid();
	return NULL;
}

static bool
threads_share(void)
{
	uid_t got = 0;
	pthread_t t;

	return setuid(9) == 0 && pthread_create(&t, NULL, thread_id, &got) == 0 &&
	       pthread_join(t, NULL) == 0 && got == 9;
}

static void
test_creds(void)
{
	OK(getuid() == 0 && getgid() == 0 && getgroups(0, NULL) == 0, "root to begin with");
	OK(in_child(drop_as_apt), "dropped ids are reported");
	OK(in_child(cannot_regain), "root cannot be regained");
	OK(in_child(child_inherits) && in_child(grandchild_is_42), "fork inherits");
	OK(in_child(exec_keeps), "execve keeps");
	OK(getuid() == 0, "the parent keeps its own");
	OK(in_child(effective_and_back), "seteuid and back");
	OK(in_child(swap_with_setreuid), "setreuid swaps");
	OK(in_child(threads_share), "threads share");
	OK(in_child(user_cannot_chown), "a user can neither chown nor mknod");
	OK(in_child(owner_may_change_group), "an owner may change to a group of his");
	OK(in_child(keeps_privilege), "PR_SET_KEEPCAPS lets the groups be changed after the user");
	OK(in_child(survives_limits), "setting every resource limit does no harm");
	OK(in_child(bad_arguments), "bad arguments are refused");
}

static int
set_acl(const char *path, uint32_t uid)
{
	struct {
		struct posix_acl_xattr_header h;
		struct posix_acl_xattr_entry e[5];
	} acl = {
		{ POSIX_ACL_XATTR_VERSION },
		{ { ACL_USER_OBJ, 6, ACL_UNDEFINED_ID },
		  { ACL_USER, 4, uid },
		  { ACL_GROUP_OBJ, 4, ACL_UNDEFINED_ID },
		  { ACL_MASK, 4, ACL_UNDEFINED_ID },
		  { ACL_OTHER, 0, ACL_UNDEFINED_ID } },
	};

	return setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

static void
test_acl(void)
{
	OK(set_acl("f", 1234) == 0, "an access list with an unmapped id is accepted");
	OK(fails(set_acl("missing", 1234), ENOENT), "but not for a file that is missing");
	OK(set_acl("f", 0) == 0 && lgetxattr("f", "system.posix_acl_access", NULL, 0) > 0,
	   "one with mapped ids is really set");
	OK(setxattr("f", "user.x", "1", 1, 0) == 0 && lgetxattr("f", "user.x", NULL, 0) == 1,
	   "other attributes are the kernel's");
	OK(fails(setxattr("f", "system.posix_acl_access", "x", 1, 0), EINVAL),
	   "a malformed list is refused");
}

static bool
in_chroot(void)
{
	return mkdir("jail", 0755) == 0 && make("jail/f", 0644) && symlink("/f", "jail/abs") == 0 &&
	       chroot("jail") == 0 && chdir("/") == 0 && chown("/abs", 5, 6) == 0 &&
	       is_record("/f", "5:6:0644:file") && chown("../../f", 7, 8) == 0 &&
	       is_record("/f", "7:8:0644:file") &&
	       mknod("/dev", S_IFCHR | 0600, makedev(5, 1)) == 0 &&
	       is_record("/dev", "0:0:0600:char-5-1") &&
	       fails(chown("/missing", 1, 1), ENOENT);
}

static bool
not_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0) == 0 && chown("clean", 3, 4) == 0 && drop_as_apt();
}

static bool
storm(void)
{
	const uid_t id = (uid_t)getpid() + 1000;

	if (setuid(id) < 0)
		return false;
	for (int i = 0; i < 300; i++)
		if (getuid() != id || geteuid() != id || fails(setuid(id + 1), EPERM) == false)
			return false;
	return true;
}

static bool
many_processes(void)
{
	int status, good = 0;

	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			_exit(storm() ? 0 : 1);
	while (wait(&status) > 0)
		good += status == 0;
	return good == 8;
}

static bool
killed_callers(void)
{
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				IGNORE(chown("f", 1, (gid_t)i));
		(void)usleep((useconds_t)(i * 50));
		if (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid)
			return false;
	}
	return getuid() == 0;
}

static void
test_callers(void)
{
	OK(in_child(in_chroot), "a caller with another root");
	OK(in_child(not_dumpable) && is_record("clean", "3:4:0644:file"),
	   "a caller that is not dumpable");
	OK(in_child(many_processes), "many callers at once");
	OK(in_child(killed_callers), "callers killed in the middle");
}

static void
test_filter(void)
{
	struct sock_filter insns[EMULATE_FILTER_MAX];
	int n = emulate_filter(insns, NELEMS(insns));

	OK(n > 0 && emulate_filter(insns, (size_t)n - 1) == -ENOSPC, "a filter that has no room");
	OK(syscall(SYS_getppid) > 0 && mkfifo("d/pipe", 0600) == 0, "other calls are untouched");
}

static int
run_tests(void)
{
	test_chown();
	test_chown_fd();
	test_chown_errors();
	test_chmod();
	test_mknod();
	test_creds();
	test_acl();
	test_callers();
	test_filter();
	return tap_done();
}

/* The sandbox: the child loads the filter and waits until PID 1 has taken the listener. */

static int
load_filter(void)
{
	struct sock_filter insns[EMULATE_FILTER_MAX];
	int n = emulate_filter(insns, NELEMS(insns));
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = insns };

	if (n < 0)
		return -1;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

/*
 * Executes this program anew: until then its memory belongs to the user namespace outside, and a
 * process that is not dumpable could not be looked into.
 */
static void
tests_main(const int up[2], const int down[2])
{
	int fd = prctl(PR_SET_DUMPABLE, 1) == 0 ? load_filter() : -1;
	char c;

	if (write(up[1], &fd, sizeof(fd)) != sizeof(fd) || read(down[0], &c, 1) != 1)
		_exit(99);
	execl("/proc/self/exe", "t-emulate", "inside", NULL);
	_exit(99);
}

static int
take_listener(pid_t pid, int up)
{
	int fd, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (read(up, &fd, sizeof(fd)) != sizeof(fd))
		return -1;
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

static int
serve(struct emulate *m, int listener, pid_t pid)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int status;

	for (;;) {
		if (poll(&p, 1, 20) > 0 && (p.revents & POLLIN) && emulate_handle(m) != 0)
			return 99;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
	}
}

static int
init_main(void)
{
	struct err e = ERR_INIT;
	struct emulate *m;
	int up[2], down[2], listener;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		return 99;
	pid = fork();
	if (pid == 0)
		tests_main(up, down);
	listener = take_listener(pid, up[0]);
	if (listener < 0 || emulate_start(&m, listener, -1, &e) < 0) {
		(void)printf("Bail out! no listener: %s\n", e.msg);
		return 99;
	}
	if (write(down[1], "x", 1) != 1)
		return 99;
	return serve(m, listener, pid);
}

static bool
write_file(const char *path, const char *text)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
enter_namespaces(void)
{
	char uid_map[32], gid_map[32];

	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", getuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) == 0 &&
	       write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uid_map) &&
	       write_file("/proc/self/gid_map", gid_map);
}

/* Status 77: this machine does not let us. */
static int
sandbox_main(const char *dir)
{
	int status;
	pid_t pid;

	if (!enter_namespaces())
		return 77;
	pid = fork();
	if (pid == 0) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(77);
		if (chdir(dir) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
			_exit(99);
		exit(init_main());
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

int
main(int argc, char **argv)
{
	char dir[] = "./t-emulate.XXXXXX";
	int status;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "inside") == 0)
		return run_tests();
	if (!mkdtemp(dir) || setxattr(dir, "user.x", "", 0, 0) < 0) {
		(void)printf("1..0 # SKIP no directory with user attributes here\n");
		return 0;
	}
	pid = fork();
	if (pid == 0)
		_exit(sandbox_main(dir));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		status = 99 << 8;
	if (fork() == 0)
		execlp("rm", "rm", "-rf", "--", dir, NULL);
	(void)wait(NULL);
	if (WEXITSTATUS(status) == 77)
		(void)printf("1..0 # SKIP no user namespaces, or no /proc in them\n");
	return WEXITSTATUS(status) == 77 ? 0 : WEXITSTATUS(status);
}
