/*
 * fuzz-passwd - USER[:GROUP], passwd and group, separated by NUL bytes -> ids or error
 *
 * A number is that number, whatever the files say; nothing is ever the id that means "none"; what
 * is not refused is bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "frontend/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GROUPS_MAX 64

/* The text up to the next NUL byte or the end; moves on. */
static char *
take_text(const uint8_t **data, size_t *size)
{
	size_t n = strnlen((const char *)*data, *size), skip = n < *size ? n + 1 : n;
	char *text = xcalloc(n + 1, 1);

	memcpy(text, *data, n);
	*data += skip;
	*size -= skip;
	return text;
}

/* The value of the @n digits at @s; false when it is something else or no id. */
static bool
is_id(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (v <= UINT32_MAX)
			v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return n > 0;
}

static void
check(const char *spec, const char *passwd, const struct passwd_user *u)
{
	size_t n = strcspn(spec, ":");
	uint64_t v;

	if (u->uid == UINT32_MAX || u->gid == UINT32_MAX || n == 0)
		abort();
	if (is_id(spec, n, &v) ? v != u->uid : !strstr(passwd, u->name))
		abort();
	if (spec[n] && is_id(spec + n + 1, strlen(spec + n + 1), &v) && v != u->gid)
		abort();
	if (u->home && u->home[0] != '/')
		abort();
	if (u->n_groups > GROUPS_MAX || (spec[n] && u->n_groups))
		abort();
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == UINT32_MAX)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *spec = take_text(&data, &size);
	AUTO_FREE char *passwd = take_text(&data, &size);
	AUTO_FREE char *group = take_text(&data, &size);
	struct passwd_user u = PASSWD_USER_INIT;
	struct err e = ERR_INIT;

	if (passwd_resolve(spec, passwd, group, &u, &e) < 0) {
		if (e.code == 0 || e.msg[0] == '\0' || u.home || u.name || u.groups)
			abort();
		return 0;
	}
	check(spec, passwd, &u);
	passwd_user_clear(&u);
	return 0;
}
