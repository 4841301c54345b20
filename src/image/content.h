/*
 * content - a sum of what a file contains, whether holes are written out or not
 *
 * It goes over the blocks that are not all zero, each with its number: so holes cost nothing, and
 * neither of two ways to store the same bytes is another file.
 *
 * It is GHASH, as AES-GCM has it for data that is only authenticated, with a random key of one
 * struct content, which alone compares: nobody can choose two contents of the same sum without the
 * key.  That costs a quarter of sha256.
 */
#ifndef IMAGE_CONTENT_H
#define IMAGE_CONTENT_H

#include <stdint.h>

#include "base/err.h"

#define CONTENT_SIZE 16

struct content;

/* NULL when the library has no AES, or the kernel no random numbers: then content_end() says so. */
struct content *content_new(void);
void content_freep(struct content **c);
#define AUTO_CONTENT CLEANUP(content_freep) struct content *

/* The bytes at @offset, which is never before the end of the bytes added last. */
void content_add(struct content *c, uint64_t offset, const void *data, size_t n);
/* The sum of what was added since the last one. */
int content_end(struct content *c, uint8_t ret[CONTENT_SIZE], struct err *e);

/* Of the regular file that @fd is open on for reading; nothing has been added before. */
int content_of(struct content *c, int fd, uint8_t ret[CONTENT_SIZE], struct err *e);

#endif
