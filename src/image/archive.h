/*
 * archive - images as files that others read: OCI layouts, as a directory or a tar, and what
 * `docker save` writes
 *
 * Reading: a tar is read once, front to back, for it may be a pipe and its entries may be in any
 * order: its files are spooled, and found by name afterwards.  Names of an archive are never looked
 * up in a file system but below a directory that was given, without links.
 *
 *   read     the files of a tar or a directory
 *   oci      the images that an index.json lists
 *   docker   the images that a manifest.json lists
 */
#ifndef IMAGE_ARCHIVE_H
#define IMAGE_ARCHIVE_H

#include "image/oci.h"
#include "image/spool.h"

struct archive;

/*
 * @fd: a tar, compressed or not, read from where it stands, or a directory; borrowed, as is @spool
 * @progress: borrowed, or NULL; told of the bytes that are read
 */
int archive_open(int fd, struct spool *spool, struct progress *progress, struct archive **ret,
		 struct err *e);
void archive_closep(struct archive **a);
#define AUTO_ARCHIVE CLEANUP(archive_closep) struct archive *

/* An image that an archive has. */
struct archive_image {
	char *digest;     /* owned; of a manifest or an index */
	char *media_type; /* owned */
	uint64_t size;    /* bytes of that document */
	char **names;     /* owned strv; as the archive has them: anything */
};
struct archive_images {
	struct archive_image *v; /* owned */
	size_t n;
};
#define ARCHIVE_IMAGES_INIT { .v = NULL }
void archive_images_clear(struct archive_images *i);
#define AUTO_ARCHIVE_IMAGES CLEANUP(archive_images_clear) struct archive_images

/*
 * The images; what they are made of is spooled and wanted, and each blob is what its descriptor says.
 */
int archive_find_images(struct archive *a, struct archive_images *ret, struct err *e);

#endif
