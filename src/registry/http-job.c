#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <ctype.h>
#include <unistd.h>

#include "base/str.h"
#include "registry/http-internal.h"

/* --- what comes --- */

static void
forget_response(struct job *j)
{
	http_response_clear(&j->r);
	j->header_bytes = j->room = 0;
}

static void
take_header(struct job *j, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	char *kept;

	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	if (!colon)
		return;
	kept = xstrndup(line, n);
	for (char *c = kept; *c && *c != ':'; c++)
		*c = (char)tolower((unsigned char)*c);
	strv_take(&j->r.headers, kept);
}

static size_t
on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct job *j = ctx;

	n *= size;
	j->header_bytes += n;
	if (j->header_bytes > HTTP_HEADERS_MAX) {
		(void)err_set(&j->err, E2BIG, "the headers of its answer have more than %zu bytes",
			      HTTP_HEADERS_MAX);
		return 0;
	}
	/* A response of its own: 100, or what a proxy has said to CONNECT. */
	if (n > 5 && memcmp(data, "HTTP/", 5) == 0)
		strv_freep(&j->r.headers);
	else
		take_header(j, data, n);
	return n;
}

static int
keep_body(struct job *j, const char *data, size_t n, size_t max)
{
	if (j->r.len + n > max)
		return err_set(&j->err, EFBIG, "its answer has more than %zu bytes", max);
	if (j->r.len + n + 1 > j->room) {
		j->room = 2 * (j->r.len + n) + 1;
		j->r.body = xrealloc_array(j->r.body, j->room, 1);
	}
	memcpy(j->r.body + j->r.len, data, n);
	j->r.len += n;
	j->r.body[j->r.len] = '\0';
	return 0;
}

static int
sink(struct job *j, const char *data, size_t n)
{
	const size_t known = n < j->skip ? n : (size_t)j->skip;

	j->skip -= known;
	data += known;
	n -= known;
	if (n > j->q.sink_size - j->at)
		return err_set(&j->err, EBADMSG, "it sends more than the %llu bytes that were announced",
			       (unsigned long long)j->q.sink_size);
	while (n > 0) {
		const ssize_t w = pwrite(j->q.sink_fd, data, n, (off_t)j->at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(&j->err, "write what is received");
		data += w;
		n -= (size_t)w;
		j->at += (uint64_t)w;
	}
	if (j->q.grown)
		j->q.grown(j->q.ctx, j->at);
	return 0;
}

/* Where does the body of a part begin?  "content-range: bytes 100-199/200". */
static int
check_part(struct job *j)
{
	const char *range = http_header(&j->r, "content-range");
	char *end;

	if (!range || strncasecmp(range, "bytes ", 6) != 0 ||
	    strtoull(range + 6, &end, 10) != j->at || *end != '-')
		return err_set(&j->err, EBADMSG, "it sends another part than was asked for");
	return 0;
}

/* Before the first byte of a body. */
static int
begin_body(struct job *j)
{
	(void)curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &j->r.status);
	if (j->q.sink_fd < 0)
		return 0;
	if (j->r.status == 206)
		return check_part(j);
	/* It knows no parts, and begins anew. */
	if (j->r.status == 200)
		j->skip = j->at;
	return 0;
}

static size_t
on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct job *j = ctx;
	bool to_sink;
	int r;

	n *= size;
	if (j->r.status == 0 && begin_body(j) < 0)
		return 0;
	to_sink = j->q.sink_fd >= 0 && (j->r.status == 200 || j->r.status == 206);
	if (to_sink)
		r = sink(j, data, n);
	else
		r = keep_body(j, data, n, j->r.status < 300 ? j->q.max : HTTP_ERROR_MAX);
	return r < 0 ? 0 : n;
}

/* --- what goes --- */

static size_t
on_read(char *buf, size_t size, size_t n, void *ctx)
{
	struct job *j = ctx;
	const uint64_t left = j->q.body_len - j->sent;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (j->q.body_fd < 0) {
		memcpy(buf, (const char *)j->q.body + j->sent, n);
		got = (ssize_t)n;
	} else {
		got = pread(j->q.body_fd, buf, n, (off_t)(j->q.body_from + j->sent));
	}
	if (got < 0 || (got == 0 && n > 0)) {
		(void)err_set(&j->err, got < 0 ? errno : EIO, "read what is to be sent: %s",
			      got < 0 ? strerror(errno) : "it is shorter than it was");
		return CURL_READFUNC_ABORT;
	}
	j->sent += (uint64_t)got;
	if (j->q.grown && j->q.sink_fd < 0 && got > 0)
		j->q.grown(j->q.ctx, j->sent);
	return (size_t)got;
}

/*
 * A connection that was closed while it waited: from the beginning.  What is tried once may have got there
 * in part, and is not sent twice.
 */
static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct job *j = ctx;

	if (origin != SEEK_SET || (j->q.give_up && j->sent > 0))
		return CURL_SEEKFUNC_CANTSEEK;
	j->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- the handle --- */

