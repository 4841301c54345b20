/* xz; a file may have several streams. */
#include <lzma.h>

#include "image/codec.h"

/* The dictionary of xz -9 is 64 MiB. */
#define MEMORY_MAX ((uint64_t)80 << 20)

struct xz {
	lzma_stream s;
	bool complete;
};

static void *
xz_start(void)
{
	struct xz *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&z->s, MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static const char *
xz_error(lzma_ret r)
{
	return r == LZMA_MEM_ERROR	? "xz: out of memory"
	       : r == LZMA_MEMLIMIT_ERROR ? "xz: needs more than 80 MiB of memory"
	       : r == LZMA_OPTIONS_ERROR  ? "xz: unsupported options"
					  : "xz: corrupt data";
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
		return err_set(e, EBADMSG, "%s", xz_error(r));
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
