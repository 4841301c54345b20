/* "search": which images there are. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/ref.h"
#include "libexec/registry.h"
#include "registry/confine.h"
#include "registry/search.h"

#define HUB         "docker.io"
#define HUB_SEARCH  "index.docker.io" /* what answers a search there */
#define LIMIT       25
#define LIMIT_MAX   1000000
#define DESCRIPTION 60 /* columns */

/* --- what is printed --- */

/* As pull takes it: names of Docker Hub are short. */
static char *
shown_name(const char *registry, const char *name)
{
	char safe[512];

	(void)str_printable(safe, sizeof(safe), name, false);
	return strcmp(registry, HUB) == 0 ? xstrdup(str_begins(safe, "library/") ? safe + 8 : safe)
					  : xasprintf("%s/%s", registry, safe);
}

static void
print_one(const struct found *f, const char *name, int width)
{
	char text[4 * DESCRIPTION];

	if (!f->description) {
		(void)puts(name);
		return;
	}
	(void)str_printable(text, sizeof(text), f->description, false);
	(void)printf("%-*s  %6llu  %-8s  %.*s\n", width, name, (unsigned long long)f->stars,
		     f->official ? "official" : "", DESCRIPTION, text);
}

static void
print_all(const char *registry, const struct search *s, bool quiet)
{
	AUTO_STRV names = NULL;
	int width = 0;

	for (size_t i = 0; i < s->n; i++) {
		char *name = shown_name(registry, s->v[i].name);
		const int n = (int)strlen(name);

		width = n > width ? n : width;
		strv_take(&names, name);
	}
	for (size_t i = 0; i < s->n; i++)
		if (quiet)
			(void)puts(names[i]);
		else
			print_one(&s->v[i], names[i], width);
}

/* --- the search --- */

/* One registry that is searched. */
struct place {
	const char *name;
	struct endpoint ep; /* owned */
	struct err why;     /* it cannot be searched */
};
struct places_found {
	struct place *v; /* owned */
	size_t n;
};

static void
places_clear(struct places_found *p)
{
	for (size_t i = 0; i < p->n; i++)
		endpoint_clear(&p->v[i].ep);
	free(p->v);
}

static bool
is_hub(const struct place *p)
{
	return strcmp(p->name, HUB) == 0;
}

static void
add_place(struct places_found *to, const char *name, const struct lookup *l)
{
	struct place p = { .name = name, .ep = ENDPOINT_INIT, .why = ERR_INIT };

	if (lookup_registry(name, l, !is_hub(&p), &p.ep, &p.why) == 0 && is_hub(&p)) {
		free(p.ep.host);
		p.ep.host = xstrdup(HUB_SEARCH);
	}
	to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
	to->v[to->n++] = p;
}

static int
search_one(const struct place *p, const char *term, const struct http_options *o, struct search *s,
	   struct err *e)
{
	AUTO_HTTP h = NULL;
	int r;

	if (p->why.code) {
		*e = p->why;
		return -e->code;
	}
	if (http_new(&p->ep, o, &h, e) < 0 || http_reach(h, e) < 0)
		return -e->code;
	r = search_registry(h, is_hub(p), term, s, e);
	if (r < 0)
		return err_prefix(e, "%s", p->name);
	if (r == 1) {
		(void)err_set(e, ENOTSUP, "%s does not tell %s which images it has", p->name,
			      p->ep.user || p->ep.identity ? "us" : "everybody");
		return err_hint(e, "rootlet tags %s/REPOSITORY lists the tags of one", p->name);
	}
	return 0;
}

/* REGISTRY/TERM, REGISTRY/ or HOST:PORT.  @ret_registry: owned; NULL: none was named */
static int
parse_term(const char *text, char **ret_registry, const char **ret_term, struct err *e)
{
	const size_t n = strcspn(text, "/");
	AUTO_FREE char *host = xstrndup(text, n), *name = xasprintf("%s/x", host), *full = NULL;
	CLEANUP(image_ref_clear) struct image_ref ref = IMAGE_REF_INIT;
	const bool named = memchr(text, ':', n) || (text[n] && (memchr(text, '.', n) || strcmp(host, "localhost") == 0));
	char safe[128];

	if (!named) {
		*ret_term = text;
		return *text ? 0 : err_set(e, EINVAL, "search: the term is empty");
	}
	if (image_ref_parse(name, &ref, e) < 0) {
		err_clear(e);
		(void)str_printable(safe, sizeof(safe), host, false);
		return err_set(e, EINVAL, "search: '%s' is not a registry", safe);
	}
	*ret_registry = TAKE_PTR(host);
	*ret_term = text[n] ? text + n + 1 : "";
	return 0;
}

/* One that fails is no reason not to ask the others. */
static int
search_all(char *const *registries, const char *term, const struct search_args *a, const struct lookup *l,
	   const struct http_options *o, size_t limit, struct err *e)
{
	CLEANUP(places_clear) struct places_found all = { .v = NULL };
	bool any = false;

	for (char *const *r = registries; r && *r; r++)
		add_place(&all, *r, l);
	if (registry_confine(o, NULL, 0, e) < 0)
		return -e->code;
	for (size_t i = 0; i < all.n; i++) {
		CLEANUP(search_clear) struct search s = { .limit = limit };
		struct err why = ERR_INIT;

		if (search_one(&all.v[i], term, o, &s, &why) == 0) {
			any = true;
			print_all(all.v[i].name, &s, a->quiet);
		} else if (all.n == 1) {
			*e = why;
			return -e->code;
		} else {
			(void)cmd_fail(&why);
		}
	}
	return any ? 0 : err_set(e, EIO, "none of the registries could be searched");
}

int
verb_search(int argc, char **argv, struct err *e)
{
	struct search_args a = { .registry = { .debug = false } };
	AUTO_STRV registries = NULL;
	char *registry = NULL;
	const char *term = NULL;
	struct http_options o;
	uint64_t limit = LIMIT;
	struct lookup l;
	const int first = opt_parse(search_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "search: one term is expected");
		return err_hint(e, "rootlet search [REGISTRY/]TERM");
	}
	if (a.limit && (parse_u64(a.limit, LIMIT_MAX, &limit, e) < 0 || limit == 0)) {
		err_clear(e);
		return err_set(e, EINVAL, "--limit %s: not a number from 1 to %d", a.limit, LIMIT_MAX);
	}
	if (take_lookup(&a.registry, &l, &o, e) < 0 || parse_term(argv[first], &registry, &term, e) < 0)
		return -e->code;
	if (registry)
		strv_take(&registries, registry);
	else if (lookup_search_registries(&l, &registries, e) < 0)
		return -e->code;
	return search_all(registries, term, &a, &l, &o, (size_t)limit, e);
}
