/*
 * stream - what a blob holds, decompressed, with the digests of both
 *
 *   reader thread               digest thread      the caller
 *   read, digest of the blob,   digest of what     stream_next()
 *   inflate                     it holds
 *        |                           ^                 ^
 *        +------> ring of buffers ---+-----------------+
 *
 * The three meet in a ring of buffers only.  A buffer is filled once, read by the other two at the
 * same time, and filled again when both are done with it.  So memory is the same whatever the size.
 */
#ifndef IMAGE_STREAM_H
#define IMAGE_STREAM_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/err.h"

struct progress;
struct progress_row;
struct stream;

struct stream_limits {
	uint64_t bytes;     /* of output */
	uint64_t in;        /* of input; 0: any number */
	unsigned int ratio; /* output per byte of input, once the output is over 256 MiB */
	struct progress *progress; /* borrowed; told of the input's bytes; or NULL */
	struct progress_row *row;  /* borrowed; told of the same; or NULL */
	size_t memory; /* bytes for decompression; who needs more gets ENOBUFS; 0: STREAM_MEMORY */
	const atomic_bool *stop; /* borrowed; the stream fails when it becomes true; or NULL */
};

/* Enough for zstd up to level 19, and 20, and for xz up to -8. */
#define STREAM_MEMORY ((size_t)40 << 20)

struct stream_result {
	char digest[65], diff_id[65];
	const char *compression;
	uint64_t in, out; /* bytes */
};

/* Begin to read @fd, which must stay open as long as the stream. */
int stream_open(int fd, const struct stream_limits *l, struct stream **ret, struct err *e);
/* The same, of what begins with the @n bytes (64 KiB at most) that have been read from @fd already. */
int stream_open_after(const void *head, size_t n, int fd, const struct stream_limits *l,
		      struct stream **ret, struct err *e);
/* From any thread: nothing is wanted any more, whoever waits for the next piece gets none. */
void stream_stop(struct stream *s);
/* The threads end, whatever they are at. */
void stream_closep(struct stream **s);
#define AUTO_STREAM CLEANUP(stream_closep) struct stream *

/* The next piece, valid until the next call: its length, 0 at the end, -errno. */
ssize_t stream_next(struct stream *s, const void **ret, struct err *e);
/* Take the rest, and learn what it was. */
int stream_finish(struct stream *s, struct stream_result *ret, struct err *e);

#endif
