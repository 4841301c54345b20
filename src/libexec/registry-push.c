/*
 * "push": images of the store, to a registry.  "push-layout" is for `rootlet` itself: the one image of a
 * layout, whatever it is called there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "image/aliases.h"
#include "image/progress.h"
#include "libexec/image.h"
#include "libexec/registry.h"
#include "registry/confine.h"
#include "registry/push.h"
#include "registry/ssh.h"

struct request {
	const struct push_args *args;
	const char *image;     /* as the user wrote it */
	bool is_layout;
	char *digest;          /* owned; of the image; NULL: --all-tags */
	char *ssh;             /* owned; of ssh_take(); NULL: to a registry */
	struct image_ref to;   /* what it becomes */
	const char *from_name; /* --all-tags: the repository in the store; of to.name, or from */
	struct image_ref from;
};

static void
request_clear(struct request *q)
{
	free(q->digest);
	free(q->ssh);
	image_ref_clear(&q->to);
	image_ref_clear(&q->from);
}

/* --- what is said on the command line --- */

static int
parse_destination(const char *text, struct request *q, struct err *e)
{
	if (strncmp(text, "docker://", 9) == 0)
		text += 9;
	else if (ssh_take(&text, &q->ssh, e) < 0)
		return -e->code;
	/* By the same name. */
	if (!text)
		return 0;
	if (image_ref_parse(text, &q->to, e) < 0)
		return -e->code;
	if (q->to.digest)
		return err_set(e, EINVAL, "push: '%s' has a digest: an image is pushed to a name", text);
	return 0;
}

static bool
has_tag(const char *text)
{
	const char *slash = strrchr(text, '/');

	return strchr(slash ? slash : text, ':') || strchr(text, '@');
}

static int
take_all_tags(const char *text, struct request *q, struct err *e)
{
	if (q->is_layout || has_tag(text))
		return err_set(e, EINVAL, "push: --all-tags is about a repository, and '%s' has a tag", text);
	if (image_ref_parse(text, &q->from, e) < 0)
		return -e->code;
	q->from_name = q->from.name;
	if (q->to.name && q->to.tag && strcmp(q->to.tag, "latest") != 0)
		return err_set(e, EINVAL, "push: with --all-tags the destination has no tag");
	return q->to.name ? 0 : image_ref_parse(text, &q->to, e);
}

static int
only_image(const struct store *s, char **ret, struct err *e)
{
	json_t *index = store_read_index(s, e), *list = json_object_get(index, "manifests");
	const char *digest = json_string_value(json_object_get(json_array_get(list, 0), "digest"));

	if (!index)
		return -e->code;
	if (json_array_size(list) != 1 || !digest || !image_digest_is_valid(digest))
		(void)err_set(e, EINVAL, "the layout has not just one image");
	else
		*ret = xstrdup(digest);
	json_decref(index);
	return e->code ? -e->code : 0;
}

static int
find_one(const struct store *s, struct request *q, struct err *e)
{
	AUTO_FREE char *name = NULL;

	if ((q->is_layout ? only_image(s, &q->digest, e) : find_image_named(s, q->image, &q->digest, &name, e)) < 0)
		return -e->code;
	if (q->to.name)
		return 0;
	if (!name) {
		(void)err_set(e, EINVAL, "push: '%s' is a digest: what is it to be called there?", q->image);
		return err_hint(e, "rootlet push %.100s REGISTRY/NAME[:TAG]", q->image);
	}
	return parse_destination(name, q, e);
}

/* --- doing it --- */

static int
push_one(const struct push *p, const char *digest, const struct request *q, const char *tag, struct err *e)
{
	AUTO_PUSHED done = PUSHED_INIT;
	const int r = push_image(p, digest, tag, &done, e);

	progress_hide(p->progress);
	if (r != 0)
		return r < 0 ? r : err_set(e, ENOENT, "image %s is not whole: its manifest is not here", digest);
	if (done.is_part && !q->args->quiet)
		(void)fprintf(stderr, "rootlet: of several platforms only this machine's is here, and has been pushed\n");
	if (q->digest)
		(void)puts(done.digest);
	else
		(void)printf("%s %s\n", done.digest, tag);
	return 0;
}

