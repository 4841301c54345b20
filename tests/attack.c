/*
 * attack - a static payload that tries to get out, and the bait on the other side
 *
 *   attack WORD [ARG...]
 *   attack all WORD [ARG...] + WORD [ARG...] ...
 *
 * A word that tries something prints what it got, as an error's name or "ok", one line a try; the
 * tests say what is right.  Words that end in a command prepare something, outside, and execute it.
 * Nothing is tried for longer than the time that was given.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "kernel/sys.h"

#define HIGH_BITS 0xdead00000000UL /* what the kernel cuts off an int argument */

static const char *
name_of(int code)
{
	static char number[16];
	const char *name = code ? strerrorname_np(code) : "ok";

	if (name)
		return name;
	(void)snprintf(number, sizeof(number), "%d", code);
	return number;
}

/* Print "WHAT RESULT" for a call that returned @r. */
static int
say(const char *what, long r)
{
	(void)printf("%s %s\n", what, name_of(r < 0 ? errno : 0));
	(void)fflush(stdout);
	return 0;
}

/* What should be prepared is not. */
static int
unprepared(const char *what)
{
	perror(what);
	return 98;
}

static unsigned long
number(const char *s)
{
	return strtoul(s, NULL, 0);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int
execute(char **argv)
{
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

/* The words after "--". */
static char **
after_dashes(char **a)
{
	while (*a && strcmp(*a, "--") != 0)
		a++;
	return *a ? a + 1 : a;
}

/* --- outside: what a sandbox must not inherit or reach --- */

/* hold FILE FD... -- COMMAND: FILE is open on those numbers. */
static int
do_hold(char **a)
{
	for (char **n = a + 1; *n && strcmp(*n, "--") != 0; n++) {
		int fd = open(a[0], O_RDONLY);

		if (fd < 0 || (fd != (int)number(*n) && dup2(fd, (int)number(*n)) < 0))
			return unprepared(a[0]);
		if (fd != (int)number(*n))
			(void)close(fd);
	}
	return execute(after_dashes(a));
}

/* without FD... -- COMMAND: those numbers are closed. */
static int
do_without(char **a)
{
	for (char **n = a; *n && strcmp(*n, "--") != 0; n++)
		(void)close((int)number(*n));
	return execute(after_dashes(a));
}

/* limit RESOURCE VALUE -- COMMAND */
static int
do_limit(char **a)
{
	struct rlimit l = { number(a[1]), number(a[1]) };

	if (setrlimit((unsigned int)number(a[0]), &l) < 0)
		return unprepared("setrlimit");
	return execute(after_dashes(a));
}

/* ids UID GID GROUP... -- COMMAND, for root */
static int
do_ids(char **a)
{
	gid_t groups[8];
	size_t n = 0;

	for (char **g = a + 2; *g && strcmp(*g, "--") != 0 && n < 8; g++)
		groups[n++] = (gid_t)number(*g);
	if (sys_setgroups(n, groups) < 0 || sys_setresgid((gid_t)number(a[1])) < 0 ||
	    sys_setresuid((uid_t)number(a[0])) < 0)
		return unprepared("ids");
	return execute(after_dashes(a));
}

/* key NAME VALUE -- COMMAND: with a key in a session keyring of its own. */
static int
do_key(char **a)
{
	if (sys_keyctl_join_session() < 0 ||
	    syscall(__NR_add_key, "user", a[0], a[1], strlen(a[1]), -3) < 0)
		return unprepared("key");
	return execute(after_dashes(a));
}

/* Print a line and wait until stdin is at its end, at most 20 seconds. */
static int
ready(const char *what)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char byte;

	(void)puts(what);
	(void)fflush(stdout);
	while (poll(&p, 1, 20000) == 1 && read(0, &byte, 1) == 1)
		;
	return 0;
}

static socklen_t
unix_address(struct sockaddr_un *u, const char *name)
{
	*u = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(u->sun_path, sizeof(u->sun_path), "%s", name);
	if (name[0] == '@')
		u->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

/* listen NAME: a unix socket, abstract when it begins with "@". */
static int
do_listen(char **a)
{
	struct sockaddr_un u;
	socklen_t len = unix_address(&u, a[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&u, len) < 0 || listen(fd, 8) < 0)
		return unprepared(a[0]);
	return ready("listening");
}

/* listen-tcp: on the loopback device; prints the port. */
static int
do_listen_tcp(char **a)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	char port[16];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)a;
	if (bind(fd, (struct sockaddr *)&in, len) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) < 0)
		return unprepared("listen");
	(void)snprintf(port, sizeof(port), "%u", ntohs(in.sin_port));
	return ready(port);
}

#define IPC_KEY 0x726c7478

/* ipc: shared memory, a semaphore and a message queue of System V, and one of POSIX. */
static int
do_ipc(char **a)
{
	int shm = shmget(IPC_KEY, 4096, IPC_CREAT | 0600), sem = semget(IPC_KEY, 1, IPC_CREAT | 0600);
	int msg = msgget(IPC_KEY, IPC_CREAT | 0600), r;
	mqd_t mq = mq_open("/rootlet-test", O_CREAT | O_RDWR, 0600, NULL);

	(void)a;
	if (shm < 0 || sem < 0 || msg < 0 || mq < 0)
		return unprepared("ipc");
	r = ready("made");
	(void)shmctl(shm, IPC_RMID, NULL);
	(void)semctl(sem, 0, IPC_RMID);
	(void)msgctl(msg, IPC_RMID, NULL);
	(void)mq_unlink("/rootlet-test");
	return r;
}

