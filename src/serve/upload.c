#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

/* --- answers --- */

static void
set_state(const struct request *r, struct MHD_Response *resp)
{
	const struct upload *up = r->upload;

	serve_set(resp, MHD_HTTP_HEADER_LOCATION, "/v2/%s/blobs/uploads/%s", r->name, up->id);
	serve_set(resp, MHD_HTTP_HEADER_RANGE, "0-%" PRIu64, up->size ? up->size - 1 : 0);
	serve_set(resp, "Docker-Upload-UUID", "%s", up->id);
}

static enum MHD_Result
tell_state(struct request *r, unsigned int status)
{
	struct MHD_Response *resp = serve_empty();

	set_state(r, resp);
	return serve_answer(r, status, resp);
}

static enum MHD_Result
tell_blob(struct request *r, const char *digest)
{
	struct MHD_Response *resp = serve_empty();

	serve_set(resp, MHD_HTTP_HEADER_LOCATION, "/v2/%s/blobs/%s", r->name, digest);
	serve_set(resp, "Docker-Content-Digest", "%s", digest);
	return serve_answer(r, MHD_HTTP_CREATED, resp);
}

static enum MHD_Result
no_digest(struct request *r, const char *text)
{
	return serve_error(r, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "'%.200s' is no digest of sha256", text);
}

static enum MHD_Result
forget(struct request *r)
{
	uploads_end(r->server->uploads, TAKE_PTR(r->upload));
	return MHD_YES;
}

/* --- what comes --- */

/* What is too much is refused before it comes, where its length is told. */
static bool
is_too_long(const struct request *r, uint64_t more)
{
	const uint64_t max = r->server->o.limit_bytes;

	return max && (r->upload->size > max || more > max - r->upload->size);
}

static int
too_long(struct request *r)
{
	return err_set(&r->err, EFBIG, "a blob has %" PRIu64 " bytes at most here",
		       r->server->o.limit_bytes);
}

/* Half of a part may be there, which is in no digest: then the upload is over. */
static int
take_part(struct request *r, const char *data, size_t n)
{
	struct upload *up = r->upload;

	if (is_too_long(r, n)) {
		(void)too_long(r);
	} else if (fd_write_all(up->fd, data, n, &r->err) < 0) {
		(void)err_prefix(&r->err, "an upload");
	} else {
		digest_add(up->digest, data, n);
		up->size += n;
		return 0;
	}
	(void)forget(r);
	return -r->err.code;
}

static bool
parse_length(const char *text, uint64_t *ret)
{
	struct err ignored = ERR_INIT;

	return text && parse_u64(text, INT64_MAX, ret, &ignored) == 0;
}

/* "FROM-TO", which must begin where we are: 0, or 1 where it does not, or is nonsense. */
static int
check_place(const struct request *r)
{
	const char *range = serve_header(r, MHD_HTTP_HEADER_CONTENT_RANGE), *dash;
	AUTO_FREE char *from = NULL;
	uint64_t a = 0, b = 0, n = 0;

	if (!range)
		return 0;
	if (str_begins(range, "bytes "))
		range += strlen("bytes ");
	dash = strchr(range, '-');
	from = dash ? xstrndup(range, (size_t)(dash - range)) : NULL;
	if (!parse_length(from, &a) || !parse_length(dash + 1, &b) || a != r->upload->size || b < a)
		return 1;
	return parse_length(serve_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH), &n) && n != b - a + 1;
}

/* An answer, or MHD_YES without one: the body may come. */
static enum MHD_Result
expect_body(struct request *r)
{
	struct MHD_Response *resp;
	uint64_t n = 0;

	if (check_place(r)) {
		resp = serve_error_body("BLOB_UPLOAD_INVALID", "this part does not begin where the last one ended");
		set_state(r, resp);
		return serve_answer(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, resp);
	}
	(void)parse_length(serve_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH), &n);
	if (!is_too_long(r, n))
		return MHD_YES;
	(void)too_long(r);
	return serve_failed(r, &r->err);
}

