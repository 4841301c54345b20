#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/confine.h"
#include "engine/sync.h"
#include "init/emulate.h"
#include "init/init.h"
#include "kernel/sys.h"

/* Two error messages of PATH_MAX, and little else. */
#define STACK_SIZE (40 * 1024)

struct init {
	struct program *program;
	struct emulate *emulate; /* NULL: none */
	int listener;            /* of the emulation, or -1 */
	int signal_fd;           /* SIGCHLD */
	pid_t pid;               /* of the program */
};

static int
program_main(void *arg)
{
	program_exec(arg);
	return 0; /* failed; the error is in memory that init shares */
}

static void __attribute__((noreturn))
fail(struct init *in)
{
	sync_fail(in->program->sock, in->program->exit_status, &in->program->err);
	_exit(125);
}

/*
 * A shared descriptor table lets the program's process leave the notify listener here without
 * passing it; execve gives it a table of its own.
 */
static int
start_program(struct init *in, struct err *e)
{
	/* Below our own frame, in pages that are there already. */
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct program *p = in->program;

	in->pid = clone(program_main, stack + sizeof(stack),
			CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, p);
#ifdef __SANITIZE_ADDRESS__
	/* execve left its frames there. */
	__asan_unpoison_memory_region(stack, sizeof(stack));
#endif
	if (in->pid < 0)
		return err_sys(e, "start the program");
	if (p->err.code)
		return -p->err.code;
	in->listener = p->listener;
	return 0;
}

static int
start_emulation(struct init *in, struct err *e)
{
	if (in->listener < 0)
		return 0;
	return emulate_start(&in->emulate, in->listener, -1, e);
}

/* A key at a terminal reaches the whole foreground group, and so it does here. */
static bool
is_from_keyboard(int sig)
{
	return sig == SIGINT || sig == SIGQUIT || sig == SIGTSTP || sig == SIGHUP ||
	       sig == SIGCONT || sig == SIGWINCH;
}

static void
pass_signal(const struct init *in, int sig)
{
	(void)kill(is_from_keyboard(sig) ? -in->pid : in->pid, sig);
}

/* The program ended: end the rest, then say so. */
static void __attribute__((noreturn))
finish(struct init *in, int status)
{
	struct err ignored = ERR_INIT;

	/* Processes that wait for the emulation's answer die as well: that wait is killable. */
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) >= 0 || errno == EINTR)
		;
	(void)sync_send(in->program->sock, SYNC_EXITED, status, &ignored);
	_exit(0);
}

static void
reap(struct init *in)
{
	struct signalfd_siginfo si;
	struct err ignored = ERR_INIT;
	int status;
	pid_t pid;

	IGNORE(read(in->signal_fd, &si, sizeof(si)));
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != in->pid)
			continue;
		if (WIFSTOPPED(status))
			(void)sync_send(in->program->sock, SYNC_STOPPED, WSTOPSIG(status),
					&ignored);
		else
			finish(in, status);
	}
}

/* A signal to pass on, or the end. */
static void
hear_launcher(struct init *in)
{
	struct err ignored = ERR_INIT;
	struct sync_msg m;

	if (sync_recv(in->program->sock, &m, NULL, NULL, &ignored) <= 0)
		_exit(0); /* the launcher is gone: the kernel ends everything here with us */
	if (m.point == SYNC_SIGNAL)
		pass_signal(in, m.value);
	else if (m.point == SYNC_STOP)
		(void)kill(in->pid, m.value);
}

static void __attribute__((noreturn))
serve(struct init *in)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = in->program->sock, .events = POLLIN },
			{ .fd = in->signal_fd, .events = POLLIN },
			{ .fd = in->listener, .events = POLLIN },
		};

		if (poll(p, NELEMS(p), -1) < 0) {
			/* A program that takes our limit of descriptors away gets no further. */
			if (errno != EINTR)
				_exit(125);
			continue;
		}
		if (p[2].revents & POLLIN)
			(void)emulate_handle(in->emulate);
		else if (p[2].revents)
			fd_closep(&in->listener); /* every process with the filter is gone */
		if (p[1].revents)
			reap(in);
		if (p[0].revents)
			hear_launcher(in);
	}
}

/*
 * Do nothing but reap, until there is nobody left: what the program leaves behind goes on.  The
 * system calls are those of bwrap(1) here: its users may have a filter that allows just them.  When
 * the sandbox is to end with the launcher, the death signal sees to that.
 */
static void __attribute__((noreturn))
reap_all(struct program *p, pid_t program)
{
	int status, result = 0;
	pid_t pid;

	/* As pid 1 there is nothing to ignore. */
	if (!(p->spec->ns & SPEC_NS_PID))
		(void)signal(SIGPIPE, SIG_IGN);
	if (confine_reaper(p->spec, &p->err) < 0) {
		sync_fail(p->sock, 125, &p->err);
		(void)kill(program, SIGKILL);
		_exit(125);
	}
	/* Now there is nothing to be had from us. */
	if (p->spec->open_init)
		(void)prctl(PR_SET_DUMPABLE, 1);
	while ((pid = waitpid(-1, &status, 0)) >= 0 || errno == EINTR) {
		if (pid != program)
			continue;
		result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		sync_write(p->sock, SYNC_EXITED, status);
		(void)close(p->sock);
	}
	_exit(result);
}

/* Held as long as this process lives. */
static int
take_locks(const struct spec *s, struct err *e)
{
	struct flock read_lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	for (char **path = s->lock_files; path && *path; path++) {
		int fd = open(*path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, "open lock file %s", *path);
		if (fcntl(fd, F_SETLK, &read_lock) < 0)
			return err_sys(e, "lock file %s", *path);
	}
	return 0;
}

void
init_main(struct program *p)
{
	struct init in = { .program = p, .listener = -1, .signal_fd = -1 };
	struct sock_filter filter[EMULATE_FILTER_MAX];
	sigset_t child;

	if (p->spec->emulate_owners && p->spec->filter_emulating.n == 0) {
		p->notify.insns = filter;
		p->notify.n = (size_t)emulate_filter(filter, NELEMS(filter));
	}
	if (take_locks(p->spec, &p->err) < 0)
		fail(&in);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	in.signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in.signal_fd < 0) {
		(void)err_sys(&p->err, "make a signal descriptor");
		fail(&in);
	}
	if (start_program(&in, &p->err) < 0 || start_emulation(&in, &p->err) < 0)
		fail(&in);
	program_drop_fds(p->spec, STDERR_FILENO);
	if (p->spec->linger)
		reap_all(p, in.pid);
	serve(&in);
}
