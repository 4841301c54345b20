/*
 * record - what is known of a container that is kept: from what it was made, and how it went
 *
 * A file of NUL-terminated words, the first of which names the format, the others "KEY=VALUE": those of
 * image/record.h when it was made from an image, which whoever clears the store reads, and these.
 */
#ifndef CONTAINER_RECORD_H
#define CONTAINER_RECORD_H

#include "image/record.h"

struct container_record {
	struct image_record image; /* digest is NULL: made from the machine or a directory */
	char *base;    /* owned; as it was written */
	char *kind;    /* owned; whose the files of its layer are: "range", "root", "single" */
	char **args;   /* owned strv; the command line of `run`: options, base, command */
	char **env;    /* owned strv; the program's whole environment */
	char *cwd, *home; /* owned, NULL: none; of who made it */
	char **places; /* owned strv; "NAME=DIRECTORY", an overlay's directory in a layer and one
			* below it, the topmost first; "u0=" is over the image's layers */
	char **stack;  /* owned strv; directories in layer/, bottom first, "N=SNAPSHOT", "N=" where
			* the snapshot has no name any more; the last one takes the writes */
	char *created, *started, *ended; /* owned; nanoseconds since 1970; NULL: not yet */
	char *status;  /* owned; how it ended; NULL: not known */
	char *process; /* owned; "PID START" of the launcher: /proc/PID/stat has START, in ticks */
};
#define CONTAINER_RECORD_INIT { .base = NULL }
void container_record_clear(struct container_record *r);
#define AUTO_CONTAINER_RECORD CLEANUP(container_record_clear) struct container_record

/* Bytes to be written.  Owned. */
char *container_record_encode(const struct container_record *r, size_t *ret_len);
/* -EINVAL without a message when it is not a record of ours. */
int container_record_decode(const char *data, size_t len, struct container_record *ret);

/* Set a text field to a number, or to nothing when @n is negative. */
void container_record_number(char **field, int64_t n);

#endif
