#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/digest.h"
#include "image/oci.h"
#include "image/ref.h"
#include "registry/client.h"

#define TAGS_PAGE_MAX ((size_t)4 << 20) /* bytes of one answer */
#define TAGS_MAX      100000
#define TAG_MAX       128 /* bytes */
#define PAGES_MAX     1000

static const char manifest_types[] = MEDIA_MANIFEST ", " MEDIA_INDEX ", " MEDIA_DOCKER_MANIFEST
						    ", " MEDIA_DOCKER_LIST;

char *
client_scope(const char *repository, bool push)
{
	return xasprintf("repository:%s:%s", repository, push ? "pull,push" : "pull");
}

void
document_clear(struct document *d)
{
	free(d->media_type);
	free(d->data);
	json_decref(d->json);
	*d = (struct document)DOCUMENT_INIT;
}

/* --- digests --- */

int
client_digest(const void *data, size_t n, char ret[sizeof("sha256:") + 64], struct err *e)
{
	memcpy(ret, "sha256:", 7);
	return digest_data(data, n, ret + 7, e);
}

int
client_check_digest(const void *data, size_t n, const char *digest, struct err *e)
{
	char is[sizeof("sha256:") + 64];

	if (client_digest(data, n, is, e) < 0)
		return -e->code;
	return strcmp(is, digest) == 0 ? 0 : err_set(e, EBADMSG, "what came is %s, not %s", is, digest);
}

/* --- manifests --- */

static struct http_request
manifest_request(const char *method, const char *url, const char *scope)
{
	return (struct http_request){ .method = method, .url = url, .scope = scope,
				      .accept = manifest_types, .body_fd = -1, .sink_fd = -1,
				      .max = STORE_JSON_MAX };
}

/* What of "content-type" is the type. */
static char *
bare_type(const struct http_response *r)
{
	const char *type = http_header(r, "content-type");

	return type ? xstrndup(type, strcspn(type, "; \t")) : NULL;
}

/* By what it is, as old registries give any type; then what it is said to be must not be another. */
static int
take_type(const struct http_response *r, struct document *d, struct err *e)
{
	AUTO_FREE char *said = bare_type(r);
	const char *own = json_string_value(json_object_get(d->json, "mediaType"));
	const bool known = said && (oci_is_manifest_type(said) || oci_is_index_type(said));
	const bool index = oci_is_index(d->json);

	if (json_integer_value(json_object_get(d->json, "schemaVersion")) == 1)
		return err_set(e, EBADMSG, "the manifest has schema version 1, which no registry should have any more");
	if (known && own && strcmp(said, own) != 0)
		return err_set(e, EBADMSG, "it is sent as %s, and says that it is %s", said, own);
	if (known && oci_is_index_type(said) != index)
		return err_set(e, EBADMSG, "it is sent as %s, and is %s", said, index ? "an index" : "a manifest");
	if ((index ? oci_check_index(d->json, e) : oci_check_manifest(d->json, e)) < 0)
		return -e->code;
	d->media_type = xstrdup(own ? own : known ? said : index ? MEDIA_INDEX : MEDIA_MANIFEST);
	return 0;
}

static int
take_manifest(struct http_response *r, const char *reference, struct document *d, struct err *e)
{
	const char *said = http_header(r, "docker-content-digest");

	d->blob.size = r->len;
	d->data = TAKE_PTR(r->body);
	if (client_digest(d->data, r->len, d->blob.digest, e) < 0)
		return -e->code;
	if (image_digest_is_valid(reference))
		said = reference;
	if (said && image_digest_is_valid(said) && strcmp(said, d->blob.digest) != 0)
		return err_set(e, EBADMSG, "what came is %s, not %s", d->blob.digest, said);
	d->json = json_loadb(d->data, r->len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(d->json))
		return err_set(e, EBADMSG, "it is not a JSON object");
	return take_type(r, d, e);
}

int
client_get_manifest(struct http *h, const char *repository, const char *reference,
		    struct document *ret, struct err *e)
{
	AUTO_FREE char *url = xasprintf("/v2/%s/manifests/%s", repository, reference),
		       *scope = client_scope(repository, false), *what = NULL;
	const struct http_request q = manifest_request("GET", url, scope);
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
	AUTO_DOCUMENT d = DOCUMENT_INIT;

	what = xasprintf("manifest of %s%c%s", repository, strchr(reference, ':') ? '@' : ':', reference);
	if (http_do(h, &q, &r, e) < 0)
		return err_prefix(e, "%s", what);
	if (r.status == 404)
		return 1;
	if (r.status != 200)
		return http_refused(&r, what, e);
	if (take_manifest(&r, reference, &d, e) < 0)
		return err_prefix(e, "%s", what);
	*ret = d;
	d = (struct document)DOCUMENT_INIT;
	return 0;
}

int
client_head_manifest(struct http *h, const char *repository, const char *reference, bool push,
		     char ret_digest[sizeof("sha256:") + 64], struct err *e)
{
	AUTO_FREE char *url = xasprintf("/v2/%s/manifests/%s", repository, reference),
		       *scope = client_scope(repository, push);
	const struct http_request q = manifest_request("HEAD", url, scope);
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
	const char *said;

	if (http_do(h, &q, &r, e) < 0)
		return -e->code;
	said = http_header(&r, "docker-content-digest");
	if (r.status == 404 || (r.status == 200 && (!said || !image_digest_is_valid(said))))
		return 1;
	if (r.status != 200)
		return http_refused(&r, repository, e);
	(void)stpcpy(ret_digest, said);
	return 0;
}

/* --- blobs --- */

