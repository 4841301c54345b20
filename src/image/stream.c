#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/codec.h"
#include "image/digest.h"
#include "image/progress.h"
#include "image/stream.h"

#define SLOTS 6
#define SLOT_SIZE ((size_t)512 << 10)
#define INPUT_SIZE ((size_t)256 << 10)

/* Who has to wait goes on when there are so many buffers for him: each time costs two switches. */
#define BATCH (SLOTS / 2)

#define RATIO_FROM ((uint64_t)256 << 20)

enum user { USER_DIGEST, USER_CALLER, USER_MAX_ };

struct stream {
	/* Written before the threads start. */
	int fd;
	int stop_fd; /* readable when nobody wants any more: a pipe may give nothing */
	struct stream_limits limits;
	pthread_t threads[2];
	int n_threads;

	/* The reader's. */
	uint8_t *input;
	size_t n_head;      /* bytes that are there before the first read */
	struct codec_io io; /* what of the input is left */
	const struct codec *codec;
	void *codec_state;
	struct digest *blob_digest;
	uint64_t in, out;

	/* The digest thread's. */
	struct digest *digest;

	/* Everybody's, under the lock.  Counts of buffers since the beginning. */
	pthread_mutex_t lock;
	pthread_cond_t room, data; /* what the reader waits for, and what the others do */
	uint64_t filled;
	uint64_t used[USER_MAX_]; /* done with */
	bool ended;               /* nothing will be filled any more */
	bool stop;                /* nobody wants any more */
	struct err err;           /* why it ended early */
	size_t n[SLOTS];          /* bytes in a buffer that is filled */
	uint8_t *slots;           /* contents: of who fills, or uses it */
	bool holding;             /* the caller looks at a buffer */
};

static uint8_t *
slot(const struct stream *s, uint64_t i)
{
	return s->slots + (i % SLOTS) * SLOT_SIZE;
}

/* --- the ring --- */

/* Buffers that can be filled. */
static uint64_t
ring_room(const struct stream *s)
{
	const uint64_t a = s->used[USER_DIGEST], b = s->used[USER_CALLER];

	return SLOTS - (s->filled - (a < b ? a : b));
}

/* Wait until a buffer can be filled; false when none is wanted any more. */
static bool
ring_wait_room(struct stream *s)
{
	bool stop;

	(void)pthread_mutex_lock(&s->lock);
	if (ring_room(s) == 0)
		while (!s->stop && ring_room(s) < BATCH)
			(void)pthread_cond_wait(&s->room, &s->lock);
	stop = s->stop;
	(void)pthread_mutex_unlock(&s->lock);
	return !stop;
}

/* @n bytes are in the buffer; @last: there will be no more, because of @e when that is set. */
static void
ring_put(struct stream *s, size_t n, bool last, const struct err *e)
{
	(void)pthread_mutex_lock(&s->lock);
	if (n > 0)
		s->n[s->filled++ % SLOTS] = n;
	s->ended = last;
	s->err = *e;
	if (last || s->filled - s->used[USER_DIGEST] >= BATCH ||
	    s->filled - s->used[USER_CALLER] >= BATCH)
		(void)pthread_cond_broadcast(&s->data);
	(void)pthread_mutex_unlock(&s->lock);
}

/*
 * Wait for the buffer after those that @who is done with; false when there is none.  Who meets an
 * error has seen everything that came before it.
 */
static bool
ring_wait_data(struct stream *s, enum user who)
{
	bool there;

	(void)pthread_mutex_lock(&s->lock);
	if (s->filled == s->used[who])
		while (!s->stop && !s->ended && s->filled - s->used[who] < BATCH)
			(void)pthread_cond_wait(&s->data, &s->lock);
	there = !s->stop && s->filled > s->used[who];
	(void)pthread_mutex_unlock(&s->lock);
	return there;
}

static void
ring_done(struct stream *s, enum user who)
{
	(void)pthread_mutex_lock(&s->lock);
	s->used[who]++;
	if (ring_room(s) >= BATCH)
		(void)pthread_cond_signal(&s->room);
	(void)pthread_mutex_unlock(&s->lock);
}

/* --- the reader --- */

