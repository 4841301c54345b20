#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/confine.h"
#include "engine/ids.h"
#include "engine/inner.h"
#include "engine/program.h"
#include "kernel/sys.h"

/* End as @pid does. */
static void __attribute__((noreturn))
follow(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		(void)sys_sigaction_default(WTERMSIG(status));
		(void)kill(getpid(), WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

int
inner_pidns(const struct spec *s, int sock, struct err *e)
{
	pid_t pid;

	if (s->pidns_fd < 0 || !(s->ns & SPEC_NS_PID))
		return 0;
	if (unshare(CLONE_NEWPID) < 0)
		return err_sys(e, "make a pid namespace below the given one");
	pid = fork();
	if (pid < 0)
		return err_sys(e, "start a process in the new pid namespace");
	if (pid > 0) {
		(void)close(sock);
		program_drop_fds(s, STDERR_FILENO);
		follow(pid);
	}
	if (!s->detached && confine_die_with_parent(e) < 0)
		return -e->code;
	return 0;
}

int
inner_open_proc(const struct spec *s, int *ret_fd, struct err *e)
{
	if (!s->inner_userns)
		return 0;
	*ret_fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	return *ret_fd < 0 ? err_sys(e, "open /proc") : 0;
}

/* The limit is the outer namespace's: from inside it can be seen, and not raised. */
static int
limit_userns(int proc_fd, struct err *e)
{
	AUTO_FD fd = sys_openat(proc_fd, "sys/user/max_user_namespaces", O_WRONLY, 0);

	if (fd < 0 || write(fd, "1", 1) != 1)
		return err_sys(e, "set /proc/sys/user/max_user_namespaces");
	return 0;
}

static int
make_userns(const struct spec *s, int proc_fd, struct err *e)
{
	if (s->no_userns && limit_userns(proc_fd, e) < 0)
		return -e->code;
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(e, "make a user namespace");
	/* Else /proc/self belongs to somebody who has no id here. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return err_sys(e, "become dumpable");
	if (ids_write_inner(s, proc_fd, e) < 0)
		return -e->code;
	return confine_is_open(s) ? 0 : confine_close(e);
}

/* By trial: there is more than one way to be prevented. */
static int
assert_no_userns(struct err *e)
{
	pid_t pid = sys_clone_fork(CLONE_NEWUSER | SIGCHLD);

	if (pid < 0)
		return 0;
	if (pid == 0)
		_exit(0);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return err_set(e, EPERM, "creation of new user namespaces was not disabled as requested");
}

int
inner_userns(const struct spec *s, int proc_fd, struct err *e)
{
	if (s->inner_userns && make_userns(s, proc_fd, e) < 0)
		return -e->code;
	if (s->userns2_fd >= 0 && setns(s->userns2_fd, CLONE_NEWUSER) < 0)
		return err_sys(e, "enter user namespace of descriptor %d", s->userns2_fd);
	if (s->assert_no_userns && assert_no_userns(e) < 0)
		return -e->code;
	/* A change of credentials has cleared it. */
	if (!s->detached && confine_die_with_parent(e) < 0)
		return -e->code;
	return 0;
}