/* swap A B MS: exchange two names again and again. */
static int
do_swap(char **a)
{
	const uint64_t end = now_ms() + number(a[2]);

	while (now_ms() < end)
		for (int i = 0; i < 200; i++)
			if (renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE) < 0 &&
			    errno != ENOENT && errno != EBUSY)
				return say("swap", -1);
	return 0;
}

/* --- inside: files and directories --- */

/* climb FILE: which descriptors lead to that file of the machine? */
static int
do_climb(char **a)
{
	char up[PATH_MAX];

	(void)snprintf(up, sizeof(up), "../../../../../../../../../../../..%s", a[0]);
	for (int fd = 0; fd < 1100; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && faccessat(fd, up, F_OK, 0) == 0)
			(void)printf("descriptor %d\n", fd);
	return 0;
}

/* exec FILE: what execve would say; a success prints whatever that does. */
static int
do_exec(char **a)
{
	char *argv[] = { a[0], (char *)(uintptr_t)"--version", NULL };

	(void)execve(a[0], argv, environ);
	return say("exec", -1);
}

static bool
is_same_file(const char *x, const char *y)
{
	struct stat s, t;

	return stat(x, &s) == 0 && stat(y, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* write-exe MS: open every foreign /proc/PID/exe for writing, again and again. */
static int
do_write_exe(char **a)
{
	const uint64_t end = now_ms() + number(a[0]);
	char path[64];

	do {
		for (int pid = 1; pid < 40; pid++) {
			int fd;

			(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			fd = open(path, O_WRONLY);
			if ((fd >= 0 || errno == ETXTBSY) && !is_same_file(path, "/proc/self/exe"))
				return say(path, fd);
			if (fd >= 0)
				(void)close(fd);
		}
		(void)poll(NULL, 0, 1);
	} while (now_ms() < end);
	(void)puts("none");
	return 0;
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		(void)close(fd);
	return fd;
}

/* open r|w FILE... */
static int
do_open(char **a)
{
	for (char **p = a + 1; *p; p++)
		(void)say(*p, try_open(*p, a[0][0] == 'w' ? O_WRONLY : O_RDONLY));
	return 0;
}

/* readable FILE...: those that have any content; hidden files and directories are empty. */
static int
do_readable(char **a)
{
	char byte[512];

	for (; *a; a++) {
		int fd = open(*a, O_RDONLY | O_NONBLOCK);
		DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
		int n = 0;

		while (d && readdir(d))
			n++;
		if (d ? n > 2 : fd >= 0 && read(fd, byte, sizeof(byte)) > 0)
			(void)puts(*a);
		if (d)
			(void)closedir(d);
		else if (fd >= 0)
			(void)close(fd);
	}
	return 0;
}

/* writable DIR DEPTH: files below DIR that open for writing. */
static void
find_writable(const char *dir, int depth)
{
	DIR *d = opendir(dir);
	char path[PATH_MAX];

	for (const struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.' || e->d_type == DT_LNK ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (e->d_type == DT_DIR && depth > 0)
			find_writable(path, depth - 1);
		else if (e->d_type == DT_REG && try_open(path, O_WRONLY) >= 0)
			(void)puts(path);
	}
	if (d)
		(void)closedir(d);
}

static int
do_writable(char **a)
{
	find_writable(a[0], (int)number(a[1]));
	return 0;
}

/* cgroups DIR...: can a group be made there? */
static int
do_cgroups(char **a)
{
	char path[PATH_MAX];

	for (; *a; a++) {
		(void)snprintf(path, sizeof(path), "%s/rootlet-test", *a);
		if (mkdir(path, 0755) == 0) {
			(void)puts(path);
			(void)rmdir(path);
		}
	}
	return 0;
}

/* Of many tries, only what worked is printed. */
static void
worked(const char *what, long r)
{
	if (r >= 0)
		(void)puts(what);
}

static void
change_names(const char *dir, const char *file)
{
	char other[PATH_MAX];

	(void)snprintf(other, sizeof(other), "%s/rootlet-other", dir);
	worked("create", open(other, O_WRONLY | O_CREAT, 0600));
	worked("mkdir", mkdir(other, 0755));
	worked("symlink", symlink("x", other));
	worked("mknod", mknod(other, S_IFIFO | 0600, 0));
	worked("link", link(file, other));
	worked("rename", rename(file, other));
	worked("exchange", renameat2(AT_FDCWD, file, AT_FDCWD, dir, RENAME_EXCHANGE));
	worked("unlink", unlink(file));
	worked("tmpfile", open(dir, O_TMPFILE | O_RDWR, 0600));
}

static void
change_attributes(const char *path)
{
	static const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	int flags = FS_NOATIME_FL, fd = open(path, O_RDONLY | O_NONBLOCK);

	worked("chmod", chmod(path, 0777));
	worked("chown", chown(path, 0, 0));
	worked("chown to another", chown(path, 1, 1));
	worked("fchown", fchown(fd, 1, 1));
	worked("fchmod", fchmod(fd, 0777));
	worked("utimes", utimensat(AT_FDCWD, path, times, 0));
	worked("futimes", futimens(fd, times));
	worked("setxattr", setxattr(path, "user.rootlet", "x", 1, 0));
	worked("fsetxattr", fsetxattr(fd, "user.rootlet", "x", 1, 0));
	worked("removexattr", removexattr(path, "user.canary"));
	worked("flags", ioctl(fd, FS_IOC_SETFLAGS, &flags));
	(void)close(fd);
}

static void
change_content(const char *file)
{
	int fd = open(file, O_RDONLY);
	char again[64];

	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	worked("open", open(file, O_WRONLY));
	worked("append", open(file, O_WRONLY | O_APPEND));
	worked("reopen", open(again, O_WRONLY));
	worked("truncate", truncate(file, 0));
	worked("ftruncate", ftruncate(fd, 0));
	worked("fallocate", fallocate(fd, 0, 0, 1));
	worked("write", write(fd, "x", 1));
	worked("shared memory", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	(void)close(fd);
}

static void
change_mount(const char *dir)
{
	struct mount_attr rw = { .attr_clr = MOUNT_ATTR_RDONLY };

	worked("remount", mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND, NULL));
	worked("mount_setattr", sys_mount_setattr(AT_FDCWD, dir, AT_RECURSIVE, &rw));
	worked("umount", umount2(dir, MNT_DETACH));
}

/* change DIR FILE: in every way FILE, its attributes, the names in DIR, the mount there */
static int
do_change(char **a)
{
	change_content(a[1]);
	change_attributes(a[1]);
	change_attributes(a[0]);
	change_names(a[0], a[1]);
	change_mount(a[0]);
	return 0;
}

/* chroot CANARY: the old way out, by a directory kept open. */
static int
do_chroot(char **a)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	if (mkdir("/tmp/jail", 0755) < 0 || chroot("/tmp/jail") < 0 || fchdir(fd) < 0)
		return say("chroot", -1);
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return say("..", -1);
	if (chroot(".") < 0)
		return say("chroot", -1);
	return say(a[0], access(a[0], F_OK));
}

/* mknod FILE MAJOR MINOR: can the device be made, and then opened? */
static int
do_mknod(char **a)
{
	dev_t dev = makedev((unsigned int)number(a[1]), (unsigned int)number(a[2]));
	long r = mknod(a[0], S_IFCHR | 0666, dev);
	struct stat st;

	if (r < 0)
		return say("mknod", r);
	if (stat(a[0], &st) == 0 && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return say("only a record", 0);
	return say("open", try_open(a[0], O_RDONLY));
}

/* symlink TEXT NAME; rename OLD NEW; chmod MODE FILE; chown UID FILE; sleep MS; put FILE TEXT; mkdir DIR */

static int
do_symlink(char **a)
{
	return say("symlink", symlink(a[0], a[1]));
}

static int
do_rename(char **a)
{
	return say("rename", rename(a[0], a[1]));
}

static int
do_chmod(char **a)
{
	return say("chmod", chmod(a[1], (mode_t)strtoul(a[0], NULL, 8)));
}

static int
do_chown(char **a)
{
	return say("chown", chown(a[1], (uid_t)number(a[0]), (gid_t)-1));
}

static int
do_sleep(char **a)
{
	(void)poll(NULL, 0, (int)number(a[0]));
	return 0;
}

static int
do_put(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0600);

	return say("put", fd < 0 ? -1 : write(fd, a[1], strlen(a[1])));
}

static int
do_mkdir(char **a)
{
	return say("mkdir", mkdir(a[0], 0755));
}

/* copy FROM TO: a small file over another */
static int
do_copy(char **a)
{
	char buf[4096];
	int in = open(a[0], O_RDONLY), out = open(a[1], O_WRONLY | O_TRUNC);
	ssize_t n = in < 0 ? -1 : read(in, buf, sizeof(buf));

	return say("copy", n < 0 || out < 0 ? -1 : write(out, buf, (size_t)n));
}

/* --- inside: processes --- */

static long
seize(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL);
}

static long
attach(pid_t pid)
{
	long r = ptrace(PTRACE_ATTACH, pid, NULL, NULL);

	if (r == 0)
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return r;
}

static long
read_memory(pid_t pid)
{
	char buf[8];
	struct iovec local = { buf, sizeof(buf) }, remote = { (void *)0x400000, sizeof(buf) };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static long
get_fd(pid_t pid)
{
	int pidfd = (int)syscall(__NR_pidfd_open, pid, 0);

	return pidfd < 0 ? -1 : syscall(__NR_pidfd_getfd, pidfd, 0, 0);
}

static long
enter(pid_t pid)
{
	int pidfd = (int)syscall(__NR_pidfd_open, pid, 0);

	return pidfd < 0 ? -1 : syscall(__NR_setns, pidfd, CLONE_NEWNS);
}

static long
limit_nothing(pid_t pid)
{
	return prlimit(pid, RLIMIT_CORE, NULL, NULL);
}

static long
priority(pid_t pid)
{
	return setpriority(PRIO_PROCESS, (id_t)pid, 19);
}

static long
signal_nothing(pid_t pid)
{
	return kill(pid, 0);
}

/* pid PID: what another process allows. */
static int
do_pid(char **a)
{
	static const struct {
		const char *name;
		long (*call)(pid_t);
	} calls[] = {
		{ "kill", signal_nothing }, { "seize", seize },	      { "attach", attach },
		{ "memory", read_memory },  { "getfd", get_fd },      { "setns", enter },
		{ "limit", limit_nothing }, { "priority", priority },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		(void)say(calls[i].name, calls[i].call((pid_t)number(a[0])));
	return 0;
}

/* proc PID: the files of another process that show what it has. */
static int
do_proc(char **a)
{
	static const char *const names[] = { "environ", "mem",	   "maps",    "exe", "cwd", "root",
					     "fd/0",	"fd/3",	   "ns/user", "fd",  "stack",
					     "auxv",	"mountinfo" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%s/%s", a[0], names[i]);
		(void)say(names[i], try_open(path, i == 1 ? O_RDWR : O_RDONLY));
	}
	return 0;
}

/* environments TEXT MORE: is TEXTMORE in the environment or the words of any process? */
static int
do_environments(char **a)
{
	static char buf[1 << 16];
	char path[64], text[64];

	(void)snprintf(text, sizeof(text), "%s%s", a[0], a[1]);
	for (int pid = 1; pid < 100; pid++) {
		for (int k = 0; k < 2; k++) {
			ssize_t n;
			int fd;

			(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid,
				       k ? "environ" : "cmdline");
			fd = open(path, O_RDONLY);
			n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));
			if (n > 0 && memmem(buf, (size_t)n, text, strlen(text)))
				(void)puts(path);
			if (fd >= 0)
				(void)close(fd);
		}
	}
	return 0;
}

/* outlive FILE: do not die with the parent, if that can be had; make FILE, and wait */
static int
do_outlive(char **a)
{
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)close(open(a[0], O_WRONLY | O_CREAT, 0600));
	(void)poll(NULL, 0, 4000);
	return 0;
}

