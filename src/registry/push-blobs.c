/*
 * Each blob on its way:
 *
 *   look --> (it is there)
 *     |
 *   begin --> (it has been mounted)
 *     |
 *   fetch, where it is in another registry
 *     |
 *   send, part by part <--> ask, after a failure: how much of it is there?
 *     |
 *   finish, with all of it where it is small
 *
 * What cannot go on begins anew with the first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/progress.h"
#include "registry/push-internal.h"

#define AT_ONCE    6
#define PART       ((uint64_t)32 << 20) /* bytes */
#define TRIES      6                    /* without any progress */
#define WAIT_MAX_S 300                  /* that a server may ask for */
#define TURN_MS    2                    /* of one of two sessions */

enum step { STEP_LOOK, STEP_BEGIN, STEP_FETCH, STEP_SEND, STEP_ASK, STEP_FINISH };

struct upload {
	struct blob b;
	struct run *run;
	size_t number;      /* from 1 */
	enum step step;
	int fd;             /* owned; -1: not open yet */
	char *location;     /* owned; of the upload; NULL: none has begun */
	uint64_t at, part;  /* bytes that are there, and that are being sent */
	uint64_t shown;     /* bytes that have been counted */
	unsigned int fails; /* since the last progress */
	bool no_mount, done;
};

struct run {
	const struct push *p;
	struct upload *v; /* owned */
	size_t n, next, n_active;
	char *scope;      /* owned */
	uint64_t part;    /* bytes of each, where it is sent in parts; 0: this registry wants none */
	struct err err;   /* the first one */
};

static void
run_clear(struct run *x)
{
	for (size_t i = 0; i < x->n; i++) {
		fd_closep(&x->v[i].fd);
		free(x->v[i].location);
	}
	free(x->v);
	free(x->scope);
}

static void take_step(struct upload *u, uint64_t delay_ms);

/* --- how far it is --- */

static void
show(struct upload *u, uint64_t bytes)
{
	if (bytes <= u->shown)
		return;
	progress_add(u->run->p->progress, bytes - u->shown);
	u->shown = bytes;
}

static void
on_sent(void *ctx, uint64_t bytes)
{
	struct upload *u = ctx;

	show(u, u->at + bytes);
}

static void
end_upload(struct upload *u)
{
	u->done = true;
	u->run->n_active--;
	fd_closep(&u->fd);
	show(u, u->b.size);
	progress_part(u->run->p->progress, u->number, u->b.size);
}

static void
fail(struct upload *u, const struct err *e)
{
	struct run *x = u->run;

	u->done = true;
	x->n_active--;
	if (x->err.code)
		return;
	x->err = *e;
	(void)err_prefix(&x->err, "blob %.19s", u->b.digest);
}

static void
fail_refused(struct upload *u, const struct http_response *r)
{
	struct err e = ERR_INIT;

	(void)http_refused(r, "upload", &e);
	fail(u, &e);
}

/* --- again --- */

