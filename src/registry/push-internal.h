/*
 * push-internal - between the files of push.c
 *
 *   push.c         what an image consists of, its manifests
 *   push-source.c  where that comes from
 *   push-blobs.c   blobs, several at once
 */
#ifndef REGISTRY_PUSH_INTERNAL_H
#define REGISTRY_PUSH_INTERNAL_H

#include "registry/push.h"

/* Returns 1 when it is not there. */
int push_source_document(const struct push_source *s, const char *what, struct document *ret, struct err *e);
bool push_source_has(const struct push_source *s, const char *digest);
/* Of a store: the blob, which has that size. */
int push_source_open(const struct push_source *s, const struct blob *b, struct err *e);
/* Is what has come, in a file, what it should be? */
int push_check_file(int fd, const struct blob *b, struct err *e);

/* Put a manifest or an index, under a tag or its digest. */
int push_put_document(const struct push *p, const struct document *d, const char *reference, struct err *e);

/* All of them; the order is theirs. */
int push_blobs(const struct push *p, const struct blob *v, size_t n, struct err *e);

#endif