/* fork N: how many processes more can there be at a time? */
static int
do_fork(char **a)
{
	unsigned long made = 0;

	while (made < number(a[0])) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0)
			return (int)poll(NULL, 0, 300);
		made++;
	}
	(void)printf("%lu\n", made);
	return 0;
}

/* starve RESOURCE: take a resource from PID 1, give it an orphan to bury, and end. */
static int
do_starve(char **a)
{
	struct rlimit l = { 0, 0 };
	pid_t pid;

	(void)prlimit(1, (enum __rlimit_resource)number(a[0]), &l, NULL);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			(void)poll(NULL, 0, 20);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
	(void)poll(NULL, 0, 100);
	return 7;
}

static int
do_memfd(char **a)
{
	char buf[1 << 16], *argv[] = { (char *)(uintptr_t)"probe", (char *)(uintptr_t)"args",
				       (char *)(uintptr_t)"from memory", NULL };
	int in = open(a[0], O_RDONLY), fd = memfd_create("x", MFD_CLOEXEC);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			return say("write", -1);
	(void)fexecve(fd, argv, environ);
	return say("exec", -1);
}

/* euid: the ids after a set-user-id program was executed. */
static int
do_euid(char **a)
{
	(void)a;
	(void)printf("%u %u\n", getuid(), geteuid());
	return 0;
}

