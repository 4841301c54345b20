#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/confine.h"
#include "engine/ids.h"
#include "engine/launch.h"
#include "engine/layer.h"
#include "engine/relay.h"
#include "engine/sync.h"
#include "kernel/sys.h"

#define KILL_AFTER_MS 5000 /* between SIGTERM and SIGKILL when the time is over */
#define BACKGROUND_MS 500  /* bash's `fg` gives a running job the terminal without a signal */
#define HURRY_MS      200

struct launch {
	const struct spec *spec;
	const struct launch_hooks *hooks;
	struct source *sources; /* owned; one for each mount of the spec */
	struct layer layer;
	struct relay relay;
	int sock;
	int signal_fd;
	uint64_t ignored; /* signals that the caller ignores, a bit for each */
	sigset_t mask;    /* signals that the caller blocks */
	int userns_fd; /* RANGE: to remove files of other owners afterwards; else -1 */
	pid_t child;
	uint64_t deadline_ms; /* monotonic; 0: none */
	bool timed_out, over, ids_refused;
	bool hurry; /* somebody wants the end: do not wait for a terminal that takes no output */
	int wait_status;
	int exit_status; /* of rootlet itself, on failure */
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What the caller ignores, a bit for each signal; everything where /proc does not tell. */
static uint64_t
ignored_signals(void)
{
	char buf[4096];
	AUTO_FD fd = sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	const char *line;

	buf[n < 0 ? 0 : n] = '\0';
	line = strstr(buf, "\nSigIgn:");
	return line ? strtoull(line + strlen("\nSigIgn:"), NULL, 16) : ~0ULL;
}

/* A caller may have left SIGCHLD ignored; then no end would ever be seen. */
static int
take_signals(struct launch *l, struct err *e)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t ours;

	sigfillset(&ours);
	if (l->spec->caller_signals) {
		sigemptyset(&ours);
		sigaddset(&ours, SIGCHLD);
	}
	l->ignored = ignored_signals();
	if (sigprocmask(SIG_BLOCK, &ours, &l->mask) < 0 ||
	    ((l->ignored & (1ULL << (SIGCHLD - 1))) && sigaction(SIGCHLD, &dfl, NULL) < 0))
		return err_sys(e, "block signals");
	l->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signal_fd < 0 ? err_sys(e, "make a signal descriptor") : 0;
}

static uint64_t
clone_flags(unsigned int ns)
{
	static const struct {
		enum spec_ns ns;
		uint64_t flag;
	} map[] = {
		{ SPEC_NS_USER, CLONE_NEWUSER }, { SPEC_NS_MOUNT, CLONE_NEWNS },
		{ SPEC_NS_PID, CLONE_NEWPID },	 { SPEC_NS_IPC, CLONE_NEWIPC },
		{ SPEC_NS_UTS, CLONE_NEWUTS },	 { SPEC_NS_CGROUP, CLONE_NEWCGROUP },
		{ SPEC_NS_NET, CLONE_NEWNET },
	};
	uint64_t flags = 0;

	for (size_t i = 0; i < NELEMS(map); i++)
		if (ns & map[i].ns)
			flags |= map[i].flag;
	return flags;
}

/* fork() with namespaces; where clone3(2) is filtered away, clone(2) does it as well. */
static pid_t
clone_namespaces(unsigned int ns)
{
	struct clone_args args = { .flags = clone_flags(ns), .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);

	if (pid < 0 && errno == ENOSYS)
		pid = sys_clone_fork((unsigned long)args.flags | SIGCHLD);
	return pid;
}

static int
clone_error(struct err *e)
{
	(void)err_sys(e, "make namespaces");
	switch (e->code) {
	case EPERM:
	case EACCES:
		return err_hint(e, "user namespaces are off here (kernel.unprivileged_userns_clone, "
				   "AppArmor, a container's system call filter), or this is a "
				   "chroot; see rootlet doctor");
	case ENOSPC:
	case EUSERS:
		return err_hint(e, "the limit user.max_user_namespaces (or of another kind) is "
				   "reached, or nesting is deeper than 32; see rootlet doctor");
	case EINVAL:
	case ENOSYS:
		return err_hint(e, "this kernel lacks one of the namespaces; see rootlet doctor");
	default:
		return -e->code;
	}
}

/* A pid namespace is only for the children to come. */
static int
enter_namespaces(const struct spec *s, struct err *e)
{
	if (s->userns_fd >= 0 && setns(s->userns_fd, CLONE_NEWUSER) < 0)
		return err_sys(e, "enter the user namespace of descriptor %d", s->userns_fd);
	if (s->pidns_fd >= 0 && setns(s->pidns_fd, CLONE_NEWPID) < 0)
		return err_sys(e, "enter the pid namespace of descriptor %d", s->pidns_fd);
	return 0;
}

/* Are the id maps for us to write, or by our helpers? */
static bool
has_to_map_ids(const struct spec *s)
{
	return s->idmap == SPEC_IDMAP_RANGE || s->idmap == SPEC_IDMAP_ROOT;
}

