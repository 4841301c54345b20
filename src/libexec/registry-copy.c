/*
 * "copy": an image from a registry to another one.  What passes through has no name, in the directory
 * that `rootlet` has made for it: its store, as we are told.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/progress.h"
#include "libexec/image.h"
#include "libexec/registry.h"
#include "registry/confine.h"
#include "registry/policy.h"
#include "registry/push.h"
#include "registry/referrers.h"

/* One of the two sides. */
struct side {
	const char *text;
	struct image_ref ref;
	struct endpoints eps;
	struct http *h; /* owned */
};
#define SIDE_INIT { .ref = IMAGE_REF_INIT, .eps = ENDPOINTS_INIT }

static void
side_clear(struct side *s)
{
	http_freep(&s->h);
	endpoints_clear(&s->eps);
	image_ref_clear(&s->ref);
}

static int
parse_side(const char *text, const struct lookup *l, struct side *ret, struct err *e)
{
	if (strncmp(text, COPY_DOCKER, strlen(COPY_DOCKER)) != 0)
		return err_set(e, EINVAL, "copy: '%s' is no " COPY_DOCKER "REGISTRY/NAME", text);
	ret->text = text;
	if (image_ref_parse(text + strlen(COPY_DOCKER), &ret->ref, e) < 0 ||
	    lookup_endpoints(ret->ref.name, l, &ret->eps, e) < 0)
		return -e->code;
	return 0;
}

/* The last one is the registry itself, and has all that there is. */
static const struct endpoint *
endpoint_of(const struct side *s)
{
	return &s->eps.v[s->eps.n - 1];
}

static int
reach(struct side *s, const struct http_options *o, struct err *e)
{
	return http_new(endpoint_of(s), o, &s->h, e) < 0 ? -e->code : http_reach(s->h, e);
}

static const char *
reference_of(const struct side *s)
{
	return s->ref.digest ? s->ref.digest : s->ref.tag;
}

static int
read_policy(const struct side *s, const struct lookup *l, struct policy **ret, struct err *e)
{
	AUTO_FREE char *full = image_ref_full_name(s->ref.name),
		       *name = xasprintf("%s%c%s", full, s->ref.digest ? '@' : ':', reference_of(s));

	return policy_read(&l->places, name, ret, e);
}

static int
copy_image(const struct push *p, const struct side *from, const struct side *to, const struct copy_args *a,
	   const struct policy *policy, struct err *e)
{
	AUTO_DOCUMENT top = DOCUMENT_INIT;
	AUTO_PUSHED done = PUSHED_INIT;
	size_t n = 0;
	int r = client_get_manifest(from->h, p->from.repository, reference_of(from), &top, e);

	if (r == 1)
		return err_set(e, ENOENT, "there is no %s", from->text);
	if (r < 0 || policy_check(policy, from->h, p->from.repository, top.blob.digest, e) < 0)
		return -e->code;
	r = push_image(p, top.blob.digest, to->ref.tag, &done, e);
	if (r != 0)
		return r < 0 ? r : err_set(e, ENOENT, "%s is not whole", from->text);
	if (a->with_referrers && referrers_push(p, done.documents, &n, e) < 0)
		return -e->code;
	progress_hide(p->progress);
	if (a->with_referrers && !a->quiet)
		(void)fprintf(stderr, "rootlet: %zu that refer to it have been copied\n", n);
	(void)puts(done.digest);
	return 0;
}

static int
copy(const struct copy_args *a, struct side *from, struct side *to, const struct policy *policy,
     const struct http_options *o, int temp_fd, struct err *e)
{
	const struct confine_dir dirs[] = { { .fd = temp_fd, .write = true } };
	AUTO_PROGRESS progress = new_progress(a->quiet);
	struct push p = { .progress = progress, .one_platform = !a->all };

	if (registry_confine(o, dirs, NELEMS(dirs), e) < 0 || reach(from, o, e) < 0 || reach(to, o, e) < 0)
		return -e->code;
	p.from = (struct push_source){ .http = from->h, .repository = endpoint_of(from)->repository,
				       .temp_fd = temp_fd };
	p.h = to->h;
	p.repository = endpoint_of(to)->repository;
	if (strcmp(endpoint_of(from)->host, endpoint_of(to)->host) == 0 &&
	    strcmp(p.repository, p.from.repository) != 0)
		p.seen_all = p.from.repository;
	return copy_image(&p, from, to, a, policy, e);
}

int
verb_copy(int argc, char **argv, struct err *e)
{
	struct copy_args a = { .quiet = false };
	CLEANUP(side_clear) struct side from = SIDE_INIT, to = SIDE_INIT;
	AUTO_FREE char *dir = cmd_find_data_dir();
	AUTO_FD temp = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_POLICY policy = NULL;
	struct http_options o;
	struct lookup l;
	const int first = opt_parse(copy_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 2)
		return err_set(e, EINVAL, "copy: two places are expected");
	if (temp < 0)
		return err_sys(e, "copy: open %s", dir ? dir : "a place for what passes through");
	if (take_lookup(&a.registry, &l, &o, e) < 0 || parse_side(argv[first], &l, &from, e) < 0 ||
	    read_policy(&from, &l, &policy, e) < 0)
		return -e->code;
	l.push = true;
	if (parse_side(argv[first + 1], &l, &to, e) < 0)
		return -e->code;
	if (to.ref.digest)
		return err_set(e, EINVAL, "copy: '%s' has a digest: an image is copied to a name", to.text);
	return copy(&a, &from, &to, policy, &o, temp, e);
}
