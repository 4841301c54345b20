/*
 * copy - from one place of images to another one
 *
 * From a registry to another one: rootlet-registry, in one go.  Everything else is what pull, load, save
 * and push do, over a store that is gone at the end:
 *
 *   docker://  pull  \                           / push  docker://
 *   oci:       load   >  a store of its own  ->  > save  oci:, oci-archive:, docker-archive:
 *   ...        load  /                           \ save, load   the store
 *
 * What comes from the store is in no need of the first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/registry.h"
#include "cmd/steps.h"

#define HELPER    "rootlet-registry"
#define ONLY_NAME "copy.invalid/of:only" /* of an image that is alone */

enum transport { COPY_REGISTRY, COPY_OCI_DIR, COPY_OCI_ARCHIVE, COPY_DOCKER_ARCHIVE, COPY_STORE };

/* As skopeo has them, and the format of save. */
static const struct {
	const char *prefix, *format;
} transports[] = {
	[COPY_REGISTRY] = { COPY_DOCKER, NULL },
	[COPY_OCI_DIR] = { "oci:", "oci-dir" },
	[COPY_OCI_ARCHIVE] = { "oci-archive:", "oci-archive" },
	[COPY_DOCKER_ARCHIVE] = { "docker-archive:", "docker-archive" },
};
static_assert(NELEMS(transports) == COPY_STORE, "a prefix for each transport");

struct place {
	enum transport transport;
	char *path; /* owned; of a file or a directory; NULL: the others */
	char *name; /* owned; what the image is called there; NULL: it is not said */
};

static void
place_clear(struct place *p)
{
	free(p->path);
	free(p->name);
}

/* PATH[:NAME] */
static int
split_path(const char *text, const char *rest, struct place *ret, struct err *e)
{
	const size_t n = strcspn(rest, ":");

	if (n == 0)
		return err_set(e, EINVAL, "copy: '%s' has no path", text);
	ret->path = xstrndup(rest, n);
	ret->name = rest[n] ? xstrdup(rest + n + 1) : NULL;
	return 0;
}

static int
parse_place(const char *text, struct place *ret, struct err *e)
{
	for (size_t i = 0; i < NELEMS(transports); i++) {
		const char *prefix = transports[i].prefix;

		if (strncmp(text, prefix, strlen(prefix)) != 0)
			continue;
		ret->transport = (enum transport)i;
		if (i != COPY_REGISTRY)
			return split_path(text, text + strlen(prefix), ret, e);
		ret->name = xstrdup(text + strlen(prefix));
		return 0;
	}
	if (strstr(text, "://") || strncmp(text, "dir:", 4) == 0 || strncmp(text, "docker-daemon:", 14) == 0 ||
	    strncmp(text, "containers-storage:", 19) == 0) {
		(void)err_set(e, EINVAL, "copy: '%s' is a place that is not known", text);
		return err_hint(e, "docker://, oci:, oci-archive:, docker-archive:, or a name of the store");
	}
	ret->transport = COPY_STORE;
	ret->name = xstrdup(text);
	return 0;
}

/* --- the steps --- */

struct copying {
	const struct copy_args *a;
	struct place from, to;
	struct steps steps;
	char *own;  /* owned; the store in between */
	bool is_own; /* the image is there, not in the caller's */
	char *name; /* owned; what it is called where it is */
};

static void
copying_clear(struct copying *c)
{
	place_clear(&c->from);
	place_clear(&c->to);
	steps_end(&c->steps);
	free(c->own);
	free(c->name);
}

static void
add(char ***to, const char *word)
{
	strv_take(to, xstrdup(word));
}

static void
add_option(char ***to, const char *option, const char *value)
{
	if (value)
		strv_take(to, xasprintf("--%s=%s", option, value));
}

/* The words of a command that speaks to a registry. */
static char **
registry_words(const struct copying *c, const char *verb)
{
	const struct registry_args *r = &c->a->registry;
	char **words = NULL;

	add(&words, verb);
	add_option(&words, "tls-verify", r->tls_verify);
	add_option(&words, "authfile", r->authfile);
	add_option(&words, "auth-host", r->auth_host);
	add_option(&words, "cert-dir", r->cert_dir);
	add_option(&words, "timeout", r->timeout);
	if (r->debug)
		add(&words, "--debug");
	if (c->a->quiet)
		add(&words, "--quiet");
	return words;
}

static char **
words_of(const struct copying *c, const char *verb)
{
	char **words = NULL;

	add(&words, verb);
	if (c->a->quiet)
		add(&words, "--quiet");
	return words;
}

static const char *
store_of(const struct copying *c)
{
	return c->is_own ? c->own : NULL;
}

static void
now_called(struct copying *c, const char *name, bool is_own)
{
	char *copy = xstrdup(name);

	free(c->name);
	c->name = copy;
	c->is_own = is_own;
}

