/*
 * What goes in is collected in blocks of one size, whatever the pieces were: what a compressor
 * makes of a stream may depend on how it is fed.  A full block is digested here; compression, the
 * second digest and the output are another thread's, which starts with the second block, for most
 * commits are small.
 */
#include <libdeflate.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "base/str.h"
#include "image/digest.h"
#include "image/pack-internal.h"

#define BLOCK	 ((size_t)256 << 10)
#define N_BLOCKS 4

/*
 * Libdeflate gives the same bytes on every processor, which ISA-L does not, and in half the time of
 * zlib, in whose packages the bytes differ too.
 */
#define GZIP_LEVEL 1
#define ZSTD_LEVEL 3

struct counted {
	struct digest *digest; /* owned */
	uint64_t bytes;
	char hex[PACK_DIGEST_SIZE];
};

struct sink {
	int fd;
	enum pack_compression compression;
	struct counted in, out;
	struct libdeflate_compressor *gzip; /* owned */
	ZSTD_CStream *zstd;	/* owned */
	char *encoded;		/* owned: room for what a compressor made */
	size_t encoded_room;

	char *blocks;	   /* owned: N_BLOCKS of BLOCK */
	size_t filling, n; /* the block that is being filled, and how far */
	struct err e;	   /* of the thread */

	/* Between the threads: blocks from filling - n_full on wait to be encoded. */
	pthread_t thread;
	bool started, ended;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_full;
	bool failed;
};

/* --- digests --- */

static void
count(struct counted *c, const void *data, size_t n)
{
	c->bytes += n;
	digest_add(c->digest, data, n);
}

/* --- one block to the file --- */

static int
put_out(struct sink *s, const void *data, size_t n, struct err *e)
{
	if (n > 0)
		count(&s->out, data, n);
	return fd_write_all(s->fd, data, n, e);
}

/* Each block is a member: gzip files that are put together are a gzip file. */
static int
encode_gzip(struct sink *s, const char *data, size_t n, struct err *e)
{
	size_t size;

	if (!s->gzip)
		return err_set(e, ENOMEM, "gzip: out of memory");
	if (n == 0 && s->out.bytes > 0)
		return 0;
	size = libdeflate_gzip_compress(s->gzip, data, n, s->encoded, s->encoded_room);
	return size == 0 ? err_set(e, EIO, "gzip: a block did not fit") : put_out(s, s->encoded, size, e);
}

static int
encode_zstd(struct sink *s, const char *data, size_t n, bool last, struct err *e)
{
	ZSTD_inBuffer in = { .src = data, .size = n };
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = s->encoded, .size = s->encoded_room };

		left = ZSTD_compressStream2(s->zstd, &out, &in,
					    last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return err_set(e, EIO, "zstd: %s", ZSTD_getErrorName(left));
		if (put_out(s, s->encoded, out.pos, e) < 0)
			return -e->code;
	} while (in.pos < in.size || (last && left > 0));
	return 0;
}

static int
encode(struct sink *s, const char *data, size_t n, bool last, struct err *e)
{
	switch (s->compression) {
	case PACK_GZIP:
		return encode_gzip(s, data, n, e);
	case PACK_ZSTD:
		return encode_zstd(s, data, n, last, e);
	case PACK_NONE:
	case PACK_COMPRESSION_MAX_:
		break;
	}
	return fd_write_all(s->fd, data, n, e);
}

/* --- the thread --- */

/* The oldest full block; false when there are none and will be none. */
static bool
next_full(struct sink *s, size_t *ret)
{
	bool is_one;

	(void)pthread_mutex_lock(&s->lock);
	while (s->n_full == 0 && !s->ended)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	is_one = s->n_full > 0;
	*ret = (s->filling + N_BLOCKS - s->n_full) % N_BLOCKS;
	(void)pthread_mutex_unlock(&s->lock);
	return is_one;
}

static void
give_back(struct sink *s, bool failed)
{
	(void)pthread_mutex_lock(&s->lock);
	s->n_full--;
	s->failed = s->failed || failed;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

/* After a failure blocks are taken and thrown away until the other thread has seen it. */
static void *
run_thread(void *arg)
{
	struct sink *s = arg;
	bool failed = false;
	size_t i;

	while (next_full(s, &i)) {
		failed = failed || encode(s, s->blocks + i * BLOCK, BLOCK, false, &s->e) < 0;
		give_back(s, failed);
	}
	return NULL;
}

/* Signals are for the thread that was there before. */
static int
start_thread(struct sink *s, struct err *e)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&s->thread, NULL, run_thread, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return err_set(e, r, "start a thread: %s", strerror(r));
	s->started = true;
	return 0;
}

