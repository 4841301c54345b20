/*
 * unpack - one layer of an image, from a blob into a directory
 *
 *   blob -> digest -> inflate -> digest -> tar -> tree
 *
 * The blob is a tar archive (ustar, pax, gnu), as it is or compressed with gzip, zstd, xz or bzip2;
 * its first bytes tell.  Everything in it is hostile.  Nothing of it is written, linked, or changed
 * outside of the directory, which must be empty, on a file system with user.* attributes, and
 * nobody else's business until the layer is there.  What goes wrong is one error that names the
 * entry; the caller removes the directory then.
 *
 * What lies in the directory afterwards is a lower layer of overlayfs with `userxattr`: a file that
 * is removed is a character device 0:0, a directory whose contents are replaced has
 * user.overlay.opaque=y.
 */
#ifndef IMAGE_UNPACK_H
#define IMAGE_UNPACK_H

#include <stdatomic.h>

#include "base/err.h"

#define DIGEST_HEX_SIZE 65

struct progress;
struct progress_row;

enum unpack_owners {
	UNPACK_OWNERS_REAL,     /* chown: as root, of the machine or of a map of ids */
	UNPACK_OWNERS_RECORDED, /* all is the caller's; owners are recorded (base/record.h) */
};

struct unpack_limits {
	uint64_t bytes;     /* apparent size of all files together */
	uint64_t entries;   /* files, directories made on the way, whiteouts ... */
	uint64_t blob;      /* of the blob, which may come from a pipe that has no end; 0: any number */
	unsigned int depth; /* of directories */
	unsigned int ratio; /* output per byte of input, once the output is over 256 MiB */
	struct progress *progress; /* borrowed; told of the blob's bytes as they are read; or NULL */
	struct progress_row *row;  /* borrowed; told of the same; or NULL */
	size_t memory; /* bytes for decompression; who needs more gets ENOBUFS; 0: STREAM_MEMORY */
	const atomic_bool *stop; /* borrowed; it fails with ECANCELED when this is true; or NULL */
};

extern const struct unpack_limits unpack_limits_default;

/* Bytes of an archive, not compressed, that is within them. */
uint64_t unpack_stream_max(const struct unpack_limits *l);

struct unpack_result {
	char digest[DIGEST_HEX_SIZE];  /* sha256 of the blob */
	char diff_id[DIGEST_HEX_SIZE]; /* sha256 of what it holds, to its very end */
	const char *compression;       /* "none", "gzip", "zstd", "xz", "bzip2" */
	uint64_t blob_bytes;           /* of the blob */
	uint64_t stream_bytes;         /* of what it holds */
	uint64_t bytes;                /* apparent size of all files together */
	uint64_t entries;
	bool opaque_root; /* what is below this layer is not seen: overlayfs does not look for
			   * that on the topmost directory */
	uint64_t n_dropped; /* attributes and nodes that this machine does not let us make ... */
	char dropped[160];  /* ... and the first of them: "usr/bin/x: trusted.y: Not permitted" */
};

/*
 * @blob_fd:  read from where it stands to its end; a pipe will do
 * @dir_fd:   the directory, open for reading; or -1 to learn the digests alone
 * @l:        NULL is unpack_limits_default
 *
 * Starts two threads, which are gone when it returns.
 */
int unpack_layer(int blob_fd, int dir_fd, enum unpack_owners how, const struct unpack_limits *l,
		 struct unpack_result *ret, struct err *e);

#endif