static int
push_all_tags(const struct push *p, const struct request *q, struct err *e)
{
	json_t *index = store_read_index(p->from.store, e), *list = json_object_get(index, "manifests");
	const size_t n = strlen(q->from_name);
	size_t pushed = 0;

	for (size_t i = 0; i < json_array_size(list) && !e->code; i++) {
		json_t *entry = json_array_get(list, i);
		const char *name = store_name_of(entry), *digest = json_string_value(json_object_get(entry, "digest"));

		if (!name || strncmp(name, q->from_name, n) != 0 || name[n] != ':' || !digest ||
		    !image_digest_is_valid(digest))
			continue;
		pushed++;
		if (push_one(p, digest, q, name + n + 1, e) < 0)
			(void)err_prefix(e, "%s", name);
	}
	json_decref(index);
	if (!e->code && pushed == 0)
		(void)err_set(e, ENOENT, "push: the store has no image called %s", q->from_name);
	return e->code ? -e->code : 0;
}

static int
push_to(const struct request *q, const struct store *s, const struct endpoint *ep, const struct http_options *o,
	struct err *e)
{
	AUTO_FREE char *full = image_ref_full_name(q->to.name);
	const struct confine_dir dirs[] = { { .fd = s->fd } };
	AUTO_PROGRESS progress = new_progress(q->args->quiet);
	struct push p = { .from = { .store = s }, .repository = ep->repository, .progress = progress };
	AUTO_HTTP h = NULL;
	int r;

	full[strcspn(full, "/")] = '\0';
	if (registry_confine(o, dirs, NELEMS(dirs), e) < 0 || http_new(ep, o, &h, e) < 0 || http_reach(h, e) < 0)
		return -e->code;
	p.h = h;
	p.seen = push_seen(s, full, ep->repository);
	r = q->digest ? push_one(&p, q->digest, q, q->to.tag, e) : push_all_tags(&p, q, e);
	json_decref(p.seen);
	return r;
}

static int
push(struct request *q, struct err *e)
{
	CLEANUP(aliases_clear) struct aliases aliases = ALIASES_INIT;
	AUTO_FREE char *dir = cmd_need_data_dir("images", e);
	AUTO_ENDPOINTS eps = ENDPOINTS_INIT;
	AUTO_STORE s = STORE_INIT;
	struct http_options o;
	struct lookup l;

	if (!dir)
		return -e->code;
	if (store_open(dir, false, &s, e) < 0)
		return e->code == ENOENT ? no_image(q->image, e) : -e->code;
	cmd_read_aliases(&aliases);
	s.aliases = xcalloc(1, sizeof(aliases));
	*s.aliases = aliases;
	aliases = (struct aliases)ALIASES_INIT;
	if ((q->args->all_tags ? take_all_tags(q->image, q, e) : find_one(&s, q, e)) < 0 ||
	    take_lookup(&q->args->registry, &l, &o, e) < 0)
		return -e->code;
	l.push = true;
	l.ssh = q->ssh;
	if (lookup_endpoints(q->to.name, &l, &eps, e) < 0)
		return -e->code;
	return push_to(q, &s, &eps.v[eps.n - 1], &o, e);
}

int
verb_push(int argc, char **argv, struct err *e)
{
	struct push_args a = { .quiet = false };
	CLEANUP(request_clear) struct request q = { .args = &a, .to = IMAGE_REF_INIT, .from = IMAGE_REF_INIT };
	const int first = opt_parse(push_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first < 1 || argc - first > 2) {
		(void)err_set(e, EINVAL, "push: an image is expected, and where it goes");
		return err_hint(e, "rootlet push IMAGE [REGISTRY/NAME[:TAG] | ssh://HOST]");
	}
	q.image = argv[first];
	q.is_layout = strcmp(argv[0], "push-layout") == 0;
	if (argc - first == 2 && parse_destination(argv[first + 1], &q, e) < 0)
		return -e->code;
	return push(&q, e);
}