/* Until there is nothing more to do for it. */
static int
end_thread(struct sink *s, struct err *e)
{
	if (!s->started)
		return 0;
	(void)pthread_mutex_lock(&s->lock);
	s->ended = true;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(s->thread, NULL);
	s->started = false;
	if (s->failed)
		*e = s->e;
	return s->failed ? -s->e.code : 0;
}

/* Hand the full block over, and wait until another is free. */
static int
hand_over(struct sink *s, struct err *e)
{
	bool failed;

	if (!s->started && start_thread(s, e) < 0)
		return -e->code;
	(void)pthread_mutex_lock(&s->lock);
	s->filling = (s->filling + 1) % N_BLOCKS;
	s->n_full++;
	(void)pthread_cond_signal(&s->changed);
	while (s->n_full == N_BLOCKS)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	failed = s->failed;
	(void)pthread_mutex_unlock(&s->lock);
	return failed ? end_thread(s, e) : 0;
}

/* --- what the others see --- */

static void
start_gzip(struct sink *s)
{
	s->gzip = libdeflate_alloc_compressor(GZIP_LEVEL);
	s->encoded_room = libdeflate_gzip_compress_bound(s->gzip, BLOCK);
}

static void
start_zstd(struct sink *s)
{
	s->zstd = ZSTD_createCStream();
	if (s->zstd)
		(void)ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	s->encoded_room = ZSTD_CStreamOutSize();
}

struct sink *
sink_new(int out_fd, enum pack_compression compression)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	s->fd = out_fd;
	s->compression = compression;
	s->e = (struct err)ERR_INIT;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	s->blocks = xcalloc(compression == PACK_NONE ? 1 : N_BLOCKS, BLOCK);
	s->in.digest = digest_new();
	if (compression != PACK_NONE)
		s->out.digest = digest_new();
	if (compression == PACK_GZIP)
		start_gzip(s);
	if (compression == PACK_ZSTD)
		start_zstd(s);
	if (s->encoded_room)
		s->encoded = xcalloc(s->encoded_room, 1);
	return s;
}

void
sink_freep(struct sink **sp)
{
	struct err ignored = ERR_INIT;
	struct sink *s = *sp;

	if (!s)
		return;
	(void)end_thread(s, &ignored);
	digest_freep(&s->in.digest);
	digest_freep(&s->out.digest);
	(void)ZSTD_freeCStream(s->zstd);
	libdeflate_free_compressor(s->gzip);
	free(s->encoded);
	free(s->blocks);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}

/* The block is full: digest it, and on with it. */
static int
flush_block(struct sink *s, struct err *e)
{
	char *block = s->blocks + s->filling * BLOCK;

	count(&s->in, block, BLOCK);
	s->n = 0;
	return s->compression == PACK_NONE ? encode(s, block, BLOCK, false, e) : hand_over(s, e);
}

int
sink_room(struct sink *s, char **ret, size_t *ret_n, struct err *e)
{
	const int r = s->n == BLOCK ? flush_block(s, e) : 0;

	if (r < 0)
		return r;
	*ret = s->blocks + s->filling * BLOCK + s->n;
	*ret_n = BLOCK - s->n;
	return 0;
}

void
sink_advance(struct sink *s, size_t n)
{
	s->n += n;
}

int
sink_write(struct sink *s, const void *data, size_t n, struct err *e)
{
	const char *p = data;

	while (n > 0) {
		size_t room;
		char *to;

		if (sink_room(s, &to, &room, e) < 0)
			return -e->code;
		room = room < n ? room : n;
		memcpy(to, p, room);
		sink_advance(s, room);
		p += room;
		n -= room;
	}
	return 0;
}

int
sink_finish(struct sink *s, struct err *e)
{
	const char *block = s->blocks + s->filling * BLOCK;

	count(&s->in, block, s->n);
	if (end_thread(s, e) < 0 || encode(s, block, s->n, true, e) < 0 ||
	    digest_end(s->in.digest, s->in.hex, e) < 0)
		return -e->code;
	return s->compression == PACK_NONE ? 0 : digest_end(s->out.digest, s->out.hex, e);
}

static const struct counted *
counted_out(const struct sink *s)
{
	return s->compression == PACK_NONE ? &s->in : &s->out;
}

uint64_t
sink_bytes_in(const struct sink *s)
{
	return s->in.bytes;
}

uint64_t
sink_bytes_out(const struct sink *s)
{
	return counted_out(s)->bytes;
}

void
sink_digest_in(const struct sink *s, char ret[PACK_DIGEST_SIZE])
{
	memcpy(ret, s->in.hex, PACK_DIGEST_SIZE);
}

void
sink_digest_out(const struct sink *s, char ret[PACK_DIGEST_SIZE])
{
	memcpy(ret, counted_out(s)->hex, PACK_DIGEST_SIZE);
}
