/*
 * names - index.json in a form that a start reads without a parser: cache/names
 *
 * The file begins with a stamp of the index.json that it was made from; when that has been replaced,
 * by whomever, the cache is stale and is made anew.
 */
#ifndef IMAGE_NAMES_H
#define IMAGE_NAMES_H

#include <stddef.h>

#include "base/err.h"

#define NAMES_STAMP_SIZE 96

/* What tells one index.json from another. 0, or -errno without a message. */
int names_stamp(int store_fd, char ret[NAMES_STAMP_SIZE]);

/* The digest ("sha256:HEX", owned) that @name has; NULL: not there, stale, or no cache. */
char *names_find(int store_fd, const char *name);

/* The digest (owned) of the image that index @digest has for @platform; NULL: not known here. */
char *names_find_platform(int store_fd, const char *digest, const char *platform);
/* Where that stands, relative to the store.  Owned. */
char *names_platform_path(const char *digest, const char *platform);

#endif