/* read(2), or ECANCELED. */
static ssize_t
read_or_stop(const struct stream *s, uint8_t *buf, size_t n)
{
	struct pollfd p[] = { { .fd = s->fd, .events = POLLIN },
			      { .fd = s->stop_fd, .events = POLLIN } };

	if (poll(p, NELEMS(p), -1) < 0)
		return -1;
	if (p[1].revents) {
		errno = ECANCELED;
		return -1;
	}
	return read(s->fd, buf, n);
}

/* Read at least @min bytes more, unless the blob ends. */
static int
read_input(struct stream *s, size_t min, struct err *e)
{
	uint8_t *at = s->input;
	size_t n = s->n_head;

	s->n_head = 0;
	while (n < min) {
		ssize_t r = read_or_stop(s, at + n, INPUT_SIZE - n);

		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (r < 0)
			return err_sys(e, "read");
		if (r == 0)
			break;
		n += (size_t)r;
	}
	s->io.in = s->input;
	s->io.n_in = n;
	s->io.last = n < min;
	s->in += n;
	progress_add(s->limits.progress, n);
	progress_row_add(s->limits.row, n);
	if (s->blob_digest)
		digest_add(s->blob_digest, s->input, n);
	if (s->limits.in && s->in > s->limits.in)
		return err_set(e, EBADMSG, "the blob has at least %llu bytes, not %llu",
			       (unsigned long long)s->in, (unsigned long long)s->limits.in);
	return 0;
}

/* Without compression, the two digests are one. */
static int
find_codec(struct stream *s, struct err *e)
{
	if (read_input(s, CODEC_MAGIC_MAX, e) < 0)
		return -e->code;
	s->codec = codec_find(s->io.in, s->io.n_in);
	s->codec_state = s->codec->start(s->limits.memory ? s->limits.memory : STREAM_MEMORY);
	if (!s->codec_state)
		return err_set(e, ENOMEM, "%s: out of memory", s->codec->name);
	if (s->codec->n_magic == 0)
		digest_freep(&s->blob_digest);
	return 0;
}

/* Returns 1 when the blob has ended where it may, 0 when it has not ended. */
static int
fill_step(struct stream *s, struct err *e)
{
	const size_t room = s->io.n_out;
	size_t n_in;
	int complete;

	if (s->io.n_in == 0 && !s->io.last && read_input(s, 1, e) < 0)
		return -e->code;
	n_in = s->io.n_in;
	complete = s->codec->step(s->codec_state, &s->io, e);
	if (complete < 0)
		return complete;
	if (s->io.n_out != room || s->io.n_in != n_in)
		return 0;
	if (n_in == 0 && complete)
		return 1;
	return err_set(e, EBADMSG, n_in > 0 ? "%s: corrupt data" : "%s: ends too early",
		       s->codec->name);
}

static int
check_size(const struct stream *s, struct err *e)
{
	if (s->out > s->limits.bytes)
		return err_set(e, EFBIG, "holds more than %llu bytes",
			       (unsigned long long)s->limits.bytes);
	if (s->out > RATIO_FROM && s->out / s->limits.ratio > s->in)
		return err_set(e, EFBIG,
			       "holds more than %u times its size: this may be a decompression bomb",
			       s->limits.ratio);
	return 0;
}

/* Fill a buffer: the same as fill_step(). */
static int
fill(struct stream *s, uint8_t *buf, size_t *ret_n, struct err *e)
{
	int r = 0;

	s->io.out = buf;
	s->io.n_out = SLOT_SIZE;
	while (r == 0 && s->io.n_out > 0)
		r = fill_step(s, e);
	*ret_n = SLOT_SIZE - s->io.n_out;
	s->out += *ret_n;
	return r < 0 ? r : check_size(s, e) < 0 ? -e->code : r;
}

static void *
reader_main(void *arg)
{
	struct stream *s = arg;
	struct err e = ERR_INIT;
	int r = find_codec(s, &e);

	if (r < 0)
		ring_put(s, 0, true, &e);
	while (r == 0 && ring_wait_room(s)) {
		size_t n = 0;

		/* Only this thread changes the count. */
		r = fill(s, slot(s, s->filled), &n, &e);
		ring_put(s, n, r != 0, &e);
	}
	return NULL;
}

/* --- the digest thread --- */

