/*
 * http - requests to a registry, many at once
 *
 * A request ends in a response, or in one error: what can be done about a failure is done here.
 *
 *  - A connection that breaks, a server that is busy (408, 429, 5xx): again, later, as Retry-After says;
 *    a body that goes into a file is continued with Range.
 *  - 401: a token is fetched as the challenge says, for the scope that was asked for and no other
 *    (https://distribution.github.io/distribution/spec/auth/token/), or the password is sent.
 *  - Redirects of GET and HEAD are followed, five at most; never from TLS to plain HTTP.
 *
 * What the user is known by goes to the endpoint's own origin alone, and to the realm of a challenge
 * when that is of the same domain and over TLS.  Nothing of it is in any message.
 *
 * Everything has an end: connecting, a transfer that stalls, headers, bodies, redirects, tries.
 *
 * For one thread.  Needs libcurl, libpsl, jansson.
 */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include <stdint.h>

#include "base/err.h"
#include "registry/endpoint.h"

struct curl_waitfd;
struct http;

struct http_options {
	unsigned int stall_s;   /* seconds with less than 100 bytes each: given up; 0: 30 */
	unsigned int connect_s; /* seconds to connect; 0: 20 */
	unsigned int tries;     /* of each request without any progress; 0: 5 */
	const char *ca_file;    /* in place of the system's certificates; NULL */
	void (*say)(void *ctx, const char *line); /* what is asked and answered, for --debug; or NULL */
	void *say_ctx;
};

/* Read what all sessions need of files: the system's certificates.  http_new() does it, too. */
int http_init(const struct http_options *o, struct err *e);

/* @ep: borrowed as long as it lives; @o: copied, may be NULL */
int http_new(const struct endpoint *ep, const struct http_options *o, struct http **ret, struct err *e);
void http_freep(struct http **h);
#define AUTO_HTTP CLEANUP(http_freep) struct http *

/*
 * By which scheme is it to be spoken to?  To be asked before anything else; nothing is asked of those
 * that are spoken to by TLS or not at all.  An error tells why it is no registry.
 */
int http_reach(struct http *h, struct err *e);
/* The endpoint has another name and password now. */
void http_forget(struct http *h);
/* After http_reach(): does everybody on the way see what is sent? */
bool http_is_plain(const struct http *h);

struct http_response {
	long status;
	char *body;     /* owned, NUL-terminated; "" where it went into a file */
	size_t len;     /* bytes */
	char **headers; /* owned strv: "name: value", names in lower case */
};
#define HTTP_RESPONSE_INIT { .status = 0 }
void http_response_clear(struct http_response *r);
#define AUTO_HTTP_RESPONSE CLEANUP(http_response_clear) struct http_response
/* The value of the last header @name, in lower case; NULL: none. */
const char *http_header(const struct http_response *r, const char *name);
/*
 * Where an answer to a request of @url leads: its "location", whole; never from TLS to plain HTTP.  It is
 * not to be shown: it may carry a signature that is as good as a password.  @ret: owned
 */
int http_location(const struct http *h, const char *url, const struct http_response *r, char **ret,
		  struct err *e);
/* The error that a response tells: @what failed.  Returns -code. */
int http_refused(const struct http_response *r, const char *what, struct err *e);

/* All strings are copied, the rest is borrowed until it is done. */
struct http_request {
	const char *method;
	const char *url; /* "/v2/...": of the endpoint; or a whole one, which gets no credentials but there */
	const char *scope; /* what a token is for: "repository:team/app:pull"; NULL: nothing */
	const char *accept, *content_type, *content_range; /* or NULL */
	bool give_up; /* one try is enough */
	uint64_t delay_ms; /* not before so much time has gone by */

	/* What is sent: @body, or @body_len bytes of @body_fd from @body_from on. */
	const void *body;
	int body_fd; /* -1: none */
	uint64_t body_from, body_len;

	/* The body of 200 goes here from @sink_from on, where it ends at @sink_size, no sooner and no
	 * later; -1: it is kept, up to @max bytes. */
	int sink_fd;
	uint64_t sink_from, sink_size;
	size_t max;
	/* So many bytes are there now, or have been sent. */
	void (*grown)(void *ctx, uint64_t bytes);

	/*
	 * Any status but those handled here is no error.  The response is the callee's to take apart;
	 * @e: NULL, or why there is none.
	 */
	void (*done)(void *ctx, struct http_response *r, const struct err *e);
	void *ctx;
};
#define HTTP_REQUEST_INIT { .method = "GET", .body_fd = -1, .sink_fd = -1 }

/* Begin; it goes on in http_wait(). */
void http_start(struct http *h, const struct http_request *q);
size_t http_pending(const struct http *h);
/*
 * Let things go on until something has: at most @timeout_ms.  @fds are waited for, too, and have
 * their revents afterwards.  From done() more may be started.
 */
int http_wait(struct http *h, struct curl_waitfd *fds, unsigned int n, int timeout_ms, struct err *e);
/* All of it in one: what else is pending goes on meanwhile.  @q's done and ctx are not used. */
int http_do(struct http *h, const struct http_request *q, struct http_response *ret, struct err *e);

#endif
