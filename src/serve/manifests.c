#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/oci.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

const char *
serve_type_of(json_t *doc)
{
	const char *type = json_string_value(json_object_get(doc, "mediaType"));
	struct err ignored = ERR_INIT;

	if (!json_is_object(doc))
		return NULL;
	if (oci_is_index(doc))
		return oci_check_index(doc, &ignored) < 0 ? NULL : type ? type : MEDIA_INDEX;
	return oci_check_manifest(doc, &ignored) < 0 ? NULL : type ? type : MEDIA_MANIFEST;
}

/* --- out --- */

static enum MHD_Result
unknown(struct request *r)
{
	return serve_error(r, MHD_HTTP_NOT_FOUND, "MANIFEST_UNKNOWN", "%s has no manifest %.200s", r->name,
			   r->ref);
}

/* Is it one?  Its type is copied: what it is from is big. */
static char *
type_of_text(struct server *s, const char *text, size_t n)
{
	AUTO_FREE char *type = NULL;
	json_t *doc;

	(void)pthread_mutex_lock(&s->documents);
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (serve_type_of(doc))
		type = xstrdup(serve_type_of(doc));
	json_decref(doc);
	(void)pthread_mutex_unlock(&s->documents);
	return TAKE_PTR(type);
}

static void
say_what(const struct request *r, const char *verb, const char *digest)
{
	if (image_digest_is_valid(r->ref))
		serve_say(r->server, "%s %s@%s", verb, r->name, digest);
	else
		serve_say(r->server, "%s %s:%s %.19s", verb, r->name, r->ref, digest);
}

static enum MHD_Result
get_manifest(struct request *r)
{
	AUTO_FREE char *text = NULL, *type = NULL;
	char digest[sizeof("sha256:") + 64];
	struct MHD_Response *resp;
	struct err e = ERR_INIT;
	size_t n = 0;
	int found;

	found = serve_resolve(r, digest, &e);
	if (found == 0 && store_get_text(&r->store, digest, &text, &n, &e) < 0)
		found = -e.code;
	if (found < 0 && e.code != EFBIG)
		return serve_failed(r, &e);
	type = found == 0 ? type_of_text(r->server, text, n) : NULL;
	if (!type)
		return unknown(r);
	if (strcmp(r->method, "GET") == 0)
		say_what(r, "pull", digest);
	resp = serve_text(type, TAKE_PTR(text), n);
	serve_set(resp, MHD_HTTP_HEADER_ETAG, "\"%s\"", digest);
	serve_set(resp, "Docker-Content-Digest", "%s", digest);
	return serve_answer(r, MHD_HTTP_OK, resp);
}

const struct action serve_get_manifest = { .begin = get_manifest };

/* --- in --- */

static enum MHD_Result
begin_put(struct request *r)
{
	AUTO_FREE char *name = serve_store_name(r->name, r->ref);

	if (name || image_digest_is_valid(r->ref))
		return MHD_YES;
	return serve_error(r, MHD_HTTP_BAD_REQUEST, "MANIFEST_INVALID",
			   "'%.200s:%.200s' can be no name of an image", r->name, r->ref);
}

static int
take_part(struct request *r, const char *data, size_t n)
{
	if (n > STORE_JSON_MAX - r->len)
		return err_set(&r->err, EFBIG, "a manifest has %zu bytes at most", STORE_JSON_MAX);
	r->body = xrealloc_array(r->body, r->len + n, 1);
	memcpy(r->body + r->len, data, n);
	r->len += n;
	return 0;
}

static int
digest_of(const struct request *r, char ret[sizeof("sha256:") + 64], struct err *e)
{
	memcpy(ret, "sha256:", strlen("sha256:"));
	return digest_data(r->body, r->len, ret + strlen("sha256:"), e);
}

/* What the client calls it, without parameters, is what it is. */
static bool
is_of_type(const struct request *r, const char *type)
{
	const char *said = serve_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
	const size_t n = said ? strcspn(said, "; ") : 0;

	return n == 0 || (strlen(type) == n && strncasecmp(said, type, n) == 0);
}

static bool
is_here(const struct request *r, json_t *descriptor, const char **ret_missing)
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));

	if (digest && image_digest_is_valid(digest) && store_has_blob(&r->store, digest))
		return true;
	*ret_missing = digest ? digest : "of no digest";
	return false;
}

