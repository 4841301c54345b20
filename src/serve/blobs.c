#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

struct range {
	uint64_t from, len; /* bytes */
	bool is_part;
};

static bool
number(const char *text, size_t n, uint64_t *ret)
{
	AUTO_FREE char *copy = xstrndup(text, n);
	struct err ignored = ERR_INIT;

	return parse_u64(copy, INT64_MAX, ret, &ignored) == 0;
}

/* "bytes=FROM-[TO]" or "bytes=-LAST": of another form it is ignored.  Returns false when nothing is there. */
static bool
take_range(const char *text, uint64_t size, struct range *ret)
{
	const char *dash;
	uint64_t from = 0, to = size ? size - 1 : 0;

	*ret = (struct range){ .len = size };
	if (!text || !str_begins(text, "bytes=") || strchr(text, ','))
		return true;
	text += strlen("bytes=");
	dash = strchr(text, '-');
	if (!dash || (dash == text && !dash[1]))
		return true;
	if (dash == text) {
		if (!number(dash + 1, strlen(dash + 1), &from))
			return true;
		if (from == 0)
			return false;
		from = from < size ? size - from : 0;
	} else if (!number(text, (size_t)(dash - text), &from) ||
		   (dash[1] && (!number(dash + 1, strlen(dash + 1), &to) || to < from))) {
		return true;
	}
	if (from >= size)
		return false;
	if (to >= size)
		to = size - 1;
	*ret = (struct range){ .from = from, .len = to - from + 1, .is_part = true };
	return true;
}

static enum MHD_Result
no_range(struct request *r, uint64_t size)
{
	struct MHD_Response *resp = serve_error_body("RANGE_INVALID", "there is nothing of that range");

	serve_set(resp, MHD_HTTP_HEADER_CONTENT_RANGE, "bytes */%" PRIu64, size);
	return serve_answer(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, resp);
}

/* @fd: taken over */
static enum MHD_Result
send_blob(struct request *r, int fd, uint64_t size)
{
	AUTO_FD own = fd;
	struct MHD_Response *resp;
	struct range part;

	if (!take_range(serve_header(r, MHD_HTTP_HEADER_RANGE), size, &part))
		return no_range(r, size);
	resp = MHD_create_response_from_fd_at_offset64(part.len, own, part.from);
	if (!resp)
		return MHD_NO;
	(void)TAKE_FD(own);
	serve_set(resp, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	serve_set(resp, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	serve_set(resp, MHD_HTTP_HEADER_ETAG, "\"%s\"", r->ref);
	serve_set(resp, "Docker-Content-Digest", "%s", r->ref);
	if (part.is_part)
		serve_set(resp, MHD_HTTP_HEADER_CONTENT_RANGE, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
			  part.from, part.from + part.len - 1, size);
	return serve_answer(r, part.is_part ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, resp);
}

static enum MHD_Result
get_blob(struct request *r)
{
	struct err e = ERR_INIT;
	struct stat st;
	AUTO_FD fd = -1;

	if (!image_digest_is_valid(r->ref))
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "'%.200s' is no digest of sha256",
				   r->ref);
	if (!store_has_blob(&r->store, r->ref))
		return serve_error(r, MHD_HTTP_NOT_FOUND, "BLOB_UNKNOWN", "blob %s is not here", r->ref);
	fd = store_open_blob(&r->store, r->ref, &e);
	if (fd < 0)
		return serve_failed(r, &e);
	if (fstat(fd, &st) < 0) {
		(void)err_sys(&e, "blob %s", r->ref);
		return serve_failed(r, &e);
	}
	return send_blob(r, TAKE_FD(fd), (uint64_t)st.st_size);
}

const struct action serve_get_blob = { .begin = get_blob };