static bool
is_busy(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

static void
restart(struct upload *u, uint64_t delay_ms)
{
	free(u->location);
	u->location = NULL;
	u->at = 0;
	u->step = STEP_LOOK;
	take_step(u, delay_ms);
}

static uint64_t
back_off_ms(const struct upload *u, uint64_t after_s)
{
	uint16_t chance = 0;

	if (after_s > 0)
		return after_s * 1000;
	(void)!getrandom(&chance, sizeof(chance), 0);
	return ((uint64_t)250 << u->fails) + chance % 250;
}

/* @why: what went wrong this time */
static void
again(struct upload *u, const struct http_response *r, const struct err *why)
{
	const char *after = r ? http_header(r, "retry-after") : NULL;
	struct err ignored = ERR_INIT;
	uint64_t s = 0;

	if (after && parse_u64(after, UINT32_MAX, &s, &ignored) < 0)
		s = 0;
	if (++u->fails >= TRIES || s > WAIT_MAX_S) {
		fail(u, why);
		return;
	}
	if (!u->location || u->step == STEP_ASK) {
		restart(u, back_off_ms(u, s));
		return;
	}
	u->step = STEP_ASK;
	take_step(u, back_off_ms(u, s));
}

static void
again_after(struct upload *u, const struct http_response *r)
{
	struct err e = ERR_INIT;

	(void)http_refused(r, "upload", &e);
	again(u, r, &e);
}

/* --- what the registry answers --- */

/* The next request goes where it says. */
static bool
take_location(struct upload *u, const struct http_response *r, const char *from, bool needed)
{
	struct err e = ERR_INIT;
	char *to = NULL;

	if (!http_header(r, "location") && !needed)
		return true;
	if (http_location(u->run->p->h, from, r, &to, &e) < 0) {
		fail(u, &e);
		return false;
	}
	free(u->location);
	u->location = to;
	return true;
}

/* "0-N", which some write "bytes=0-N".  Returns the bytes that are there; 0: it does not say. */
static uint64_t
range_of(const struct http_response *r)
{
	const char *range = http_header(r, "range");
	char *end;
	unsigned long long last;

	if (range && strncmp(range, "bytes=", 6) == 0)
		range += 6;
	if (!range || strncmp(range, "0-", 2) != 0)
		return 0;
	last = strtoull(range + 2, &end, 10);
	return *end || end == range + 2 || last == 0 ? 0 : last + 1;
}

static void
looked(struct upload *u, const struct http_response *r)
{
	if (r->status == 200) {
		end_upload(u);
	} else if (r->status == 404 || r->status == 405) {
		u->step = STEP_BEGIN;
		take_step(u, 0);
	} else {
		fail_refused(u, r);
	}
}

/* OCI-Chunk-Min-Length: no part but the last one may be smaller. */
static void
take_part_size(struct run *x, const struct http_response *r)
{
	const char *min = http_header(r, "oci-chunk-min-length");
	struct err ignored = ERR_INIT;
	uint64_t v;

	if (min && x->part && parse_u64(min, (uint64_t)1 << 40, &v, &ignored) == 0 && v > x->part)
		x->part = v;
}

static const char *
seen_in(const struct upload *u)
{
	const struct push *p = u->run->p;
	const char *in = json_string_value(json_object_get(p->seen, u->b.digest + strlen("sha256:")));

	return u->no_mount ? NULL : in ? in : p->seen_all;
}

static char *
begin_url(const struct upload *u)
{
	const char *from = seen_in(u);

	return xasprintf("/v2/%s/blobs/uploads/%s%s%s%s", u->run->p->repository, from ? "?mount=" : "",
			 from ? u->b.digest : "", from ? "&from=" : "", from ? from : "");
}

static void
begun(struct upload *u, const struct http_response *r)
{
	AUTO_FREE char *url = begin_url(u);

	if (r->status == 201) {
		end_upload(u);
	} else if (r->status == 202) {
		take_part_size(u->run, r);
		if (!take_location(u, r, url, true))
			return;
		u->no_mount = true;
		u->step = u->run->p->from.store || u->fd >= 0 ? STEP_SEND : STEP_FETCH;
		take_step(u, 0);
	} else if (seen_in(u)) {
		u->no_mount = true;
		take_step(u, 0);
	} else {
		fail_refused(u, r);
	}
}

static void
fetched(struct upload *u, const struct http_response *r)
{
	struct err e = ERR_INIT;

	if (r->status != 200 && r->status != 206) {
		(void)http_refused(r, "download", &e);
		fail(u, &e);
	} else if (push_check_file(u->fd, &u->b, &e) < 0) {
		fail(u, &e);
	} else {
		u->step = STEP_SEND;
		take_step(u, 0);
	}
}

/* One that takes no parts gets it whole, from now on. */
static void
sent_in_vain(struct upload *u, const struct http_response *r)
{
	if (is_busy(r->status) || r->status == 416) {
		again_after(u, r);
	} else if (u->at == 0 && r->status != 401 && r->status != 403 && r->status != 404) {
		u->run->part = 0;
		restart(u, 0);
	} else if (r->status == 404) {
		u->step = STEP_ASK;
		again_after(u, r);
	} else {
		fail_refused(u, r);
	}
}

static void
sent(struct upload *u, const struct http_response *r)
{
	const uint64_t has = range_of(r), end = u->at + u->part;

	if (r->status != 202 && r->status != 201 && r->status != 204) {
		sent_in_vain(u, r);
		return;
	}
	if (!take_location(u, r, u->location, false))
		return;
	u->at = has > u->at && has <= end ? has : end;
	u->fails = 0;
	take_step(u, 0);
}

static void
asked(struct upload *u, const struct http_response *r)
{
	const uint64_t has = range_of(r);

	if (r->status < 200 || r->status >= 300 || has == 0 || has > u->b.size || u->run->part == 0) {
		restart(u, 0);
		return;
	}
	if (!take_location(u, r, u->location, false))
		return;
	if (has > u->at)
		u->fails = 0;
	u->at = has;
	u->step = STEP_SEND;
	take_step(u, 0);
}

static void
finished(struct upload *u, const struct http_response *r)
{
	const char *said = http_header(r, "docker-content-digest");
	struct err e = ERR_INIT;

	if (r->status >= 200 && r->status < 300) {
		if (said && strcmp(said, u->b.digest) != 0) {
			(void)err_set(&e, EBADMSG, "the registry has it as another one");
			fail(u, &e);
			return;
		}
		end_upload(u);
	} else if (is_busy(r->status) || r->status == 416) {
		again_after(u, r);
	} else if (r->status == 404 && u->fails < TRIES) {
		/* The upload is not known any more. */
		u->step = STEP_ASK;
		again_after(u, r);
	} else {
		fail_refused(u, r);
	}
}

static bool
may_pass(const struct err *e)
{
	return e->code == EIO || e->code == ETIMEDOUT || e->code == ECONNREFUSED;
}

/* Who may not read there may still send it. */
static bool
is_about_mount(const struct upload *u, const struct err *e)
{
	return u->step == STEP_BEGIN && seen_in(u) && e->code == EACCES;
}

static void
on_done(void *ctx, struct http_response *r, const struct err *e)
{
	static void (*const took[])(struct upload *u, const struct http_response *r) = {
		[STEP_LOOK] = looked, [STEP_BEGIN] = begun, [STEP_FETCH] = fetched,
		[STEP_SEND] = sent,   [STEP_ASK] = asked,   [STEP_FINISH] = finished,
	};
	struct upload *u = ctx;

	if (u->run->err.code) {
		u->done = true;
		u->run->n_active--;
	} else if (!e) {
		took[u->step](u, r);
	} else if (is_about_mount(u, e)) {
		u->no_mount = true;
		take_step(u, 0);
	} else if ((u->step == STEP_SEND || u->step == STEP_FINISH) && may_pass(e)) {
		again(u, NULL, e);
	} else {
		fail(u, e);
	}
}

/* --- what the registry is asked --- */

static int
open_blob(struct upload *u, struct err *e)
{
	const struct push_source *from = &u->run->p->from;

	if (u->fd >= 0)
		return 0;
	if (from->store)
		u->fd = push_source_open(from, &u->b, e);
	else if ((u->fd = openat(from->temp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) < 0)
		(void)err_sys(e, "make a temporary file");
	return u->fd < 0 ? -e->code : 0;
}

static void
fetch(struct upload *u)
{
	const struct push_source *from = &u->run->p->from;
	AUTO_FREE char *url = NULL, *scope = NULL;
	struct http_request q;

	client_blob_request(from->repository, u->b.digest, &url, &scope, &q);
	q.sink_fd = u->fd;
	q.sink_size = u->b.size;
	q.done = on_done;
	q.ctx = u;
	http_start(from->http, &q);
}

/* Of what is there already no more than the digest is told. */
static char *
finish_url(const struct upload *u)
{
	return xasprintf("%s%cdigest=%s", u->location, strchr(u->location, '?') ? '&' : '?', u->b.digest);
}

/* @ret_strings: owned; what the request borrows */
static void
fill_request(struct upload *u, struct http_request *q, char *ret_strings[2])
{
	const struct run *x = u->run;
	const char *from = seen_in(u);
	const bool whole = u->at == 0 && (x->part == 0 || u->b.size <= x->part);

	if (u->step == STEP_SEND && (whole || u->at == u->b.size))
		u->step = STEP_FINISH;
	switch (u->step) {
	case STEP_LOOK:
		q->method = "HEAD";
		q->url = ret_strings[0] = xasprintf("/v2/%s/blobs/%s", x->p->repository, u->b.digest);
		return;
	case STEP_BEGIN:
		q->method = "POST";
		q->url = ret_strings[0] = begin_url(u);
		if (from)
			q->scope = ret_strings[1] = xasprintf("%s repository:%s:pull", x->scope, from);
		return;
	case STEP_SEND:
		u->part = u->b.size - u->at < x->part ? u->b.size - u->at : x->part;
		q->method = "PATCH";
		q->url = u->location;
		q->content_range = ret_strings[1] =
			xasprintf("%llu-%llu", (unsigned long long)u->at,
				  (unsigned long long)(u->at + u->part - 1));
		q->body_from = u->at;
		break;
	case STEP_FINISH:
		u->part = u->b.size - u->at;
		q->method = "PUT";
		q->url = ret_strings[0] = finish_url(u);
		q->body_from = u->at;
		break;
	case STEP_ASK:
	case STEP_FETCH:
		q->url = u->location;
		return;
	}
	q->give_up = true;
	q->content_type = "application/octet-stream";
	q->body_fd = u->fd;
	q->body_len = u->part;
	q->grown = on_sent;
}

static void
take_step(struct upload *u, uint64_t delay_ms)
{
	struct http_request q = HTTP_REQUEST_INIT;
	char *strings[2] = { NULL, NULL };
	struct err e = ERR_INIT;

	if (u->step >= STEP_FETCH && open_blob(u, &e) < 0) {
		fail(u, &e);
		return;
	}
	if (u->step == STEP_FETCH) {
		fetch(u);
		return;
	}
	q.scope = u->run->scope;
	q.max = (size_t)64 << 10;
	q.done = on_done;
	q.ctx = u;
	q.delay_ms = delay_ms;
	fill_request(u, &q, strings);
	http_start(u->run->p->h, &q);
	free(strings[0]);
	free(strings[1]);
}

/* --- all of them --- */

/* Two sessions take turns, as neither knows what the other one waits for. */
static int
wait_for_both(const struct push *p, struct err *e)
{
	struct http *const both[] = { p->from.store ? NULL : p->from.http, p->h };
	const bool two = both[0] && http_pending(both[0]) > 0 && http_pending(both[1]) > 0;

	for (size_t i = 0; i < NELEMS(both); i++)
		if (both[i] && http_pending(both[i]) > 0 &&
		    http_wait(both[i], NULL, 0, two ? TURN_MS : -1, e) < 0)
			return -e->code;
	return 0;
}

static int
run_all(struct run *x, struct err *e)
{
	for (;;) {
		while (x->n_active < AT_ONCE && x->next < x->n && !x->err.code) {
			x->n_active++;
			take_step(&x->v[x->next++], 0);
		}
		if (x->err.code) {
			*e = x->err;
			return -e->code;
		}
		if (x->n_active == 0)
			return 0;
		if (wait_for_both(x->p, e) < 0)
			return -e->code;
	}
}

int
push_blobs(const struct push *p, const struct blob *v, size_t n, struct err *e)
{
	static const char part[] = "blob";
	struct progress_work work = { .doing = "pushing", .done = "pushed", .part = part, .n_parts = n };
	CLEANUP(run_clear) struct run x = { .p = p, .n = n, .part = PART, .err = ERR_INIT };

	x.v = xcalloc(n + 1, sizeof(*x.v));
	x.scope = client_scope(p->repository, true);
	for (size_t i = 0; i < n; i++) {
		x.v[i] = (struct upload){ .b = v[i], .run = &x, .number = i + 1, .fd = -1 };
		work.total += v[i].size;
	}
	progress_begin(p->progress, &work);
	return run_all(&x, e);
}
