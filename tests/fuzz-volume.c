/*
 * fuzz-volume - the texts of -v, --tmpfs, --device and --ulimit, separated by NUL bytes -> mount
 * plan or error
 *
 * What is not refused has clean absolute targets, no way onto the base or into /proc, and a source
 * where one is needed.  Volumes with `layer` are left out: their plan depends on what is mounted on
 * the machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "frontend/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct run_host host = { .uid = 1000, .gid = 1000, .cwd = "/home/user", .home = "/home/user" };

static bool
has_layer(const char *text)
{
	AUTO_STRV part = str_split_escaped(text, ':');
	AUTO_STRV words = strv_len(part) == 3 ? str_split_escaped(part[2], ',') : NULL;

	for (char **w = words; w && *w; w++)
		if (strcmp(*w, "layer") == 0)
			return true;
	return false;
}

static int
add(struct spec *s, unsigned int kind, const char *text, struct err *e)
{
	switch (kind % 4) {
	case 0:
		return has_layer(text) ? 0 : run_add_volume(s, text, &host, e);
	case 1:
		return run_add_tmpfs(s, text, e);
	case 2:
		return run_add_device(s, text, e);
	default:
		return run_add_ulimit(s, text, e);
	}
}

static void
check_error(const struct err *e)
{
	if (e->code <= 0 || e->msg[0] == '\0' || !memchr(e->msg, '\0', sizeof(e->msg)))
		abort();
}

static void
check_step(const struct mount_step *m)
{
	AUTO_FREE char *clean = path_clean(m->dst);

	if (!clean || strcmp(clean, m->dst) != 0 || strcmp(clean, "/") == 0)
		abort();
	if (m->op != MOUNT_TMPFS && (!m->src || m->src[0] != '/'))
		abort();
	if (m->trusted || m->optional)
		abort();
}

static void
fill_rest(struct spec *s)
{
	s->ns = SPEC_NS_USER | SPEC_NS_MOUNT | SPEC_NS_PID;
	s->layer = SPEC_LAYER_RAM;
	s->n_uids = s->n_gids = 1;
	s->cwd = xstrdup("/");
	strv_take(&s->argv, xstrdup("x"));
	spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup("/"));
}

/* One more text; what was refused has left nothing. */
static void
add_one(struct spec *s, unsigned int kind, const char *text)
{
	size_t n_mounts = s->n_mounts, n_limits = s->n_rlimits;
	struct err e = ERR_INIT;

	if (add(s, kind, text, &e) < 0) {
		check_error(&e);
		if (s->n_mounts != n_mounts || s->n_rlimits != n_limits)
			abort();
	} else if (e.code != 0) {
		abort();
	}
}

static void
check_all(const struct spec *s)
{
	struct err e = ERR_INIT;
	bool valid = spec_validate(s, &e) == 0;

	if (!valid)
		check_error(&e);
	for (size_t i = 1; i < s->n_mounts; i++) {
		check_step(&s->mounts[i]);
		if (valid && (path_is_below(s->mounts[i].dst, "/proc") ||
			      strlen(s->mounts[i].dst) >= PATH_MAX))
			abort();
	}
	for (size_t i = 0; i < s->n_rlimits; i++)
		if (s->rlimits[i].limit.rlim_cur > s->rlimits[i].limit.rlim_max)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SPEC s = spec_new();

	fill_rest(s);
	for (unsigned int kind = 0; size > 0; kind++) {
		size_t n = strnlen((const char *)data, size);
		AUTO_FREE char *text = xcalloc(n + 1, 1);

		memcpy(text, data, n);
		add_one(s, kind, text);
		n += n < size;
		data += n;
		size -= n;
	}
	check_all(s);
	return 0;
}
