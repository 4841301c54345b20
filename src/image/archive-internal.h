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

/* The files of a tar: see archive-read.c. */
int archive_read_tar(struct archive *a, int fd, struct err *e);

/* Add an image; a digest that is there already gets the name. */
void archive_add_image(struct archive_images *to, const struct blob *b, const char *media_type,
		       const char *name);

/* The two kinds.  @index, @manifest: the document that lists them. */
int archive_oci_images(struct archive *a, json_t *index, struct archive_images *ret, struct err *e);
int archive_docker_images(struct archive *a, json_t *manifest, struct archive_images *ret,
			  struct err *e);

#endif
