#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "cmd/image.h"
#include "engine/launch.h"
#include "image/platform.h"
#include "image/ref.h"
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
close_inherited(const struct spec *s, int events_fd, int lock_fd, struct err *e)
{
	AUTO_FREE int *keep = xcalloc(s->n_pass_fds + 2, sizeof(*keep));
	size_t n = s->n_pass_fds;

	for (size_t i = 0; i < n; i++)
		keep[i] = s->pass_fds[i];
	if (events_fd >= 0)
		keep[n++] = events_fd;
	if (lock_fd >= 0)
		keep[n++] = lock_fd;
	return fd_close_others(keep, n, e);
}

/* The image that is the base, if it is one. */
struct base_image {
	struct spec *ids; /* owned; with the id map, which tells whose files the layers are to be; NULL */
	const char *kind; /* whose they are; NULL: not known */
	char *platform;   /* owned; that was asked for, or NULL */
	struct found_image found;
	struct run_image image; /* of what was found */
};
#define BASE_IMAGE_INIT { .found = FOUND_IMAGE_INIT }

static void
base_image_clear(struct base_image *b)
{
	spec_freep(&b->ids);
	free(b->platform);
	cmd_found_image_clear(&b->found);
}

static void
fill_image(struct base_image *b, const char *name, const struct image_record *r)
{
	b->image = (struct run_image){ .name = name,
				       .layers = b->found.layers,
				       .entrypoint = r->entrypoint,
				       .cmd = r->cmd,
				       .env = r->env,
				       .user = r->user,
				       .volumes = r->volumes,
				       .workdir = r->workdir,
				       .stop_signal = r->stop_signal };
}

static int
find_image(const struct run_args *a, struct run_host *h, struct base_image *b, struct err *e)
{
	struct image_query q = { .name = a->base, .data_dir = h->data_dir, .quiet = a->quiet };

	if (a->platform && platform_parse(a->platform, &b->platform, e) < 0)
		return err_prefix(e, "--platform");
	if (run_base_is_host(a->base) || image_ref_is_path(a->base))
		return a->platform ? err_set(e, EINVAL, "--platform: only an image has one") : 0;
	if (cmd_choose_ids(a->idmap, h, &b->ids, e) < 0)
		return -e->code;
	q.platform = b->platform;
	q.ids = b->ids;
	if (cmd_find_or_pull(&q, b->ids, a->pull, &b->found, e) < 0)
		return -e->code;
	b->kind = cmd_kind_of(b->ids);
	fill_image(b, a->base, &b->found.record);
	h->image = &b->image;
	h->ids = b->ids;
	return 0;
}

/*
 * Before it starts: who wants an image afterwards does not want to lose what was done, nor a layer in
 * memory where the disk takes none.
 */
static int
check_commit(const char *name, struct spec *s, const struct image_record *image, struct err *e)
{
	const size_t n = strv_len(image->layers);
	struct image_ref ref = IMAGE_REF_INIT;
	int r;

	if (!name)
		return 0;
	if (!image->digest)
		return err_set(e, EINVAL, "--commit: the base is not an image");
	if (n >= IMAGE_LAYERS_MAX) {
		(void)err_set(e, E2BIG, "--commit: the image has %zu layers, and there can be no more", n);
		return err_hint(e, "rootlet export IMAGE | rootlet import - NAME makes one of them");
	}
	if (s->layer == SPEC_LAYER_RAM || s->read_only)
		return err_set(e, EINVAL, "--commit: a layer on disk is needed");
	s->layer = SPEC_LAYER_DISK;
	s->layer_told = true;
	r = image_ref_parse(name, &ref, e);
	if (r == 0 && ref.digest)
		r = err_set(e, EINVAL, "'%s' has a digest: that is no name", name);
	image_ref_clear(&ref);
	return r < 0 ? err_prefix(e, "--commit") : 0;
}

