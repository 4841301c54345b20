#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/confine.h"
#include "engine/program.h"
#include "engine/sync.h"
#include "kernel/sys.h"

void
program_drop_fds(const struct spec *s, int last)
{
	if (!s->tty && sys_close_range(STDIN_FILENO, (unsigned int)last, 0) < 0)
		for (int fd = STDIN_FILENO; fd <= last; fd++)
			(void)close(fd);
	for (size_t i = 0; i < s->n_pass_fds; i++)
		if (s->pass_fds[i] > STDERR_FILENO)
			(void)close(s->pass_fds[i]);
}

/* A process group of its own, the terminal's foreground when there is one. */
static int
take_terminal(const struct program *p, struct err *e)
{
	pid_t self;

	if (p->spec->init && !p->spec->caller_signals && setpgid(0, 0) < 0)
		return err_sys(e, "make a process group");
	if (p->tty_fd < 0)
		return 0;
	self = getpid();
	/* SIGTTOU is blocked here, so this cannot stop us. */
	if (ioctl(p->tty_fd, TIOCSPGRP, &self) < 0)
		return err_sys(e, "take the terminal");
	return 0;
}

/* No magic link of /proc, and nothing outside: the image may have chosen this path. */
static int
enter_cwd(const struct program *p, struct err *e)
{
	const struct spec *s = p->spec;
	AUTO_FD fd = -1;

	if (p->in_cwd || strcmp(s->cwd, "/") == 0)
		return 0;
	fd = fd_open_in_root(AT_FDCWD, s->cwd, O_PATH | O_DIRECTORY, 0, e);
	if (fd < 0)
		return err_prefix(e, "working directory");
	return fchdir(fd) < 0 ? err_sys(e, "working directory %s", s->cwd) : 0;
}

/*
 * Without init, only the death signal ends the program with rootlet, and a change of ids has cleared
 * it.  With init it is for those who ask for it: without a pid namespace the end of init ends nobody
 * else.  The launcher may be gone already: then the socket is at its end.
 */
static int
bind_to_launcher(const struct program *p, struct err *e)
{
	struct pollfd s = { .fd = p->sock };

	if (p->spec->init ? !p->spec->die_with_parent : p->spec->detached)
		return 0;
	if (confine_die_with_parent(e) < 0)
		return -e->code;
	if (poll(&s, 1, 0) == 1 && (s.revents & POLLHUP))
		return err_set(e, EPIPE, "the launcher is gone");
	return p->spec->no_new_privs && p->spec->filter.n && !p->spec->init ? confine_death_signal(e)
									    : 0;
}

static int
confine(struct program *p, struct err *e)
{
	const struct spec *s = p->spec;

	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (confine_landlock(s, e) < 0 || confine_limits(s, e) < 0)
		return -e->code;
	if (s->no_new_privs) {
		if (confine_ids(s, e) < 0 || confine_caps(s, e) < 0 ||
		    confine_filters(s, &p->notify, &p->listener, e) < 0)
			return -e->code;
	} else {
		/* Here, cutting the bounding set and loading filters takes capabilities. */
		if (confine_caps(s, e) < 0 ||
		    confine_filters(s, &p->notify, &p->listener, e) < 0 || confine_ids(s, e) < 0)
			return -e->code;
	}
	if (bind_to_launcher(p, e) < 0 || confine_descriptors(s, e) < 0)
		return -e->code;
	/* The last, so that they need allow nothing but execve. */
	return confine_programs(s, e);
}

/* Everything from 3 on is closed at execve but what was asked for by number. */
static int
hand_over_fds(const struct spec *s, struct err *e)
{
	if (sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 && errno != ENOSYS && errno != EINVAL)
		return err_sys(e, "close descriptors");
	for (size_t i = 0; i < s->n_pass_fds; i++)
		if (fcntl(s->pass_fds[i], F_SETFD, 0) < 0)
			return err_sys(e, "pass descriptor %d", s->pass_fds[i]);
	return 0;
}

static int
reset_signals(const struct program *p, struct err *e)
{
	sigset_t mask = p->mask;

	if (p->spec->caller_signals) {
		/* As bwrap(1), whatever the caller had. */
		sigdelset(&mask, SIGCHLD);
		return sigprocmask(SIG_SETMASK, &mask, NULL) < 0 ? err_sys(e, "unblock signals") : 0;
	}
	/* execve keeps what is ignored. */
	for (int sig = 1; p->ignored && sig <= 64; sig++)
		if (p->ignored & (1ULL << (sig - 1)))
			(void)sys_sigaction_default(sig);
	sigemptyset(&mask);
	return sigprocmask(SIG_SETMASK, &mask, NULL) < 0 ? err_sys(e, "unblock signals") : 0;
}

/* ENOEXEC: a script without "#!" is run by sh, as execvp(3) and every shell do. */
static void
exec_script(const struct spec *s, const char *path)
{
	char *argv[64] = { (char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)path };
	size_t n = 2;

	for (char **a = s->argv + 1; *a && n < NELEMS(argv) - 1; a++)
		argv[n++] = *a;
	if (n == 2 + strv_len(s->argv) - 1)
		(void)execve(argv[0], argv, s->env);
	errno = ENOEXEC;
}

static void
exec_path(const struct spec *s, const char *path)
{
	(void)execve(path, s->argv, s->env);
	if (errno == ENOEXEC)
		exec_script(s, path);
}

/* Is there no such file, as far as one can see?  A directory of PATH may be closed to us. */
static bool
is_missing(const char *path)
{
	return errno == ENOENT || errno == ENOTDIR ||
	       (errno == EACCES && access(path, F_OK) < 0);
}

/* Look the command up in the PATH it will have itself.  Sets errno. */
static void
exec_search(const struct spec *s)
{
	const char *name = s->exe ? s->exe : s->argv[0], *path = strv_env_get(s->env, "PATH");
	char full[PATH_MAX];
	int kept = ENOENT;

	if (strchr(name, '/')) {
		exec_path(s, name);
		return;
	}
	for (const char *p = path ? path : "/usr/bin:/bin"; p; p = strchr(p, ':')) {
		p += *p == ':';
		if (snprintf(full, sizeof(full), "%.*s/%s", (int)strcspn(p, ":"), p, name) >=
		    (int)sizeof(full))
			continue;
		exec_path(s, full[0] == '/' && full[1] == '/' ? full + 1 : full);
		if (!is_missing(full))
			kept = errno;
	}
	errno = kept;
}

void
program_exec(struct program *p)
{
	const struct spec *s = p->spec;
	struct err *e = &p->err;

	p->exit_status = 125;
	p->listener = -1;
	if (take_terminal(p, e) < 0 || enter_cwd(p, e) < 0 || hand_over_fds(s, e) < 0 ||
	    (p->announce && sync_send(p->sock, SYNC_STARTED, 0, e) < 0) || confine(p, e) < 0 ||
	    reset_signals(p, e) < 0)
		return;
	exec_search(s);
	p->exit_status = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	(void)err_sys(e, "%s", s->exe ? s->exe : s->argv[0]);
}