static int
pull(struct copying *c, struct err *e)
{
	AUTO_STRV words = registry_words(c, "pull");

	if (c->a->all)
		add(&words, "--all-platforms");
	add(&words, "--");
	add(&words, c->from.name);
	now_called(c, c->from.name, true);
	return steps_run(NULL, words, c->own, false, e);
}

/* @name: that it gets; NULL: those of the archive */
static int
load(struct copying *c, const char *path, const char *name, const char *store, struct err *e)
{
	AUTO_STRV words = words_of(c, "load");

	add(&words, "--no-unpack");
	add_option(&words, "input", path);
	add_option(&words, "name", name);
	return steps_run(NULL, words, store, false, e);
}

static int
save(struct copying *c, const char *format, const char *path, struct err *e)
{
	AUTO_STRV words = words_of(c, "save");

	add_option(&words, "format", format);
	add_option(&words, "output", path);
	add(&words, "--");
	add(&words, c->name);
	return steps_run(NULL, words, store_of(c), false, e);
}

static int
fetch(struct copying *c, struct err *e)
{
	const char *name = c->from.name ? c->from.name : ONLY_NAME;

	switch (c->from.transport) {
	case COPY_STORE:
		now_called(c, c->from.name, false);
		return 0;
	case COPY_REGISTRY:
		return pull(c, e);
	case COPY_OCI_DIR:
	case COPY_OCI_ARCHIVE:
	case COPY_DOCKER_ARCHIVE:
		break;
	}
	now_called(c, name, true);
	return load(c, c->from.path, c->from.name ? NULL : ONLY_NAME, c->own, e);
}

/* By way of a layout: what is in a store gets a new name in another one, and keeps none. */
static int
move(struct copying *c, const char *name, const char *store, struct err *e)
{
	AUTO_FREE char *layout = steps_path(&c->steps, "layout");

	return save(c, "oci-dir", layout, e) < 0 ? -e->code : load(c, layout, name, store, e);
}

static int
push(const struct copying *c, struct err *e)
{
	AUTO_STRV words = registry_words(c, "push");

	add(&words, "--");
	add(&words, c->name);
	add(&words, c->to.name);
	return steps_run(NULL, words, store_of(c), true, e);
}

static int
tag(const struct copying *c, const char *name, struct err *e)
{
	char *const words[] = { (char[]){ "tag" }, c->name, (char *)(uintptr_t)name, NULL };

	return steps_run(NULL, words, c->own, false, e);
}

/* An archive has the name that it is asked to have, or that of where it comes from. */
static int
write_archive(struct copying *c, struct err *e)
{
	const char *name = c->to.name ? c->to.name
			   : strcmp(c->name, ONLY_NAME) == 0 ? "image:latest" : NULL;

	if (name && c->is_own && tag(c, name, e) < 0)
		return -e->code;
	if (name && !c->is_own && move(c, name, c->own, e) < 0)
		return -e->code;
	if (name)
		now_called(c, name, true);
	return save(c, transports[c->to.transport].format, c->to.path, e);
}

static int
deliver(struct copying *c, struct err *e)
{
	switch (c->to.transport) {
	case COPY_REGISTRY:
		return push(c, e);
	case COPY_STORE:
		return move(c, c->to.name, NULL, e);
	case COPY_OCI_DIR:
	case COPY_OCI_ARCHIVE:
	case COPY_DOCKER_ARCHIVE:
		break;
	}
	return write_archive(c, e);
}

static int
copy(struct copying *c, char **argv, struct err *e)
{
	const bool registries = c->from.transport == COPY_REGISTRY && c->to.transport == COPY_REGISTRY;

	if (c->a->with_referrers && !registries)
		return err_set(e, EINVAL, "copy: --with-referrers is for a copy from one registry to another");
	if (steps_begin(&c->steps, e) < 0)
		return -e->code;
	if (registries)
		return steps_run(HELPER, argv, c->steps.place.path, true, e);
	c->own = steps_path(&c->steps, "store");
	return fetch(c, e) < 0 ? -e->code : deliver(c, e);
}

int
cmd_copy(int argc, char **argv)
{
	struct copy_args a = { .quiet = false };
	CLEANUP(copying_clear) struct copying c = { .a = &a, .steps = STEPS_INIT };
	struct err e = ERR_INIT;
	const int first = opt_parse(copy_opts, argc, argv, &a, &e);

	if (first == 0)
		return cmd_help("copy");
	if (first > 0 && argc - first != 2) {
		(void)err_set(&e, EINVAL, "copy: two places are expected");
		(void)err_hint(&e, "rootlet copy docker://registry.example/app:1 oci:DIR");
	}
	if (e.code || parse_place(argv[first], &c.from, &e) < 0 || parse_place(argv[first + 1], &c.to, &e) < 0 ||
	    copy(&c, argv, &e) < 0)
		return cmd_fail(&e);
	return 0;
}
