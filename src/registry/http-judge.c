#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "registry/http-internal.h"

/* --- again --- */

bool
http_is_passing(CURLcode code)
{
	switch (code) {
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

/* A server that gives a little each time before it falls silent would be asked for ever. */
static bool
may_pass(struct job *j, CURLcode code)
{
	const bool progress = j->at - j->began_at >= HTTP_PROGRESS;

	if (progress)
		j->tries = j->auths = 0;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return progress;
	return http_is_passing(code) || progress || (code == CURLE_COULDNT_CONNECT && j->http->reached);
}

bool
http_is_busy(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

uint64_t
http_back_off_ms(unsigned int tries)
{
	uint16_t chance = 0;

	(void)!getrandom(&chance, sizeof(chance), 0);
	return ((uint64_t)500 << (tries > 6 ? 6 : tries - 1)) + chance % 250;
}

/* Returns false when it has been tried often enough, or is asked to wait too long. */
static bool
try_again(struct job *j)
{
	curl_off_t after = 0;

	if (j->q.give_up || ++j->tries >= j->http->o.tries)
		return false;
	(void)curl_easy_getinfo(j->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > HTTP_WAIT_MAX_S) {
		(void)err_set(&j->err, EBUSY, "it asks to come back in %lld seconds", (long long)after);
		return false;
	}
	/* Where it was led to may be good for a short time only. */
	free(j->url);
	j->url = xstrdup(j->first_url);
	j->redirects = 0;
	j->due_ms = http_now_ms() + (after > 0 ? (uint64_t)after * 1000 : http_back_off_ms(j->tries));
	http_say(j->http, "again in %llu ms", (unsigned long long)(j->due_ms - http_now_ms()));
	return true;
}

/* --- elsewhere --- */

static bool
is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where @location is, as seen from @from.  Owned; NULL with an error. */
static char *
resolve(const char *from, const char *location, struct err *e)
{
	CURLU *u = curl_url();
	char *full = NULL, *ret = NULL;
	CURLUcode c = u ? curl_url_set(u, CURLUPART_URL, from, 0) : CURLUE_OUT_OF_MEMORY;

	if (c == CURLUE_OK)
		c = curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME);
	/* What is in front of the host would be sent as a password. */
	if (c == CURLUE_OK)
		c = curl_url_set(u, CURLUPART_USER, NULL, 0);
	if (c == CURLUE_OK)
		c = curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	if (c == CURLUE_OK)
		c = curl_url_get(u, CURLUPART_URL, &full, 0);
	curl_url_cleanup(u);
	if (c == CURLUE_OK && full)
		ret = xstrdup(full);
	else
		(void)err_set(e, EBADMSG, "it leads to no valid address");
	curl_free(full);
	return ret;
}

int
http_location(const struct http *h, const char *url, const struct http_response *r, char **ret, struct err *e)
{
	AUTO_FREE char *from = url[0] == '/' ? xasprintf("%s%s", h->base, url) : xstrdup(url), *to = NULL;
	const char *location = http_header(r, "location");
	const bool was_tls = strncmp(from, "https:", 6) == 0;

	if (!location)
		return err_set(e, EBADMSG, "it leads elsewhere, and does not say where");
	to = resolve(from, location, e);
	if (!to)
		return -e->code;
	if (strncmp(to, "https://", 8) != 0 && (was_tls || strncmp(to, "http://", 7) != 0))
		return err_set(e, EPROTO, "it leads to a place that is not to be reached by TLS");
	*ret = TAKE_PTR(to);
	return 0;
}

static int
redirect(struct job *j)
{
	char *to = NULL;

	if (++j->redirects > HTTP_REDIRECTS_MAX)
		return err_set(&j->err, ELOOP, "it leads from one place to the next, more than %d times",
			       HTTP_REDIRECTS_MAX);
	if (http_location(j->http, j->url, &j->r, &to, &j->err) < 0)
		return -j->err.code;
	free(j->url);
	j->url = to;
	return 0;
}

/* --- the outcome --- */

static void
tell_failure(struct job *j, CURLcode code)
{
	const struct http *h = j->http;
	char why[CURL_ERROR_SIZE * 2];

	(void)str_printable(why, sizeof(why), j->why[0] ? j->why : curl_easy_strerror(code), false);
	if (code == CURLE_OPERATION_TIMEDOUT)
		(void)err_set(&j->err, ETIMEDOUT, "no answer, or hardly any, for %u seconds", h->o.stall_s);
	else if (code == CURLE_COULDNT_RESOLVE_HOST)
		(void)err_set(&j->err, EHOSTUNREACH, "the name of the host is not known");
	else if (code == CURLE_COULDNT_CONNECT)
		(void)err_set(&j->err, ECONNREFUSED, "it cannot be connected to");
	else if (code == CURLE_PEER_FAILED_VERIFICATION) {
		(void)err_set(&j->err, EPROTO, "its certificate is not to be trusted: %s", why);
		(void)err_hint(&j->err, "put its CA into certs.d/%s/ca.crt, or use --tls-verify=false",
			       h->ep->host);
	} else
		(void)err_set(&j->err, EIO, "%s", why);
}

/* A body that ends early may look like the end of one. */
static bool
is_short(const struct job *j)
{
	return j->q.sink_fd >= 0 && (j->r.status == 200 || j->r.status == 206) && j->at < j->q.sink_size;
}

/* Another request may have brought a token meanwhile. */
static bool
has_other_line(const struct job *j)
{
	const char *line = http_auth_line(j->http, j->q.scope);

	return line && (!j->auth || strcmp(line, j->auth) != 0);
}

/* Returns 1 when the request goes on. */
static int
judge_status(struct job *j)
{
	int r;

	if (http_is_busy(j->r.status) && try_again(j))
		return 1;
	if (j->err.code)
		return -j->err.code;
	if (is_redirect(j->r.status) &&
	    (strcmp(j->q.method, "GET") == 0 || strcmp(j->q.method, "HEAD") == 0))
		return redirect(j) < 0 ? -j->err.code : 1;
	if (j->r.status != 401 || !http_is_ours(j->http, j->url) || ++j->auths > HTTP_AUTH_MAX)
		return 0;
	if (j->auths == 1 && has_other_line(j))
		return 1;
	r = http_auth_answer(j->http, j->q.scope, &j->r, &j->err);
	return r < 0 ? r : r == 0;
}

bool
job_judge(struct job *j, CURLcode code)
{
	(void)curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &j->r.status);
	j->due_ms = 0;
	http_say(j->http, "%ld%s%s", j->r.status, code ? ", " : "", code ? curl_easy_strerror(code) : "");
	if (j->err.code)
		return true;
	if (code == CURLE_OK && is_short(j))
		code = CURLE_PARTIAL_FILE;
	/* What is there already is all there is. */
	if (code == CURLE_OK && j->r.status == 416 && j->q.sink_fd >= 0 && j->at > 0) {
		(void)err_set(&j->err, EBADMSG, "it has fewer bytes than were announced");
		return true;
	}
	if (code == CURLE_OK) {
		j->http->reached = true;
		return judge_status(j) <= 0;
	}
	if (may_pass(j, code) && try_again(j))
		return false;
	if (j->err.code)
		return true;
	if (is_short(j) && code == CURLE_PARTIAL_FILE)
		(void)err_set(&j->err, EIO, "it ends after %llu of %llu bytes", (unsigned long long)j->at,
			      (unsigned long long)j->q.sink_size);
	else
		tell_failure(j, code);
	return true;
}
