#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/http-internal.h"

#define AGENT "rootlet/" PACKAGE_VERSION
#define STALL_BYTES 100 /* a second */
#define CA_MAX ((size_t)8 << 20) /* bytes */

uint64_t
http_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
http_say(const struct http *h, const char *fmt, ...)
{
	char line[512], safe[768];
	va_list ap;

	if (!h->o.say)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* What follows "?" may be as good as a password. */
	for (char *c = line; (c = strchr(c, '?')); c++)
		(void)memset(c + 1, '.', strcspn(c + 1, " "));
	(void)str_printable(safe, sizeof(safe), line, false);
	h->o.say(h->o.say_ctx, safe);
}

/* --- the session --- */

char *
http_origin(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *ret = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		ret = xasprintf("%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return ret;
}

bool
http_is_ours(const struct http *h, const char *url)
{
	AUTO_FREE char *a = http_origin(h->base), *b = http_origin(url);

	return a && b && strcasecmp(a, b) == 0;
}

/* The certificates that are trusted everywhere; "" where the system has none. */
static char *
read_system_ca(const char *own)
{
	static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt",
					     "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < NELEMS(files); i++) {
		AUTO_FD fd = open(own ? own : files[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		char *data = NULL;

		if (fd >= 0 && fd_read_all(fd, CA_MAX, &data, &ignored) >= 0)
			return data;
	}
	return xstrdup("");
}

/* For all sessions: certificates are read once, before files are out of reach. */
static char *system_ca;

int
http_init(const struct http_options *o, struct err *e)
{
	if (system_ca)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ENOMEM, "start libcurl");
	system_ca = read_system_ca(o ? o->ca_file : NULL);
	return 0;
}

static const struct http_options defaults = { .stall_s = 30, .connect_s = 20, .tries = 5 };

int
http_new(const struct endpoint *ep, const struct http_options *o, struct http **ret, struct err *e)
{
	AUTO_HTTP h = xcalloc(1, sizeof(*h));

	if (http_init(o, e) < 0)
		return -e->code;
	h->ep = ep;
	h->o = o ? *o : defaults;
	h->o.stall_s = h->o.stall_s ? h->o.stall_s : defaults.stall_s;
	h->o.connect_s = h->o.connect_s ? h->o.connect_s : defaults.connect_s;
	h->o.tries = h->o.tries ? h->o.tries : defaults.tries;
	h->ca = xasprintf("%s\n%s", system_ca, ep->ca ? ep->ca : "");
	h->base = xasprintf("%s://%s", ep->socket_fd >= 0 ? "http" : "https", ep->host);
	if (!(h->multi = curl_multi_init()))
		return err_set(e, ENOMEM, "start libcurl");
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, ep->socket_fd >= 0 ? 1L : 8L);
	*ret = TAKE_PTR(h);
	return 0;
}

void
http_freep(struct http **h)
{
	if (!*h)
		return;
	while ((*h)->jobs) {
		struct job *j = (*h)->jobs;

		(*h)->jobs = j->next;
		job_free(j);
	}
	if ((*h)->multi)
		(void)curl_multi_cleanup((*h)->multi);
	http_auth_clear(*h);
	free((*h)->base);
	free((*h)->ca);
	free(*h);
	*h = NULL;
}

/* --- handles --- */

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct http *h = ctx;

	(void)purpose;
	(void)address;
	return fcntl(h->ep->socket_fd, F_DUPFD_CLOEXEC, 3);
}

static void
set_blob(CURL *c, CURLoption option, const char *pem)
{
	struct curl_blob b = { .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };

	(void)curl_easy_setopt(c, option, &b);
}

static void
prepare_tls(const struct http *h, CURL *c, bool ours)
{
	set_blob(c, CURLOPT_CAINFO_BLOB, h->ca);
	(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (!ours)
		return;
	if (h->ep->insecure) {
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (h->ep->cert && h->ep->key) {
		set_blob(c, CURLOPT_SSLCERT_BLOB, h->ep->cert);
		set_blob(c, CURLOPT_SSLKEY_BLOB, h->ep->key);
	}
}

int
http_prepare(const struct http *h, CURL *c, bool ours, struct err *e)
{
	if (ours && h->ep->socket_fd >= 0) {
		(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);
		(void)curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->ep->socket_path);
		(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	} else if (h->ep->socket_fd >= 0) {
		return err_set(e, EPROTO, "the other side leads to another host");
	}
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, AGENT);
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)h->o.connect_s);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->o.stall_s);
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
	prepare_tls(h, c, ours);
	return 0;
}

