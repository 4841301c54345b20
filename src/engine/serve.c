#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/launch-internal.h"
#include "engine/program.h"
#include "engine/sync.h"

#define KILL_AFTER_MS 5000 /* between SIGTERM and SIGKILL when the time is over */
#define BACKGROUND_MS 500  /* bash's `fg` gives a running job the terminal without a signal */
#define HURRY_MS      200

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
signal_program(const struct launch *l, int sig)
{
	struct err ignored = ERR_INIT;

	if (l->spec->init)
		(void)sync_send(l->sock, SYNC_SIGNAL, sig, &ignored);
	else
		(void)kill(l->child, sig);
}

/* A signal that asks for the end is not from a terminal, whatever its number. */
static void
end_program(struct launch *l)
{
	struct err ignored = ERR_INIT;

	l->hurry = true;
	if (l->spec->init)
		(void)sync_send(l->sock, SYNC_STOP, l->spec->stop_signal, &ignored);
	else
		(void)kill(l->child, l->spec->stop_signal);
}

/* Stop as the program did, if somebody can continue us; go on together. */
static void
stop_with_program(struct launch *l)
{
	sigset_t tstp;

	if (l->spec->caller_signals)
		return;
	/* Nobody at a terminal: who sets a time wants it kept. */
	if (l->deadline_ms && !l->spec->tty)
		return;
	relay_pause(&l->relay);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	(void)kill(l->spec->tty ? 0 : getpid(), SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	(void)sigprocmask(SIG_BLOCK, &tstp, NULL);
	relay_resume(&l->relay);
	signal_program(l, SIGCONT);
}

/* Without init the program is our own child. */
static void
reap_program(struct launch *l)
{
	int status;

	if (waitpid(l->child, &status, WNOHANG | WUNTRACED) != l->child)
		return;
	if (WIFSTOPPED(status)) {
		stop_with_program(l);
		return;
	}
	l->child = -1;
	l->wait_status = status;
	l->over = true;
}

/* Not what the caller decided to be nothing for this job, as nohup(1) does; blocked, it still comes. */
static void
pass_on(struct launch *l, int sig)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
		return;
	if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT)
		l->hurry = true;
	if (sig == SIGTERM)
		end_program(l);
	else
		signal_program(l, sig);
}

static void
handle_signals(struct launch *l)
{
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			if (!l->spec->init)
				reap_program(l);
			break;
		case SIGWINCH:
			if (l->spec->tty)
				relay_resize(&l->relay);
			else
				signal_program(l, SIGWINCH);
			break;
		case SIGCONT:
			/* stop_with_program() passes it on.  After SIGSTOP, or from `fg`: */
			relay_resume(&l->relay);
			break;
		default:
			/* Not what our own writing caused, SIGPIPE or SIGXFSZ. */
			if (si.ssi_pid != (uint32_t)getpid())
				pass_on(l, (int)si.ssi_signo);
		}
	}
}

/*
 * The first process is gone without a last word.  SIGKILL is somebody's will, and the program's end
 * as well: the time is over, or the kernel wanted the memory.
 */
static int
first_process_died(struct launch *l, struct err *e)
{
	int status = 0;

	while (waitpid(l->child, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for the sandbox");
	l->child = -1;
	l->wait_status = status;
	l->over = true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 0;
	return err_set(e, ECHILD, "the first process of the sandbox died with %s %d",
		       WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int
handle_message(struct launch *l, struct err *e)
{
	struct sync_msg m;
	pid_t pid = 0;
	int fd = -1;
	int r = sync_recv(l->sock, &m, &fd, &pid, e);

	if (r < 0)
		return r;
	if (r == 0) {
		fd_closep(&l->sock);
		if (l->spec->init)
			return first_process_died(l, e);
		if (l->hooks->started)
			l->hooks->started(l->hooks->ctx, l->child);
		return 0;
	}
	switch (m.point) {
	case SYNC_FAILED:
		*e = m.err;
		l->exit_status = m.value;
		l->may_have_run = false;
		return -e->code;
	case SYNC_TERMINAL:
		return relay_start(&l->relay, fd, e);
	case SYNC_STARTED:
		l->hooks->started(l->hooks->ctx, pid);
		return 0;
	case SYNC_STOPPED:
		stop_with_program(l);
		return 0;
	case SYNC_EXITED:
		l->wait_status = m.value;
		l->over = true;
		if (l->spec->linger)
			l->child = -1; /* init ends by itself, later */
		return 0;
	case SYNC_GO:
	case SYNC_SIGNAL:
	case SYNC_STOP:
	case SYNC_MAX_:
		break;
	}
	return err_set(e, EPROTO, "unexpected message %d from the sandbox", (int)m.point);
}

static void
handle_timeout(struct launch *l)
{
	if (!l->timed_out) {
		l->timed_out = true;
		l->deadline_ms += KILL_AFTER_MS;
		end_program(l);
		signal_program(l, SIGCONT);
		return;
	}
	l->deadline_ms = 0;
	(void)kill(l->child, SIGKILL);
}

static int
time_left(const struct launch *l)
{
	uint64_t now;

	if (!l->deadline_ms)
		return -1;
	now = now_ms();
	if (l->deadline_ms <= now)
		return 0;
	return l->deadline_ms - now > INT_MAX ? INT_MAX : (int)(l->deadline_ms - now);
}

/* P3, one turn */
static int
turn(struct launch *l, struct err *e)
{
	struct pollfd p[2 + RELAY_POLL] = {
		{ .fd = l->sock, .events = POLLIN },
		{ .fd = l->signal_fd, .events = POLLIN },
	};
	int timeout = time_left(l), n;

	relay_poll(&l->relay, p + 2);
	if (relay_in_background(&l->relay) && (timeout < 0 || timeout > BACKGROUND_MS))
		timeout = BACKGROUND_MS;
	n = poll(p, NELEMS(p), timeout);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "wait for the sandbox");
	if (n == 0 && time_left(l) == 0)
		handle_timeout(l);
	if (relay_in_background(&l->relay))
		relay_resume(&l->relay);
	if (n <= 0)
		return 0;
	relay_handle(&l->relay, p + 2);
	if (p[1].revents)
		handle_signals(l);
	return p[0].revents ? handle_message(l, e) : 0;
}

int
serve(struct launch *l, struct err *e)
{
	if (l->spec->timeout_ms)
		l->deadline_ms = now_ms() + l->spec->timeout_ms;
	program_drop_fds(l->spec, STDOUT_FILENO); /* standard error is for us, too */
	while (!l->over)
		if (turn(l, e) < 0)
			return -e->code;
	return 0;
}

void
serve_rest_of_output(struct launch *l)
{
	struct pollfd p[1 + RELAY_POLL] = { { .fd = l->signal_fd, .events = POLLIN } };

	while (relay_drain(&l->relay, p + 1)) {
		if (poll(p, NELEMS(p), l->hurry ? HURRY_MS : -1) == 0)
			break;
		if (p[0].revents)
			handle_signals(l);
		relay_handle(&l->relay, p + 1);
	}
	relay_stop(&l->relay);
}
