#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/ref.h"
#include "registry/push-internal.h"
#include "registry/referrers.h"

#define REFERRERS_MAX 1000 /* of one image */
#define PAGES_MAX     100

/* --- what there is --- */

/* Append the descriptors of one answer, or of the list under a tag, to @to. */
static int
take_list(json_t *index, json_t *to, struct err *e)
{
	json_t *list = json_object_get(index, "manifests"), *d;
	size_t i;

	json_array_foreach(list, i, d) {
		const char *digest = json_string_value(json_object_get(d, "digest"));

		if (!digest || !image_digest_is_valid(digest))
			return err_set(e, EBADMSG, "the list of referrers has no valid digests");
		if (json_array_size(to) == REFERRERS_MAX)
			return err_set(e, E2BIG, "more than %d refer to an image", REFERRERS_MAX);
		(void)json_array_append(to, d);
	}
	return 0;
}

static int
take_answer(const struct http_response *r, json_t *to, struct err *e)
{
	json_t *j = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL);
	const int ret = json_is_object(j) ? take_list(j, to, e)
					  : err_set(e, EBADMSG, "the list of referrers cannot be read");

	json_decref(j);
	return ret;
}

/* Of a registry that lists them.  Returns 1 when it does not. */
static int
ask(struct http *h, const char *repository, const char *digest, json_t *to, struct err *e)
{
	AUTO_FREE char *url = xasprintf("/v2/%s/referrers/%s", repository, digest),
		       *scope = client_scope(repository, false);

	for (int page = 0; url && page < PAGES_MAX; page++) {
		const struct http_request q = { .method = "GET", .url = url, .scope = scope, .body_fd = -1,
						.accept = MEDIA_INDEX, .sink_fd = -1, .max = STORE_JSON_MAX };
		AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
		char *next = NULL;

		if (http_do(h, &q, &r, e) < 0)
			return -e->code;
		if (page == 0 && r.status != 200)
			return 1;
		if (r.status != 200)
			return http_refused(&r, "referrers", e);
		if (take_answer(&r, to, e) < 0 || client_next_page(url, &r, &next, e) < 0)
			return -e->code;
		free(url);
		url = next;
	}
	return 0;
}

/* --- the list as a tag --- */

static char *
tag_of(const char *digest, const char *suffix)
{
	return xasprintf("sha256-%s%s", digest + strlen("sha256:"), suffix);
}

static bool
has_digest(json_t *list, const char *digest)
{
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d) {
		const char *is = json_string_value(json_object_get(d, "digest"));

		if (is && strcmp(is, digest) == 0)
			return true;
	}
	return false;
}

/* What is listed there already stays. */
static int
merge(const struct push *p, const char *tag, json_t *list, struct err *e)
{
	AUTO_DOCUMENT old = DOCUMENT_INIT;
	json_t *d;
	size_t i;
	int r = client_get_manifest(p->h, p->repository, tag, &old, e);

	if (r != 0)
		return r < 0 ? r : 0;
	json_array_foreach(json_object_get(old.json, "manifests"), i, d)
		if (!has_digest(list, json_string_value(json_object_get(d, "digest")) ?: ""))
			(void)json_array_append(list, d);
	return 0;
}

static int
put_list(const struct push *p, const char *digest, json_t *list, struct err *e)
{
	AUTO_FREE char *tag = tag_of(digest, "");
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	json_t *index;

	if (merge(p, tag, list, e) < 0)
		return -e->code;
	index = json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType", MEDIA_INDEX, "manifests", list);
	d.data = json_dumps(index, JSON_COMPACT);
	json_decref(index);
	d.media_type = xstrdup(MEDIA_INDEX);
	d.blob.size = strlen(d.data);
	return client_digest(d.data, d.blob.size, d.blob.digest, e) < 0 ? -e->code
								       : push_put_document(p, &d, tag, e);
}

/* --- one image's --- */

static int
push_listed(const struct push *p, const char *digest, json_t *list, struct err *e)
{
	json_t *d, *there = json_array();
	size_t i;
	int r;

	json_array_foreach(list, i, d) {
		AUTO_PUSHED done = PUSHED_INIT;

		if (push_image(p, json_string_value(json_object_get(d, "digest")), NULL, &done, e) < 0)
			break;
	}
	r = e->code ? -e->code : json_array_size(list) ? ask(p->h, p->repository, digest, there, e) : 0;
	json_decref(there);
	return r == 1 ? put_list(p, digest, list, e) : r;
}

static int
push_tags(const struct push *p, const char *digest, size_t *n, struct err *e)
{
	static const char *const suffixes[] = { "", ".sig", ".att", ".sbom" };

	for (size_t i = 0; i < NELEMS(suffixes); i++) {
		AUTO_FREE char *tag = tag_of(digest, suffixes[i]);
		AUTO_PUSHED done = PUSHED_INIT;
		const int r = push_image(p, tag, tag, &done, e);

		if (r < 0)
			return r;
		*n += r == 0;
	}
	return 0;
}

static int
push_of(const struct push *p, const char *digest, size_t *n, struct err *e)
{
	json_t *list = json_array();
	int r = ask(p->from.http, p->from.repository, digest, list, e);

	if (r == 0)
		r = push_listed(p, digest, list, e);
	*n += json_array_size(list);
	json_decref(list);
	return r < 0 ? r : push_tags(p, digest, n, e);
}

int
referrers_push(const struct push *p, json_t *documents, size_t *ret_n, struct err *e)
{
	struct push all = *p;
	json_t *d;
	size_t i, n = 0;

	all.one_platform = false;
	json_array_foreach(documents, i, d)
		if (push_of(&all, json_string_value(d), &n, e) < 0)
			return err_prefix(e, "what refers to %.19s", json_string_value(d));
	*ret_n = n;
	return 0;
}
