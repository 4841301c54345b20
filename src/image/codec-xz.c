/* xz; a file may have several streams. */
#include <lzma.h>

#include "image/codec.h"

#define MIB ((uint64_t)1 << 20)

struct xz {
	lzma_stream s;
	size_t memory; /* bytes that it may take */
	bool complete;
};

static void *
xz_start(size_t memory)
{
	struct xz *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->memory = memory;
	z->s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&z->s, memory, LZMA_CONCATENATED) != LZMA_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static int
xz_error(const struct xz *z, lzma_ret r, struct err *e)
{
	if (r == LZMA_MEMLIMIT_ERROR) {
		(void)err_set(e, ENOBUFS, "xz: needs %llu MiB of memory, more than the %llu it may take",
			      (unsigned long long)((lzma_memusage(&z->s) + MIB - 1) / MIB),
			      (unsigned long long)(z->memory / MIB));
		return err_hint(e, "xz -8 and lower levels need less; xz -dc unpacks it");
	}
	return err_set(e, EBADMSG, "xz: %s",
		       r == LZMA_MEM_ERROR	 ? "out of memory"
		       : r == LZMA_OPTIONS_ERROR ? "unsupported options"
						 : "corrupt data");
}

static int
xz_step(void *state, struct codec_io *io, struct err *e)
{
	struct xz *z = state;
	lzma_ret r;

	if (z->complete)
		return 1;
	z->s.next_in = io->in;
	z->s.avail_in = io->n_in;
	z->s.next_out = io->out;
	z->s.avail_out = io->n_out;
	r = lzma_code(&z->s, io->last ? LZMA_FINISH : LZMA_RUN);
	/* LZMA_BUF_ERROR: no progress; whether that is the end too early is the caller's to say. */
	if (r != LZMA_OK && r != LZMA_STREAM_END && r != LZMA_BUF_ERROR)
		return xz_error(z, r, e);
	io->in = z->s.next_in;
	io->n_in = z->s.avail_in;
	io->out = z->s.next_out;
	io->n_out = z->s.avail_out;
	z->complete = r == LZMA_STREAM_END;
	return z->complete;
}

static void
xz_stop(void *state)
{
	struct xz *z = state;

	lzma_end(&z->s);
	free(z);
}

const struct codec codec_xz = {
	.name = "xz",
	.magic = "\xfd"
		 "7zXZ\0",
	.n_magic = 6,
	.start = xz_start,
	.step = xz_step,
	.stop = xz_stop,
};
