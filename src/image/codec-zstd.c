/* zstd; a file may have several frames. */
#include <zstd.h>

#include "image/codec.h"

struct zstd {
	ZSTD_DCtx *d;
	bool complete;
};

/* A window of 128 MiB is the library's own limit: enough for all levels but --ultra --long. */
static void *
zstd_start(void)
{
	struct zstd *z = calloc(1, sizeof(*z));

	if (z && !(z->d = ZSTD_createDCtx())) {
		free(z);
		return NULL;
	}
	return z;
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
		return err_set(e, EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
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
