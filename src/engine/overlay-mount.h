/*
 * overlay-mount - what the making of an overlay's directories (overlay) shares with its mount
 */
#ifndef ENGINE_OVERLAY_MOUNT_H
#define ENGINE_OVERLAY_MOUNT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define OVERLAY_LOWERS_MAX 500 /* the kernel's own limit */

/* More need more descriptors than a process usually may have. */
#define OVERLAY_SOME_LOWERS 64

/* The stage by an absolute path: the current directory is another one during some mounts. */
#define OVERLAY_STAGE "/../"

struct overlay {
	int lowers[OVERLAY_LOWERS_MAX]; /* O_PATH, topmost first; of @beside only the first one */
	size_t n;
	char *const *beside; /* borrowed strv; not NULL: the lower directories by their names */
	int upper_fd, work_fd; /* owned, -1: in the layer */
	bool kept;
	/* Absolute.  Empty: nothing takes writes. */
	char upper[32 + NAME_MAX], work[32 + NAME_MAX];
};

/*
 * May the directories @lowers be .beside?  Layers of an image lie in one directory of the store:
 * relative to it mount(2) takes their names, which is one walk along the path for all of them, and no
 * descriptors.
 */
bool overlay_are_beside(char *const *lowers);

/*
 * Mount on @place, an absolute path.  The current directory is the stage, before and after.
 *
 * Returns 0, or -1 and errno.
 */
int overlay_mount_on(const struct overlay *o, const char *place);

#endif
