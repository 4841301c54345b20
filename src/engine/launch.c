#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/confine.h"
#include "engine/ids.h"
#include "engine/launch-internal.h"
#include "engine/sync.h"
#include "kernel/sys.h"

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
	if (l->spec->layer_keep)
		return layer_open_kept(l->spec->layer_keep, &l->layer, e);
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
	l->may_have_run = true;
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

	*ret = (struct launch_result){ .timed_out = l->timed_out,
					.not_started = !l->may_have_run,
					.ids_refused = l->ids_refused };
	if (WIFSIGNALED(st))
		ret->signal = WTERMSIG(st);
	ret->exit_status = l->timed_out	     ? 124
			   : WIFSIGNALED(st) ? 128 + WTERMSIG(st)
					     : WEXITSTATUS(st);
}

static void
tell_end(const struct launch *l, struct launch_result *ret)
{
	int status = l->hooks->ended(l->hooks->ctx, l->layer.path, ret);

	if (status >= 0)
		ret->exit_status = status;
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
	serve_rest_of_output(&l);
	fill_result(&l, ret);
	if (r < 0)
		ret->exit_status = l.exit_status;
	else if (hooks->ended && l.layer.fd >= 0)
		tell_end(&l, ret);
	layer_discard(&l.layer, s->layer_dir, l.userns_fd);
	fd_closep(&l.sock);
	fd_closep(&l.signal_fd);
	fd_closep(&l.userns_fd);
	for (size_t i = 0; l.sources && i < s->n_mounts; i++)
		free(l.sources[i].real);
	free(l.sources);
	return r;
}