/* --- jobs --- */

void
http_start(struct http *h, const struct http_request *q)
{
	struct job *j = job_new(h, q), **end = &h->jobs;

	while (*end)
		end = &(*end)->next;
	*end = j;
	h->n_jobs++;
}

size_t
http_pending(const struct http *h)
{
	return h->n_jobs;
}

static void
finish(struct http *h, struct job *j)
{
	struct job **p = &h->jobs;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	h->n_jobs--;
	if (!j->r.body)
		j->r.body = xstrdup("");
	if (j->err.code)
		(void)err_prefix(&j->err, "%s", h->ep->host);
	j->q.done(j->q.ctx, &j->r, j->err.code ? &j->err : NULL);
	job_free(j);
}

static void
judge(struct job *j, CURLcode code)
{
	(void)curl_multi_remove_handle(j->http->multi, j->easy);
	j->active = false;
	if (job_judge(j, code))
		finish(j->http, j);
}

/* The next one whose time has come, or NULL; *ret_ms: until the first of the others. */
static struct job *
find_due(struct http *h, uint64_t now, uint64_t *ret_ms)
{
	for (struct job *j = h->jobs; j; j = j->next) {
		if (j->active)
			continue;
		if (j->due_ms <= now)
			return j;
		if (j->due_ms - now < *ret_ms)
			*ret_ms = j->due_ms - now;
	}
	return NULL;
}

/* Returns whether one has ended by that. */
static bool
begin_due(struct http *h, uint64_t *ret_ms)
{
	bool any = false;
	struct job *j;

	while ((j = find_due(h, http_now_ms(), ret_ms)))
		if (job_begin(j, &j->err) < 0) {
			finish(h, j);
			any = true;
		}
	return any;
}

/* Returns whether there was any. */
static bool
judge_all(struct http *h)
{
	bool any = false;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct job *j = NULL;
		const CURLcode code = m->data.result;

		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
		if (m->msg == CURLMSG_DONE && j)
			judge(j, code);
		any = true;
	}
	return any;
}

int
http_wait(struct http *h, struct curl_waitfd *fds, unsigned int n, int timeout_ms, struct err *e)
{
	uint64_t ms = timeout_ms < 0 ? 60000 : (uint64_t)timeout_ms;
	const bool any = begin_due(h, &ms);
	int running = 0;
	CURLMcode c;

	c = curl_multi_perform(h->multi, &running);
	/* Somebody may have waited for just that. */
	if (judge_all(h) || any)
		ms = 0;
	if (c == CURLM_OK)
		c = curl_multi_poll(h->multi, fds, n, (int)ms, NULL);
	return c == CURLM_OK ? 0 : err_set(e, EIO, "%s: %s", h->ep->host, curl_multi_strerror(c));
}

/* --- one after the other --- */

struct outcome {
	bool done;
	struct http_response r;
	struct err e;
};

static void
on_done(void *ctx, struct http_response *r, const struct err *e)
{
	struct outcome *o = ctx;

	o->done = true;
	if (e) {
		o->e = *e;
		return;
	}
	o->r = *r;
	*r = (struct http_response)HTTP_RESPONSE_INIT;
}

/* Nobody wants to know any more how it ends. */
static void
drop(struct http *h, const void *ctx)
{
	for (struct job **p = &h->jobs, *j; (j = *p); p = &j->next) {
		if (j->q.ctx != ctx)
			continue;
		*p = j->next;
		h->n_jobs--;
		job_free(j);
		return;
	}
}

/* @grown keeps its meaning only without a ctx of its own. */
int
http_do(struct http *h, const struct http_request *q, struct http_response *ret, struct err *e)
{
	struct outcome o = { .e = ERR_INIT };
	struct http_request mine = *q;

	mine.done = on_done;
	mine.ctx = &o;
	mine.grown = NULL;
	http_start(h, &mine);
	while (!o.done)
		if (http_wait(h, NULL, 0, -1, e) < 0) {
			drop(h, &o);
			return -e->code;
		}
	if (o.e.code) {
		*e = o.e;
		return -e->code;
	}
	*ret = o.r;
	return 0;
}

