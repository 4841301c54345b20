/*
 * fuzz-args - the words of a command line, separated by NUL bytes -> the arguments of `run` or an
 * error
 *
 * What is kept points into the words, in their order, and what is not refused ends at the first
 * operand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 512

struct line {
	char *text; /* owned; the words, each with its NUL byte */
	size_t size;
	char *argv[WORDS_MAX + 2];
	int argc;
};

static void
split(struct line *l, const uint8_t *data, size_t size)
{
	static char name[] = "run";

	l->text = xcalloc(size + 1, 1);
	l->size = size;
	if (size)
		memcpy(l->text, data, size);
	l->argv[l->argc++] = name;
	for (size_t i = 0; i < size && l->argc <= WORDS_MAX; i += strlen(l->text + i) + 1)
		l->argv[l->argc++] = l->text + i;
}

static void
check_value(const struct line *l, const char *value)
{
	if (value && (value < l->text || value > l->text + l->size))
		abort();
}

static void
check_list(const struct line *l, const struct opt_list *list)
{
	if (list->n > (size_t)l->argc)
		abort();
	for (size_t i = 0; i < list->n; i++) {
		if (!list->v[i] || (i > 0 && list->v[i] <= list->v[i - 1]))
			abort();
		check_value(l, list->v[i]);
	}
}

static void
check_fields(const struct line *l, struct run_args *a)
{
	const char *const values[] = { a->layer,    a->home,       a->net,     a->idmap,
				       a->workdir,  a->user,       a->hostname, a->entrypoint,
				       a->timeout,  a->umask,      a->init,    a->new_privs,
				       a->seccomp,  a->events_fd };
	struct opt_list *const lists[] = { &a->volumes, &a->tmpfs,    &a->env,     &a->env_files,
					   &a->cap_add, &a->cap_drop, &a->devices, &a->ulimits,
					   &a->add_hosts, &a->pass_fds };

	for (size_t i = 0; i < NELEMS(values); i++)
		check_value(l, values[i]);
	for (size_t i = 0; i < NELEMS(lists); i++) {
		check_list(l, lists[i]);
		free(lists[i]->v);
	}
	if (a->base || a->command)
		abort();
}

/* @r is the index of the first operand: "--" ends the options, or a word that is none. */
static void
check_end(const struct line *l, int r)
{
	const char *before = l->argv[r - 1];

	if (r < 1 || r > l->argc)
		abort();
	if (r < l->argc && l->argv[r][0] == '-' && l->argv[r][1] && strcmp(before, "--") != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line l = { .argc = 0 };
	struct run_args a = { .base = NULL };
	struct err e = ERR_INIT;
	int r;

	split(&l, data, size);
	r = opt_parse(run_opts, l.argc, l.argv, &a, &e);
	if (r < 0 && (r != -EINVAL || e.code == 0 || e.msg[0] == '\0'))
		abort();
	if (r >= 0 && e.code != 0)
		abort();
	if (size && memcmp(l.text, data, size) != 0)
		abort();
	if (r > 0)
		check_end(&l, r);
	check_fields(&l, &a);
	free(l.text);
	return 0;
}
