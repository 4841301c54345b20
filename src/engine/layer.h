/*
 * layer - the directory on disk that takes the writes of one run
 *
 * scratch/ID is made and locked (flock) by the launcher; launcher and init hold the lock through
 * the same open file, so it is free exactly when both are gone.  Whoever gets the lock of a
 * directory may remove it: that is how the left-overs of a crash go.
 *
 * The caller has his own ids here, in no new namespace; removal of a range's files happens in the
 * user namespace that maps them.
 */
#ifndef ENGINE_LAYER_H
#define ENGINE_LAYER_H

#include "base/err.h"

struct layer {
	int fd;              /* owned, -1: none; the directory, locked */
	char path[PATH_MAX]; /* of the directory */
};
#define LAYER_INIT { .fd = -1, .path = "" }

/* Make scratch/ID below @dir (made when missing, mode 0700) and lock it. */
int layer_create(const char *dir, struct layer *ret, struct err *e);

/*
 * Remove @l (if it has a directory) and what earlier crashes left in @dir, in a background process
 * that outlives the caller and holds none of its standard descriptors.
 *
 * @userns_fd: a user namespace to enter first, or -1
 */
void layer_discard(struct layer *l, const char *dir, int userns_fd);

#endif