void
run_plan_clear(struct run_plan *p)
{
	spec_freep(&p->spec);
	fd_closep(&p->events_fd);
	fd_closep(&p->lock_fd);
	free(p->image);
	free(p->platform);
	free(p->has_platform);
	if (p->keep)
		container_record_clear(p->keep);
	free(p->keep);
	*p = (struct run_plan)RUN_PLAN_INIT;
}

static int
make_plan(const struct run_args *a, const struct run_host *h, struct base_image *b,
	  struct run_plan *ret, struct err *e)
{
	AUTO_SPEC s = NULL;

	if (run_spec(a, h, &s, e) < 0 || check_commit(a->commit, s, &b->found.record, e) < 0 ||
	    cmd_changes_check(a, h, s, e) < 0 ||
	    cmd_keep_plan(a, h, s, &b->found.record, ret, e) < 0)
		return -e->code;
	ret->spec = TAKE_PTR(s);
	ret->lock_fd = TAKE_FD(b->found.lock_fd);
	ret->base = a->base;
	ret->kind = b->kind;
	ret->image = TAKE_PTR(b->found.record.digest);
	ret->has_platform = TAKE_PTR(b->found.record.platform);
	ret->platform = TAKE_PTR(b->platform);
	ret->commit = a->commit;
	ret->name = a->name;
	ret->apply = a->apply;
	ret->save = a->save;
	ret->quiet = a->quiet;
	return 0;
}

static int
make_spec(struct run_args *a, struct run_plan *ret, struct err *e)
{
	AUTO_FREE char *cwd = find_cwd(), *data_dir = cmd_find_data_dir();
	CLEANUP(base_image_clear) struct base_image base = BASE_IMAGE_INIT;
	struct run_host h = {
		.uid = (uid_t)getauxval(AT_EUID),
		.gid = (gid_t)getauxval(AT_EGID),
		.cwd = cwd,
		.home = cmd_absolute(getenv("HOME")),
		.data_dir = data_dir,
		.env = environ,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};

	if (fd_check_stdio(e) < 0 || cmd_changes_begin(a, &h, e) < 0 ||
	    find_image(a, &h, &base, e) < 0 || make_plan(a, &h, &base, ret, e) < 0 ||
	    open_events_fd(a->events_fd, &ret->events_fd, e) < 0 ||
	    close_inherited(ret->spec, ret->events_fd, ret->lock_fd, e) < 0 ||
	    cmd_fill_filter(ret->spec, a, h.data_dir, e) < 0)
		return -e->code;
	return 0;
}

/* The image that the container was made from, as its record has it. */
static int
found_again(const struct container_record *r, const char *data_dir, struct base_image *b,
	    struct run_host *h, struct err *e)
{
	struct found_image *f = &b->found;

	b->kind = r->kind;
	if (!r->image.digest)
		return 0;
	if (cmd_find_layers(&r->image, r->kind, data_dir, &f->layers, &f->lock_fd, e) < 0)
		return -e->code;
	f->record.digest = xstrdup(r->image.digest);
	f->record.platform = r->image.platform ? xstrdup(r->image.platform) : NULL;
	fill_image(b, r->base, &r->image);
	h->image = &b->image;
	return 0;
}

