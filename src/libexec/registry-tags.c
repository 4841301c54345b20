/* "tags": what of a repository there is. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "libexec/registry.h"
#include "registry/confine.h"
#include "registry/ssh.h"

static int
parse_repository(const char *text, struct image_ref *ret, struct err *e)
{
	if (image_ref_parse(text, ret, e) < 0)
		return -e->code;
	/* "latest" is added to what has none. */
	if (ret->digest || (ret->tag && strcmp(text + strlen(text) - strlen(ret->tag), ret->tag) == 0 &&
			    text[strlen(text) - strlen(ret->tag) - 1] == ':'))
		return err_set(e, EINVAL, "tags: '%s': a repository has no tag", text);
	return 0;
}

static int
print_tags(char *const *tags)
{
	for (char *const *t = tags; t && *t; t++) {
		char safe[512];

		(void)str_printable(safe, sizeof(safe), *t, false);
		(void)puts(safe);
	}
	return 0;
}

static int
list_tags(const char *name, const struct lookup *l, const struct http_options *o, struct err *e)
{
	AUTO_ENDPOINTS eps = ENDPOINTS_INIT;
	AUTO_STRV tags = NULL;
	AUTO_HTTP h = NULL;
	const struct endpoint *ep;

	if (lookup_endpoints(name, l, &eps, e) < 0 || registry_confine(o, NULL, 0, e) < 0)
		return -e->code;
	/* The last one is the registry itself. */
	ep = &eps.v[eps.n - 1];
	if (http_new(ep, o, &h, e) < 0 || http_reach(h, e) < 0 ||
	    client_list_tags(h, ep->repository, &tags, e) < 0)
		return -e->code;
	return print_tags(tags);
}

int
verb_tags(int argc, char **argv, struct err *e)
{
	struct tags_args a = { .registry = { .debug = false } };
	CLEANUP(image_ref_clear) struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *ssh = NULL;
	struct http_options o;
	const char *text;
	struct lookup l;
	const int first = opt_parse(tags_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "tags: one repository is expected");
		return err_hint(e, "rootlet tags REGISTRY/REPOSITORY");
	}
	text = argv[first];
	if (take_lookup(&a.registry, &l, &o, e) < 0 || ssh_take(&text, &ssh, e) < 0)
		return -e->code;
	if (!text)
		return err_set(e, EINVAL, "tags: which repository of ssh://%s?", ssh);
	if (parse_repository(text, &ref, e) < 0)
		return -e->code;
	l.ssh = ssh;
	return list_tags(ref.name, &l, &o, e);
}
