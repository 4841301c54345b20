/* zstd; a file may have several frames. */
#include <zstd.h>
#include <zstd_errors.h>

#include "image/codec.h"

struct zstd {
	ZSTD_DCtx *d;
	size_t memory; /* bytes that it may take */
	bool complete;
};

/* The window that is kept in memory: the largest power of two that @memory has room for. */
static int
window_log(size_t memory)
{
	int n = 10;

	while (n < 30 && (size_t)2 << n <= memory)
		n++;
	return n;
}

static void *
zstd_start(size_t memory)
{
	struct zstd *z = calloc(1, sizeof(*z));

	if (z && !(z->d = ZSTD_createDCtx())) {
		free(z);
		return NULL;
	}
	if (z) {
		z->memory = memory;
		(void)ZSTD_DCtx_setParameter(z->d, ZSTD_d_windowLogMax, window_log(memory));
	}
	return z;
}

static int
zstd_error(const struct zstd *z, size_t r, struct err *e)
{
	if (ZSTD_getErrorCode(r) != ZSTD_error_frameParameter_windowTooLarge)
		return err_set(e, EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
	(void)err_set(e, ENOBUFS, "zstd: needs a window of more than %u MiB in memory",
		      1U << (window_log(z->memory) - 20));
	return err_hint(e, "without --long and --ultra it needs less; zstd -dc unpacks it");
}

static int
zstd_step(void *state, struct codec_io *io, struct err *e)
{
	struct zstd *z = state;
	ZSTD_inBuffer in = { io->in, io->n_in, 0 };
	ZSTD_outBuffer out = { io->out, io->n_out, 0 };
	size_t r;

	/* A call would begin the next frame. */
	if (z->complete && io->n_in == 0)
		return 1;
	r = ZSTD_decompressStream(z->d, &out, &in);
	if (ZSTD_isError(r))
		return zstd_error(z, r, e);
	io->in += in.pos;
	io->n_in -= in.pos;
	io->out += out.pos;
	io->n_out -= out.pos;
	z->complete = r == 0;
	return z->complete;
}

static void
zstd_stop(void *state)
{
	struct zstd *z = state;

	(void)ZSTD_freeDCtx(z->d);
	free(z);
}

const struct codec codec_zstd = {
	.name = "zstd",
	.magic = "\x28\xb5\x2f\xfd",
	.n_magic = 4,
	.start = zstd_start,
	.step = zstd_step,
	.stop = zstd_stop,
};