/* --- is it a registry? --- */

/* Not what speaks no TLS: a server that was cut off while it did gives the same error. */
static bool
may_be_plain(const struct http *h)
{
	return (h->ep->insecure || h->ep->loopback) && strncmp(h->base, "https:", 6) == 0;
}

static int
ping(struct http *h, struct err *e)
{
	const struct http_request q = { .method = "GET", .url = "/v2/", .body_fd = -1, .sink_fd = -1,
					.max = HTTP_ERROR_MAX };
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;

	if (http_do(h, &q, &r, e) < 0)
		return -e->code;
	if (r.status == 200 || r.status == 401 || r.status == 403)
		return 0;
	if (r.status == 404)
		return err_set(e, EPROTO, "%s is not a registry: it has no /v2/", h->ep->host);
	return http_refused(&r, h->ep->host, e);
}

static int
ping_plain(struct http *h, struct err *e)
{
	struct err plain = ERR_INIT;

	free(h->base);
	h->base = xasprintf("http://%s", h->ep->host);
	if (ping(h, &plain) == 0) {
		err_clear(e);
		return 0;
	}
	/* Where there is TLS the first failure tells more, unless this one was in answer. */
	if (plain.code != EIO || h->reached)
		*e = plain;
	return -e->code;
}

int
http_reach(struct http *h, struct err *e)
{
	const unsigned int tries = h->o.tries;
	int r;

	/* By TLS or not at all: the first request tells as much, and is one way less. */
	if (!may_be_plain(h) && h->ep->socket_fd < 0)
		return 0;
	/* A server without TLS is not asked five times for it. */
	if (may_be_plain(h))
		h->o.tries = 1;
	r = ping(h, e);
	h->o.tries = tries;
	/* Nor is one that has answered, but does not let us in, sent the password without. */
	if (r == 0 || !may_be_plain(h) || h->reached || e->code == ECONNREFUSED || e->code == EHOSTUNREACH ||
	    e->code == EPROTO || e->code == ETIMEDOUT)
		return r;
	return ping_plain(h, e);
}

void
http_forget(struct http *h)
{
	http_auth_clear(h);
}

bool
http_is_plain(const struct http *h)
{
	return h->ep->socket_fd < 0 && strncmp(h->base, "http:", 5) == 0;
}

/* --- responses --- */

void
http_response_clear(struct http_response *r)
{
	free(r->body);
	strv_freep(&r->headers);
	*r = (struct http_response)HTTP_RESPONSE_INIT;
}

const char *
http_header(const struct http_response *r, const char *name)
{
	const size_t n = strlen(name);
	const char *found = NULL;

	for (char **h = r->headers; h && *h; h++)
		if (strncmp(*h, name, n) == 0 && (*h)[n] == ':')
			found = *h + n + 1 + strspn(*h + n + 1, " \t");
	return found;
}

static int
code_of(long status)
{
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 405:
		return EROFS;
	case 413:
		return EFBIG;
	case 429:
		return EBUSY;
	default:
		return EIO;
	}
}

/* What it says about it: {"errors":[{"code":"DENIED","message":"..."}]}.  Owned, printable; or NULL. */
static char *
reason(const struct http_response *r)
{
	json_t *j = r->body ? json_loadb(r->body, r->len, 0, NULL) : NULL;
	json_t *first = json_array_get(json_object_get(j, "errors"), 0);
	const char *m = json_string_value(json_object_get(first, "message"));
	char safe[160];

	if (!m || !*m)
		m = json_string_value(json_object_get(first, "code"));
	if (m)
		(void)str_printable(safe, sizeof(safe), m, false);
	json_decref(j);
	return m ? xstrdup(safe) : NULL;
}

int
http_refused(const struct http_response *r, const char *what, struct err *e)
{
	AUTO_FREE char *why = reason(r);

	if (r->status == 401) {
		(void)err_set(e, EACCES, "%s: the registry wants to know who we are, or refuses us", what);
		return err_hint(e, "rootlet login REGISTRY");
	}
	if (r->status >= 300 && r->status < 400)
		return err_set(e, EIO, "%s: the registry leads elsewhere (%ld), which is not followed", what, r->status);
	return err_set(e, code_of(r->status), "%s: the registry answers %ld%s%s", what, r->status,
		       why ? ": " : "", why ? why : "");
}
