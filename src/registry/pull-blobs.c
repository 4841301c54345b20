#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/feed.h"
#include "registry/pull-blobs.h"

#define COMING_MAX 4    /* at a time */
#define PIPE_SIZE  (1 << 20) /* bytes */
#define REFUSE_MS  10000 /* for the other side to notice that there is nothing more */

void
pull_blobs_clear(struct pull_blobs *x)
{
	for (size_t i = 0; i < x->n; i++) {
		fd_closep(&x->v[i]->pipe_fd);
		partial_close(&x->v[i]->file);
		free(x->v[i]);
	}
	free(x->v);
}

/* --- which --- */

static struct pulled *
find(struct pull_blobs *x, const char *digest)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->v[i]->b.digest, digest) == 0)
			return x->v[i];
	return NULL;
}

/* NULL: it is known already. */
static struct pulled *
add(struct pull_blobs *x, const struct blob *b, struct err *e)
{
	struct pulled *known = find(x, b->digest), *p;

	if (known) {
		if (known->b.size != b->size)
			(void)err_set(e, EBADMSG, "blob %s has two sizes", b->digest);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct pulled){ .b = *b, .file = PARTIAL_INIT, .pipe_fd = -1, .all = x };
	x->v = xrealloc_array(x->v, x->n + 1, sizeof(struct pulled *));
	x->v[x->n++] = p;
	return p;
}

int
pull_blobs_add(struct pull_blobs *x, const struct blob *b, struct err *e)
{
	return add(x, b, e) ? 0 : -e->code;
}

int
pull_blobs_add_data(struct pull_blobs *x, const struct blob *b, const void *data, struct err *e)
{
	struct pulled *p = add(x, b, e);

	if (!p)
		return -e->code;
	/* One that was left may hold anything. */
	if (partial_open(x->p->partial_fd, b->digest, b->size, &p->file, e) < 0)
		return -e->code;
	if (ftruncate(p->file.fd, 0) < 0 || lseek(p->file.fd, 0, SEEK_SET) < 0)
		return err_sys(e, "empty a file for blob %s", b->digest);
	if (fd_write_all(p->file.fd, data, b->size, e) < 0)
		return -e->code;
	p->file.have = b->size;
	p->state = BLOB_HERE;
	return 0;
}

/* --- coming --- */

static void
on_grown(void *ctx, uint64_t bytes)
{
	struct pulled *p = ctx;

	p->file.have = bytes;
}

static void
on_done(void *ctx, struct http_response *r, const struct err *e)
{
	struct pulled *p = ctx;
	struct pull_blobs *x = p->all;

	x->n_coming--;
	p->state = BLOB_HERE;
	if (x->err.code)
		return;
	if (e)
		x->err = *e;
	else if (r->status == 404)
		(void)err_set(&x->err, ENOENT, "blob %.19s: the registry does not have it", p->b.digest);
	else if (r->status != 200 && r->status != 206)
		(void)http_refused(r, p->b.digest, &x->err);
	if (x->err.code) {
		if (e)
			(void)err_prefix(&x->err, "blob %.19s", p->b.digest);
		/* What is too long, or of another part, is not worth going on with. */
		if (x->err.code == EBADMSG)
			partial_remove(&p->file);
	}
}

static int
begin(struct pull_blobs *x, struct pulled *p)
{
	AUTO_FREE char *url = NULL, *scope = NULL;
	struct http_request q;

	if (partial_open(x->p->partial_fd, p->b.digest, p->b.size, &p->file, &x->err) < 0)
		return -x->err.code;
	if (p->file.have == p->b.size) {
		p->state = BLOB_HERE;
		return 0;
	}
	client_blob_request(x->repository, p->b.digest, &url, &scope, &q);
	q.sink_fd = p->file.fd;
	q.sink_from = p->file.have;
	q.sink_size = p->b.size;
	q.grown = on_grown;
	q.done = on_done;
	q.ctx = p;
	p->state = BLOB_COMES;
	x->n_coming++;
	http_start(x->h, &q);
	return 0;
}

/* What is wanted first, then the largest: NULL when all are on their way. */
static struct pulled *
next(struct pull_blobs *x)
{
	struct pulled *best = NULL;

	for (size_t i = 0; i < x->n; i++) {
		struct pulled *p = x->v[i];

		if (p->state == BLOB_WAITS &&
		    (!best || p->wanted > best->wanted ||
		     (p->wanted == best->wanted && p->b.size > best->b.size)))
			best = p;
	}
	return best;
}

/* One that is waited for is not held up by others that nobody wants yet. */
static void
begin_some(struct pull_blobs *x)
{
	struct pulled *p;

	while (!x->err.code && (p = next(x)) && (x->n_coming < COMING_MAX || p->wanted))
		(void)begin(x, p);
}

/* --- to the other side --- */

