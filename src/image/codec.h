/*
 * codec - decompression, in this process, of what a layer may be compressed with
 *
 * No format but these, and never a program of somebody's PATH.
 */
#ifndef IMAGE_CODEC_H
#define IMAGE_CODEC_H

#include "base/err.h"

/* What a step works on; it moves all four on. */
struct codec_io {
	const uint8_t *in;
	size_t n_in;
	uint8_t *out;
	size_t n_out;
	bool last; /* there is no input after this */
};

struct codec {
	const char *name;
	const char *magic;
	size_t n_magic;
	/* Is it, as far as @n bytes tell?  NULL: the magic number is enough. */
	bool (*matches)(const uint8_t *p, size_t n);
	/*
	 * The state; NULL when there is no memory.  @memory: bytes; data that needs more of it is
	 * refused, with ENOBUFS, when a step sees that.
	 */
	void *(*start)(size_t memory);
	/*
	 * Take input, give output, as much as there is and fits.  Returns 1 when what was taken is
	 * complete, with nothing left to give, 0 when there is more to come.
	 */
	int (*step)(void *state, struct codec_io *io, struct err *e);
	void (*stop)(void *state);
};

#define CODEC_MAGIC_MAX 10

/* The one that data beginning with these bytes is for; never NULL: "none" takes everything. */
const struct codec *codec_find(const uint8_t *p, size_t n);

extern const struct codec codec_gzip, codec_zstd, codec_xz, codec_bzip2;

#endif
