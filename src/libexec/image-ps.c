/*
 * Containers that are kept: ps, and "sweep-containers KIND", which `rootlet` asks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/container.h"
#include "libexec/image.h"

enum state { STATE_CREATED, STATE_RUNNING, STATE_EXITED, STATE_MAX_ };

static const char *const state_names[] = {
	[STATE_CREATED] = "created",
	[STATE_RUNNING] = "running",
	[STATE_EXITED] = "exited",
};
static_assert(NELEMS(state_names) == STATE_MAX_, "state_names[] does not match enum state");

static enum state
state_of(const struct container *c)
{
	return container_is_busy(c)	? STATE_RUNNING
	       : c->record.started	? STATE_EXITED
					: STATE_CREATED;
}

static const char *
time_of(const char *ns, char buf[32])
{
	const time_t t = (time_t)(ns ? strtoll(ns, NULL, 10) / 1000000000 : 0);
	struct tm tm;

	(void)strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return buf;
}

/* What is no UTF-8 has no place in JSON. */
static json_t *
text(const char *s)
{
	json_t *t = s ? json_string(s) : NULL;

	return t ? t : json_null();
}

/* What was given to run after the base. */
static json_t *
command_of(const struct container_record *r)
{
	json_t *list = json_array();
	char **p = r->args;

	while (*p && strcmp(*p, "--") != 0)
		p++;
	for (p += *p ? 1 : 0; *p && p[1]; p++)
		(void)json_array_append_new(list, text(p[1]));
	return list;
}

static json_t *
as_json(const struct container *c, enum state state)
{
	const struct container_record *r = &c->record;
	const bool ended = state == STATE_EXITED && r->status;
	char buf[32];

	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "name", c->name, "image",
			 text(r->base), "digest", text(r->image.digest), "command", command_of(r),
			 "created", time_of(r->created, buf), "state", state_names[state], "status",
			 ended ? json_integer(strtoll(r->status, NULL, 10)) : json_null());
}

static void
print_line(const struct container *c, enum state state)
{
	const struct container_record *r = &c->record;
	char status[48], base[256], buf[32];

	(void)str_printable(base, sizeof(base), r->base, false);
	(void)snprintf(status, sizeof(status), state == STATE_EXITED ? "%s (%.20s)" : "%s",
		       state_names[state], r->status ? r->status : "?");
	(void)printf("%-24s %-32s %.16s  %s\n", c->name, base, time_of(r->created, buf), status);
}

/* One that is being removed, or whose record is damaged, is not shown but by name. */
static void
show(const char *data_dir, const char *name, const struct ps_args *a, json_t *list)
{
	AUTO_CONTAINER c = CONTAINER_INIT;
	struct err e = ERR_INIT;
	enum state state;

	if (container_open(data_dir, name, CONTAINER_LOOK, &c, &e) < 0) {
		if (e.code != ENOENT)
			(void)cmd_fail(&e);
		return;
	}
	state = state_of(&c);
	if (state != STATE_RUNNING && !a->all)
		return;
	if (list)
		(void)json_array_append_new(list, as_json(&c, state));
	else if (strcmp(a->format, "names") == 0)
		(void)printf("%s\n", name);
	else
		print_line(&c, state);
}

static int
check_format(struct ps_args *a, struct err *e)
{
	if (a->quiet)
		a->format = "names";
	if (strcmp(a->format, "table") == 0 || strcmp(a->format, "json") == 0 ||
	    strcmp(a->format, "names") == 0)
		return 0;
	return err_set(e, EINVAL, "--format: '%.60s' is not table, json or names", a->format);
}

/* Nothing is to be changed, and nothing else to be seen.  One that is not there has no containers. */
static int
confine(const char *data_dir, struct err *e)
{
	AUTO_FD fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct confine_dir dir = { .fd = fd };

	if (fd < 0 && errno != ENOENT)
		return err_sys(e, "open %s", data_dir);
	return image_confine_files(NULL, &dir, fd >= 0, e);
}

int
verb_ps(int argc, char **argv, struct err *e)
{
	struct ps_args a = { .format = "table" };
	int first = opt_parse(ps_opts, argc, argv, &a, e);
	AUTO_FREE char *data_dir = NULL;
	AUTO_STRV names = NULL;
	json_t *list;

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (first < argc)
		return err_set(e, EINVAL, "ps: '%.100s': no argument is expected", argv[first]);
	if (check_format(&a, e) < 0 || !(data_dir = cmd_need_data_dir("containers", e)) ||
	    confine(data_dir, e) < 0 || container_list(data_dir, &names, e) < 0)
		return -e->code;
	list = strcmp(a.format, "json") == 0 ? json_array() : NULL;
	if (strcmp(a.format, "table") == 0)
		(void)printf("%-24s %-32s %-16s  %s\n", "NAME", "IMAGE", "CREATED", "STATUS");
	for (char **n = names; n && *n; n++)
		show(data_dir, *n, &a, list);
	if (list) {
		(void)json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		(void)printf("\n");
		json_decref(list);
	}
	return 0;
}

int
verb_sweep_containers(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);

	(void)argv;
	if (argc != 2)
		return err_set(e, EINVAL, "sweep-containers KIND");
	if (!data_dir)
		return -e->code;
	container_sweep(data_dir);
	return 0;
}
