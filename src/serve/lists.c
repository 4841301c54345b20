#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "image/oci.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

#define PAGE_MAX 10000U

/* --- pages --- */

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort(char **words)
{
	if (words)
		qsort(words, strv_len(words), sizeof(*words), by_bytes);
}

/* Returns false when "n" is no number. */
static bool
page_size(const struct request *r, uint64_t *ret)
{
	const char *n = serve_query(r, "n");
	struct err ignored = ERR_INIT;

	*ret = PAGE_MAX;
	return !n || parse_u64(n, PAGE_MAX, ret, &ignored) == 0;
}

/* What comes after "last", each once.  *ret_last: where there is more, borrowed; NULL: no more. */
static json_t *
cut_page(char *const *words, const char *after, uint64_t max, const char **ret_last)
{
	const char *last = NULL;
	json_t *page = json_array();

	*ret_last = NULL;
	for (; words && *words; words++) {
		if ((after && strcmp(*words, after) <= 0) || (last && strcmp(*words, last) == 0))
			continue;
		if (json_array_size(page) >= max) {
			*ret_last = last;
			break;
		}
		last = *words;
		(void)json_array_append_new(page, json_string(last));
	}
	return page;
}

/* @doc: taken over.  @key: of the list in it; @path: where the next page is had */
static enum MHD_Result
send_page(struct request *r, json_t *doc, const char *key, char **words, const char *path)
{
	struct MHD_Response *resp;
	const char *last = NULL;
	uint64_t max = 0;

	if (!page_size(r, &max)) {
		json_decref(doc);
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "PAGINATION_NUMBER_INVALID",
				   "n is no number up to %u", PAGE_MAX);
	}
	sort(words);
	(void)json_object_set_new(doc, key, cut_page(words, serve_query(r, "last"), max, &last));
	resp = serve_json("application/json", doc);
	json_decref(doc);
	if (last)
		serve_set(resp, MHD_HTTP_HEADER_LINK, "<%s?n=%zu&last=%s>; rel=\"next\"", path, (size_t)max,
			  last);
	return serve_answer(r, MHD_HTTP_OK, resp);
}

/* --- names --- */

static enum MHD_Result
get_tags(struct request *r)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/tags/list", r->name);
	AUTO_STRV tags = NULL;
	struct err e = ERR_INIT;
	json_t *index = store_read_index(&r->store, &e), *d;
	size_t i;

	if (!index)
		return serve_failed(r, &e);
	json_array_foreach(json_object_get(index, "manifests"), i, d) {
		const char *name = store_name_of(d), *tag = name ? serve_tag_of(name, r->name) : NULL;

		if (tag)
			strv_take(&tags, xstrdup(tag));
	}
	json_decref(index);
	if (!tags)
		return serve_error(r, MHD_HTTP_NOT_FOUND, "NAME_UNKNOWN", "there is no repository %s", r->name);
	return send_page(r, json_pack("{s:s}", "name", r->name), "tags", tags, path);
}

const struct action serve_get_tags = { .begin = get_tags };

static enum MHD_Result
get_catalog(struct request *r)
{
	AUTO_STRV names = NULL;
	struct err e = ERR_INIT;
	json_t *index = store_read_index(&r->store, &e), *d;
	size_t i;

	if (!index)
		return serve_failed(r, &e);
	json_array_foreach(json_object_get(index, "manifests"), i, d) {
		const char *name = store_name_of(d);
		AUTO_FREE char *repository = name ? xstrndup(name, serve_repository_len(name)) : NULL;

		if (repository && serve_is_repository(repository))
			strv_take(&names, TAKE_PTR(repository));
	}
	json_decref(index);
	return send_page(r, json_object(), "repositories", names, "/v2/_catalog");
}

const struct action serve_get_catalog = { .begin = get_catalog };

/* --- referrers --- */

static const char *
text(json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

/* What it is for, as the specification has it. */
static const char *
artifact_type(json_t *doc)
{
	const char *type = text(doc, "artifactType");

	return type && *type ? type : text(json_object_get(doc, "config"), "mediaType");
}

/* The descriptor of @doc, where it is about @subject.  Owned; NULL: it is not. */
static json_t *
describe(json_t *doc, json_t *entry, const char *subject, const char *wanted)
{
	const char *its = text(json_object_get(doc, "subject"), "digest"), *type = artifact_type(doc);
	json_t *d;

	if (!its || strcmp(its, subject) != 0 || !serve_type_of(doc) ||
	    (wanted && (!type || strcmp(type, wanted) != 0)))
		return NULL;
	d = json_pack("{s:s, s:O, s:O}", "mediaType", serve_type_of(doc), "digest",
		      json_object_get(entry, "digest"), "size", json_object_get(entry, "size"));
	if (d && type)
		(void)json_object_set_new(d, "artifactType", json_string(type));
	if (d && json_is_object(json_object_get(doc, "annotations")))
		(void)json_object_set(d, "annotations", json_object_get(doc, "annotations"));
	return d;
}

/* A manifest that has several names is listed once. */
static bool
is_first(json_t *index, size_t at, const char *digest)
{
	json_t *list = json_object_get(index, "manifests");

	for (size_t i = 0; i < at; i++) {
		const char *other = text(json_array_get(list, i), "digest");

		if (other && strcmp(other, digest) == 0)
			return false;
	}
	return true;
}

static json_t *
find_referrers(const struct request *r, json_t *index, const char *wanted)
{
	json_t *found = json_array(), *entry;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, entry) {
		const char *digest = text(entry, "digest");
		struct err ignored = ERR_INIT;
		json_t *doc, *d;

		if (!digest || !image_digest_is_valid(digest) || !is_first(index, i, digest))
			continue;
		doc = store_get_json(&r->store, digest, &ignored);
		d = describe(doc, entry, r->ref, wanted);
		if (d)
			(void)json_array_append_new(found, d);
		json_decref(doc);
	}
	return found;
}

static enum MHD_Result
send_referrers(struct request *r, json_t *index)
{
	const char *wanted = serve_query(r, "artifactType");
	json_t *doc = json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", MEDIA_INDEX, "manifests",
				find_referrers(r, index, wanted));
	struct MHD_Response *resp = serve_json(MEDIA_INDEX, doc);

	json_decref(doc);
	if (wanted)
		serve_set(resp, "OCI-Filters-Applied", "artifactType");
	return serve_answer(r, MHD_HTTP_OK, resp);
}

static enum MHD_Result
get_referrers(struct request *r)
{
	struct err e = ERR_INIT;
	enum MHD_Result ret;
	json_t *index;

	if (!image_digest_is_valid(r->ref))
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "'%.200s' is no digest of sha256",
				   r->ref);
	(void)pthread_mutex_lock(&r->server->documents);
	index = store_read_index(&r->store, &e);
	ret = index ? send_referrers(r, index) : serve_failed(r, &e);
	json_decref(index);
	(void)pthread_mutex_unlock(&r->server->documents);
	return ret;
}

const struct action serve_get_referrers = { .begin = get_referrers };