static int
do_crash(char **a)
{
	if (*a && chdir(*a) < 0)
		return say(*a, -1);
	abort();
}

/* --- inside: the kernel --- */

struct call {
	const char *name;
	long nr;
	unsigned long a[5];
};

static long
call(const struct call *c)
{
	return syscall(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], 0UL);
}

static int
say_calls(const struct call *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)say(c[i].name, call(&c[i]));
	return 0;
}

/* A flag of clone(2) in a child that ends at once. */
static long
try_clone(unsigned long flags)
{
	long pid = syscall(__NR_clone, flags | SIGCHLD, 0UL, 0UL, 0UL, 0UL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long
try_unshare(unsigned long flags)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(syscall(__NR_unshare, flags) < 0 ? errno : 0);
	(void)waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

/* namespaces: new ones, in every way */
static int
do_namespaces(char **a)
{
	static const unsigned long kinds[] = { CLONE_NEWUSER, CLONE_NEWNS,     CLONE_NEWPID,
					       CLONE_NEWNET,  CLONE_NEWIPC,    CLONE_NEWUTS,
					       CLONE_NEWCGROUP };
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	int ns = open("/proc/self/ns/user", O_RDONLY);

	(void)a;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		(void)say("unshare", try_unshare(kinds[i]));
		(void)say("clone", try_clone(kinds[i]));
		(void)say("clone high", try_clone(kinds[i] | HIGH_BITS));
		(void)say("unshare high", try_unshare(kinds[i] | HIGH_BITS));
	}
	(void)say("unshare time", try_unshare(CLONE_NEWTIME));
	(void)say("clone3", sys_clone3(&args));
	(void)say("setns", syscall(__NR_setns, ns, 0));
	return 0;
}

/* Calls that only administrators, debuggers and attackers make. */
static const struct call refused[] = {
	{ "mount", __NR_mount, { 0 } },
	{ "umount2", __NR_umount2, { 0 } },
	{ "pivot_root", __NR_pivot_root, { 0 } },
	{ "open_tree", __NR_open_tree, { 0 } },
	{ "move_mount", __NR_move_mount, { 0 } },
	{ "fsopen", __NR_fsopen, { 0 } },
	{ "fsconfig", __NR_fsconfig, { 0 } },
	{ "fsmount", __NR_fsmount, { 0 } },
	{ "fspick", __NR_fspick, { 0 } },
	{ "mount_setattr", __NR_mount_setattr, { 0 } },
	{ "setns", __NR_setns, { 0 } },
	{ "io_uring_setup", __NR_io_uring_setup, { 0 } },
	{ "io_uring_enter", __NR_io_uring_enter, { 0 } },
	{ "io_uring_register", __NR_io_uring_register, { 0 } },
	{ "keyctl", __NR_keyctl, { 0, (unsigned long)-3 } },
	{ "add_key", __NR_add_key, { 0 } },
	{ "request_key", __NR_request_key, { 0 } },
	{ "bpf", __NR_bpf, { 0 } },
	{ "perf_event_open", __NR_perf_event_open, { 0 } },
	{ "userfaultfd", __NR_userfaultfd, { 1 } },
	{ "open_by_handle_at", __NR_open_by_handle_at, { 0 } },
	{ "name_to_handle_at", __NR_name_to_handle_at, { 0 } },
	{ "fanotify_init", __NR_fanotify_init, { 0 } },
	{ "quotactl", __NR_quotactl, { 0 } },
	{ "quotactl_fd", 443, { 0 } },
	{ "kexec_load", __NR_kexec_load, { 0 } },
	{ "kexec_file_load", __NR_kexec_file_load, { 0 } },
	{ "init_module", __NR_init_module, { 0 } },
	{ "finit_module", __NR_finit_module, { 0 } },
	{ "delete_module", __NR_delete_module, { 0 } },
	{ "reboot", __NR_reboot, { 0 } },
	{ "swapon", __NR_swapon, { 0 } },
	{ "swapoff", __NR_swapoff, { 0 } },
	{ "acct", __NR_acct, { 0 } },
	{ "syslog", __NR_syslog, { 3 } },
	{ "settimeofday", __NR_settimeofday, { 0 } },
	{ "clock_settime", __NR_clock_settime, { 0 } },
	{ "sethostname", __NR_sethostname, { 0 } },
	{ "setdomainname", __NR_setdomainname, { 0 } },
	{ "move_pages", __NR_move_pages, { 0 } },
	{ "migrate_pages", __NR_migrate_pages, { 0 } },
	{ "mbind", __NR_mbind, { 0 } },
	{ "kcmp", __NR_kcmp, { 1, 1 } },
	{ "pidfd_getfd", __NR_pidfd_getfd, { 0 } },
	{ "process_madvise", __NR_process_madvise, { 0 } },
	{ "memfd_secret", 447, { 0 } },
	{ "vhangup", __NR_vhangup, { 0 } },
	{ "lookup_dcookie", __NR_lookup_dcookie, { 0 } },
	{ "nfsservctl", __NR_nfsservctl, { 0 } },
#ifdef __NR_iopl
	{ "iopl", __NR_iopl, { 3 } },
	{ "ioperm", __NR_ioperm, { 0, 1, 1 } },
	{ "uselib", __NR_uselib, { 0 } },
	{ "ustat", __NR_ustat, { 0 } },
	{ "_sysctl", __NR__sysctl, { 0 } },
#endif
	{ "set_mempolicy_home_node", 450, { 0 } },
	{ "map_shadow_stack", 453, { 0 } },
	{ "statmount", 457, { 0 } },
	{ "listmount", 458, { 0 } },
	{ "lsm_get_self_attr", 459, { 0 } },
	{ "lsm_set_self_attr", 460, { 0 } },
	{ "lsm_list_modules", 461, { 0 } },
	{ "setxattrat", 463, { 0 } },
	{ "open_tree_attr", 467, { 0 } },
};

static int
do_refused(char **a)
{
	(void)a;
	return say_calls(refused, sizeof(refused) / sizeof(*refused));
}

/* numbers FIRST LAST: raw calls without arguments. */
static int
do_numbers(char **a)
{
	char name[16];

	for (long nr = (long)number(a[0]); nr <= (long)number(a[1]); nr++) {
		(void)snprintf(name, sizeof(name), "%ld", nr);
		(void)say(name, syscall(nr, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL));
	}
	return 0;
}

/* vsock: a family of sockets that no namespace confines */
static int
do_vsock(char **a)
{
	static const struct call calls[] = {
		{ "vsock", __NR_socket, { 40, SOCK_STREAM } },
		{ "vsock datagram", __NR_socket, { 40, SOCK_DGRAM } },
		{ "vsock high", __NR_socket, { HIGH_BITS | 40, SOCK_STREAM } },
		{ "vsock pair", __NR_socketpair, { 40, SOCK_STREAM } },
	};

	(void)a;
	return say_calls(calls, sizeof(calls) / sizeof(*calls));
}

#ifdef __x86_64__
/* The 32-bit way in.  Registers above 32 bits are the kernel's to lose. */
static long
int80(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? (int)-r : 0;
	return r < 0 ? -1 : r;
}

static int
do_int80(char **a)
{
	static const struct {
		const char *name;
		long nr, a, b, c;
	} calls[] = {
		{ "unshare", 310, CLONE_NEWUSER, 0, 0 },
		{ "clone", 120, CLONE_NEWUSER | SIGCHLD, 0, 0 },
		{ "clone3", 435, 0, 0, 0 },
		{ "setns", 346, 0, 0, 0 },
		{ "mount", 21, 0, 0, 0 },
		{ "umount", 22, 0, 0, 0 },
		{ "keyctl", 288, 0, -3, 0 },
		{ "add_key", 286, 0, 0, 0 },
		{ "bpf", 357, 0, 0, 0 },
		{ "perf_event_open", 336, 0, 0, 0 },
		{ "userfaultfd", 374, 1, 0, 0 },
		{ "io_uring_setup", 425, 0, 0, 0 },
		{ "open_by_handle_at", 342, 0, 0, 0 },
		{ "ptrace of init", 26, 0x4206, 1, 0 },
		{ "vsock", 359, 40, SOCK_STREAM, 0 },
	};

	(void)a;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		(void)say(calls[i].name,
			  int80(calls[i].nr, calls[i].a, calls[i].b, calls[i].c));
	return 0;
}

static int
do_x32(char **a)
{
	static const struct call calls[] = {
		{ "getpid", 0x40000000 | __NR_getpid, { 0 } },
		{ "unshare", 0x40000000 | __NR_unshare, { CLONE_NEWUSER } },
		{ "ptrace", 0x40000000 | 521, { 0x4206, 1 } },
	};

	(void)a;
	return say_calls(calls, sizeof(calls) / sizeof(*calls));
}
#endif

/* userns: a new user namespace, and nothing else */
static int
do_userns(char **a)
{
	(void)a;
	return say("userns", try_unshare(CLONE_NEWUSER));
}

/* ns: which namespaces these are */
static int
do_ns(char **a)
{
	static const char *const names[] = { "user", "mnt", "pid", "ipc", "uts", "cgroup", "net" };
	char path[32], text[64];

	(void)a;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		(void)puts(text);
	}
	return 0;
}