void
client_blob_request(const char *repository, const char *digest, char **ret_url, char **ret_scope,
		    struct http_request *ret)
{
	*ret_url = xasprintf("/v2/%s/blobs/%s", repository, digest);
	*ret_scope = client_scope(repository, false);
	*ret = (struct http_request){ .method = "GET", .url = *ret_url, .scope = *ret_scope,
				      .body_fd = -1, .sink_fd = -1 };
}

int
client_get_blob(struct http *h, const char *repository, const struct blob *b, char **ret, struct err *e)
{
	AUTO_FREE char *url = NULL, *scope = NULL;
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
	struct http_request q;

	if (b->size > STORE_JSON_MAX)
		return err_set(e, EFBIG, "blob %s has %llu bytes, more than a document may have", b->digest,
			       (unsigned long long)b->size);
	client_blob_request(repository, b->digest, &url, &scope, &q);
	q.max = b->size;
	if (http_do(h, &q, &r, e) < 0)
		return err_prefix(e, "blob %s", b->digest);
	if (r.status != 200)
		return http_refused(&r, b->digest, e);
	if (r.len != b->size)
		return err_set(e, EBADMSG, "blob %s has %zu bytes, not %llu", b->digest, r.len,
			       (unsigned long long)b->size);
	if (client_check_digest(r.body, r.len, b->digest, e) < 0)
		return err_prefix(e, "blob %s", b->digest);
	*ret = TAKE_PTR(r.body);
	return 0;
}

/* --- lists of several pages --- */

/* Of "<TARGET>; rel=next, <TARGET>; rel=prev" the target of the first: owned; NULL: there is none. */
static char *
link_target(const char *link)
{
	for (const char *s = link; (s = strchr(s, '<')); ) {
		const char *end = strchr(s, '>'), *next, *rel;

		if (!end)
			return NULL;
		next = strchr(end, '<');
		rel = strcasestr(end, "rel=");
		if (rel && (!next || rel < next)) {
			rel += strlen("rel=");
			rel += *rel == '"';
			if (strncasecmp(rel, "next", 4) == 0 && !isalnum((unsigned char)rel[4]))
				return xstrndup(s + 1, (size_t)(end - s - 1));
		}
		s = end;
	}
	return NULL;
}

/* Path and query alone: another host is not asked.  Owned, or NULL. */
static char *
resolve(const char *url, const char *target)
{
	AUTO_FREE char *base = xasprintf("http://x%s", url);
	char *path = NULL, *query = NULL, *ret = NULL;
	CURLU *u = curl_url();

	if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, target, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && str_begins(path, "/v2/")) {
		(void)curl_url_get(u, CURLUPART_QUERY, &query, 0);
		ret = xasprintf("%s%s%s", path, query ? "?" : "", query ? query : "");
	}
	curl_free(path);
	curl_free(query);
	curl_url_cleanup(u);
	return ret;
}

int
client_next_page(const char *url, const struct http_response *r, char **ret, struct err *e)
{
	const char *link = http_header(r, "link");
	AUTO_FREE char *target = link ? link_target(link) : NULL, *next = NULL;

	if (!target) {
		*ret = NULL;
		return 0;
	}
	next = resolve(url, target);
	if (!next || strcmp(next, url) == 0)
		return err_set(e, EBADMSG, "the list does not say validly where it goes on");
	*ret = TAKE_PTR(next);
	return 0;
}

/* --- tags --- */

struct tags {
	char **v; /* owned strv */
	size_t n, room;
};

static void
tags_clear(struct tags *t)
{
	strv_freep(&t->v);
}

static int
add_tag(struct tags *t, const char *tag, struct err *e)
{
	if (!tag || !*tag || strlen(tag) > TAG_MAX)
		return err_set(e, EBADMSG, "the list has a tag that is none");
	if (t->n == TAGS_MAX)
		return err_set(e, E2BIG, "there are more than %d tags", TAGS_MAX);
	if (t->n + 1 >= t->room) {
		t->room = 2 * t->room + 16;
		t->v = xrealloc_array(t->v, t->room, sizeof(*t->v));
	}
	t->v[t->n++] = xstrdup(tag);
	t->v[t->n] = NULL;
	return 0;
}

static int
take_tags(const struct http_response *r, struct tags *to, struct err *e)
{
	json_t *j = json_loadb(r->body, r->len, 0, NULL), *list = json_object_get(j, "tags");
	int ret = 0;

	if (!json_is_object(j) || (list && !json_is_array(list) && !json_is_null(list)))
		ret = err_set(e, EBADMSG, "the list of tags cannot be read");
	for (size_t i = 0; ret == 0 && i < json_array_size(list); i++)
		ret = add_tag(to, json_string_value(json_array_get(list, i)), e);
	json_decref(j);
	return ret;
}

int
client_list_tags(struct http *h, const char *repository, char ***ret, struct err *e)
{
	AUTO_FREE char *url = xasprintf("/v2/%s/tags/list?n=1000", repository),
		       *scope = client_scope(repository, false);
	CLEANUP(tags_clear) struct tags tags = { .v = NULL };

	for (int page = 0; url; page++) {
		const struct http_request q = { .method = "GET", .url = url, .scope = scope, .body_fd = -1,
						.sink_fd = -1, .max = TAGS_PAGE_MAX };
		AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
		char *next = NULL;

		if (page == PAGES_MAX)
			return err_set(e, ELOOP, "%s: the list of tags has no end", repository);
		if (http_do(h, &q, &r, e) < 0)
			return -e->code;
		if (r.status == 404)
			return err_set(e, ENOENT, "%s: there is no such repository", repository);
		if (r.status != 200)
			return http_refused(&r, repository, e);
		if (take_tags(&r, &tags, e) < 0 || client_next_page(url, &r, &next, e) < 0)
			return err_prefix(e, "%s", repository);
		free(url);
		url = next;
	}
	*ret = TAKE_PTR(tags.v);
	return 0;
}
