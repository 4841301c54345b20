#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "engine/launch.h"
#include "init/init.h"
#include "kernel/oom.h"

/* Owned; NULL when it is deleted or out of reach: "(unreachable)/..." is no path. */
static char *
find_cwd(void)
{
	char buf[PATH_MAX];
	const char *cwd = cmd_absolute(getcwd(buf, sizeof(buf)));

	return cwd ? xstrdup(cwd) : NULL;
}

static void
run_args_clear(struct run_args *a)
{
	struct opt_list *lists[] = { &a->volumes,  &a->tmpfs,	&a->env,     &a->env_files,
				     &a->cap_add,  &a->cap_drop, &a->devices, &a->ulimits,
				     &a->add_hosts, &a->pass_fds };

	for (size_t i = 0; i < NELEMS(lists); i++)
		free(lists[i]->v);
}

/* A copy above stderr: the number that the user gave may be one that we close. */
static int
open_events_fd(const char *text, int *ret_fd, struct err *e)
{
	uint64_t n;
	int fd;

	if (!text)
		return 0;
	if (parse_u64(text, 65535, &n, e) < 0)
		return err_prefix(e, "--events-fd");
	fd = fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(e, "--events-fd %d", (int)n);
	*ret_fd = fd;
	return 0;
}

static int
close_inherited(const struct spec *s, int events_fd, struct err *e)
{
	AUTO_FREE int *keep = xcalloc(s->n_pass_fds + 1, sizeof(*keep));
	size_t n = s->n_pass_fds;

	for (size_t i = 0; i < n; i++)
		keep[i] = s->pass_fds[i];
	if (events_fd >= 0)
		keep[n++] = events_fd;
	return fd_close_others(keep, n, e);
}

static int
make_spec(struct run_args *a, struct spec **ret, int *ret_events_fd, struct err *e)
{
	AUTO_FREE char *cwd = find_cwd(), *data_dir = cmd_find_data_dir();
	const struct run_host h = {
		.uid = (uid_t)getauxval(AT_EUID),
		.gid = (gid_t)getauxval(AT_EGID),
		.cwd = cwd,
		.home = cmd_absolute(getenv("HOME")),
		.data_dir = data_dir,
		.env = environ,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	AUTO_SPEC s = NULL;
	int events_fd = -1;

	if (fd_check_stdio(e) < 0 || run_spec(a, &h, &s, e) < 0 || open_events_fd(a->events_fd, &events_fd, e) < 0 ||
	    close_inherited(s, events_fd, e) < 0 || cmd_fill_filter(s, a, h.data_dir, e) < 0)
		return -e->code;
	*ret_events_fd = events_fd;
	*ret = TAKE_PTR(s);
	return 0;
}

int
cmd_run_spec(int argc, char **argv, const char *name, struct spec **ret, int *ret_events_fd,
	     struct err *e)
{
	struct run_args a = { .base = NULL };
	int first = opt_parse(run_opts, argc, argv, &a, e), r;

	if (first == 0)
		return 1;
	if (first < 0) {
		r = first;
	} else if (first == argc) {
		(void)err_set(e, EINVAL, "%s: no base given", name);
		r = err_hint(e, "rootlet run host, or rootlet run ./DIRECTORY");
	} else {
		a.base = argv[first];
		a.command = argv + first + 1;
		if (*a.command && strcmp(*a.command, "--") == 0)
			a.command++;
		r = make_spec(&a, ret, ret_events_fd, e);
	}
	run_args_clear(&a);
	return r;
}

struct events {
	int fd;            /* owned, -1: nobody listens */
	int64_t oom_kills; /* before the start; -1: not known */
};

static void
on_started(void *ctx, pid_t pid)
{
	const struct events *ev = ctx;

	(void)dprintf(ev->fd, "{\"event\":\"started\",\"pid\":%d}\n", pid);
}

/* SIGKILL, and the kernel has killed something here meanwhile, which we did not ask for. */
static bool
was_oom(const struct events *ev, const struct launch_result *res)
{
	return res->signal == SIGKILL && !res->timed_out && ev->oom_kills >= 0 &&
	       oom_count() > ev->oom_kills;
}

static void
report_end(const struct events *ev, const struct launch_result *res)
{
	char signal[32] = "";

	if (ev->fd < 0)
		return;
	if (res->signal)
		(void)snprintf(signal, sizeof(signal), ",\"signal\":%d", res->signal);
	(void)dprintf(ev->fd, "{\"event\":\"exited\",\"status\":%d%s%s%s}\n", res->exit_status,
		      signal, was_oom(ev, res) ? ",\"oom\":true" : "",
		      res->timed_out ? ",\"timedOut\":true" : "");
}

int
cmd_run(int argc, char **argv)
{
	struct err e = ERR_INIT;
	AUTO_SPEC s = NULL;
	struct events ev = { .fd = -1, .oom_kills = -1 };
	char *const last = argv[argc - 1];
	struct launch_hooks hooks = {
		.ctx = &ev,
		.cmdline = argv[0],
		.cmdline_len = (size_t)(last + strlen(last) - argv[0]),
	};
	struct launch_result res = { .exit_status = EXIT_ROOTLET };
	int r = cmd_run_spec(argc, argv, "run", &s, &ev.fd, &e);

	if (r < 0)
		return cmd_fail(&e);
	if (r > 0)
		return cmd_help("run");
	if (ev.fd >= 0) {
		hooks.started = on_started;
		ev.oom_kills = oom_count();
	}
	r = launch_run(s, init_main, &hooks, &res, &e);
	if (r < 0 && res.ids_refused && run_idmap_again(s)) {
		err_clear(&e);
		r = launch_run(s, init_main, &hooks, &res, &e);
	}
	if (r < 0)
		(void)cmd_fail(&e);
	report_end(&ev, &res);
	/* Nothing is freed: the end of the process does that at a stroke, without page faults. */
	exit(res.exit_status);
}
