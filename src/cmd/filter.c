/*
 * filter - which system call filter a sandbox gets
 *
 * The default for the default capabilities is built in.  Everything else is compiled by
 * rootlet-seccomp, a program of its own because libseccomp takes milliseconds to load and to work,
 * and kept: the next start finds it by the profile's identity and the capabilities.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "seccomp/default.h"

#define INSNS_MAX 4096 /* BPF_MAXINSNS */

/* The first line of what the helper complained. */
static void
read_complaint(int fd, struct err *e)
{
	char buf[400];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	const char *text = buf;

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (strncmp(text, "rootlet-seccomp: ", 17) == 0)
		text += 17;
	(void)err_set(e, EINVAL, "%s", *text ? text : "rootlet-seccomp failed");
}

static void
exec_helper(const char *helper, const char *caps, const char *profile, int out_fd, int err_fd)
{
	if (dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(err_fd, STDERR_FILENO) >= 0)
		(void)execl(helper, "rootlet-seccomp", "--caps", caps, "--output", "-", profile,
			    (char *)NULL);
	(void)dprintf(err_fd, "%s: %s\n", helper, strerror(errno));
	_exit(127);
}

static int
compile(const char *profile, const char *caps, int out_fd, struct err *e)
{
	AUTO_FREE char *helper = cmd_find_helper("rootlet-seccomp");
	AUTO_FD complaint = -1;
	int pipe_fds[2], status;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	complaint = pipe_fds[0];
	cmd_expect_children();
	pid = fork();
	if (pid == 0)
		exec_helper(helper, caps, profile, out_fd, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	if (pid < 0)
		return err_sys(e, "start rootlet-seccomp");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for rootlet-seccomp");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_complaint(complaint, e);
	return -e->code;
}

static int
load(struct spec *s, int fd, struct err *e)
{
	const size_t size = sizeof(struct sock_filter);
	AUTO_FREE char *data = NULL;
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd_read_all(fd, INSNS_MAX * size, &data, e);

	if (n < 0)
		return e->code ? -e->code : err_sys(e, "read the compiled profile");
	if (n == 0 || (size_t)n % size)
		return err_set(e, EINVAL, "the compiled profile is damaged");
	s->filter.n = (size_t)n / size;
	s->filter.owned = TAKE_PTR(data);
	s->filter.insns = s->filter.owned;
	return 0;
}

/* The name in the cache says what it was made from: a changed file has another name. */
static char *
cache_path(const char *data_dir, const struct stat *st, const char *caps)
{
	if (!data_dir)
		return NULL;
	return xasprintf("%s/cache/seccomp-%s-%llx-%llx-%llx-%llx%09lx-%s.bpf", data_dir,
			 PACKAGE_VERSION, (unsigned long long)st->st_dev,
			 (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
			 (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, caps);
}

static int
open_cached(const char *path)
{
	struct stat st;
	AUTO_FD fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_size == 0)
		return -1;
	return TAKE_FD(fd);
}

/* A cache that cannot be written costs time, not correctness: errors are not reported. */
static void
keep(int fd, const char *data_dir, const char *path)
{
	AUTO_FREE char *dir = path_join(data_dir, "cache");
	AUTO_FREE char *temp = xasprintf("%s.%d", path, getpid());
	struct err ignored = ERR_INIT;
	AUTO_FREE char *data = NULL;
	AUTO_FD out = -1;
	ssize_t n;

	(void)mkdir(data_dir, 0700);
	(void)mkdir(dir, 0700);
	out = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return;
	n = fd_read_all(fd, (size_t)1 << 20, &data, &ignored);
	if (n < 0 || fd_write_all(out, data, (size_t)n, &ignored) < 0 || rename(temp, path) < 0)
		(void)unlink(temp);
}

static int
fill_compiled(struct spec *s, const char *profile, const char *data_dir, struct err *e)
{
	AUTO_FD in = open(profile, O_RDONLY | O_NONBLOCK | O_CLOEXEC), fd = -1;
	AUTO_FREE char *path = NULL;
	char caps[20];
	struct stat st;

	if (in < 0)
		return err_sys(e, "%s", profile);
	if (fstat(in, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", profile);
	(void)snprintf(caps, sizeof(caps), "0x%llx", (unsigned long long)s->caps);
	path = cache_path(data_dir, &st, caps);
	fd = open_cached(path);
	if (fd >= 0)
		return load(s, fd, e);
	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0) {
		(void)err_sys(e, "make a file in memory");
		return err_needs(e, "memfd_create(2), Linux 3.17");
	}
	if (compile(profile, caps, fd, e) < 0 || load(s, fd, e) < 0)
		return -e->code;
	if (path)
		keep(fd, data_dir, path);
	return 0;
}

int
cmd_fill_filter(struct spec *s, const struct run_args *a, const char *data_dir, struct err *e)
{
	const char *how = a->seccomp ? a->seccomp : a->privileged ? "unconfined" : "default";
	const struct seccomp_program built_in = seccomp_default();
	const struct seccomp_program emulating = seccomp_default_emulating();
	AUTO_FREE char *profile = NULL;

	if (strcmp(how, "unconfined") == 0)
		return 0;
	if (strcmp(how, "default") != 0)
		return fill_compiled(s, how, data_dir, e) < 0 ? err_prefix(e, "--seccomp") : 0;
	if (built_in.n == 0) {
		(void)err_set(e, ENOTSUP, "there is no system call filter for this machine's "
					  "architecture");
		return err_hint(e, "--seccomp=unconfined runs without one");
	}
	if ((s->caps & ~SECCOMP_DEFAULT_CAPS) == 0) {
		s->filter.insns = built_in.insns;
		s->filter.n = built_in.n;
		s->filter_emulating.insns = emulating.insns;
		s->filter_emulating.n = emulating.n;
		return 0;
	}
	profile = cmd_find_helper("default.json");
	return fill_compiled(s, profile, data_dir, e);
}