/* peel: uncover what is masked, from a namespace of its own */
static int
do_peel(char **a)
{
	struct mount_attr rw = { .attr_clr = MOUNT_ATTR_RDONLY };

	(void)a;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return say("unshare", -1);
	worked("umount keys", umount2("/proc/keys", MNT_DETACH));
	worked("umount sys", umount2("/proc/sys", MNT_DETACH));
	worked("umount firmware", umount2("/sys/firmware", MNT_DETACH));
	worked("remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
	worked("setattr", sys_mount_setattr(AT_FDCWD, "/proc/sys", 0, &rw));
	worked("bind", mount("/proc", "/tmp", NULL, MS_BIND, NULL));
	worked("clone", sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	worked("proc", mount("proc", "/tmp", "proc", 0, NULL));
	(void)puts("tried");
	return 0;
}

static int
do_key_read(char **a)
{
	char buf[64] = "";
	long id = syscall(__NR_keyctl, 10, -3, "user", a[0], 0); /* search in the session's */

	if (id < 0 || syscall(__NR_keyctl, 11, id, buf, sizeof(buf) - 1, 0) < 0)
		return say("key", -1);
	(void)printf("key is %s\n", buf);
	return 0;
}

/* --- inside: other programs --- */

static int
do_connect(char **a)
{
	for (; *a; a++) {
		struct sockaddr_un u;
		socklen_t len = unix_address(&u, *a);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		(void)say(*a, connect(fd, (struct sockaddr *)&u, len));
		(void)close(fd);
	}
	return 0;
}

/* tcp ADDRESS PORT */
static int
do_tcp(char **a)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(a[1])) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), e = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(e);

	(void)inet_pton(AF_INET, a[0], &in.sin_addr);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return say("tcp", 0);
	if (errno != EINPROGRESS)
		return say("tcp", -1);
	(void)poll(&p, 1, 1000);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	errno = e;
	return say("tcp", e ? -1 : 0);
}

