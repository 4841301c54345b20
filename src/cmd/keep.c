/*
 * keep - what `run --keep` and `start` do around a launch
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/container.h"
#include "cmd/image.h"
#include "engine/launch.h"
#include "engine/layer.h"
#include "kernel/sys.h"

#define KILL_TRIES 500 /* of 20 ms */
#define IDMAP_WORD "--idmap=" /* as opt_words() puts it */

/* --- the record --- */

static int
check_args(const struct run_args *a, const struct spec *s, struct err *e)
{
	if (a->rm)
		return err_set(e, EINVAL, "--keep and --rm exclude each other");
	if (a->read_only)
		return err_set(e, EINVAL, "--keep and --read-only exclude each other");
	if (s->layer == SPEC_LAYER_RAM)
		return err_set(e, EINVAL, "--keep: a layer on disk is needed");
	if (a->apply || a->save)
		return err_set(e, EINVAL, "--keep excludes --apply and --save");
	if (a->pass_fds.n > 0)
		return err_set(e, EINVAL, "--keep and --pass-fd exclude each other: it could not be "
					  "started again");
	return 0;
}

/* A path that means the same from anywhere.  Owned. */
static char *
absolute(const char *path, const char *cwd)
{
	char *real = realpath(path, NULL);

	if (real)
		return real;
	return path[0] == '/' || !cwd ? xstrdup(path) : path_join(cwd, path);
}

/* The command line, without what was meant for this one run, and paths that do not depend on a place. */
static char **
freeze_args(const struct run_args *a, const char *kind, const char *cwd, bool has_image)
{
	struct run_args b = *a;
	const bool profile = a->seccomp && strcmp(a->seccomp, "default") != 0 &&
			     strcmp(a->seccomp, "unconfined") != 0;
	AUTO_FREE char *seccomp = profile ? absolute(a->seccomp, cwd) : NULL;
	const bool is_dir = !has_image && !run_base_is_host(a->base);
	char **words;

	b.keep = false;
	b.name = b.commit = b.events_fd = b.layer = NULL;
	b.env.n = b.env_files.n = 0;
	b.idmap = kind;
	b.seccomp = profile ? seccomp : a->seccomp;
	words = opt_words(run_opts, &b);
	strv_take(&words, xstrdup("--"));
	strv_take(&words, is_dir ? absolute(a->base, cwd) : xstrdup(a->base));
	for (char **p = a->command; p && *p; p++)
		strv_take(&words, xstrdup(*p));
	return words;
}

static int
fill_places(struct container_record *r, const struct spec *s, struct err *e)
{
	strv_freep(&r->places);
	for (const struct mount_step *m = s->mounts; m < s->mounts + s->n_mounts; m++) {
		const bool is_image = m == s->mounts && r->image.digest;
		char name[NAME_MAX + 1];

		const bool is_mirror = m->op == MOUNT_LAYER_DIR && m->mirror;

		if (!is_mirror && (m->op != MOUNT_OVERLAY || m->upper || m->lowers_only))
			continue;
		if (layer_name(s, m, name, e) < 0)
			return -e->code;
		if (is_mirror)
			strv_take(&r->places, xasprintf("%s=%s", name, m->src));
		for (char **p = m->lowers; p && *p && !is_image; p++)
			strv_take(&r->places, xasprintf("%s=%s", name, *p));
		if (is_image)
			strv_take(&r->places, xasprintf("%s=", name));
	}
	return 0;
}

static void
copy_image(struct image_record *to, const struct image_record *from)
{
	AUTO_FREE char *data = xstrdup("");
	size_t len = 0;

	image_record_append(from, &data, &len);
	for (const char *p = data; p < data + len; p += strlen(p) + 1)
		(void)image_record_take(to, p);
}

static const char *
kind_of(const struct spec *s)
{
	return s->idmap == SPEC_IDMAP_RANGE  ? "range"
	       : s->idmap == SPEC_IDMAP_ROOT ? "root"
					     : "single";
}

int
cmd_keep_plan(const struct run_args *a, const struct run_host *h, struct spec *s,
	      const struct image_record *image, struct run_plan *ret, struct err *e)
{
	struct container_record *r;

	if (a->name && !a->keep) {
		(void)err_set(e, EINVAL, "--name needs --keep");
		return err_hint(e, "what is not kept has no name");
	}
	if (!a->keep)
		return 0;
	if (check_args(a, s, e) < 0)
		return -e->code;
	s->layer = SPEC_LAYER_DISK;
	r = ret->keep = xcalloc(1, sizeof(*r));
	r->base = xstrdup(a->base);
	r->kind = xstrdup(kind_of(s));
	r->args = freeze_args(a, r->kind, h->cwd, image->digest);
	r->env = strv_copy(s->env);
	r->cwd = h->cwd ? xstrdup(h->cwd) : NULL;
	r->home = h->home ? xstrdup(h->home) : NULL;
	if (image->digest)
		copy_image(&r->image, image);
	return 0;
}

