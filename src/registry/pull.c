#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/feed.h"
#include "image/oci.h"
#include "image/ref.h"
#include "registry/pull-blobs.h"

/* --- what an image needs --- */

/* A descriptor: where it is, and how large. */
static int
read_descriptor(json_t *d, const char *what, struct blob *ret, struct err *e)
{
	return oci_read_descriptor(d, ret) ? 0
					   : err_set(e, EBADMSG, "the %s has no valid digest and size", what);
}

static int
need(struct pull_blobs *x, json_t *descriptor, const char *what, struct err *e)
{
	struct blob b;

	if (read_descriptor(descriptor, what, &b, e) < 0)
		return -e->code;
	return store_has_blob(x->p->store, b.digest) ? 0 : pull_blobs_add(x, &b, e);
}

static int
need_all_of(struct pull_blobs *x, const struct document *manifest, struct err *e)
{
	json_t *layers = json_object_get(manifest->json, "layers"), *config = json_object_get(manifest->json, "config");

	if (!store_has_blob(x->p->store, manifest->blob.digest) &&
	    pull_blobs_add_data(x, &manifest->blob, manifest->data, e) < 0)
		return -e->code;
	if (json_array_size(layers) > OCI_LAYERS_MAX)
		return err_set(e, E2BIG, "the image has %zu layers; overlayfs takes %d", json_array_size(layers),
			       OCI_LAYERS_MAX);
	if (need(x, config, "configuration", e) < 0)
		return -e->code;
	for (size_t i = 0; i < json_array_size(layers); i++)
		if (need(x, json_array_get(layers, i), "layer", e) < 0)
			return err_prefix(e, "layer %zu", i + 1);
	return 0;
}

/* One of the manifests of an index. */
static int
need_child(struct pull_blobs *x, json_t *descriptor, struct err *e)
{
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	struct blob b;
	int r;

	if (read_descriptor(descriptor, "manifest of the index", &b, e) < 0)
		return -e->code;
	r = client_get_manifest(x->h, x->repository, b.digest, &d, e);
	if (r == 1)
		return err_set(e, ENOENT, "manifest %s, which the index has, is not there", b.digest);
	if (r < 0)
		return r;
	if (d.blob.size != b.size)
		return err_set(e, EBADMSG, "manifest %s has %llu bytes, not %llu", b.digest,
			       (unsigned long long)d.blob.size, (unsigned long long)b.size);
	if (oci_is_index(d.json))
		return err_set(e, EBADMSG, "the index has an index in it: %s", b.digest);
	return need_all_of(x, &d, e);
}

static int
need_index(struct pull_blobs *x, const struct document *index, struct err *e)
{
	json_t *list = json_object_get(index->json, "manifests"), *chosen;

	if (!store_has_blob(x->p->store, index->blob.digest) &&
	    pull_blobs_add_data(x, &index->blob, index->data, e) < 0)
		return -e->code;
	if (!x->p->all_platforms) {
		chosen = oci_choose(index->json, x->p->platform, e);
		return chosen ? need_child(x, chosen, e) : -e->code;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		if (need_child(x, json_array_get(list, i), e) < 0)
			return -e->code;
	return 0;
}

/* --- is it there? --- */

static bool
has_layers(const struct store *s, const struct oci_image *im)
{
	for (size_t i = 0; i < im->n_layers; i++)
		if (!store_has_blob(s, im->layers[i].digest))
			return false;
	return true;
}

/* What the name stands for now.  Owned; NULL: nothing. */
static char *
find_named(const struct pull *p)
{
	struct err ignored = ERR_INIT;
	json_t *index = p->name ? store_read_index(p->store, &ignored) : NULL,
	       *d = index ? store_find(index, p->name) : NULL;
	const char *digest = json_string_value(json_object_get(d, "digest"));
	char *ret = digest ? xstrdup(digest) : NULL;

	json_decref(index);
	return ret;
}

/* Is all that is to be pulled of it here? */
static bool
is_whole(const struct pull *p, const char *digest)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err ignored = ERR_INIT;

	return store_has_blob(p->store, digest) &&
	       oci_read(p->store, digest, p->platform, &im, &ignored) == 0 && has_layers(p->store, &im);
}

/* --- all of it --- */

static int
pull_document(const struct pull *p, struct http *h, const char *repository, const struct document *top,
	      bool *ret_began, struct err *e)
{
	AUTO_PULL_BLOBS x = { .p = p, .h = h, .repository = repository, .err = ERR_INIT };
	const struct feed_image im = { .name = p->name, .digest = top->blob.digest,
				       .media_type = top->media_type, .size = top->blob.size,
				       .platform = p->all_platforms ? FEED_ALL : p->platform };

	if ((oci_is_index(top->json) ? need_index(&x, top, e) : need_all_of(&x, top, e)) < 0)
		return -e->code;
	*ret_began = true;
	if (feed_send_image(p->feed_fd, &im, e) < 0)
		return -e->code;
	if (pull_blobs_run(&x, e) < 0)
		return -e->code;
	return x.done ? PULL_DONE : PULL_FAILED_THERE;
}

int
pull_image(const struct pull *p, struct http *h, const char *repository,
	   char ret_digest[sizeof("sha256:") + 64], bool *ret_began, struct err *e)
{
	AUTO_FREE char *named = p->all_platforms ? NULL : find_named(p);
	AUTO_DOCUMENT top = DOCUMENT_INIT;
	char digest[sizeof("sha256:") + 64];
	struct err ignored = ERR_INIT;
	int r;

	/* Only where there may be nothing to do: otherwise that is one more way there and back. */
	if (named && client_head_manifest(h, repository, p->reference, false, digest, &ignored) == 0 &&
	    strcmp(named, digest) == 0 && is_whole(p, digest)) {
		if (policy_check(p->policy, h, repository, digest, e) < 0)
			return -e->code;
		(void)stpcpy(ret_digest, digest);
		*ret_began = true;
		return feed_send_same(p->feed_fd, p->name, digest, e) < 0 ? -e->code : PULL_SAME;
	}
	r = client_get_manifest(h, repository, p->reference, &top, e);
	if (r != 0)
		return r == 1 ? PULL_NONE : r;
	if (policy_check(p->policy, h, repository, top.blob.digest, e) < 0)
		return -e->code;
	(void)stpcpy(ret_digest, top.blob.digest);
	return pull_document(p, h, repository, &top, ret_began, e);
}
