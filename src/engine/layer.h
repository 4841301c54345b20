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

#include "spec/spec.h"

struct layer {
	int fd;              /* owned, -1: none; the directory, locked unless kept */
	bool kept;           /* spec.layer_keep: whoever keeps it has locked it, and removes it */
	char path[PATH_MAX]; /* of the directory */
};
#define LAYER_INIT { .fd = -1, .path = "" }

/*
 * Open @dir, a directory of rootlet's own, made when it is missing: an error when it is somebody else's,
 * and nobody else may look in afterwards.  Returns a descriptor.
 */
int layer_open_dir(const char *dir, struct err *e);

/* Make scratch/ID below @dir (made when missing, mode 0700) and lock it. */
int layer_create(const char *dir, struct layer *ret, struct err *e);

/* Open spec.layer_keep, which must be the caller's own. */
int layer_open_kept(const char *path, struct layer *ret, struct err *e);

/*
 * What step @m of the plan has in a layer that is kept, whatever the other steps are: "u0" is the upper
 * directory of the root, "u%2fa%2fb" that of an overlay on /a/b, "u1%2fa%2fb" that of a second one
 * there; 'd' instead of 'u': of MOUNT_LAYER_DIR.
 */
int layer_name(const struct spec *s, const struct mount_step *m, char ret[NAME_MAX + 1],
	       struct err *e);

/*
 * Remove @l (if it has a directory) and what earlier crashes left in @dir, in a background process
 * that outlives the caller and holds none of its standard descriptors.
 *
 * @userns_fd: a user namespace to enter first, or -1
 */
void layer_discard(struct layer *l, const char *dir, int userns_fd);

#endif
