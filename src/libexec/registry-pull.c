/*
 * "pull": what an image needs, from the first registry that has it, to rootlet-image at the other end of
 * a socket: see image/feed.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/aliases.h"
#include "image/feed.h"
#include "image/platform.h"
#include "libexec/registry.h"
#include "registry/confine.h"
#include "registry/partial.h"
#include "registry/pull.h"
#include "registry/ssh.h"

struct asked {
	struct image_ref ref;
	char *name;     /* owned; of the store; NULL: pulled by its digest */
	char *platform; /* owned; NULL: this machine's */
	char *ssh;      /* owned; of ssh_take(); NULL: from a registry */
};

static void
asked_clear(struct asked *a)
{
	image_ref_clear(&a->ref);
	free(a->name);
	free(a->platform);
	free(a->ssh);
}

/* A short name may stand for another one. */
static int
parse_name(const char *text, struct asked *ret, struct err *e)
{
	CLEANUP(aliases_clear) struct aliases aliases = ALIASES_INIT;
	AUTO_FREE char *target = NULL;

	if (image_ref_is_path(text) || strcmp(text, "host") == 0)
		return err_set(e, EINVAL, "pull: '%s' is not the name of an image", text);
	if (ssh_take(&text, &ret->ssh, e) < 0)
		return -e->code;
	if (!text)
		return err_set(e, EINVAL, "pull: which image of ssh://%s?", ret->ssh);
	if (!ret->ssh) {
		cmd_read_aliases(&aliases);
		target = aliases_resolve(&aliases, text);
	}
	if (image_ref_parse(target ? target : text, &ret->ref, e) < 0)
		return -e->code;
	ret->name = ret->ref.digest ? NULL : image_ref_name(&ret->ref);
	return 0;
}

static int
open_store_here(struct store *ret, struct err *e)
{
	AUTO_FREE char *dir = cmd_need_data_dir("images", e);

	return dir ? store_open(dir, true, ret, e) : -e->code;
}

/* Returns one of enum pull_end. */
static int
pull_from(const struct pull *p, const struct endpoint *ep, const struct http_options *o, char *ret_digest,
	  bool *ret_began, struct err *e)
{
	AUTO_HTTP h = NULL;

	if (http_new(ep, o, &h, e) < 0 || http_reach(h, e) < 0)
		return -e->code;
	return pull_image(p, h, ep->repository, ret_digest, ret_began, e);
}

/* A mirror may lack it, and may be away. */
static int
pull_from_any(const struct pull *p, const struct endpoints *eps, const struct http_options *o,
	      char *ret_digest, struct err *e)
{
	bool began = false;
	int r = PULL_NONE;

	for (size_t i = 0; i < eps->n; i++) {
		err_clear(e);
		r = pull_from(p, &eps->v[i], o, ret_digest, &began, e);
		if (began || (r >= 0 && r != PULL_NONE))
			break;
	}
	return r;
}

static int
end(int r, const struct asked *a, const struct endpoints *eps, const char *digest, bool quiet, struct err *e)
{
	const struct endpoint *ep = &eps->v[eps->n - 1];

	switch (r) {
	case PULL_DONE:
	case PULL_SAME:
		if (!quiet && r == PULL_SAME && a->name)
			(void)fprintf(stderr, "%s is up to date\n", a->name);
		(void)puts(digest);
		return 0;
	case PULL_NONE:
		(void)err_set(e, ENOENT, "%s has no image %s%c%s", ep->host, ep->repository,
			      a->ref.digest ? '@' : ':', a->ref.digest ? a->ref.digest : a->ref.tag);
		return err_hint(e, "rootlet tags %s lists what there is; or is a login needed?", a->ref.name);
	case PULL_FAILED_THERE:
		return cmd_said(e);
	default:
		return r;
	}
}

static int
read_policy(const struct asked *a, const struct lookup *l, struct policy **ret, struct err *e)
{
	AUTO_FREE char *full = image_ref_full_name(a->ref.name),
		       *name = xasprintf("%s%c%s", full, a->ref.digest ? '@' : ':',
					 a->ref.digest ? a->ref.digest : a->ref.tag);

	return policy_read(&l->places, name, ret, e);
}

static int
pull(const struct asked *a, const struct pull_args *args, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_ENDPOINTS eps = ENDPOINTS_INIT;
	AUTO_POLICY policy = NULL;
	AUTO_FD partial = -1;
	struct pull p = { .name = a->name, .platform = a->platform, .all_platforms = args->all_platforms,
			  .store = &s, .feed_fd = FEED_FD,
			  .reference = a->ref.digest ? a->ref.digest : a->ref.tag };
	char digest[sizeof("sha256:") + 64];
	struct confine_dir dirs[2];
	struct http_options o;
	struct lookup l;
	int r;

	if (take_lookup(&args->registry, &l, &o, e) < 0)
		return -e->code;
	l.by_digest = a->ref.digest != NULL;
	l.ssh = a->ssh;
	if (lookup_endpoints(a->ref.name, &l, &eps, e) < 0 || read_policy(a, &l, &policy, e) < 0 ||
	    open_store_here(&s, e) < 0 || (partial = partial_open_dir(s.fd, e)) < 0)
		return -e->code;
	dirs[0] = (struct confine_dir){ .fd = s.fd };
	dirs[1] = (struct confine_dir){ .fd = partial, .write = true };
	if (registry_confine(&o, dirs, NELEMS(dirs), e) < 0)
		return -e->code;
	p.partial_fd = partial;
	p.policy = policy;
	r = pull_from_any(&p, &eps, &o, digest, e);
	return end(r, a, &eps, digest, args->quiet, e);
}

/* The user has not asked for a registry: why there is one may not be plain. */
static int
tell_missing(const char *text, struct err *e)
{
	(void)err_prefix(e, "no image '%s' here", text);
	return strchr(text, '/') ? -e->code : err_hint(e, "a directory is written ./%.100s", text);
}

int
verb_pull(int argc, char **argv, struct err *e)
{
	struct pull_args args = { .quiet = false };
	CLEANUP(asked_clear) struct asked a = { .ref = IMAGE_REF_INIT };
	const int first = opt_parse(pull_opts, argc, argv, &args, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "pull: one image is expected");
		return err_hint(e, "rootlet pull [REGISTRY/]NAME[:TAG]");
	}
	if (args.platform && platform_parse(args.platform, &a.platform, e) < 0)
		return err_prefix(e, "--platform");
	if (parse_name(argv[first], &a, e) < 0)
		return -e->code;
	if (pull(&a, &args, e) < 0)
		return e->msg[0] && strcmp(argv[0], "pull-missing") == 0 ? tell_missing(argv[first], e)
									: -e->code;
	return 0;
}
