#include <string.h>

#include "image/codec.h"

static void *
none_start(size_t memory)
{
	(void)memory;
	return malloc(1);
}

static int
none_step(void *state, struct codec_io *io, struct err *e)
{
	const size_t n = io->n_in < io->n_out ? io->n_in : io->n_out;

	(void)state;
	(void)e;
	memcpy(io->out, io->in, n);
	io->in += n;
	io->n_in -= n;
	io->out += n;
	io->n_out -= n;
	return 1;
}

static const struct codec codec_none = {
	.name = "none",
	.magic = "",
	.n_magic = 0,
	.start = none_start,
	.step = none_step,
	.stop = free,
};

static const struct codec *const codecs[] = { &codec_gzip, &codec_zstd, &codec_xz, &codec_bzip2,
					      &codec_none };

static bool
matches(const struct codec *c, const uint8_t *p, size_t n)
{
	return n >= c->n_magic && memcmp(p, c->magic, c->n_magic) == 0 &&
	       (!c->matches || c->matches(p, n));
}

const struct codec *
codec_find(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (!matches(codecs[i], p, n))
		i++;
	return codecs[i];
}
