#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/oci.h"
#include "image/reach.h"
#include "image/ref.h"
#include "registry/push-internal.h"

#define DEPTH_MAX 4     /* indexes in indexes */
#define BLOBS_MAX 20000

void
pushed_clear(struct pushed *p)
{
	json_decref(p->documents);
	*p = (struct pushed)PUSHED_INIT;
}

/* --- what there is to be pushed --- */

struct plan {
	const struct push *p;
	struct document *docs; /* owned; what is referred to comes before what refers to it */
	size_t n_docs;
	struct blob *blobs;    /* owned */
	size_t n_blobs;
	json_t *known;         /* owned; {digest: true} of both */
	bool missing;          /* of an index: not all is here */
};

static void
plan_clear(struct plan *x)
{
	for (size_t i = 0; i < x->n_docs; i++)
		document_clear(&x->docs[i]);
	free(x->docs);
	free(x->blobs);
	json_decref(x->known);
}

static void
plan_empty(struct plan *x)
{
	const struct push *p = x->p;

	plan_clear(x);
	*x = (struct plan){ .p = p, .known = json_object() };
}

/* False when it has been there. */
static bool
is_new(struct plan *x, const char *digest)
{
	return !json_object_get(x->known, digest) && json_object_set_new(x->known, digest, json_true()) == 0;
}

/* Some layers are to be had from somewhere else alone, and are not pushed. */
static bool
is_foreign(json_t *d)
{
	const char *type = json_string_value(json_object_get(d, "mediaType"));

	return json_array_size(json_object_get(d, "urls")) > 0 || (type && strstr(type, "nondistributable")) ||
	       (type && strstr(type, ".foreign."));
}

static int
add_blob(struct plan *x, json_t *d, struct err *e)
{
	struct blob b;

	if (!oci_read_descriptor(d, &b))
		return err_set(e, EBADMSG, "a manifest names a blob without a valid digest and size");
	if (is_foreign(d) && (!x->p->from.store || !push_source_has(&x->p->from, b.digest)))
		return 0;
	if (!push_source_has(&x->p->from, b.digest)) {
		x->missing = true;
		return 0;
	}
	if (!is_new(x, b.digest))
		return 0;
	if (x->n_blobs == BLOBS_MAX)
		return err_set(e, E2BIG, "there are more than %d blobs", BLOBS_MAX);
	x->blobs = xrealloc_array(x->blobs, x->n_blobs + 1, sizeof(*x->blobs));
	x->blobs[x->n_blobs++] = b;
	return 0;
}

static int add_what(struct plan *x, const char *what, int depth, struct err *e);

static int
add_children(struct plan *x, json_t *doc, int depth, struct err *e)
{
	json_t *list = json_object_get(doc, "manifests");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *digest = json_string_value(json_object_get(json_array_get(list, i), "digest"));
		int r;

		if (!digest || !image_digest_is_valid(digest))
			return err_set(e, EBADMSG, "an index names a manifest without a valid digest");
		r = add_what(x, digest, depth + 1, e);
		if (r < 0)
			return r;
		x->missing |= r == 1;
	}
	return 0;
}

static int
add_blobs(struct plan *x, json_t *doc, struct err *e)
{
	json_t *layers = json_object_get(doc, "layers");

	for (size_t i = 0; i < json_array_size(layers); i++)
		if (add_blob(x, json_array_get(layers, i), e) < 0)
			return -e->code;
	return add_blob(x, json_object_get(doc, "config"), e);
}

/* Returns 1 when it is not there. */
static int
add_what(struct plan *x, const char *what, int depth, struct err *e)
{
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	int r;

	if (depth > DEPTH_MAX)
		return err_set(e, ELOOP, "an index is in another one, more than %d times", DEPTH_MAX);
	if (json_object_get(x->known, what))
		return 0;
	r = push_source_document(&x->p->from, what, &d, e);
	if (r != 0)
		return r;
	if ((oci_is_index(d.json) ? add_children(x, d.json, depth, e) : add_blobs(x, d.json, e)) < 0)
		return -e->code;
	if (!is_new(x, d.blob.digest))
		return 0;
	x->docs = xrealloc_array(x->docs, x->n_docs + 1, sizeof(*x->docs));
	x->docs[x->n_docs++] = d;
	d = (struct document)DOCUMENT_INIT;
	return 0;
}

static const struct document *
top_of(const struct plan *x)
{
	return &x->docs[x->n_docs - 1];
}

/* Of an index, of which not all is here or wanted: the manifest for this machine. */
static int
choose(struct plan *x, const char *index, struct err *e)
{
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	json_t *chosen;
	char *digest;
	int r = push_source_document(&x->p->from, index, &d, e);

	if (r != 0)
		return r;
	if (!oci_is_index(d.json))
		return add_what(x, index, 0, e);
	chosen = oci_choose(d.json, NULL, e);
	if (!chosen)
		return -e->code;
	digest = xstrdup(json_string_value(json_object_get(chosen, "digest")));
	r = add_what(x, digest, 0, e);
	free(digest);
	return r;
}

