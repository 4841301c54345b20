#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/container.h"
#include "cmd/image.h"

/* Parse options; the number of the first operand, of which there are @min to @max; or the exit status
 * in *ret_status and 0. */
static int
operands(const struct opt *opts, int argc, char **argv, void *args, int min, int max, const char *want,
	 int *ret_status)
{
	struct err e = ERR_INIT;
	int first = opt_parse(opts, argc, argv, args, &e);

	if (first > 0 && (argc - first < min || (max >= 0 && argc - first > max))) {
		(void)err_set(&e, EINVAL, "%s: %s", argv[0], want);
		(void)err_hint(&e, "rootlet ps -a lists them");
	}
	if (e.code)
		*ret_status = cmd_fail(&e);
	else if (first == 0)
		*ret_status = cmd_help(argv[0]);
	return e.code ? 0 : first;
}

static int
open_named(const char *name, enum container_lock how, struct container *ret, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);

	return data_dir ? container_open(data_dir, name, how, ret, e) : -e->code;
}

int
cmd_ps(int argc, char **argv)
{
	return cmd_image(argc, argv);
}

/* --- start --- */

static int
start(const char *name, char **command, struct container *c, struct run_plan *plan, struct err *e)
{
	if (fd_check_stdio(e) < 0 || fd_close_others(NULL, 0, e) < 0 ||
	    open_named(name, CONTAINER_OWN, c, e) < 0)
		return -e->code;
	container_forget_layers(c);
	if (cmd_run_again(&c->record, command, plan, e) < 0 || cmd_keep_begin(c, plan->spec, e) < 0)
		return err_prefix(e, "start %s", name);
	return 0;
}

/* "start NAME [--] [COMMAND...]": as with run, what follows the name may be a command. */
int
cmd_start(int argc, char **argv)
{
	AUTO_CONTAINER c = CONTAINER_INIT;
	AUTO_RUN_PLAN plan = RUN_PLAN_INIT;
	struct err e = ERR_INIT;
	int status = 0;
	struct start_args a = { .attach = false };
	int first = operands(start_opts, argc, argv, &a, 1, -1, "the name of a container is expected",
			     &status);
	char **command = argv + first + 1;

	if (first == 0)
		return status;
	if (*command && strcmp(*command, "--") == 0)
		command++;
	if (start(argv[first], *command ? command : NULL, &c, &plan, &e) < 0)
		return cmd_fail(&e);
	cmd_launch(&plan, argc, argv, &c, false);
}

/* --- rm --- */

/* @ret_kind: owned; whose its files are; NULL: not known */
static int
forget(const char *name, bool force, char **ret_kind, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);
	AUTO_CONTAINER c = CONTAINER_INIT;
	int r = data_dir ? container_open_to_remove(data_dir, name, &c, e) : -e->code;

	if (r == -EBUSY && force) {
		err_clear(e);
		if (cmd_keep_kill(data_dir, name, e) < 0)
			return -e->code;
		r = container_open_to_remove(data_dir, name, &c, e);
	}
	if (r == -EBUSY && !force) {
		e->hint[0] = '\0';
		(void)err_hint(e, "rootlet rm -f %.100s ends it first", name);
	}
	if (r < 0 || container_forget(&c, e) < 0)
		return -e->code;
	*ret_kind = c.record.kind ? xstrdup(c.record.kind) : NULL;
	return 0;
}

static int
sweep(bool range)
{
	struct err e = ERR_INIT;

	return cmd_keep_sweep(range ? "range" : "single", &e) < 0 ? cmd_fail(&e) : 0;
}

int
cmd_rm(int argc, char **argv)
{
	struct rm_args a = { .force = false };
	bool range = false, any = false;
	int status = 0;
	int first = operands(rm_opts, argc, argv, &a, 1, -1, "the name of a container is expected",
			     &status);

	for (int i = first; i > 0 && i < argc; i++) {
		AUTO_FREE char *kind = NULL;
		struct err e = ERR_INIT;

		if (forget(argv[i], a.force, &kind, &e) < 0) {
			status = cmd_fail(&e);
			continue;
		}
		any = true;
		range = range || (kind && strcmp(kind, "range") == 0);
	}
	if (any && sweep(range) != 0)
		status = EXIT_ROOTLET;
	return status;
}

/* --- what the helper does --- */

/* The container that options and operands name, owned: --last, or the first operand. */
static char *
name_of(int argc, char **argv, struct err *e)
{
	const bool is_diff = strcmp(argv[0], "diff") == 0;
	union {
		struct diff_args diff;
		struct commit_args commit;
	} a = { .commit = { .message = NULL } };
	int first = opt_parse(is_diff ? diff_opts : commit_opts, argc, argv, &a, e);
	AUTO_FREE char *data_dir = first < 0 ? NULL : cmd_need_data_dir("containers", e);
	char *last;

	if (!is_diff)
		free(a.commit.changes.v);
	if (!data_dir || (is_diff && a.diff.last && argc > first))
		return first > 0 && data_dir ? (err_set(e, EINVAL, "diff: --last is without a name"), NULL)
					     : NULL;
	if (!is_diff || !a.diff.last)
		return first > 0 && first < argc ? xstrdup(argv[first]) : NULL;
	last = container_last(data_dir);
	if (!last)
		(void)err_set(e, ENOENT, "no container has been kept");
	return last;
}

int
cmd_changes(int argc, char **argv)
{
	AUTO_CONTAINER c = CONTAINER_INIT;
	struct err e = ERR_INIT;
	AUTO_FREE char *name = name_of(argc, argv, &e);
	AUTO_STRV words = NULL;

	if (e.code || (name && open_named(name, CONTAINER_LOOK, &c, &e) < 0))
		return cmd_fail(&e);
	/* Without a name there is something else to be said, which the helper does. */
	strv_take(&words, xstrdup(argv[0]));
	strv_take(&words, xstrdup(name ? c.record.kind : "single"));
	strv_take(&words, xstrdup(name ? name : ""));
	for (int i = 1; i < argc; i++)
		strv_take(&words, xstrdup(argv[i]));
	container_close(&c);
	return cmd_help_in_kind(words[1], words, &e) < 0 ? cmd_fail(&e) : 0;
}