/* --- start and end --- */

/* When a process started, in ticks since boot; 0: there is none. */
static unsigned long long
start_time(pid_t pid)
{
	char path[40], buf[1024];
	AUTO_FD fd = -1;
	const char *p;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	/* The second field is in parentheses, and may have anything inside; ours is the 22nd. */
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		if ((p = strchr(p, ' ')))
			p++;
	return p ? strtoull(p, NULL, 10) : 0;
}

int
cmd_keep_begin(struct container *c, struct spec *s, struct err *e)
{
	struct container_record *r = &c->record;

	for (size_t i = 1; i < strv_len(r->stack); i++)
		strv_take(&s->layer_below, container_layer(c, i));
	s->layer = SPEC_LAYER_DISK;
	s->layer_told = true;
	s->layer_keep = container_layer(c, 0);
	if (fill_places(r, s, e) < 0)
		return -e->code;
	container_record_number(&r->started, container_now());
	container_record_number(&r->ended, -1);
	container_record_number(&r->status, -1);
	free(r->process);
	r->process = xasprintf("%d %llu", getpid(), start_time(getpid()));
	return container_write(c, e);
}

int
cmd_keep_sweep(const char *kind, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_find_data_dir();
	char verb[] = "sweep-containers", kind_word[] = "range";
	char *argv[] = { verb, kind_word, NULL };

	if (strcmp(kind, "range") == 0)
		return cmd_help_in_kind("range", argv, e);
	if (data_dir)
		container_sweep(data_dir);
	return 0;
}

int
cmd_keep_make_single(struct container *c, struct err *e)
{
	struct container_record *r = &c->record;

	free(r->kind);
	r->kind = xstrdup("single");
	for (char **p = r->args; *p && strcmp(*p, "--") != 0; p++) {
		if (strncmp(*p, IDMAP_WORD, strlen(IDMAP_WORD)) != 0)
			continue;
		free(*p);
		*p = xstrdup(IDMAP_WORD "single");
	}
	return container_write(c, e);
}

/* Without the lock: whoever sweeps wants it. */
static void
drop(struct container *c)
{
	struct err ignored = ERR_INIT;

	if (container_forget(c, &ignored) < 0)
		return;
	fd_closep(&c->fd);
	(void)cmd_keep_sweep(c->record.kind, &ignored);
}

int
cmd_keep_create(struct run_plan *plan, struct container *ret, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);

	if (!data_dir)
		return -e->code;
	ret->record = *plan->keep;
	*plan->keep = (struct container_record){ .base = NULL };
	if (container_create(data_dir, plan->name, ret, e) < 0)
		return -e->code;
	if (cmd_keep_begin(ret, plan->spec, e) < 0) {
		drop(ret);
		return -e->code;
	}
	return 0;
}

void
cmd_keep_end(struct container *c, const struct launch_result *res, bool is_new, const char *name)
{
	struct err e = ERR_INIT;

	if (is_new && res->not_started) {
		drop(c);
		return;
	}
	container_record_number(&c->record.ended, container_now());
	container_record_number(&c->record.status, res->exit_status);
	if (container_write(c, &e) < 0)
		(void)cmd_fail(&e);
	if (is_new && !name)
		(void)fprintf(stderr, "rootlet: kept as %s\n", c->name);
}

/* --- the end of one that runs --- */

/* The process that the record names, if that is still the same; -1: no. */
static int
open_process(const struct container_record *r)
{
	unsigned long long start;
	int pid, fd;

	if (!r->process || sscanf(r->process, "%d %llu", &pid, &start) != 2 || pid <= 0 || !start)
		return -1;
	fd = sys_pidfd_open(pid, 0);
	if (fd >= 0 && start_time(pid) == start)
		return fd;
	fd_closep(&fd);
	return -1;
}

int
cmd_keep_kill(const char *data_dir, const char *name, struct err *e)
{
	for (int tries = 0; tries < KILL_TRIES; tries++) {
		AUTO_CONTAINER c = CONTAINER_INIT;
		AUTO_FD process = -1;

		if (container_open(data_dir, name, CONTAINER_LOOK, &c, e) < 0)
			return -e->code;
		if (!container_is_busy(&c))
			return 0;
		process = open_process(&c.record);
		if (process >= 0)
			(void)sys_pidfd_send_signal(process, SIGKILL);
		(void)nanosleep(&(const struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return err_set(e, EBUSY, "container '%s' does not end", name);
}