static int
do_ipc_find(char **a)
{
	(void)a;
	(void)say("shm", shmget(IPC_KEY, 0, 0));
	(void)say("sem", semget(IPC_KEY, 0, 0));
	(void)say("msg", msgget(IPC_KEY, 0));
	return say("mq", mq_open("/rootlet-test", O_RDONLY));
}

/* signal PID: as kill -URG, which nobody minds */
static int
do_signal(char **a)
{
	return say("signal", kill((pid_t)number(a[0]), SIGURG));
}

static int
do_caps_raise(char **a)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2] = { { ~0U, ~0U, 0 }, { 0x1ff, 0x1ff, 0 } };

	(void)a;
	(void)say("capset", sys_capset(&h, all));
	return say("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
}

static int
do_setgroups(char **a)
{
	gid_t none = 0;

	(void)a;
	return say("setgroups", sys_setgroups(0, &none));
}

/* sizes FILE...: is a file system in memory bounded, in bytes and inodes? */
static int
do_sizes(char **a)
{
	struct statfs fs;

	for (; *a; a++) {
		if (statfs(*a, &fs) < 0)
			return say(*a, -1);
		(void)printf("%s %s\n", *a, fs.f_blocks && fs.f_files ? "bounded" : "endless");
	}
	return 0;
}

