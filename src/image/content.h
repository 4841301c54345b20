/*
 * content - a digest of what a file contains, whether holes are written out or not
 *
 * It goes over the blocks that are not all zero, each with its number: so holes cost nothing, and
 * neither of two ways to store the same bytes is another file.  It is compared within one process
 * only, and never written down.
 */
#ifndef IMAGE_CONTENT_H
#define IMAGE_CONTENT_H

#include "base/err.h"

#define CONTENT_SIZE 65 /* hexadecimal and a NUL */

struct content;

struct content *content_new(void);
void content_freep(struct content **c);
#define AUTO_CONTENT CLEANUP(content_freep) struct content *

/* The bytes at @offset, which is never before the end of the bytes added last. */
void content_add(struct content *c, uint64_t offset, const void *data, size_t n);
int content_end(struct content *c, char ret[CONTENT_SIZE], struct err *e);

/* Of the regular file that @fd is open on for reading. */
int content_of(int fd, char ret[CONTENT_SIZE], struct err *e);

#endif
