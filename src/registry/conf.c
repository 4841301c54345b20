#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/toml.h"
#include "image/ref.h"
#include "registry/conf.h"

#define REGISTRIES_MAX 1000 /* in all; and mirrors of one */

/* --- memory --- */

static void
registry_clear(struct conf_registry *r)
{
	for (size_t i = 0; i < r->n_mirrors; i++)
		free(r->mirrors[i].location);
	free(r->mirrors);
	free(r->own.location);
	free(r->prefix);
	free(r->file);
	*r = (struct conf_registry){ .prefix = NULL };
}

void
conf_clear(struct conf *c)
{
	for (size_t i = 0; i < c->n; i++)
		registry_clear(&c->v[i]);
	free(c->v);
	strv_freep(&c->search);
	*c = (struct conf)CONF_INIT;
}

/* --- values --- */

/* HOST[:PORT][/PATH], as the beginning of an image's name. */
static bool
is_location(const char *text)
{
	AUTO_FREE char *name = xasprintf("%s/x", text), *full = NULL;
	struct image_ref ref = IMAGE_REF_INIT;
	struct err ignored = ERR_INIT;
	bool ok = !strpbrk(text, "@") && image_ref_parse(name, &ref, &ignored) == 0;

	if (ok) {
		full = image_ref_full_name(ref.name);
		ok = str_begins(full, text);
	}
	image_ref_clear(&ref);
	return ok;
}

static bool
is_wildcard(const char *prefix)
{
	return str_begins(prefix, "*.");
}

static int
take_bool(const struct toml_item *i, bool *ret, struct err *e)
{
	const bool yes = i->word && strcmp(i->word, "true") == 0;

	if (!yes && (!i->word || strcmp(i->word, "false") != 0))
		return err_set(e, EINVAL, "line %u: %s is neither true nor false", i->line, i->path[0]);
	*ret = yes;
	return 0;
}

static int
take_location(const struct toml_item *i, char **ret, struct err *e)
{
	const bool prefix = strcmp(i->path[0], "prefix") == 0;
	const char *text = i->string;
	char safe[128];

	if (!text)
		return err_set(e, EINVAL, "line %u: %s is not a string", i->line, i->path[0]);
	/* An empty one is none. */
	if (*text && !is_location(prefix && is_wildcard(text) ? text + 2 : text)) {
		(void)str_printable(safe, sizeof(safe), text, false);
		return err_set(e, EINVAL, "line %u: %s '%s' is not a registry (HOST.DOMAIN or HOST:PORT), "
			       "or part of one", i->line, i->path[0], safe);
	}
	free(*ret);
	*ret = *text ? xstrdup(text) : NULL;
	return 0;
}

static int
take_pull_from(const struct toml_item *i, struct conf_place *m, struct err *e)
{
	const char *text = i->string ? i->string : "";

	m->no_tags = strcmp(text, "digest-only") == 0;
	m->no_digests = strcmp(text, "tag-only") == 0;
	if (!m->no_tags && !m->no_digests && strcmp(text, "all") != 0 && *text)
		return err_set(e, EINVAL, "line %u: pull-from-mirror is one of all, digest-only, tag-only",
			       i->line);
	return 0;
}

/* --- tables --- */

enum where { ELSEWHERE, TOP, REGISTRY, MIRROR };

static int
take_registry(struct conf_registry *r, const struct toml_item *i, struct err *e)
{
	if (toml_is(i, "prefix"))
		return take_location(i, &r->prefix, e);
	if (toml_is(i, "location"))
		return take_location(i, &r->own.location, e);
	if (toml_is(i, "insecure"))
		return take_bool(i, &r->own.insecure, e);
	if (toml_is(i, "blocked"))
		return take_bool(i, &r->blocked, e);
	if (toml_is(i, "mirror-by-digest-only"))
		return take_bool(i, &r->digests_only, e);
	/* A mirror that is overlooked is harmless, but nobody would see why. */
	if (strcmp(i->path[0], "mirror") == 0)
		return err_set(e, EINVAL, "line %u: mirrors are written as [[registry.mirror]]", i->line);
	return 0;
}

static int
take_mirror(struct conf_place *m, const struct toml_item *i, struct err *e)
{
	if (toml_is(i, "location"))
		return take_location(i, &m->location, e);
	if (toml_is(i, "insecure"))
		return take_bool(i, &m->insecure, e);
	return toml_is(i, "pull-from-mirror") ? take_pull_from(i, m, e) : 0;
}

static int
take_top(struct conf *c, struct toml_item *i, struct err *e)
{
	if (toml_is(i, "unqualified-search-registries")) {
		if (i->string || i->word || i->is_other)
			return err_set(e, EINVAL, "line %u: %s is not a list of strings", i->line, i->path[0]);
		for (char **r = i->list; r && *r; r++)
			if (!is_location(*r))
				return err_set(e, EINVAL, "line %u: %s: one is not a registry", i->line, i->path[0]);
		strv_freep(&c->search);
		c->search = TAKE_PTR(i->list);
		return 0;
	}
	/* It may forbid something. */
	if (strcmp(i->path[0], "registry") == 0)
		return err_set(e, EINVAL, "line %u: registries are written as [[registry]]", i->line);
	return 0;
}

