#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "frontend/passwd.h"

#define FIELDS 7

void
passwd_user_clear(struct passwd_user *u)
{
	free(u->home);
	free(u->name);
	free(u->groups);
	*u = (struct passwd_user)PASSWD_USER_INIT;
}

/* A line's fields, not terminated. */
struct line {
	const char *field[FIELDS];
	size_t len[FIELDS];
	size_t n;
};

/* Parse the next line of @text; returns what follows it, NULL at the end. */
static const char *
next_line(const char *text, struct line *l)
{
	const char *end = strchrnul(text, '\n');

	if (!*text)
		return NULL;
	l->n = 0;
	for (const char *p = text; l->n < FIELDS; p++) {
		size_t n = 0;

		while (p + n < end && p[n] != ':')
			n++;
		l->field[l->n] = p;
		l->len[l->n++] = n;
		p += n;
		if (p >= end)
			break;
	}
	return *end ? end + 1 : end;
}

static bool
field_is(const struct line *l, size_t i, const char *s, size_t n)
{
	return i < l->n && l->len[i] == n && memcmp(l->field[i], s, n) == 0;
}

static bool
field_id(const struct line *l, size_t i, uint32_t *ret)
{
	char num[12];
	struct err ignored = ERR_INIT;

	if (i >= l->n || l->len[i] == 0 || l->len[i] >= sizeof(num))
		return false;
	memcpy(num, l->field[i], l->len[i]);
	num[l->len[i]] = '\0';
	return parse_id(num, ret, &ignored) == 0;
}

static bool
is_number(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > 0;
}

/*
 * "+1", " 1", "0x1", "1 ": what some parser takes for a number is no name, lest a base that has a user
 * or group called so decides what it means.
 */
static bool
looks_like_number(const char *s)
{
	s += strspn(s, " \t\n\v\f\r+-");
	return *s >= '0' && *s <= '9' && s[strspn(s, "0123456789abcdefABCDEFxX \t\n\v\f\r")] == '\0';
}

/* Find a user by number (@name NULL) or name, and take its facts. */
static bool
find_user(const char *passwd, const char *name, size_t n, struct passwd_user *u)
{
	struct line l;
	uint32_t uid, gid;

	while ((passwd = next_line(passwd, &l))) {
		if (!field_id(&l, 2, &uid) || !field_id(&l, 3, &gid))
			continue;
		if (name ? !field_is(&l, 0, name, n) : uid != u->uid)
			continue;
		u->uid = uid;
		u->gid = gid;
		u->name = xstrndup(l.field[0], l.len[0]);
		if (l.n > 5 && l.len[5] > 0 && l.field[5][0] == '/')
			u->home = xstrndup(l.field[5], l.len[5]);
		return true;
	}
	return false;
}

static bool
find_group(const char *group, const char *name, size_t n, uint32_t *ret_gid)
{
	struct line l;

	while ((group = next_line(group, &l)))
		if (field_is(&l, 0, name, n) && field_id(&l, 2, ret_gid))
			return true;
	return false;
}

static bool
is_member(const struct line *l, const char *name)
{
	size_t n = strlen(name);
	const char *p, *end;

	if (l->n < 4)
		return false;
	p = l->field[3];
	end = p + l->len[3];
	while (p < end) {
		size_t len = 0;

		while (p + len < end && p[len] != ',')
			len++;
		if (len == n && memcmp(p, name, n) == 0)
			return true;
		p += len + 1;
	}
	return false;
}

/* At most 64 groups: more than any kernel before 2.6.4 had, less than a hostile file has. */
static void
add_groups(const char *group, struct passwd_user *u)
{
	struct line l;
	uint32_t gid;

	while (u->name && u->name[0] && u->n_groups < 64 && (group = next_line(group, &l))) {
		if (!is_member(&l, u->name) || !field_id(&l, 2, &gid))
			continue;
		u->groups = xrealloc_array(u->groups, u->n_groups + 1, sizeof(*u->groups));
		u->groups[u->n_groups++] = gid;
	}
}

static int
resolve_user(const char *user, size_t n, const char *passwd, struct passwd_user *u, struct err *e)
{
	AUTO_FREE char *name = xstrndup(user, n);

	if (n == 0)
		return err_set(e, EINVAL, "user name is empty");
	if (!is_number(user, n)) {
		if (!looks_like_number(name) && find_user(passwd, user, n, u))
			return 0;
		(void)err_set(e, ENOENT, "user '%.64s' is not in the base's /etc/passwd", name);
		return -e->code;
	}
	if (parse_id(name, &u->uid, e) < 0)
		return err_prefix(e, "user id");
	(void)find_user(passwd, NULL, 0, u);
	return 0;
}

static int
resolve_group(const char *name, const char *group, uint32_t *ret_gid, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0)
		return err_set(e, EINVAL, "group name is empty");
	if (is_number(name, n))
		return parse_id(name, ret_gid, e) < 0 ? err_prefix(e, "group id") : 0;
	if (looks_like_number(name) || !find_group(group, name, n, ret_gid))
		return err_set(e, ENOENT, "group '%.64s' is not in the base's /etc/group", name);
	return 0;
}

int
passwd_resolve(const char *spec, const char *passwd, const char *group, struct passwd_user *ret,
	       struct err *e)
{
	struct passwd_user u = PASSWD_USER_INIT;
	const char *colon = strchrnul(spec, ':');

	if (resolve_user(spec, (size_t)(colon - spec), passwd, &u, e) < 0 ||
	    (*colon && resolve_group(colon + 1, group, &u.gid, e) < 0)) {
		passwd_user_clear(&u);
		return -e->code;
	}
	if (!*colon)
		add_groups(group, &u);
	*ret = u;
	return 0;
}