/* --- inside: what answers for the kernel where there is one id --- */

/* Ways to say "/proc/1/" */
static const char *const forms[] = {
	"/proc/1/",	      "/proc/1/task/1/",     "/proc/self/../1/",
	"/proc//1/",	      "/proc/./1/",	       "/proc/thread-self/../../../1/",
	"/./proc/1/",	      "/dev/fd/../../1/",    "/proc/self/root/proc/1/",
	"/proc/self/cwd/proc/1/", "/tmp/to-proc/1/",
};

static void
reach_with(const char *path, const char *canary)
{
	char text[PATH_MAX];

	if (snprintf(text, sizeof(text), "%s%s", path, canary) >= (int)sizeof(text))
		return;
	IGNORE(chown(text, 12, 34));
	IGNORE(lchown(text, 12, 34));
	(void)chmod(text, 0777);
	(void)mknod(text, S_IFCHR | 0666, makedev(1, 5));
	(void)strncat(text, ".new", sizeof(text) - strlen(text) - 1);
	(void)mknod(text, S_IFBLK | 0666, makedev(8, 0));
}

/*
 * reach CANARY: let init change a file of the host through what only init has.  The test looks at
 * the file.
 */
static int
do_reach(char **a)
{
	char up[PATH_MAX], what[64], path[PATH_MAX];

	(void)snprintf(up, sizeof(up), "/../../../../../../../../../..%s", a[0]);
	IGNORE(symlink("/proc", "/tmp/to-proc"));
	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		for (int fd = -2; fd < 12; fd++) {
			(void)snprintf(what, sizeof(what), fd == -2 ? "root" : fd == -1 ? "cwd"
					: "fd/%d", fd);
			(void)snprintf(path, sizeof(path), "%s%s", forms[f], what);
			reach_with(path, "");
			reach_with(path, up);
			reach_with(path, a[0]);
		}
	}
	return say("reach", 0);
}

struct race {
	char path[PATH_MAX];
	char good[PATH_MAX], bad[PATH_MAX];
	volatile bool stop;
};

static void *
flip(void *arg)
{
	struct race *r = arg;

	while (!r->stop) {
		memcpy(r->path, r->bad, strlen(r->bad) + 1);
		memcpy(r->path, r->good, strlen(r->good) + 1);
	}
	return NULL;
}

/* flip GOOD BAD MS: the text of a path changes while init looks at it. */
static int
do_flip(char **a)
{
	static struct race r;
	const uint64_t end = now_ms() + number(a[2]);
	pthread_t thread;

	(void)snprintf(r.good, sizeof(r.good), "%s", a[0]);
	(void)snprintf(r.bad, sizeof(r.bad), "%s", a[1]);
	memcpy(r.path, r.good, strlen(r.good) + 1);
	if (pthread_create(&thread, NULL, flip, &r) != 0)
		return 1;
	while (now_ms() < end) {
		IGNORE(chown(r.path, 12, 34));
		(void)mknod(r.path, S_IFCHR | 0666, makedev(1, 5));
	}
	r.stop = true;
	return pthread_join(thread, NULL);
}

static long
chown_raw(unsigned long path)
{
	return syscall(__NR_fchownat, AT_FDCWD, path, 0, 0, 0);
}

/* odd-paths: what init must survive, with an answer for each */
static int
do_odd_paths(char **a)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char longest[3 * PATH_MAX];

	(void)a;
	if (page == MAP_FAILED || munmap(page + 4096, 4096) < 0)
		return say("mmap", -1);
	memset(page, 'x', 4096);
	memset(longest, '/', sizeof(longest) - 1);
	(void)say("null", chown_raw(0));
	(void)say("kernel", chown_raw(0xffffffff81000000UL));
	(void)say("unterminated", chown_raw((unsigned long)page + 4090));
	(void)say("too long", chown_raw((unsigned long)longest));
	longest[PATH_MAX - 1] = '\0';
	(void)say("longest", chown_raw((unsigned long)longest));
	(void)say("empty", chown_raw((unsigned long)""));
	(void)say("bad descriptor", syscall(__NR_fchownat, 4000, "x", 0, 0, 0));
	(void)say("negative descriptor", syscall(__NR_fchown, -100, 0, 0));
	(void)say("descriptor as flag", syscall(__NR_fchownat, -5, "x", 0, 0, AT_EMPTY_PATH));
	return say("bad flags", syscall(__NR_fchownat, AT_FDCWD, "/", 0, 0, 0x8000));
}

static void *
ask(void *arg)
{
	const uint64_t end = *(uint64_t *)arg;

	while (now_ms() < end)
		(void)syscall(__NR_getuid);
	return NULL;
}

