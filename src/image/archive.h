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
 *   save     images of the store as files
 *   layer    their layers, compressed otherwise
 *   out      a tar or a directory that is written
 */
#ifndef IMAGE_ARCHIVE_H
#define IMAGE_ARCHIVE_H

#include "image/oci.h"
#include "image/pack.h"
#include "image/spool.h"

#define ARCHIVE_NAMES_MAX 1000 /* in an archive; and images */

struct archive;

/*
 * @fd: a tar, compressed or not, read from where it stands, or a directory; borrowed, as is @spool
 * @s: its progress is told of the bytes that are read; what its limits allow one layer, a tar may have
 */
int archive_open(int fd, struct spool *spool, const struct store *s, struct archive **ret,
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

/* --- writing --- */

enum archive_format {
	ARCHIVE_OCI,     /* an OCI layout as a tar, with what makes it an archive of Docker's, too */
	ARCHIVE_OCI_DIR, /* an OCI layout */
	ARCHIVE_DOCKER,  /* manifest.json, and layers that are not compressed */
};

struct archive_save {
	const struct store *store; /* borrowed; its spool is @spool */
	struct spool *spool;       /* borrowed; for what is not in the store as it is wanted */
	enum archive_format format;
	bool recompress;           /* else layers are as they are in the store */
	enum pack_compression compression;
	/* What has been added so far.  Owned. */
	struct saved_file *files;
	size_t n_files;
	struct converted *converted;
	size_t n_converted;
	json_t *descriptors; /* of index.json */
	json_t *docker;      /* manifest.json */
};
void archive_save_init(struct archive_save *sv, const struct store *s, struct spool *spool);
void archive_save_clear(struct archive_save *sv);
#define AUTO_ARCHIVE_SAVE CLEANUP(archive_save_clear) struct archive_save

/* @digest: of a manifest or an index; @name: the store's, or NULL */
int archive_save_add(struct archive_save *sv, const char *digest, const char *name, struct err *e);
/* The same images make the same bytes. */
int archive_save_tar(const struct archive_save *sv, int fd, struct err *e);
/*
 * The caller has locked the directory.
 *
 * @is_new: it is empty; else it is a layout, which is added to
 */
int archive_save_dir(const struct archive_save *sv, int dir_fd, bool is_new, struct err *e);

#endif