static int
make_plan(struct plan *x, const char *what, bool *ret_is_part, struct err *e)
{
	int r;

	plan_empty(x);
	r = x->p->one_platform ? choose(x, what, e) : add_what(x, what, 0, e);
	if (r != 0)
		return r;
	*ret_is_part = x->missing && oci_is_index(top_of(x)->json);
	if (*ret_is_part) {
		plan_empty(x);
		r = choose(x, what, e);
		if (r != 0)
			return r < 0 ? r : err_set(e, ENOENT, "what is for this machine is not here");
	}
	return x->missing ? err_set(e, ENOENT, "not all of it is here") : 0;
}

/* --- manifests --- */

int
push_put_document(const struct push *p, const struct document *d, const char *reference, struct err *e)
{
	AUTO_FREE char *url = xasprintf("/v2/%s/manifests/%s", p->repository, reference),
		       *scope = client_scope(p->repository, true);
	const struct http_request q = { .method = "PUT", .url = url, .scope = scope,
					.content_type = d->media_type, .body = d->data,
					.body_len = d->blob.size, .body_fd = -1, .sink_fd = -1,
					.max = (size_t)64 << 10 };
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
	const char *said;

	if (http_do(p->h, &q, &r, e) < 0)
		return -e->code;
	if (r.status < 200 || r.status >= 300)
		return http_refused(&r, "manifest", e);
	said = http_header(&r, "docker-content-digest");
	return !said || strcmp(said, d->blob.digest) == 0
		       ? 0
		       : err_set(e, EBADMSG, "the registry has the manifest as another one than %s", d->blob.digest);
}

static int
put_documents(const struct plan *x, const char *tag, struct err *e)
{
	for (size_t i = 0; i < x->n_docs; i++) {
		const struct document *d = &x->docs[i];
		const bool top = d == top_of(x);

		if (push_put_document(x->p, d, top && tag ? tag : d->blob.digest, e) < 0)
			return -e->code;
	}
	return 0;
}

/* What a registry has taken is whole. */
static bool
is_there(const struct push *p, const char *digest, const char *tag)
{
	char has[sizeof("sha256:") + 64];
	struct err ignored = ERR_INIT;

	return client_head_manifest(p->h, p->repository, tag ? tag : digest, true, has, &ignored) == 0 &&
	       strcmp(has, digest) == 0;
}

int
push_image(const struct push *p, const char *what, const char *tag, struct pushed *ret, struct err *e)
{
	CLEANUP(plan_clear) struct plan x = { .p = p };
	bool is_part = false;
	int r = make_plan(&x, what, &is_part, e);

	if (r != 0)
		return r;
	if (!is_there(p, top_of(&x)->blob.digest, tag) &&
	    (push_blobs(p, x.blobs, x.n_blobs, e) < 0 || put_documents(&x, tag, e) < 0))
		return -e->code;
	*ret = (struct pushed){ .is_part = is_part, .documents = json_array() };
	(void)stpcpy(ret->digest, top_of(&x)->blob.digest);
	for (size_t i = 0; i < x.n_docs; i++)
		(void)json_array_append_new(ret->documents, json_string(x.docs[i].blob.digest));
	return 0;
}

/* --- what has been seen elsewhere --- */

static void
see(json_t *seen, const struct store *s, json_t *entry, const char *repository)
{
	const char *digest = json_string_value(json_object_get(entry, "digest")), *hex;
	AUTO_REACH reach = REACH_INIT;
	struct err ignored = ERR_INIT;
	json_t *v;

	if (!digest || !image_digest_is_valid(digest))
		return;
	reach_init(&reach);
	(void)reach_add(&reach, s, digest, &ignored);
	json_object_foreach(reach.blobs, hex, v)
		(void)json_object_set_new(seen, hex, json_string(repository));
}

json_t *
push_seen(const struct store *s, const char *registry, const char *repository)
{
	struct err ignored = ERR_INIT;
	json_t *index = store_read_index(s, &ignored), *list = json_object_get(index, "manifests");
	json_t *seen = json_object();
	const size_t n = strlen(registry);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *entry = json_array_get(list, i);
		const char *name = store_name_of(entry);
		AUTO_FREE char *full = name ? image_ref_full_name(name) : NULL;
		char *path = full && strncmp(full, registry, n) == 0 && full[n] == '/' ? full + n + 1 : NULL;

		if (!path || !strchr(path, ':'))
			continue;
		*strrchr(path, ':') = '\0';
		if (strcmp(path, repository) != 0)
			see(seen, s, entry, path);
	}
	json_decref(index);
	return seen;
}
