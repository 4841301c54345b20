/*
 * spool - blobs on their way into the store: written, digested, and without a name yet
 *
 * What comes from outside is all written and looked at before any of it gets a name.  Files of their
 * own are unnamed, so that nothing of them is left whatever becomes of this process; what is small
 * shares one, since an archive may have very many.
 */
#ifndef IMAGE_SPOOL_H
#define IMAGE_SPOOL_H

#include "image/store.h"

/* Files above 64 KiB that may be there at the same time, where the system lets us. */
#define SPOOL_FILES_MAX 16384

/* Let us have so many open: every larger blob is a descriptor. */
void spool_raise_descriptors(void);

/* For blobs of @s, which is borrowed. */
struct spool *spool_new(const struct store *s);
void spool_freep(struct spool **p);
#define AUTO_SPOOL CLEANUP(spool_freep) struct spool *

/*
 * One blob after the other: begin, write, end.
 *
 * @size: bytes that will be written; fewer or more are an error
 */
int spool_begin(struct spool *p, uint64_t size, struct err *e);
int spool_write(struct spool *p, const void *data, size_t n, struct err *e);
int spool_end(struct spool *p, struct blob *ret, struct err *e);
/* A file of store_new_blob() that has been written elsewhere; it is owned from now on. */
int spool_adopt(struct spool *p, int fd, const struct blob *b, struct err *e);
/* A document, as store_put_json(). */
int spool_put_json(struct spool *p, json_t *json, struct blob *ret, struct err *e);

/* Is there a blob of this digest?  Its size then. */
bool spool_has(const struct spool *p, const char *digest, uint64_t *ret_size);
/* A descriptor that stands at its beginning; -ENOENT without a message: there is none. */
int spool_open(const struct spool *p, const char *digest, struct err *e);

/* The blob is part of an image: returns false when it had been said. */
bool spool_want(struct spool *p, const char *digest);
/* Give the blobs that are wanted their names in the store, which keeps its limits for them, too. */
int spool_keep(struct spool *p, struct err *e);

#endif