static void *
digest_main(void *arg)
{
	struct stream *s = arg;

	for (uint64_t i = 0; ring_wait_data(s, USER_DIGEST); i++) {
		digest_add(s->digest, slot(s, i), s->n[i % SLOTS]);
		ring_done(s, USER_DIGEST);
	}
	return NULL;
}

/* --- the caller --- */

/* Signals are for the thread that there was before. */
static int
start_thread(struct stream *s, void *(*body)(void *), struct err *e)
{
	sigset_t all, saved;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &saved);
	r = pthread_create(&s->threads[s->n_threads], NULL, body, s);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (r != 0)
		return err_set(e, r, "start a thread: %s", strerrordesc_np(r));
	s->n_threads++;
	return 0;
}

static struct stream *
stream_new(int fd, const struct stream_limits *l)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = fd;
	s->limits = *l;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->room, NULL);
	(void)pthread_cond_init(&s->data, NULL);
	s->input = malloc(INPUT_SIZE);
	s->slots = malloc(SLOTS * SLOT_SIZE);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->blob_digest = digest_new();
	s->digest = digest_new();
	if (!s->input || !s->slots || s->stop_fd < 0 || !s->blob_digest || !s->digest)
		stream_closep(&s);
	return s;
}

int
stream_open(int fd, const struct stream_limits *l, struct stream **ret, struct err *e)
{
	return stream_open_after("", 0, fd, l, ret, e);
}

int
stream_open_after(const void *head, size_t n, int fd, const struct stream_limits *l,
		  struct stream **ret, struct err *e)
{
	AUTO_STREAM s = stream_new(fd, l);

	if (!s)
		return err_set(e, ENOMEM, "out of memory, or of descriptors");
	memcpy(s->input, head, n);
	s->n_head = n;
	if (start_thread(s, reader_main, e) < 0 || start_thread(s, digest_main, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(s);
	return 0;
}

static void
join(struct stream *s)
{
	while (s->n_threads > 0)
		(void)pthread_join(s->threads[--s->n_threads], NULL);
}

void
stream_stop(struct stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_cond_broadcast(&s->room);
	(void)pthread_cond_broadcast(&s->data);
	(void)pthread_mutex_unlock(&s->lock);
	IGNORE(eventfd_write(s->stop_fd, 1));
}

void
stream_closep(struct stream **p)
{
	struct stream *s = *p;

	*p = NULL;
	if (!s)
		return;
	stream_stop(s);
	join(s);
	fd_closep(&s->stop_fd);
	if (s->codec_state)
		s->codec->stop(s->codec_state);
	digest_freep(&s->blob_digest);
	digest_freep(&s->digest);
	(void)pthread_cond_destroy(&s->room);
	(void)pthread_cond_destroy(&s->data);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->slots);
	free(s->input);
	free(s);
}

ssize_t
stream_next(struct stream *s, const void **ret, struct err *e)
{
	uint64_t i;

	if (s->holding)
		ring_done(s, USER_CALLER);
	s->holding = false;
	if (s->limits.stop && *s->limits.stop)
		return err_set(e, ECANCELED, "stopped");
	s->holding = ring_wait_data(s, USER_CALLER);
	/* The threads write these no more: it has ended. */
	if (!s->holding && s->err.code != 0) {
		*e = s->err;
		return -e->code;
	}
	if (!s->holding)
		return 0;
	i = s->used[USER_CALLER];
	*ret = slot(s, i);
	return (ssize_t)s->n[i % SLOTS];
}

int
stream_finish(struct stream *s, struct stream_result *ret, struct err *e)
{
	struct stream_result res = { .compression = "" };
	const void *ignored;
	ssize_t r;

	while ((r = stream_next(s, &ignored, e)) > 0)
		;
	if (r < 0)
		return (int)r;
	join(s);
	res.compression = s->codec->name;
	res.in = s->in;
	res.out = s->out;
	if (digest_end(s->digest, res.diff_id, e) < 0)
		return -e->code;
	if (!s->blob_digest)
		memcpy(res.digest, res.diff_id, sizeof(res.digest));
	else if (digest_end(s->blob_digest, res.digest, e) < 0)
		return -e->code;
	*ret = res;
	return 0;
}