static int
begin_table(struct conf *c, const struct toml_item *i, enum where *where, struct err *e)
{
	const size_t parts = strv_len(i->path);
	struct conf_registry *r = c->n ? &c->v[c->n - 1] : NULL;

	*where = ELSEWHERE;
	if (strcmp(i->path[0], "registries") == 0)
		return err_set(e, EINVAL, "line %u: this is version 1 of the format; version 2 has [[registry]]",
			       i->line);
	if (strcmp(i->path[0], "registry") != 0)
		return 0;
	if (i->is_list && parts == 1 && c->n < REGISTRIES_MAX) {
		c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
		c->v[c->n++] = (struct conf_registry){ .prefix = NULL };
		*where = REGISTRY;
		return 0;
	}
	if (i->is_list && parts == 2 && strcmp(i->path[1], "mirror") == 0 && r &&
	    r->n_mirrors < REGISTRIES_MAX) {
		r->mirrors = xrealloc_array(r->mirrors, r->n_mirrors + 1, sizeof(*r->mirrors));
		r->mirrors[r->n_mirrors++] = (struct conf_place){ .location = NULL };
		*where = MIRROR;
		return 0;
	}
	return err_set(e, EINVAL, "line %u: neither [[registry]] nor [[registry.mirror]] after one", i->line);
}

static int
parse(struct conf *c, const char *data, size_t len, struct err *e)
{
	struct toml t = toml_begin(data, len);
	AUTO_TOML_ITEM i = TOML_ITEM_INIT;
	enum where where = TOP;
	int r;

	while ((r = toml_next(&t, &i, e)) > 0) {
		struct conf_registry *last = c->n ? &c->v[c->n - 1] : NULL;

		if (i.is_table)
			r = begin_table(c, &i, &where, e);
		else if (where == TOP)
			r = take_top(c, &i, e);
		else if (where == REGISTRY && last)
			r = take_registry(last, &i, e);
		else if (where == MIRROR && last)
			r = take_mirror(&last->mirrors[last->n_mirrors - 1], &i, e);
		if (r < 0)
			break;
	}
	return r;
}

/* --- files --- */

static int
check_registry(struct conf_registry *r, struct err *e)
{
	if (!r->prefix && !r->own.location)
		return err_set(e, EINVAL, "a [[registry]] has neither prefix nor location");
	if (!r->prefix)
		r->prefix = xstrdup(r->own.location);
	if (!r->own.location && !is_wildcard(r->prefix))
		return err_set(e, EINVAL, "registry %s has no location", r->prefix);
	for (size_t i = 0; i < r->n_mirrors; i++)
		if (!r->mirrors[i].location)
			return err_set(e, EINVAL, "a mirror of registry %s has no location", r->prefix);
	return 0;
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Two of one file: the first one counts, but what the other says must not be something else. */
static int
check_twice(const struct conf *c, const struct conf_registry *r, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct conf_registry *o = &c->v[i];

		if (strcmp(o->prefix, r->prefix) == 0 &&
		    (o->blocked != r->blocked || o->own.insecure != r->own.insecure ||
		     !is_same(o->own.location, r->own.location)))
			return err_set(e, EINVAL, "registry %s is there twice, and differs", r->prefix);
	}
	return 0;
}

/* A later file replaces what earlier ones say of a prefix. */
static void
merge(struct conf *c, struct conf *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct conf_registry *r = &from->v[i];
		size_t at = 0;

		while (at < c->n && strcmp(c->v[at].prefix, r->prefix) != 0)
			at++;
		if (at < c->n && strcmp(c->v[at].file, r->file) == 0)
			continue;
		if (at < c->n) {
			registry_clear(&c->v[at]);
		} else {
			c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
			c->n++;
		}
		c->v[at] = *r;
		*r = (struct conf_registry){ .prefix = NULL };
	}
	if (from->search) {
		strv_freep(&c->search);
		c->search = TAKE_PTR(from->search);
	}
}

int
conf_parse(struct conf *c, const char *file, const char *data, size_t len, struct err *e)
{
	AUTO_CONF new = CONF_INIT;

	if (parse(&new, data, len, e) < 0)
		return err_prefix(e, "%s", file);
	for (size_t i = 0; i < new.n; i++) {
		struct conf before = { .v = new.v, .n = i };

		new.v[i].file = xstrdup(file);
		if (check_registry(&new.v[i], e) < 0 || check_twice(&before, &new.v[i], e) < 0)
			return err_prefix(e, "%s", file);
	}
	merge(c, &new);
	return 0;
}

static int
take_file(void *ctx, const char *file, const char *data, size_t len, struct err *e)
{
	return data ? conf_parse(ctx, file, data, len, e) : -e->code;
}

int
conf_read(const struct places *p, struct conf *ret, struct err *e)
{
	return places_registries(p, take_file, ret, e);
}

/* --- names --- */

static bool
ends_part(const char *at)
{
	return *at == '\0' || *at == '/' || *at == ':';
}

/*
 * How much of @name a prefix is; 0: it is none.  Hosts are the same in either case, or what is forbidden
 * could be had.
 */
static size_t
match(const char *prefix, const char *name)
{
	const char *tail = prefix + 1;
	const size_t n = strlen(prefix);

	if (!is_wildcard(prefix))
		return strncasecmp(prefix, name, n) == 0 && ends_part(name + n) ? n : 0;
	for (const char *at = name; (at = strcasestr(at, tail)) && !memchr(name, '/', (size_t)(at - name)); at++)
		if (ends_part(at + n - 1))
			return (size_t)(at - name) + n - 1;
	return 0;
}

const struct conf_registry *
conf_find(const struct conf *c, const char *name)
{
	const struct conf_registry *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct conf_registry *r = &c->v[i];
		const size_t n = match(r->prefix, name);

		if (n > longest || (n > 0 && n == longest && is_wildcard(found->prefix))) {
			found = r;
			longest = n;
		}
	}
	return found;
}

char *
conf_rewrite(const struct conf_registry *r, const struct conf_place *at, const char *name)
{
	return at->location ? xasprintf("%s%s", at->location, name + match(r->prefix, name)) : xstrdup(name);
}