static enum MHD_Result
take_upload(struct request *r)
{
	bool busy = false;

	r->upload = uploads_take(r->server->uploads, r->name, r->ref, &busy);
	if (r->upload)
		return MHD_YES;
	if (busy)
		return serve_error(r, MHD_HTTP_CONFLICT, "BLOB_UPLOAD_INVALID",
				   "another request has this upload");
	return serve_error(r, MHD_HTTP_NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
}

/* --- the end --- */

/* The upload is over, whatever comes of it. */
static enum MHD_Result
keep(struct request *r)
{
	const char *digest = serve_query(r, "digest");
	struct err e = ERR_INIT;
	char hex[65];

	if (serve_guard(r->server, &e) < 0 || digest_end(r->upload->digest, hex, &e) < 0)
		return serve_failed(r, &e);
	if (strcmp(hex, digest + strlen("sha256:")) != 0) {
		(void)forget(r);
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID",
				   "the content is sha256:%s, not %s", hex, digest);
	}
	if (store_keep_blob(&r->store, r->upload->fd, digest, &e) < 0) {
		(void)forget(r);
		return serve_failed(r, &e);
	}
	(void)forget(r);
	return tell_blob(r, digest);
}

/* --- the requests --- */

static enum MHD_Result
begin_upload(struct request *r)
{
	struct err e = ERR_INIT;

	r->upload = uploads_begin(r->server->uploads, &r->store, r->name, &e);
	return r->upload ? expect_body(r) : serve_failed(r, &e);
}

/* What is here is in all repositories. */
static enum MHD_Result
begin_post(struct request *r)
{
	const char *mount = serve_query(r, "mount"), *digest = serve_query(r, "digest");
	struct err e = ERR_INIT;

	if (mount && image_digest_is_valid(mount) && store_has_blob(&r->store, mount)) {
		if (serve_guard(r->server, &e) < 0)
			return serve_failed(r, &e);
		return tell_blob(r, mount);
	}
	if (digest && !image_digest_is_valid(digest))
		return no_digest(r, digest);
	return begin_upload(r);
}

static enum MHD_Result
end_post(struct request *r)
{
	return serve_query(r, "digest") ? keep(r) : tell_state(r, MHD_HTTP_ACCEPTED);
}

static enum MHD_Result
begin_get(struct request *r)
{
	const enum MHD_Result ret = take_upload(r);

	return r->upload ? tell_state(r, MHD_HTTP_NO_CONTENT) : ret;
}

static enum MHD_Result
begin_patch(struct request *r)
{
	const enum MHD_Result ret = take_upload(r);

	return r->upload ? expect_body(r) : ret;
}

static enum MHD_Result
end_patch(struct request *r)
{
	return tell_state(r, MHD_HTTP_ACCEPTED);
}

static enum MHD_Result
begin_put(struct request *r)
{
	const char *digest = serve_query(r, "digest");
	enum MHD_Result ret;

	if (!digest || !image_digest_is_valid(digest))
		return no_digest(r, digest ? digest : "");
	ret = take_upload(r);
	return r->upload ? expect_body(r) : ret;
}

static enum MHD_Result
begin_delete(struct request *r)
{
	const enum MHD_Result ret = take_upload(r);

	if (!r->upload)
		return ret;
	(void)forget(r);
	return serve_answer(r, MHD_HTTP_NO_CONTENT, serve_empty());
}

const struct action serve_post_upload = { true, begin_post, take_part, end_post };
const struct action serve_get_upload = { .writes = true, .begin = begin_get };
const struct action serve_patch_upload = { true, begin_patch, take_part, end_patch };
const struct action serve_put_upload = { true, begin_put, take_part, keep };
const struct action serve_delete_upload = { .writes = true, .begin = begin_delete };