static void
add_line(struct job *j, const char *name, const char *value)
{
	AUTO_FREE char *line = value ? xasprintf("%s: %s", name, value) : NULL;

	if (line)
		j->list = curl_slist_append(j->list, line);
}

static void
set_lines(struct job *j, bool ours)
{
	const char *auth = ours ? http_auth_line(j->http, j->q.scope) : NULL;

	curl_slist_free_all(j->list);
	j->list = NULL;
	add_line(j, "Accept", j->q.accept ? j->q.accept : "*/*");
	add_line(j, "Content-Type", j->q.content_type);
	add_line(j, "Content-Range", j->q.content_range);
	/* No waiting for a "100 Continue" that many servers never send. */
	j->list = curl_slist_append(j->list, "Expect:");
	free(j->auth);
	j->auth = auth ? xstrdup(auth) : NULL;
	if (auth)
		j->list = curl_slist_append(j->list, auth);
	(void)curl_easy_setopt(j->easy, CURLOPT_HTTPHEADER, j->list);
}

static void
set_method(struct job *j)
{
	if (strcmp(j->q.method, "HEAD") == 0) {
		(void)curl_easy_setopt(j->easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(j->q.method, "GET") == 0) {
		(void)curl_easy_setopt(j->easy, CURLOPT_HTTPGET, 1L);
	} else if (strcmp(j->q.method, "DELETE") == 0) {
		(void)curl_easy_setopt(j->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	} else {
		(void)curl_easy_setopt(j->easy, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(j->easy, CURLOPT_CUSTOMREQUEST, j->q.method);
		(void)curl_easy_setopt(j->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)j->q.body_len);
	}
}

/* A document that comes drop by drop is given up, too. */
static void
set_end(struct job *j)
{
	if (j->q.sink_fd < 0 && j->q.body_fd < 0)
		(void)curl_easy_setopt(j->easy, CURLOPT_TIMEOUT, (long)j->http->o.stall_s * HTTP_WHOLE_STALLS);
}

static void
set_range(struct job *j)
{
	char range[32];

	if (j->q.sink_fd < 0 || j->at == 0)
		return;
	(void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)j->at);
	(void)curl_easy_setopt(j->easy, CURLOPT_RANGE, range);
}

int
job_begin(struct job *j, struct err *e)
{
	const bool ours = http_is_ours(j->http, j->url);

	forget_response(j);
	err_clear(&j->err);
	j->sent = j->skip = 0;
	j->began_at = j->at;
	curl_easy_reset(j->easy);
	if (http_prepare(j->http, j->easy, ours, e) < 0)
		return -e->code;
	(void)curl_easy_setopt(j->easy, CURLOPT_URL, j->url);
	(void)curl_easy_setopt(j->easy, CURLOPT_PRIVATE, j);
	j->why[0] = '\0';
	(void)curl_easy_setopt(j->easy, CURLOPT_ERRORBUFFER, j->why);
	(void)curl_easy_setopt(j->easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(j->easy, CURLOPT_HEADERDATA, j);
	(void)curl_easy_setopt(j->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(j->easy, CURLOPT_WRITEDATA, j);
	(void)curl_easy_setopt(j->easy, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(j->easy, CURLOPT_READDATA, j);
	(void)curl_easy_setopt(j->easy, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(j->easy, CURLOPT_SEEKDATA, j);
	set_method(j);
	set_range(j);
	set_end(j);
	set_lines(j, ours);
	http_say(j->http, "%s %s%s", j->q.method, j->url, j->auth ? " (with credentials)" : "");
	if (curl_multi_add_handle(j->http->multi, j->easy) != CURLM_OK)
		return err_set(e, ENOMEM, "begin a request");
	j->active = true;
	return 0;
}

static const char *
copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct job *
job_new(struct http *h, const struct http_request *q)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->http = h;
	j->q = *q;
	j->q.method = copy(q->method);
	j->q.scope = copy(q->scope);
	j->q.accept = copy(q->accept);
	j->q.content_type = copy(q->content_type);
	j->q.content_range = copy(q->content_range);
	j->q.url = NULL;
	j->url = q->url[0] == '/' ? xasprintf("%s%s", h->base, q->url) : xstrdup(q->url);
	j->first_url = xstrdup(j->url);
	j->at = q->sink_from;
	j->due_ms = q->delay_ms ? http_now_ms() + q->delay_ms : 0;
	j->easy = curl_easy_init();
	if (!j->easy)
		abort();
	return j;
}

void
job_free(struct job *j)
{
	if (j->active)
		(void)curl_multi_remove_handle(j->http->multi, j->easy);
	curl_easy_cleanup(j->easy);
	curl_slist_free_all(j->list);
	http_response_clear(&j->r);
	free((char *)(uintptr_t)j->q.method);
	free((char *)(uintptr_t)j->q.scope);
	free((char *)(uintptr_t)j->q.accept);
	free((char *)(uintptr_t)j->q.content_type);
	free((char *)(uintptr_t)j->q.content_range);
	free(j->url);
	free(j->first_url);
	free(j->auth);
	free(j);
}