/* As much as the pipe takes now. */
static void
feed_pipe(struct pull_blobs *x, struct pulled *p)
{
	while (p->pipe_fd >= 0 && p->fed < p->file.have) {
		off_t from = (off_t)p->fed;
		const ssize_t n = splice(p->file.fd, &from, p->pipe_fd, NULL, p->file.have - p->fed,
					 SPLICE_F_NONBLOCK);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* Nobody reads any more: that is told by other means. */
		if (n <= 0) {
			if (n < 0 && errno != EPIPE)
				(void)err_sys(&x->err, "hand on blob %s", p->b.digest);
			fd_closep(&p->pipe_fd);
			return;
		}
		p->fed += (uint64_t)n;
	}
	if (p->state == BLOB_HERE && p->fed == p->b.size)
		fd_closep(&p->pipe_fd);
}

static int
new_pipe(struct pulled *p, int *ret_read_fd, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	*ret_read_fd = fds[0];
	p->pipe_fd = fds[1];
	p->fed = 0;
	return 0;
}

static int
answer(struct pull_blobs *x, struct pulled *p, struct err *e)
{
	AUTO_FD reader = -1, pipe_read = -1;

	p->wanted = true;
	if (p->state == BLOB_WAITS && begin(x, p) < 0) {
		*e = x->err;
		return -e->code;
	}
	reader = partial_reader(&p->file, e);
	if (reader < 0)
		return reader;
	/* Whoever asks again has given up reading from the pipe that there is. */
	fd_closep(&p->pipe_fd);
	if (p->state != BLOB_HERE && new_pipe(p, &pipe_read, e) < 0)
		return -e->code;
	return feed_answer(x->p->feed_fd, reader, pipe_read, e);
}

/* Returns 1 when the other side has ended, or is done; 0 also when it has asked for nothing yet. */
static int
serve(struct pull_blobs *x, struct err *e)
{
	struct feed_request q;
	struct pulled *p;
	int r = feed_get_request(x->p->feed_fd, false, &q, e);

	if (r != 0)
		return r < 0 ? r : 0;
	switch (q.verb) {
	case FEED_DONE:
	case FEED_GONE:
		x->done = q.verb == FEED_DONE;
		x->gone = true;
		return 1;
	case FEED_WELL:
		r = x->err.code ? feed_refuse(x->p->feed_fd, e) : feed_answer(x->p->feed_fd, -1, -1, e);
		return r;
	case FEED_BLOB:
	case FEED_MAX_:
		break;
	}
	p = x->err.code ? NULL : find(x, q.digest);
	return p ? answer(x, p, e) : feed_refuse(x->p->feed_fd, e);
}

/* Nothing more comes: the other side learns that, and ends. */
static void
refuse_rest(struct pull_blobs *x)
{
	struct pollfd fd = { .fd = x->p->feed_fd, .events = POLLIN };
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < x->n; i++)
		fd_closep(&x->v[i]->pipe_fd);
	while (!x->gone && poll(&fd, 1, REFUSE_MS) > 0)
		if (serve(x, &ignored) < 0)
			return;
}

/* --- all of it --- */

static unsigned int
watch(struct pull_blobs *x, struct curl_waitfd *fds)
{
	unsigned int n = 0;

	fds[n++] = (struct curl_waitfd){ .fd = x->p->feed_fd, .events = CURL_WAIT_POLLIN };
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i]->pipe_fd >= 0 && x->v[i]->fed < x->v[i]->file.have)
			fds[n++] = (struct curl_waitfd){ .fd = x->v[i]->pipe_fd,
							 .events = CURL_WAIT_POLLOUT };
	return n;
}

static int
step(struct pull_blobs *x, struct curl_waitfd *fds)
{
	struct pollfd feed = { .fd = x->p->feed_fd, .events = POLLIN };
	unsigned int n;

	begin_some(x);
	for (size_t i = 0; i < x->n; i++)
		feed_pipe(x, x->v[i]);
	n = watch(x, fds);
	if (x->err.code || http_wait(x->h, fds, n, -1, &x->err) < 0)
		return -x->err.code;
	while (poll(&feed, 1, 0) > 0) {
		const int r = serve(x, &x->err);

		if (r != 0)
			return r;
	}
	return x->err.code ? -x->err.code : 0;
}

/* What is well now is in the store; what was not well must not be taken up again. */
static void
remove_files(struct pull_blobs *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->done || x->v[i]->state == BLOB_HERE)
			partial_remove(&x->v[i]->file);
}

int
pull_blobs_run(struct pull_blobs *x, struct err *e)
{
	AUTO_FREE struct curl_waitfd *fds = xcalloc(x->n + 1, sizeof(*fds));

	while (step(x, fds) == 0)
		;
	if (x->err.code) {
		refuse_rest(x);
		*e = x->err;
		return -e->code;
	}
	remove_files(x);
	return 0;
}
