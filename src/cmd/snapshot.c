/*
 * snapshot - the stack of layers of a container: nothing is copied, the record alone decides
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/container.h"

/* The name of an entry of the stack, "N=NAME", "" where it has none. */
static char *
name_of(char *entry)
{
	return entry + strcspn(entry, "=") + 1;
}

/* The number in the stack of snapshot @name, or its length when there is none. */
static size_t
find(const struct container *c, const char *name)
{
	char **stack = c->record.stack;
	size_t i = 0;

	while (stack[i] && (strcmp(name_of(stack[i]), name) != 0 || !*name))
		i++;
	return i;
}

static int
need(const struct container *c, const char *name, size_t *ret, struct err *e)
{
	*ret = find(c, name);
	if (c->record.stack[*ret])
		return 0;
	(void)err_set(e, ENOENT, "container '%s' has no snapshot '%.100s'", c->name, name);
	return err_hint(e, "rootlet snapshot --list %.100s", c->name);
}

static int
check_new(const struct container *c, const char *name, struct err *e)
{
	if (!container_name_is_valid(name)) {
		(void)err_set(e, EINVAL, "'%.200s' is no name for a snapshot", name);
		return err_hint(e, "letters, digits, and inside . _ -, at most %d", CONTAINER_NAME_MAX);
	}
	if (c->record.stack[find(c, name)]) {
		(void)err_set(e, EEXIST, "container '%s' has a snapshot '%s'", c->name, name);
		return err_hint(e, "rootlet snapshot --rm %.60s %.60s takes its name away", c->name, name);
	}
	return 0;
}

static int
take(struct container *c, const char *name, struct err *e)
{
	const unsigned long top = container_top(c);
	char **last = &c->record.stack[strv_len(c->record.stack) - 1];

	if (check_new(c, name, e) < 0)
		return -e->code;
	free(*last);
	*last = xasprintf("%lu=%s", top, name);
	return container_push(c, top + 1, e) < 0 ? -e->code : container_write(c, e);
}

/* The layer of it stays. */
static int
unname(struct container *c, const char *name, struct err *e)
{
	size_t i;

	if (need(c, name, &i, e) < 0)
		return -e->code;
	*name_of(c->record.stack[i]) = '\0';
	return container_write(c, e);
}

/* What lies above @name goes: its directories are left-overs once the record does not name them. */
static int
roll_back(struct container *c, const char *name, struct err *e)
{
	const unsigned long top = container_top(c);
	char **stack = c->record.stack;
	size_t i;

	if (need(c, name, &i, e) < 0)
		return -e->code;
	for (size_t n = strv_len(stack); n > i + 1;) {
		free(stack[--n]);
		stack[n] = NULL;
	}
	if (container_push(c, top + 1, e) < 0 || container_write(c, e) < 0)
		return -e->code;
	container_forget_layers(c);
	return 0;
}

static void
list(const struct container *c)
{
	for (char **p = c->record.stack; *p; p++)
		if (*name_of(*p))
			(void)printf("%s\n", name_of(*p));
}

/* The container, for whom nobody else is at work, without left-overs. */
static int
open_own(const char *name, struct container *ret, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);
	const int r = data_dir ? container_open(data_dir, name, CONTAINER_OWN, ret, e) : -ENOENT;

	if (r == 0)
		container_forget_layers(ret);
	return r;
}

static int
show(const char *name, struct err *e)
{
	AUTO_CONTAINER c = CONTAINER_INIT;
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);

	if (!data_dir || container_open(data_dir, name, CONTAINER_LOOK, &c, e) < 0)
		return -e->code;
	list(&c);
	return 0;
}

static int
change(char **operands, bool rm, struct err *e)
{
	AUTO_CONTAINER c = CONTAINER_INIT;

	if (open_own(operands[0], &c, e) < 0)
		return -e->code;
	return rm ? unname(&c, operands[1], e) : take(&c, operands[1], e);
}

int
cmd_snapshot(int argc, char **argv)
{
	struct snapshot_args a = { .list = false };
	struct err e = ERR_INIT;
	int first = opt_parse(snapshot_opts, argc, argv, &a, &e);

	if (first == 0)
		return cmd_help("snapshot");
	if (first > 0 && a.list && a.rm)
		(void)err_set(&e, EINVAL, "snapshot: --list and --rm exclude each other");
	else if (first > 0 && argc - first != (a.list ? 1 : 2)) {
		(void)err_set(&e, EINVAL, "snapshot: a container%s expected",
			      a.list ? " is" : " and a name for the snapshot are");
		(void)err_hint(&e, "rootlet ps -a lists containers");
	} else if (first > 0)
		(void)(a.list ? show(argv[first], &e) : change(argv + first, a.rm, &e));
	return e.code ? cmd_fail(&e) : cmd_end_output();
}

/* Removal is for the end: it needs no lock, and may take its time. */
int
cmd_rollback(int argc, char **argv)
{
	AUTO_FREE char *kind = NULL;
	struct err e = ERR_INIT;
	int first = opt_parse(rollback_opts, argc, argv, NULL, &e);

	if (first == 0)
		return cmd_help("rollback");
	if (first > 0 && argc - first != 2) {
		(void)err_set(&e, EINVAL, "rollback: a container and a snapshot are expected");
		(void)err_hint(&e, "rootlet snapshot --list CONTAINER lists the snapshots");
	} else if (first > 0) {
		AUTO_CONTAINER c = CONTAINER_INIT;

		if (open_own(argv[first], &c, &e) == 0 && roll_back(&c, argv[first + 1], &e) == 0)
			kind = xstrdup(c.record.kind);
	}
	if (!e.code)
		(void)cmd_keep_sweep(kind, &e);
	return e.code ? cmd_fail(&e) : 0;
}
