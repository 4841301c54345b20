/*
 * layers - the layers of images: into the store, unpacked beside it, and what a start reads of them
 *
 * layers/KIND/HEX is the tree of one layer, named by its diff-id, made elsewhere, written to the disk
 * (syncfs) and renamed, and never written again.  A name is a promise: what has one is whole, also
 * after a power cut, and a start looks for nothing but the name.  Writing costs once for all layers
 * of an image, about a tenth of the time of unpacking; marks that a later start had to compare would
 * have images unpacked again after each boot, which a store that cannot be written does not take.
 */
#ifndef IMAGE_LAYERS_H
#define IMAGE_LAYERS_H

#include <stdatomic.h>

#include "base/newfile.h"
#include "image/oci.h"
#include "image/pack.h"

/*
 * Unpack the tar archive that @fd has, compressed or not, for @kind, and store it as a blob when all
 * of it is well.
 *
 * @compression: of the blob; NULL: as it is, and gzip for what OCI has no media type for
 * @ret: to be cleared, also after an error
 */
int layers_add(const struct store *s, const char *kind, int fd,
	       const enum pack_compression *compression, struct oci_layer *ret, struct err *e);
void layers_clear(struct oci_layer *l);
/* The media type of a layer that was compressed so. */
const char *layers_compressed_type(enum pack_compression compression);
/* That of a layer as it is in @fd; NULL: OCI has none for its compression. */
const char *layers_media_type(int fd);

/* An error when its media type is not that of a layer. */
int layers_check_type(const struct oci_layer *l, struct err *e);

/* Is it unpacked? */
bool layers_has(const struct store *s, const char *kind, const struct oci_layer *l);
/*
 * Unpack it for @kind ("range", "root", "single"), within limits of unpack.h: -ENOBUFS and -ECANCELED,
 * with a message, are of these.
 *
 * What is there already is not unpacked again; a blob that is new is read nevertheless, and must hold
 * the same.
 *
 * @ret_temp: what it is called until layers_name() or layers_drop(); "": it was there already
 */
int layers_unpack(const struct store *s, const char *kind, const struct oci_layer *l, size_t memory,
		  const atomic_bool *stop, char ret_temp[TEMP_NAME_SIZE], struct err *e);
/* Write all of them to the disk; then each has its name.  After an error they are to be dropped. */
int layers_name(const struct store *s, const char *kind, const struct oci_layer *layers,
		char (*temps)[TEMP_NAME_SIZE], size_t n, struct err *e);
/* Those that have their names by now are not touched. */
void layers_drop(const struct store *s, const char *kind, char (*temps)[TEMP_NAME_SIZE], size_t n);
/* All of an image, several at a time; tells s->progress.  The first error ends it. */
int layers_unpack_all(const struct store *s, const char *kind, const struct oci_image *im,
		      struct err *e);

/* cache/image-HEX, and cache/names: index.json without JSON; see record.h. */
int layers_write_record(const struct store *s, const struct oci_image *im, struct err *e);
/* Index @index has image @digest for @platform; NULL: this machine's. */
int layers_write_platform(const struct store *s, const char *index, const char *platform,
			  const char *digest, struct err *e);
int layers_write_names(const struct store *s, struct err *e);
/*
 * All of them, for a start of @im by @digest, which is its own or that of an index that has it for
 * @platform.
 */
int layers_write_cache(const struct store *s, const struct oci_image *im, const char *digest,
		       const char *platform, struct err *e);

/*
 * The directory of a layer that has been unpacked; -1 and errno when there is none.
 *
 * @hex: its diff-id without "sha256:"
 */
int layers_open(const struct store *s, const char *kind, const char *hex);
/* Those of all layers of an image, topmost first, into @fds; after a failure some are open. */
int layers_open_all(const struct store *s, const char *kind, const struct oci_image *im, int *fds,
		    struct err *e);

#endif
