/*
 * record - what a start needs to know of an image, in a form that needs no parser of JSON
 *
 * The truth is the OCI layout: rootlet-image makes records from it, `rootlet run` reads them, and
 * makes nothing of one that is missing or odd but ask for a new one.  A record is a file of
 * NUL-terminated words, the first of which names the format, the others "KEY=VALUE".
 */
#ifndef IMAGE_RECORD_H
#define IMAGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define IMAGE_LAYERS_MAX 500 /* what overlayfs takes */

struct image_record {
	char *digest;      /* owned; of the manifest, "sha256:HEX" */
	char **layers;     /* owned strv; diff-ids in hexadecimal, bottom first */
	char **entrypoint; /* owned strv, as are the next */
	char **cmd;
	char **env;
	char **volumes;
	char *user;        /* owned; NULL: none, as the next */
	char *workdir;
	char *stop_signal;
	char *platform;    /* OS/ARCHITECTURE[/VARIANT] */
};
#define IMAGE_RECORD_INIT { .digest = NULL }
void image_record_clear(struct image_record *r);
#define AUTO_IMAGE_RECORD CLEANUP(image_record_clear) struct image_record

/* For records that have these words, too: append them; take one, or -EINVAL without a message. */
void image_record_append(const struct image_record *r, char **data, size_t *len);
int image_record_take(struct image_record *r, const char *word);
/* Is what was taken whole? */
bool image_record_is_valid(const struct image_record *r);

/* Bytes to be written.  Owned. */
char *image_record_encode(const struct image_record *r, size_t *ret_len);
/* -EINVAL without a message when it is not a record of ours. */
int image_record_decode(const char *data, size_t len, struct image_record *ret);

#endif
