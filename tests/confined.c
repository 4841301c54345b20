/*
 * confined free|confined|registry none|keep|files|calls STORE READ OUTSIDE
 *
 * Open store STORE and directory READ, confine this process as rootlet-image does, or do not, and
 * try nothing, what must still work, files that are none of its business, or calls that it has no
 * use for.
 * "registry" is as rootlet-registry does: the store is for reading, READ for writing.
 * Prints what each try got, as an error's name or "ok".
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/confine.h"
#include "registry/confine.h"

struct places {
	struct store store;
	int read;            /* directory, opened */
	const char *outside; /* directory, by name */
};

static void
say(const char *what, long r)
{
	const char *name = r < 0 ? strerrorname_np(errno) : "ok";

	(void)printf("%s %s\n", what, name ? name : "?");
	(void)fflush(stdout);
}

static long
try_open(int dir, const char *path, int flags)
{
	AUTO_FD fd = openat(dir, path, flags | O_CLOEXEC, 0600);

	return fd;
}

/* --- what must work --- */

static void *
thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static long
try_thread(void)
{
	pthread_t t;
	int ran = 0;

	errno = pthread_create(&t, NULL, thread_main, &ran);
	if (errno != 0)
		return -1;
	(void)pthread_join(t, NULL);
	return ran ? 0 : -1;
}

static long
try_unnamed(const struct store *s)
{
	char path[32];
	int fd = openat(s->fd, "blobs/sha256", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	long r;

	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = linkat(AT_FDCWD, path, s->fd, "blobs/sha256/named", AT_SYMLINK_FOLLOW);
	(void)close(fd);
	return r;
}

static void
keep(const struct places *p)
{
	const int s = p->store.fd;

	say("make-file", try_open(s, "cache/file", O_WRONLY | O_CREAT | O_EXCL));
	say("truncate", try_open(s, "cache/file", O_WRONLY | O_TRUNC));
	say("rename-across", renameat(s, "cache/file", s, "layers/file"));
	say("link-across", linkat(s, "layers/file", s, "cache/link", 0));
	say("make-directory", mkdirat(s, "layers/d", 0700));
	say("make-symlink", symlinkat("/", s, "layers/d/l"));
	say("make-fifo", mkfifoat(s, "layers/d/f", 0600));
	say("make-whiteout", mknodat(s, "layers/d/w", S_IFCHR, makedev(0, 0)));
	say("name-unnamed", try_unnamed(&p->store));
	say("unlink", unlinkat(s, "blobs/sha256/named", 0));
	say("read-below", try_open(p->read, "d/file", O_RDONLY));
	say("list-below", try_open(p->read, "d", O_RDONLY | O_DIRECTORY));
	say("thread", try_thread());
}

/* --- files --- */

static void
files(const struct places *p)
{
	AUTO_FD outside = open(p->outside, O_PATH | O_DIRECTORY | O_CLOEXEC);

	say("read", try_open(outside, "file", O_RDONLY));
	say("read-by-link", try_open(p->store.fd, "scratch/to-outside", O_RDONLY));
	say("list", try_open(outside, ".", O_RDONLY | O_DIRECTORY));
	say("write", try_open(outside, "file", O_WRONLY));
	say("make-file", try_open(outside, "new", O_WRONLY | O_CREAT | O_EXCL));
	say("unnamed", try_open(outside, ".", O_TMPFILE | O_RDWR));
	say("make-directory", mkdirat(outside, "made", 0700));
	say("make-symlink", symlinkat("/", outside, "made-link"));
	say("link-out", linkat(p->store.fd, "index.json", outside, "linked", 0));
	say("link-in", linkat(outside, "file", p->store.fd, "scratch/linked", 0));
	say("rename-out", renameat(p->store.fd, "scratch/victim", outside, "renamed"));
	say("unlink", unlinkat(outside, "victim", 0));
	say("write-where-read", try_open(p->read, "d/file", O_WRONLY));
	say("make-where-read", try_open(p->read, "d/new", O_WRONLY | O_CREAT | O_EXCL));
	say("passwd", try_open(AT_FDCWD, "/etc/passwd", O_RDONLY));
	say("proc", try_open(AT_FDCWD, "/proc/self/maps", O_RDONLY));
}

/* --- calls --- */

static long
try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : waitpid(pid, NULL, 0);
}

static long
try_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long
try_map_executable(void)
{
	return mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* Whatever they are given is wrong, so that none does anything: without a filter, errors are others. */
static void
calls(void)
{
	char *const argv[] = { NULL };

	say("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	say("socket-unix", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	say("fork", try_fork());
	say("vfork", syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
	say("execve", execve("/", argv, NULL));
	say("execveat", syscall(SYS_execveat, -1, "x", argv, NULL, 0));
	say("kill", kill(getppid(), 0));
	say("prlimit", prlimit(getppid(), RLIMIT_CORE, NULL, NULL));
	say("unshare", unshare(0));
	say("setns", setns(-1, 0));
	say("mount", syscall(SYS_mount, 1, 1, 1, 0, NULL));
	say("keyctl", syscall(SYS_keyctl, 0, -3, 0));
	say("bpf", syscall(SYS_bpf, -1, NULL, 0));
	say("io-uring", syscall(SYS_io_uring_setup, 1, NULL));
	say("executable-memory", try_executable_memory());
	say("map-executable", try_map_executable());
	say("setresuid", setresuid(geteuid(), geteuid(), geteuid()));
	say("be-dumpable", prctl(PR_SET_DUMPABLE, 1));
	say("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
confine(const char *how, const struct places *p, struct err *e)
{
	const struct confine_dir read = { .fd = p->read },
				 both[] = { { .fd = p->store.fd }, { .fd = p->read, .write = true } };

	if (strcmp(how, "registry") == 0)
		return registry_confine(NULL, both, NELEMS(both), e);
	if (strcmp(how, "confined") != 0)
		return 0;
	return image_confine_calls(e) < 0 ? -e->code : image_confine_files(&p->store, &read, 1, e);
}

static int
prepare(char **argv, struct places *ret, struct err *e)
{
	if (store_open(argv[3], true, &ret->store, e) < 0)
		return -e->code;
	ret->read = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->outside = argv[5];
	return confine(argv[1], ret, e);
}

int
main(int argc, char **argv)
{
	struct places p = { .store = STORE_INIT, .read = -1 };
	struct err e = ERR_INIT;

	if (argc != 6)
		return 98;
	if (prepare(argv, &p, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return 98;
	}
	if (strcmp(argv[2], "keep") == 0)
		keep(&p);
	else if (strcmp(argv[2], "files") == 0)
		files(&p);
	else if (strcmp(argv[2], "calls") == 0)
		calls();
	return 0;
}
