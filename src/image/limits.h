/*
 * limits - what a user has allowed a layer to be, kept for when it is unpacked again
 *
 * An image may be unpacked long after it came, at a run, for another id map, of another platform, where
 * nobody says --limit-bytes again.  cache/limits-HEX, by the digest of the layer's blob, is there only
 * when more was allowed than unpack_limits_default; prune removes it with the blob.
 */
#ifndef IMAGE_LIMITS_H
#define IMAGE_LIMITS_H

#include "image/store.h"
#include "image/unpack.h"

#define LIMITS_PREFIX "limits-" /* of names in cache/ */

/* Those of the blob @digest: the default ones, and what was allowed beyond them. */
struct unpack_limits limits_read(const struct store *s, const char *digest);
/* @allowed is so for blob @digest from now on; what was allowed before remains so. */
int limits_write(const struct store *s, const char *digest, const struct unpack_limits *allowed,
		 struct err *e);

#endif
