/* bzip2; a file may have several streams. */
#include <bzlib.h>
#include <string.h>

#include "image/codec.h"

struct bzip2 {
	bz_stream s;
	bool between; /* streams */
};

static void *
bzip2_start(size_t memory)
{
	struct bzip2 *z = calloc(1, sizeof(*z));

	(void)memory;
	if (z && BZ2_bzDecompressInit(&z->s, 0, 0) != BZ_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static int
bzip2_next(struct bzip2 *z, struct err *e)
{
	(void)BZ2_bzDecompressEnd(&z->s);
	z->s = (bz_stream){ .next_in = NULL };
	if (BZ2_bzDecompressInit(&z->s, 0, 0) != BZ_OK)
		return err_set(e, ENOMEM, "bzip2: out of memory");
	z->between = false;
	return 0;
}

static int
bzip2_step(void *state, struct codec_io *io, struct err *e)
{
	struct bzip2 *z = state;
	int r;

	if (z->between && io->n_in == 0)
		return 1;
	if (z->between && bzip2_next(z, e) < 0)
		return -e->code;
	z->s.next_in = (char *)(uintptr_t)io->in;
	z->s.avail_in = (unsigned int)io->n_in;
	z->s.next_out = (char *)io->out;
	z->s.avail_out = (unsigned int)io->n_out;
	r = BZ2_bzDecompress(&z->s);
	if (r != BZ_OK && r != BZ_STREAM_END)
		return err_set(e, r == BZ_MEM_ERROR ? ENOMEM : EBADMSG, "bzip2: %s",
			       r == BZ_MEM_ERROR ? "out of memory" : "corrupt data");
	io->in += io->n_in - z->s.avail_in;
	io->n_in = z->s.avail_in;
	io->out += io->n_out - z->s.avail_out;
	io->n_out = z->s.avail_out;
	z->between = r == BZ_STREAM_END;
	return z->between;
}

static void
bzip2_stop(void *state)
{
	struct bzip2 *z = state;

	(void)BZ2_bzDecompressEnd(&z->s);
	free(z);
}

/* A tar archive begins with a name, which may begin with BZh; so look at the first block too. */
static bool
bzip2_matches(const uint8_t *p, size_t n)
{
	return n >= 10 && p[3] >= '1' && p[3] <= '9' &&
	       (memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
		memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

const struct codec codec_bzip2 = {
	.name = "bzip2",
	.magic = "BZh",
	.n_magic = 3,
	.matches = bzip2_matches,
	.start = bzip2_start,
	.step = bzip2_step,
	.stop = bzip2_stop,
};
