/*
 * http-internal - between the files of http.c
 *
 *   http.c        the session, and what goes on in it
 *   http-job.c    one request: libcurl's handle, headers and bodies
 *   http-judge.c  what follows from the outcome of a try: done, again, elsewhere, with a token
 *   http-auth.c   challenges and tokens
 */
#ifndef REGISTRY_HTTP_INTERNAL_H
#define REGISTRY_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "registry/http.h"

#define HTTP_HEADERS_MAX   ((size_t)64 << 10) /* bytes, of one response */
#define HTTP_ERROR_MAX     ((size_t)64 << 10) /* bytes of what a server says about a failure */
#define HTTP_REDIRECTS_MAX 5
#define HTTP_AUTH_MAX      2    /* new tokens, of one request */
#define HTTP_PROGRESS      ((uint64_t)64 << 10) /* bytes that make up for a failure after them */
#define HTTP_WAIT_MAX_S    300  /* that a server may ask for */
#define HTTP_WHOLE_STALLS  10   /* times the time of a stall, for all of a document */

struct job {
	struct job *next;
	struct http *http;
	CURL *easy;
	struct curl_slist *list;
	struct http_request q; /* strings owned */
	char *url;             /* owned; where it goes now */
	char *first_url;       /* owned; where it went at first */
	char *auth;            /* owned; the line that was sent; NULL: none */
	unsigned int tries, redirects, auths;
	uint64_t due_ms;       /* not before this */
	bool active;           /* libcurl has it */

	/* Of this try. */
	struct http_response r;
	size_t header_bytes, room;
	uint64_t at;           /* bytes of the sink that are there */
	uint64_t began_at;
	uint64_t skip;         /* bytes to come that are there already */
	uint64_t sent;
	struct err err;        /* from within libcurl's callbacks */
	char why[CURL_ERROR_SIZE]; /* what libcurl says about a failure */
};

struct token {
	char *scope;  /* owned */
	char *header; /* owned: "Authorization: ..." */
};

struct http {
	const struct endpoint *ep;
	struct http_options o;
	CURLM *multi;
	char *base;         /* owned: "https://host" */
	char *ca;           /* owned; all certificates that are trusted, PEM */
	bool reached;       /* it has answered */
	bool basic;         /* it wants the password itself */
	struct token *tokens; /* owned */
	size_t n_tokens;
	struct job *jobs;   /* owned */
	size_t n_jobs;
};

uint64_t http_now_ms(void);
void http_say(const struct http *h, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What every handle has: time-outs, certificates, what is refused.  @ours: to our endpoint's origin. */
int http_prepare(const struct http *h, CURL *easy, bool ours, struct err *e);
bool http_is_ours(const struct http *h, const char *url);
/* "https://host:port" of @url, with the port.  Owned; NULL: it is no such URL. */
char *http_origin(const char *url);

struct job *job_new(struct http *h, const struct http_request *q);
void job_free(struct job *j);
/* Hand it to libcurl. */
int job_begin(struct job *j, struct err *e);

/* After a try: returns true when the job is over, with j->r or j->err. */
bool job_judge(struct job *j, CURLcode code);

/* What of a server or on the way may be better in a moment. */
bool http_is_passing(CURLcode code);
bool http_is_busy(long status);
/* Half a second, doubled with each try (from 1), and a little by chance: not all at the same time. */
uint64_t http_back_off_ms(unsigned int tries);

/* The line that requests of @scope have, borrowed; NULL: none is known, or needed. */
const char *http_auth_line(struct http *h, const char *scope);
/*
 * Answer the challenges of a response, each a "www-authenticate": 0, and there is a line to try; 1 when there is nothing that can be
 * answered; -errno.
 */
int http_auth_answer(struct http *h, const char *scope, const struct http_response *r, struct err *e);

/* What a registry wants to know. */
struct challenge {
	bool bearer, basic;
	char *realm, *service; /* owned; or NULL */
};
/* The value of one "www-authenticate".  @ret: zeroed */
void http_parse_challenge(const char *text, struct challenge *ret);
void http_challenge_clear(struct challenge *c);
/* The same host, or two of one owner: auth.example.org and registry.example.org. */
bool http_is_same_site(const char *a, const char *b);
void http_auth_clear(struct http *h);

#endif
