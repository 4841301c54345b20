/*
 * gzip by ISA-L, which is twice as fast as zlib.  A file may have several members, one after the
 * other, and zeros at the end, as tapes and block devices leave them.
 */
#include <isa-l/igzip_lib.h>

#include "image/codec.h"

struct gzip {
	struct inflate_state s;
	bool between;  /* members */
	bool padding;  /* zeros were seen: no member may follow */
};

static void *
gzip_start(size_t memory)
{
	struct gzip *z = calloc(1, sizeof(*z));

	(void)memory;
	if (!z)
		return NULL;
	isal_inflate_init(&z->s);
	z->s.crc_flag = ISAL_GZIP;
	return z;
}

static const char *
gzip_error(int r)
{
	switch (r) {
	case ISAL_INVALID_WRAPPER:
	case ISAL_UNSUPPORTED_METHOD:
		return "gzip: a header that makes no sense";
	case ISAL_INCORRECT_CHECKSUM:
		return "gzip: wrong checksum";
	default:
		return "gzip: corrupt data";
	}
}

/* Between members: begin the next one, or pass over padding. */
static int
gzip_next(struct gzip *z, struct codec_io *io, struct err *e)
{
	while (io->n_in > 0 && io->in[0] == 0) {
		z->padding = true;
		io->in++;
		io->n_in--;
	}
	if (io->n_in == 0)
		return 0;
	if (z->padding || io->in[0] != (uint8_t)codec_gzip.magic[0])
		return err_set(e, EBADMSG, "gzip: garbage after the compressed data");
	isal_inflate_reset(&z->s);
	z->s.crc_flag = ISAL_GZIP;
	z->between = false;
	return 0;
}

static int
gzip_step(void *state, struct codec_io *io, struct err *e)
{
	struct gzip *z = state;
	int r;

	if (z->between && gzip_next(z, io, e) < 0)
		return -e->code;
	if (z->between)
		return 1;
	z->s.next_in = (uint8_t *)(uintptr_t)io->in;
	z->s.avail_in = (uint32_t)io->n_in;
	z->s.next_out = io->out;
	z->s.avail_out = (uint32_t)io->n_out;
	r = isal_inflate(&z->s);
	if (r < 0 || r == ISAL_NEED_DICT)
		return err_set(e, EBADMSG, "%s", gzip_error(r));
	io->in += io->n_in - z->s.avail_in;
	io->n_in = z->s.avail_in;
	io->out += io->n_out - z->s.avail_out;
	io->n_out = z->s.avail_out;
	z->between = z->s.block_state == ISAL_BLOCK_FINISH;
	return z->between;
}

const struct codec codec_gzip = {
	.name = "gzip",
	.magic = "\x1f\x8b",
	.n_magic = 2,
	.start = gzip_start,
	.step = gzip_step,
	.stop = free,
};
