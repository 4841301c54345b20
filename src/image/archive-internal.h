/* archive-internal - what the parts of archive share */
#ifndef IMAGE_ARCHIVE_INTERNAL_H
#define IMAGE_ARCHIVE_INTERNAL_H

#include "image/archive.h"

struct archive {
	struct spool *spool; /* borrowed */
	int dir_fd;          /* borrowed; -1: a tar */
	struct progress *progress; /* borrowed, or NULL */
	/* Of a tar: */
	struct archive_file *files; /* owned; ordered by name */
	size_t n_files, room;
};

struct archive_file {
	char *name;  /* owned; clean, see name_clean() */
	char *link;  /* owned; clean: the name of another; NULL: it is a file */
	struct blob blob;
};

/*
 * The file @name.  Returns 1 and its blob, which is spooled; 0: there is none.
 *
 * @follow: may it be a link to another?
 */
int archive_find(struct archive *a, const char *name, bool follow, struct blob *ret,
		 struct err *e);
/* A document.  Returns 1 and it, owned; 0: there is none. */
int archive_read_json(struct archive *a, const char *name, json_t **ret, struct err *e);

/* The files of a tar: see archive-read.c.  @layer: what one layer is allowed; NULL: the usual. */
int archive_read_tar(struct archive *a, int fd, const struct unpack_limits *layer, struct err *e);

/* Add an image; a digest that is there already gets the name. */
void archive_add_image(struct archive_images *to, const struct blob *b, const char *media_type,
		       const char *name);

/* The two kinds.  @index, @manifest: the document that lists them. */
int archive_oci_images(struct archive *a, json_t *index, struct archive_images *ret, struct err *e);
int archive_docker_images(struct archive *a, json_t *manifest, struct archive_images *ret,
			  struct err *e);

/* "blobs/sha256/HEX".  Owned. */
char *archive_blob_name(const char *digest);

/* --- writing --- */

#define ARCHIVE_DEPTH_MAX 4 /* indexes in indexes */

/* Docker and containerd write the whole name there, and the tag alone where others have the name. */
#define ANNOTATION_CONTAINERD "io.containerd.image.name"

struct saved_file {
	char *name; /* owned; in the archive */
	struct blob blob;
};

struct converted {
	char from[sizeof("sha256:") + 64];
	const char *type; /* media type of what it has become */
	struct blob to;
	char diff_id[65]; /* "" when there was nothing to do */
};

bool archive_has_blob(const struct archive_save *sv, const char *digest);
int archive_blob_size(int fd, uint64_t *ret, struct err *e);
/* The layer in another compression, or as it is; spooled.  Valid until the next call; NULL: error. */
const struct converted *archive_convert_layer(struct archive_save *sv, const char *digest,
					      enum pack_compression to, struct err *e);
/* The document with its layers converted to sv->compression; spooled.  @depth: 0 */
int archive_rewrite(struct archive_save *sv, const char *digest, int depth, struct blob *ret,
		    const char **ret_type, struct err *e);

struct archive_out;
struct archive_out *archive_out_tar(int fd, struct progress *progress);
int archive_out_dir(int dir_fd, struct progress *progress, struct archive_out **ret,
		    struct err *e);
void archive_out_closep(struct archive_out **o);
/* A blob, compared with its digest; in a directory it has the name of that. */
int archive_put_blob(struct archive_out *o, const char *name, int fd, const struct blob *b,
		     struct err *e);
int archive_put_blob_dirs(struct archive_out *o, struct err *e);
int archive_put_text(struct archive_out *o, const char *name, const char *text, struct err *e);
int archive_out_end(struct archive_out *o, struct err *e);
/* Take the blobs away that were put. */
void archive_out_undo(struct archive_out *o);

#endif
