/*
 * image-kept - what a container that is kept has in its layers, open
 */
#ifndef LIBEXEC_IMAGE_KEPT_H
#define LIBEXEC_IMAGE_KEPT_H

#include "container/container.h"
#include "image/confine.h"
#include "image/pack.h"

/* One overlay: descriptors are owned. */
struct kept_place {
	char *dst;   /* owned; where it is inside; "" is the root */
	int *upper;  /* owned, the topmost first; what takes the writes, and what earlier ones took */
	size_t n_upper;
	int *lower;  /* owned, the topmost first; host directories, or none of those of an image */
	size_t n_lower;
	bool is_mirror; /* over what looks like a directory of the host */
	bool is_image; /* over the layers of the image, which are in the store */
};

struct kept {
	struct container c;
	struct kept_place *places; /* owned; those in which something may have changed */
	size_t n_places;
};
#define KEPT_INIT { .c = CONTAINER_INIT }
void kept_close(struct kept *k);
#define AUTO_KEPT CLEANUP(kept_close) struct kept

/*
 * Open container @name and all that lies outside of the store.  It may run where @lock is
 * CONTAINER_LOOK.
 */
int kept_open(const char *data_dir, const char *name, enum container_lock lock, struct kept *ret,
	      struct err *e);
/*
 * Open the store, after which nothing else is opened by name, and the layers of the image.
 *
 * @more: one more directory that is still to be used; NULL: none
 */
int kept_open_store(struct kept *k, const struct confine_dir *more, struct store *ret, struct err *e);
/* The root's overlay; NULL: it has none, as over the machine itself. */
const struct kept_place *kept_root(const struct kept *k);
/* Directories and whose their files are, for packing or comparing @p. */
struct pack_options kept_options(const struct kept *k, const struct kept_place *p);

#endif
