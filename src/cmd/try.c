/*
 * try - what a run may change of this machine's own files, afterwards
 *
 * Such a run has one id, or is root's: files in its layer then belong to the caller, who may read
 * them and give them to nobody else.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"

static int
check_words(const struct run_args *a, struct err *e)
{
	const char *how = a->apply;

	if (how && strcmp(how, "ask") != 0 && strcmp(how, "yes") != 0 && strcmp(how, "no") != 0)
		return err_set(e, EINVAL, "--apply: '%s' is not ask, yes or no", how);
	return 0;
}

/* The place that a file will take must be there when the work is done. */
static int
check_save(const char *file, struct err *e)
{
	const char *slash;
	AUTO_FREE char *dir = NULL;

	if (!file)
		return 0;
	slash = strrchr(file, '/');
	dir = !slash	    ? xstrdup(".")
	    : slash == file ? xstrdup("/")
			    : xstrndup(file, (size_t)(slash - file));
	if (!file[0] || (slash && !slash[1]))
		return err_set(e, EINVAL, "--save: '%s' is not a name of a file", file);
	return access(dir, W_OK | X_OK) < 0 ? err_sys(e, "--save %s", file) : 0;
}

int
cmd_changes_begin(struct run_args *a, const struct run_host *h, struct err *e)
{
	if (!a->apply && !a->save)
		return 0;
	if (a->keep)
		return err_set(e, EINVAL, "--keep excludes --apply and --save");
	if (check_words(a, e) < 0 || check_save(a->save, e) < 0)
		return -e->code;
	if (!a->apply)
		a->apply = "no";
	if (!a->idmap && h->uid != 0)
		a->idmap = "single";
	return 0;
}

/* Does the step show a directory of this machine under the layer? */
static bool
is_place(const struct spec *s, size_t i, bool image)
{
	const struct mount_step *m = &s->mounts[i];

	if (m->op == MOUNT_LAYER_DIR)
		return m->mirror && !m->read_only;
	return m->op == MOUNT_OVERLAY && m->lowers && !m->upper && !m->lowers_only &&
	       !m->read_only && !(image && i == 0);
}

int
cmd_changes_check(const struct run_args *a, const struct run_host *h, struct spec *s, struct err *e)
{
	bool found = false;

	if (!a->apply)
		return 0;
	if (s->idmap == SPEC_IDMAP_RANGE)
		return err_set(e, EINVAL, "--apply and --save need --idmap=single");
	if (s->layer == SPEC_LAYER_RAM || s->read_only || !s->layer_dir)
		return err_set(e, EINVAL, "--apply and --save need a layer on disk");
	for (size_t i = 0; i < s->n_mounts; i++)
		found = found || is_place(s, i, h->image);
	if (!found) {
		(void)err_set(
			e, EINVAL,
			"--apply and --save: no directory of this machine is under the layer");
		return err_hint(e, "-v DIR:DST:layer shows one");
	}
	s->layer = SPEC_LAYER_DISK;
	s->layer_told = true;
	return 0;
}

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/*
 * The clock of file systems goes in steps of some milliseconds, but a file whose time was asked for gets
 * the exact one (Linux 6.13).  After a step beyond the exact time, what was changed before has an
 * earlier time than what is changed from now on.
 */
struct timespec
cmd_changes_start(void)
{
	const struct timespec wait = { .tv_nsec = 500000 };
	struct timespec exact, step;

	(void)clock_gettime(CLOCK_REALTIME, &exact);
	for (int i = 0; i < 200; i++) {
		(void)clock_gettime(CLOCK_REALTIME_COARSE, &step);
		if (is_later(&step, &exact))
			break;
		(void)nanosleep(&wait, NULL);
	}
	return step;
}

static void
add_places(char ***words, const struct run_plan *p)
{
	const struct spec *s = p->spec;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct mount_step *m = &s->mounts[i];
		const bool mirror = m->op == MOUNT_LAYER_DIR;
		AUTO_FREE char *real = NULL;

		if (!is_place(s, i, p->image))
			continue;
		real = realpath(mirror ? m->src : m->lowers[0], NULL);
		if (!real)
			continue;
		strv_take(words, xasprintf(mirror ? "mirror-u%zu" : "u%zu", i));
		strv_take(words, TAKE_PTR(real));
	}
}

int
cmd_changes_end(const struct run_plan *p, const char *layer, bool interrupted, struct err *e)
{
	const bool real = p->spec->idmap == SPEC_IDMAP_ROOT;
	const bool stays = interrupted && strcmp(p->apply, "yes") == 0;
	char buf[PATH_MAX];
	const char *cwd = cmd_absolute(getcwd(buf, sizeof(buf)));
	AUTO_STRV words = NULL;

	strv_take(&words, xstrdup("end-changes"));
	strv_take(&words, xstrdup(real ? "real" : "recorded"));
	strv_take(&words, xstrdup(layer));
	strv_take(&words, xasprintf("%lld", (long long)p->start.tv_sec));
	strv_take(&words, xasprintf("%ld", p->start.tv_nsec));
	strv_take(&words, xstrdup(stays ? "no" : p->apply));
	strv_take(&words, xstrdup(p->save ? p->save : ""));
	strv_take(&words, xstrdup(cwd ? cwd : "/"));
	add_places(&words, p);
	if (cmd_end_changes(real ? "root" : "single", words, e) < 0)
		return -e->code;
	if (stays)
		(void)fprintf(stderr, "rootlet: nothing is applied: a signal ended the command\n");
	return 0;
}