/* Of an index not all platforms need be here, as where only ours has been pulled; but one. */
static bool
has_some(const struct request *r, json_t *list, const char **ret_missing)
{
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
		if (is_here(r, d, ret_missing))
			return true;
	return json_array_size(list) == 0;
}

/* NULL, or what is missing. */
static const char *
find_missing(const struct request *r, json_t *doc)
{
	json_t *config = json_object_get(doc, "config"), *d;
	const char *missing = NULL;
	size_t i;

	if (oci_is_index(doc))
		return has_some(r, json_object_get(doc, "manifests"), &missing) ? NULL : missing;
	if (!is_here(r, config, &missing))
		return missing;
	json_array_foreach(json_object_get(doc, "layers"), i, d)
		if (!is_here(r, d, &missing))
			return missing;
	return NULL;
}

static int
write_blob(const struct request *r, const char *digest, struct err *e)
{
	AUTO_FD fd = store_new_blob(&r->store, e);

	if (fd < 0 || fd_write_all(fd, r->body, r->len, e) < 0)
		return -e->code;
	return store_keep_blob(&r->store, fd, digest, e);
}

/*
 * What has only a digest is a part of an index that comes next; but one with a subject stands for
 * itself, and is listed so that it is found.
 */
static int
list_it(const struct request *r, const char *digest, const char *type, bool has_subject, struct err *e)
{
	AUTO_FREE char *name = image_digest_is_valid(r->ref) ? NULL : serve_store_name(r->name, r->ref);
	const struct store_entry x = {
		.name = name, .digest = digest, .media_type = type, .size = r->len
	};

	return name || has_subject ? store_add_entries(&r->store, &x, 1, e) : 0;
}

static enum MHD_Result
tell_manifest(struct request *r, const char *digest, const char *subject)
{
	struct MHD_Response *resp = serve_empty();

	say_what(r, "push", digest);
	serve_set(resp, MHD_HTTP_HEADER_LOCATION, "/v2/%s/manifests/%s", r->name, digest);
	serve_set(resp, "Docker-Content-Digest", "%s", digest);
	if (subject)
		serve_set(resp, "OCI-Subject", "%s", subject);
	return serve_answer(r, MHD_HTTP_CREATED, resp);
}

static enum MHD_Result
take_document(struct request *r, json_t *doc, const char *digest)
{
	const char *type = serve_type_of(doc), *missing;
	const char *subject = json_string_value(json_object_get(json_object_get(doc, "subject"), "digest"));
	struct err e = ERR_INIT;

	if (!type || !is_of_type(r, type))
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "MANIFEST_INVALID", "%s",
				   type ? "the content is of another type than Content-Type says"
					: "that is no manifest and no index of images");
	if (subject && !image_digest_is_valid(subject))
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "MANIFEST_INVALID", "its subject has no digest of sha256");
	missing = find_missing(r, doc);
	if (missing)
		return serve_error(r, MHD_HTTP_NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", "blob %.200s is not here",
				   missing);
	if (serve_guard(r->server, &e) < 0 || write_blob(r, digest, &e) < 0 ||
	    list_it(r, digest, type, subject != NULL, &e) < 0)
		return serve_failed(r, &e);
	return tell_manifest(r, digest, subject);
}

static enum MHD_Result
end_put(struct request *r)
{
	char digest[sizeof("sha256:") + 64];
	struct err e = ERR_INIT;
	enum MHD_Result ret;
	json_t *doc;

	if (digest_of(r, digest, &e) < 0)
		return serve_failed(r, &e);
	if (image_digest_is_valid(r->ref) && strcmp(r->ref, digest) != 0)
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "the content is %s, not %s", digest,
				   r->ref);
	(void)pthread_mutex_lock(&r->server->documents);
	doc = json_loadb(r->body ? r->body : "", r->len, JSON_REJECT_DUPLICATES, NULL);
	ret = take_document(r, doc, digest);
	json_decref(doc);
	(void)pthread_mutex_unlock(&r->server->documents);
	return ret;
}

const struct action serve_put_manifest = { true, begin_put, take_part, end_put };
