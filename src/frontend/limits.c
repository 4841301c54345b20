/*
 * limits - capabilities and resource limits by name
 */
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "base/parse.h"
#include "base/str.h"
#include "frontend/capnames.h"
#include "frontend/run.h"
#include "kernel/rlimits.h"

/*
 * Docker's default set: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP
 * NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP.
 */
#define CAPS_DEFAULT 0xa80425fbULL
#define CAPS_ALL     (~0ULL)

static int
cap_bits(const char *name, uint64_t *ret, struct err *e)
{
	int cap;

	if (strcasecmp(name, "ALL") == 0) {
		*ret = CAPS_ALL;
		return 0;
	}
	cap = capname_to_number(name);
	if (cap < 0)
		return err_set(e, EINVAL, "unknown capability '%s'", name);
	*ret = 1ULL << cap;
	return 0;
}

int
run_fill_caps(struct spec *s, const struct run_args *a, struct err *e)
{
	uint64_t bits = 0;

	s->caps = a->privileged ? CAPS_ALL : CAPS_DEFAULT;
	/* "--cap-drop ALL --cap-add X" means X alone, in any order, as with docker. */
	for (size_t i = 0; i < a->cap_drop.n; i++)
		if (strcasecmp(a->cap_drop.v[i], "ALL") == 0)
			s->caps = 0;
	for (size_t i = 0; i < a->cap_add.n; i++) {
		if (cap_bits(a->cap_add.v[i], &bits, e) < 0)
			return err_prefix(e, "--cap-add");
		s->caps |= bits;
	}
	for (size_t i = 0; i < a->cap_drop.n; i++) {
		if (cap_bits(a->cap_drop.v[i], &bits, e) < 0)
			return err_prefix(e, "--cap-drop");
		if (bits != CAPS_ALL)
			s->caps &= ~bits;
	}
	return 0;
}

static int
limit_value(const char *text, rlim_t *ret, struct err *e)
{
	uint64_t v;

	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	if (parse_u64(text, (uint64_t)INT64_MAX, &v, e) < 0)
		return -e->code;
	*ret = v;
	return 0;
}

static int
limit_values(const char *text, struct rlimit *ret, struct err *e)
{
	AUTO_STRV part = str_split_escaped(text, ':');
	size_t n = strv_len(part);

	if (n < 1 || n > 2)
		return err_set(e, EINVAL, "expected NAME=SOFT[:HARD]");
	if (limit_value(part[0], &ret->rlim_cur, e) < 0 ||
	    limit_value(part[n - 1], &ret->rlim_max, e) < 0)
		return -e->code;
	if (ret->rlim_cur > ret->rlim_max)
		return err_set(e, EINVAL, "the soft limit is above the hard limit");
	return 0;
}

static void
set_limit(struct spec *s, int resource, struct rlimit limit)
{
	for (size_t i = 0; i < s->n_rlimits; i++) {
		if (s->rlimits[i].resource == resource) {
			s->rlimits[i].limit = limit;
			return;
		}
	}
	s->rlimits = xrealloc_array(s->rlimits, s->n_rlimits + 1, sizeof(*s->rlimits));
	s->rlimits[s->n_rlimits++] = (struct spec_rlimit){ resource, limit };
}

int
run_add_ulimit(struct spec *s, const char *text, struct err *e)
{
	const size_t n = strcspn(text, "=");
	const int resource = text[n] ? rlimit_from_name(text, n) : -1;
	struct rlimit limit;

	if (resource < 0)
		return err_set(e, EINVAL, "ulimit '%s': expected NAME=SOFT[:HARD] with a name "
					  "that ulimit(1) knows, such as nofile or nproc", text);
	if (limit_values(text + n + 1, &limit, e) < 0)
		return err_prefix(e, "ulimit '%s'", text);
	set_limit(s, resource, limit);
	return 0;
}