/* flood THREADS MS: questions for init, from processes that get killed meanwhile */
static int
do_flood(char **a)
{
	uint64_t end = now_ms() + number(a[1]);

	while (now_ms() < end) {
		pid_t pids[4];

		for (int i = 0; i < 4; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				pthread_t t;

				for (unsigned long k = 0; k < number(a[0]); k++)
					if (pthread_create(&t, NULL, ask, &end) != 0)
						break;
				(void)ask(&end);
				_exit(0);
			}
		}
		(void)poll(NULL, 0, 5);
		for (int i = 0; i < 4; i++) {
			(void)kill(pids[i], SIGKILL);
			(void)waitpid(pids[i], NULL, 0);
		}
	}
	return say("uid 0", getuid() == 0 ? 0 : -1);
}

/* new-root CANARY: another root, so that init has to change its own, and ".." from below it */
static int
do_new_root(char **a)
{
	char up[PATH_MAX];
	int top = open("/", O_RDONLY | O_DIRECTORY);

	(void)snprintf(up, sizeof(up), "../../../../../../..%s", a[0]);
	(void)mkdir("/tmp/other", 0755);
	if (chroot("/tmp/other") < 0 || chdir("/") < 0)
		return say("chroot", -1);
	IGNORE(fchownat(top, up, 12, 34, 0));
	(void)mknodat(top, up, S_IFCHR | 0666, makedev(1, 5));
	IGNORE(chown(a[0], 12, 34));
	(void)mknod("/made", S_IFCHR | 0666, makedev(1, 5));
	(void)say("inside", access("/made", F_OK));
	return say("outside", faccessat(top, "made", F_OK, 0));
}

static const struct word {
	const char *name;
	int (*run)(char **args);
	int n_args; /* at least */
} words[] = {
	{ "caps-raise", do_caps_raise, 0 },
	{ "cgroups", do_cgroups, 0 },
	{ "change", do_change, 2 },
	{ "chmod", do_chmod, 2 },
	{ "chown", do_chown, 2 },
	{ "chroot", do_chroot, 1 },
	{ "climb", do_climb, 1 },
	{ "connect", do_connect, 1 },
	{ "copy", do_copy, 2 },
	{ "crash", do_crash, 0 },
	{ "environments", do_environments, 2 },
	{ "euid", do_euid, 0 },
	{ "exec", do_exec, 1 },
	{ "flip", do_flip, 3 },
	{ "flood", do_flood, 2 },
	{ "fork", do_fork, 1 },
	{ "hold", do_hold, 3 },
	{ "ids", do_ids, 3 },
#ifdef __x86_64__
	{ "int80", do_int80, 0 },
	{ "x32", do_x32, 0 },
#endif
	{ "ipc", do_ipc, 0 },
	{ "ipc-find", do_ipc_find, 0 },
	{ "key", do_key, 3 },
	{ "key-read", do_key_read, 1 },
	{ "limit", do_limit, 3 },
	{ "listen", do_listen, 1 },
	{ "listen-tcp", do_listen_tcp, 0 },
	{ "memfd", do_memfd, 1 },
	{ "mkdir", do_mkdir, 1 },
	{ "mknod", do_mknod, 3 },
	{ "namespaces", do_namespaces, 0 },
	{ "new-root", do_new_root, 1 },
	{ "ns", do_ns, 0 },
	{ "numbers", do_numbers, 2 },
	{ "odd-paths", do_odd_paths, 0 },
	{ "open", do_open, 2 },
	{ "outlive", do_outlive, 1 },
	{ "peel", do_peel, 0 },
	{ "pid", do_pid, 1 },
	{ "proc", do_proc, 1 },
	{ "put", do_put, 2 },
	{ "reach", do_reach, 1 },
	{ "readable", do_readable, 1 },
	{ "refused", do_refused, 0 },
	{ "rename", do_rename, 2 },
	{ "setgroups", do_setgroups, 0 },
	{ "signal", do_signal, 1 },
	{ "sizes", do_sizes, 1 },
	{ "sleep", do_sleep, 1 },
	{ "starve", do_starve, 1 },
	{ "swap", do_swap, 3 },
	{ "symlink", do_symlink, 2 },
	{ "tcp", do_tcp, 2 },
	{ "userns", do_userns, 0 },
	{ "vsock", do_vsock, 0 },
	{ "without", do_without, 2 },
	{ "writable", do_writable, 2 },
	{ "write-exe", do_write_exe, 1 },
};

static int
run_word(char **argv, int argc)
{
	for (size_t i = 0; argc > 0 && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, argv[0]) == 0 && argc - 1 >= words[i].n_args)
			return words[i].run(argv + 1);
	(void)fprintf(stderr, "attack: unknown word or too few arguments\n");
	return 99;
}

/* attack all WORD [ARG...] + WORD [ARG...] ...: one after the other */
static int
run_all(char **argv, int argc)
{
	int r = 0, n;

	for (; argc > 0 && r == 0; argv += n + 1, argc -= n + 1) {
		for (n = 0; n < argc && strcmp(argv[n], "+") != 0; n++)
			;
		argv[n] = NULL;
		r = run_word(argv, n);
	}
	return r;
}

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "all") == 0)
		return run_all(argv + 2, argc - 2);
	return run_word(argv + 1, argc - 1);
}