/* P1 */
static int
start_child(struct launch *l, child_init_fn *init, struct err *e)
{
	const struct spec *s = l->spec;
	struct child_args args = {
		.spec = s,
		.init = init,
		.sources = l->sources,
		.cmdline = l->hooks->cmdline,
		.cmdline_len = l->hooks->cmdline_len,
		.layer_path = l->layer.fd >= 0 ? l->layer.path : NULL,
		.announce = s->init && l->hooks->started,
		.hold = has_to_map_ids(s) || l->hooks->cloned,
		.ignored = l->ignored,
		.mask = l->mask,
	};
	int socks[2], on = 1;

	if (enter_namespaces(s, e) < 0 || sync_pair(socks, e) < 0)
		return -e->code;
	l->sock = socks[0];
	if (args.announce && setsockopt(l->sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return err_sys(e, "ask for credentials");
	/* A pid namespace below a given one is for a process of that one to make. */
	l->child = clone_namespaces(s->pidns_fd < 0 ? s->ns : s->ns & ~(unsigned int)SPEC_NS_PID);
	if (l->child == 0) {
		args.sock = socks[1];
		(void)close(socks[0]);
		child_main(&args);
	}
	(void)close(socks[1]);
	return l->child < 0 ? clone_error(e) : 0;
}

static int
map_ids(struct launch *l, struct err *e)
{
	char path[40];

	if (ids_write_for(l->spec, l->child, e) < 0) {
		l->ids_refused = true;
		return err_prefix(e, "map ids");
	}
	if (l->spec->idmap == SPEC_IDMAP_RANGE) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", l->child);
		l->userns_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return 0;
}

/* P2 */
static int
let_child_go(struct launch *l, struct err *e)
{
	const bool maps = has_to_map_ids(l->spec);

	if (l->hooks->cloned && l->hooks->cloned(l->hooks->ctx, l->child, e) < 0)
		return -e->code;
	if (maps && map_ids(l, e) < 0)
		return -e->code;
	return maps || l->hooks->cloned ? sync_send(l->sock, SYNC_GO, 0, e) : 0;
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
	if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM)
		l->hurry = true;
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
	case SYNC_MAX_:
		break;
	}
	return err_set(e, EPROTO, "unexpected message %d from the sandbox", (int)m.point);
}

static void
handle_timeout(struct launch *l)
{
	if (!l->timed_out) {
		l->timed_out = l->hurry = true;
		l->deadline_ms += KILL_AFTER_MS;
		signal_program(l, SIGTERM);
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

static int
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

/* A place that takes no directory of ours: read-only, full, or somebody else's. */
static bool
takes_no_layer(const struct err *e)
{
	return e->code == EROFS || e->code == ENOSPC || e->code == EDQUOT || e->code == EACCES ||
	       e->code == EPERM;
}

static int
make_layer(struct launch *l, struct err *e)
{
	if (l->spec->layer == SPEC_LAYER_RAM ||
	    layer_create(l->spec->layer_dir, &l->layer, e) == 0)
		return 0;
	if (l->spec->layer != SPEC_LAYER_AUTO || !takes_no_layer(e))
		return -e->code;
	err_clear(e);
	return 0;
}

/* Links in what the user typed, while we still see whose they are. */
static int
vet_sources(struct launch *l, struct err *e)
{
	const struct spec *s = l->spec;

	l->sources = xcalloc(s->n_mounts, sizeof(*l->sources));
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct mount_step *m = &s->mounts[i];
		const char *path = m->lowers ? m->lowers[0] : m->src;

		if (m->trusted || (m->op != MOUNT_BIND && m->op != MOUNT_DEVICE &&
				   m->op != MOUNT_OVERLAY))
			continue;
		if (source_vet(path, &l->sources[i], e) < 0)
			return -e->code;
	}
	return 0;
}

static int
run_phases(struct launch *l, child_init_fn *init, struct err *e)
{
	if (l->spec->die_with_parent && confine_die_with_parent(e) < 0)
		return -e->code;
	if (take_signals(l, e) < 0 || vet_sources(l, e) < 0 || make_layer(l, e) < 0)
		return -e->code;
	if (start_child(l, init, e) < 0 || let_child_go(l, e) < 0)
		return -e->code;
	return serve(l, e);
}

/* Nothing of the sandbox may be left, whatever went wrong. */
static void
end_child(struct launch *l)
{
	if (l->child <= 0)
		return;
	(void)kill(l->child, SIGKILL);
	while (waitpid(l->child, NULL, 0) < 0 && errno == EINTR)
		;
	l->child = -1;
}

static void
fill_result(const struct launch *l, struct launch_result *ret)
{
	const int st = l->wait_status;

	*ret = (struct launch_result){ .timed_out = l->timed_out, .ids_refused = l->ids_refused };
	if (WIFSIGNALED(st))
		ret->signal = WTERMSIG(st);
	ret->exit_status = l->timed_out	     ? 124
			   : WIFSIGNALED(st) ? 128 + WTERMSIG(st)
					     : WEXITSTATUS(st);
}

/* What the program has printed is still to be shown, as long as nobody wants the end. */
static void
finish_output(struct launch *l)
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

int
launch_run(const struct spec *s, child_init_fn *init, const struct launch_hooks *hooks,
	   struct launch_result *ret, struct err *e)
{
	struct launch l = {
		.spec = s,
		.hooks = hooks,
		.layer = LAYER_INIT,
		.relay = RELAY_INIT,
		.sock = -1,
		.signal_fd = -1,
		.userns_fd = -1,
		.exit_status = 125,
	};
	int r = run_phases(&l, init, e);

	end_child(&l);
	finish_output(&l);
	fill_result(&l, ret);
	if (r < 0)
		ret->exit_status = l.exit_status;
	layer_discard(&l.layer, s->layer_dir, l.userns_fd);
	fd_closep(&l.sock);
	fd_closep(&l.signal_fd);
	fd_closep(&l.userns_fd);
	for (size_t i = 0; l.sources && i < s->n_mounts; i++)
		free(l.sources[i].real);
	free(l.sources);
	return r;
}
