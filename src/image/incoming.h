/*
 * incoming - an archive on its way into the store, read once, from a file or a pipe
 *
 * What OCI has a media type for is stored as it is.  The rest, and what is wanted in another
 * compression, is compressed anew while it is unpacked:
 *
 *   archive -> stream -+-> pipe -> who unpacks it
 *                      +-> sink -> blob
 */
#ifndef IMAGE_INCOMING_H
#define IMAGE_INCOMING_H

#include "image/oci.h"
#include "image/pack.h"
#include "image/unpack.h"

struct incoming;

/*
 * Begin to read @fd.  What cannot be an archive is refused before any of it is stored.
 *
 * @compression: NULL: as it is, where that can be
 * @blob_fd: an empty file; this and @fd are borrowed until incoming_freep()
 * @limits: copied; its progress is borrowed as long, and told of what is to come
 */
int incoming_open(int fd, const enum pack_compression *compression, int blob_fd,
		  const struct unpack_limits *limits, struct incoming **ret, struct err *e);
void incoming_freep(struct incoming **in);
#define AUTO_INCOMING CLEANUP(incoming_freep) struct incoming *

/* Borrowed; to be read to its end. */
int incoming_tar_fd(const struct incoming *in);
/* What is to be told of the bytes that are read there; NULL: they are told of already. */
struct progress *incoming_progress(const struct incoming *in);
/* Reading that gave @e: when that is because the archive could not be read, @e tells that instead. */
int incoming_blame(struct incoming *in, struct err *e);
/* It has been unpacked: fill in what the layer is, all owned. */
int incoming_finish(struct incoming *in, const struct unpack_result *unpacked,
		    struct oci_layer *ret, struct err *e);

#endif