int
cmd_run_again(const struct container_record *r, char **command, struct run_plan *ret, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_find_data_dir();
	CLEANUP(base_image_clear) struct base_image base = BASE_IMAGE_INIT;
	CLEANUP(run_args_clear) struct run_args a = { .base = NULL };
	struct run_host h = {
		.uid = (uid_t)getauxval(AT_EUID),
		.gid = (gid_t)getauxval(AT_EGID),
		.cwd = r->cwd,
		.home = r->home,
		.data_dir = data_dir,
		.env = r->env,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	AUTO_STRV words = NULL;
	int first;

	strv_take(&words, xstrdup("start"));
	for (char **p = r->args; *p; p++)
		strv_take(&words, xstrdup(*p));
	first = opt_parse(run_opts, (int)strv_len(words), words, &a, e);
	if (first < 0)
		return first;
	if (first == 0 || !words[first])
		return err_set(e, EBADMSG, "its record has no command line");
	a.base = words[first];
	a.command = command ? command : words + first + 1;
	if (found_again(r, data_dir, &base, &h, e) < 0 || make_plan(&a, &h, &base, ret, e) < 0 ||
	    cmd_fill_filter(ret->spec, &a, data_dir, e) < 0)
		return -e->code;
	strv_freep(&ret->spec->env);
	ret->spec->env = strv_copy(r->env);
	ret->base = NULL;
	return 0;
}

int
cmd_run_spec(int argc, char **argv, const char *name, struct run_plan *ret, struct err *e)
{
	const bool is_try = strcmp(name, "try") == 0;
	struct run_args a = { .base = NULL };
	int first = opt_parse(is_try ? try_opts : run_opts, argc, argv, &a, e), r;

	if (first == 0)
		return 1;
	if (first < 0) {
		r = first;
	} else if (is_try && first == argc) {
		(void)err_set(e, EINVAL, "try: no command given");
		r = err_hint(e, "rootlet try make install");
	} else if (is_try) {
		a.base = "host";
		a.command = argv + first;
		a.apply = a.apply ? a.apply : a.save ? "no" : "ask";
		r = make_spec(&a, ret, e);
	} else if (a.init && strcmp(a.init, "yes") != 0 && strcmp(a.init, "no") != 0) {
		/* Elsewhere --init takes no value: a base is not to be taken for one silently. */
		(void)err_set(e, EINVAL, "--init '%.60s' is not yes or no", a.init);
		r = err_hint(e, "it is yes without the option");
	} else if (first == argc) {
		(void)err_set(e, EINVAL, "%s: no base given", name);
		r = err_hint(e, "rootlet run host, rootlet run IMAGE, or rootlet run ./DIRECTORY");
	} else {
		a.base = argv[first];
		a.command = argv + first + 1;
		if (*a.command && strcmp(*a.command, "--") == 0)
			a.command++;
		r = make_spec(&a, ret, e);
	}
	run_args_clear(&a);
	return r;
}

struct running {
	struct run_plan plan;
	struct container *kept; /* borrowed; NULL: the layer goes */
	bool is_new;            /* what is kept has been made for this */
	int64_t oom_kills; /* before the start; -1: not known */
};

static void
on_started(void *ctx, pid_t pid)
{
	const struct running *r = ctx;

	(void)dprintf(r->plan.events_fd, "{\"event\":\"started\",\"pid\":%d}\n", pid);
}

/* SIGKILL, and the kernel has killed something here meanwhile, which we did not ask for. */
static bool
was_oom(const struct running *r, const struct launch_result *res)
{
	return res->signal == SIGKILL && !res->timed_out && r->oom_kills >= 0 &&
	       oom_count() > r->oom_kills;
}

static void
report_end(const struct running *r, const struct launch_result *res)
{
	char signal[32] = "";

	if (r->plan.events_fd < 0)
		return;
	if (res->signal)
		(void)snprintf(signal, sizeof(signal), ",\"signal\":%d", res->signal);
	(void)dprintf(r->plan.events_fd, "{\"event\":\"exited\",\"status\":%d%s%s%s}\n", res->exit_status,
		      signal, was_oom(r, res) ? ",\"oom\":true" : "",
		      res->timed_out ? ",\"timedOut\":true" : "");
}

/* Changes are applied; the layer becomes an image: what the root took is in its first directory. */
static int
on_ended(void *ctx, const char *layer, const struct launch_result *res)
{
	const struct running *r = ctx;
	AUTO_FREE char *upper = path_join(layer, "u0");
	struct err e = ERR_INIT;

	if (r->plan.apply &&
	    cmd_changes_end(&r->plan, layer, res->signal || res->timed_out, &e) < 0)
		return cmd_fail(&e);
	if (res->exit_status != 0 || !r->plan.commit)
		return -1;
	if (cmd_commit_layer(r->plan.kind, upper, r->plan.image, r->plan.commit, r->plan.quiet,
			     &e) < 0) {
		(void)cmd_fail(&e);
		return EXIT_ROOTLET;
	}
	return -1;
}

/* What a container has is there already, and belongs to those ids. */
static void
explain_ids(const struct container *kept, struct err *e)
{
	(void)err_prefix(e, "start %s: its files are those of subordinate ids", kept->name);
	e->hint[0] = '\0';
	(void)err_hint(e, "it starts where newuidmap works as when it was made: see /etc/subuid, "
			  "/etc/subgid and rootlet doctor");
}

/*
 * A range was refused: the same with one id, and for an image with layers made for that.  A container
 * that has just been made is one of that kind then: nothing has been written to its layer.
 */
static bool
make_single(struct running *run, struct err *e)
{
	struct run_plan *plan = &run->plan;
	const struct err refused = *e;

	if (run->kept && !run->is_new) {
		explain_ids(run->kept, e);
		return false;
	}
	if (!run_idmap_again(plan->spec))
		return false;
	err_clear(e);
	if ((!plan->image || cmd_take_layers_of_single(plan, e) == 0) &&
	    (!run->kept || cmd_keep_make_single(run->kept, e) == 0))
		return true;
	if (e->code != ECANCELED)
		*e = refused;
	return false;
}

/* A program for another machine. */
static void
explain_platform(const struct run_plan *plan, struct err *e)
{
	AUTO_FREE char *own = platform_own();

	if (e->code == ENOEXEC && plan->has_platform && !platform_fits(own, plan->has_platform))
		(void)err_hint(e, "the image is for %.64s, this machine is %s", plan->has_platform, own);
}

static int
launch(struct running *run, const struct launch_hooks *hooks, struct launch_result *res, struct err *e)
{
	int r = launch_run(run->plan.spec, init_main, hooks, res, e);

	if (r < 0 && res->ids_refused && make_single(run, e))
		r = launch_run(run->plan.spec, init_main, hooks, res, e);
	if (r < 0)
		explain_platform(&run->plan, e);
	return r;
}

void
cmd_launch(const struct run_plan *plan, int argc, char **argv, struct container *kept, bool is_new)
{
	struct running run = { .plan = *plan, .kept = kept, .is_new = is_new, .oom_kills = -1 };
	char *const last = argv[argc - 1];
	struct launch_hooks hooks = {
		.ctx = &run,
		.cmdline = argv[0],
		.cmdline_len = (size_t)(last + strlen(last) - argv[0]),
	};
	struct launch_result res = { .exit_status = EXIT_ROOTLET };
	struct err e = ERR_INIT;

	if (run.plan.events_fd >= 0) {
		hooks.started = on_started;
		run.oom_kills = oom_count();
	}
	if (run.plan.commit || run.plan.apply)
		hooks.ended = on_ended;
	if (run.plan.apply)
		run.plan.start = cmd_changes_start();
	if (launch(&run, &hooks, &res, &e) < 0)
		(void)cmd_fail(&e);
	if (kept)
		cmd_keep_end(kept, &res, is_new, run.plan.name);
	/* The process that removes the layer has the descriptor for a moment, and is not to be seen. */
	if (run.plan.lock_fd >= 0)
		(void)flock(run.plan.lock_fd, LOCK_UN);
	report_end(&run, &res);
	/* Nothing is freed: the end of the process does that at a stroke, without page faults. */
	exit(res.exit_status);
}

/* run, or try: @name. */
static int
run_as(const char *name, int argc, char **argv)
{
	AUTO_CONTAINER kept = CONTAINER_INIT;
	AUTO_RUN_PLAN plan = RUN_PLAN_INIT;
	struct err e = ERR_INIT;
	int r = cmd_run_spec(argc, argv, name, &plan, &e);

	if (r == 0 && plan.keep)
		r = cmd_keep_create(&plan, &kept, &e);
	if (r < 0)
		return cmd_fail(&e);
	if (r > 0)
		return cmd_help(name);
	cmd_launch(&plan, argc, argv, plan.keep ? &kept : NULL, true);
}

int
cmd_run(int argc, char **argv)
{
	return run_as("run", argc, argv);
}

int
cmd_try(int argc, char **argv)
{
	return run_as("try", argc, argv);
}
