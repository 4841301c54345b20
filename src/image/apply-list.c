#include <fnmatch.h>
#include <string.h>

#include "base/record.h"
#include "base/str.h"
#include "image/apply-internal.h"

void
apply_list_clear(struct apply_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].below);
		free(l->v[i].why);
		free(l->v[i].layer_path);
	}
	free(l->v);
	free(l->dir);
	*l = (struct apply_list){ .v = NULL };
}

struct apply_change *
apply_list_add(struct apply_list *l)
{
	if (l->n == l->room) {
		l->room = l->room * 2 + 16;
		l->v = xrealloc_array(l->v, l->room, sizeof(*l->v));
	}
	l->v[l->n] = (struct apply_change){ .link_to = -1 };
	return &l->v[l->n++];
}

bool
apply_takes_xattr(const char *name)
{
	static const char *const ours[] = { "user.overlay.", "user.rootlet.", RECORD_ATTRIBUTE };

	for (size_t i = 0; i < NELEMS(ours); i++)
		if (strncmp(name, ours[i], strlen(ours[i])) == 0)
			return false;
	return strncmp(name, "user.", 5) == 0 || strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

char *
apply_shown_path(const struct apply_change *c)
{
	const char *front = c->root == APPLY_MACHINE ? "/" : c->path[0] ? "" : ".";

	return xasprintf("%s%s%s", front, c->path, c->type == 'd' ? "/" : "");
}

/* --- by path --- */

struct apply_index {
	struct apply_change **v; /* owned; by root and path */
	size_t n;
};

static int
compare(enum apply_root root, const char *path, size_t len, const struct apply_change *c)
{
	int r;

	if (root != c->root)
		return root < c->root ? -1 : 1;
	r = strncmp(path, c->path, len);
	return r ? r : c->path[len] ? -1 : 0;
}

static int
by_path(const void *a, const void *b)
{
	const struct apply_change *x = *(struct apply_change *const *)a;
	const struct apply_change *y = *(struct apply_change *const *)b;

	return x->root != y->root ? (x->root < y->root ? -1 : 1) : strcmp(x->path, y->path);
}

struct apply_index *
apply_index_new(const struct apply_list *l)
{
	struct apply_index *x = xcalloc(1, sizeof(*x));

	x->n = l->n;
	x->v = xcalloc(l->n + 1, sizeof(void *));
	for (size_t i = 0; i < l->n; i++)
		x->v[i] = &l->v[i];
	if (x->n > 1)
		qsort(x->v, x->n, sizeof(void *), by_path);
	return x;
}

void
apply_index_freep(struct apply_index **x)
{
	if (*x)
		free((*x)->v);
	free(*x);
	*x = NULL;
}

struct apply_change *
apply_index_find(const struct apply_index *x, enum apply_root root, const char *path, size_t len)
{
	size_t from = 0, to = x->n;

	while (from < to) {
		const size_t mid = from + (to - from) / 2;
		const int r = compare(root, path, len, x->v[mid]);

		if (r == 0)
			return x->v[mid];
		if (r < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

struct apply_change *
apply_index_above(const struct apply_index *x, const struct apply_change *c)
{
	size_t len = strlen(c->path);

	while (len > 0) {
		struct apply_change *above;

		while (len > 0 && c->path[len - 1] != '/')
			len--;
		len -= len > 0;
		above = apply_index_find(x, c->root, c->path, len);
		if (above)
			return above == c ? NULL : above;
	}
	return NULL;
}

const struct apply_change *
apply_index_double(const struct apply_index *x)
{
	for (size_t i = 1; i < x->n; i++)
		if (by_path(&x->v[i - 1], &x->v[i]) == 0)
			return x->v[i];
	return NULL;
}

/* --- what is wanted --- */

/* "./a/" is "a" to people. */
static char *
clean_pattern(const char *text)
{
	size_t n;

	while (strncmp(text, "./", 2) == 0)
		text += 2 + strspn(text + 2, "/");
	n = strlen(text);
	while (n > 1 && text[n - 1] == '/')
		n--;
	return xstrndup(text, n);
}

static bool
matches(const struct apply_change *c, const char *pattern)
{
	AUTO_FREE char *path = xasprintf("%s%s", c->root == APPLY_MACHINE ? "/" : "",
					 c->path[0] ? c->path : ".");

	if (strcmp(pattern, ".") == 0)
		return c->root == APPLY_HERE;
	if ((pattern[0] == '/') != (path[0] == '/'))
		return false;
	return path_is_below(path, pattern) || fnmatch(pattern, path, 0) == 0 ||
	       fnmatch(pattern, path, FNM_LEADING_DIR) == 0;
}

static int
select_one(struct apply_list *l, const char *text, bool elsewhere, struct err *e)
{
	AUTO_FREE char *pattern = clean_pattern(text);
	bool found = false, hidden = false;

	for (size_t i = 0; i < l->n; i++) {
		struct apply_change *c = &l->v[i];

		if (!matches(c, pattern))
			continue;
		if (c->root == APPLY_MACHINE && !elsewhere) {
			hidden = true;
			continue;
		}
		c->selected = found = true;
	}
	if (found)
		return 0;
	(void)err_set(e, ENOENT, "'%s' names none of the changes", text);
	return hidden ? err_hint(e, "--elsewhere is needed for changes outside of the directory")
		      : -e->code;
}

/* What is in a new directory needs it. */
static void
select_parents(struct apply_list *l)
{
	AUTO_APPLY_INDEX x = apply_index_new(l);

	for (size_t i = l->n; i-- > 0;) {
		struct apply_change *c = &l->v[i], *above;

		while (c->selected && (above = apply_index_above(x, c))) {
			if (above->below[0] == 'd' && above->kind == 'C')
				break;
			above->selected = true;
			c = above;
		}
	}
}

int
apply_select(struct apply_list *l, char *const *patterns, bool elsewhere, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].selected = (!patterns || !patterns[0]) &&
				   (elsewhere || l->v[i].root == APPLY_HERE);
	for (; patterns && *patterns; patterns++)
		if (select_one(l, *patterns, elsewhere, e) < 0)
			return -e->code;
	select_parents(l);
	return 0;
}

size_t
apply_count(const struct apply_list *l, const struct apply_change **ret_blocked)
{
	size_t n = 0;

	if (ret_blocked)
		*ret_blocked = NULL;
	for (size_t i = 0; i < l->n; i++) {
		if (!l->v[i].selected)
			continue;
		n++;
		if (ret_blocked && !*ret_blocked && l->v[i].why)
			*ret_blocked = &l->v[i];
	}
	return n;
}
