/*
 * garbage - what of the store nobody refers to
 *
 * In use is what index.json names, what kept containers need (containers/NAME/record), and the image
 * of each run: a run holds its cache/image-HEX locked (flock) from before it looks for the layers
 * to its end, and does not take the store's lock.  So a record is unlinked first, under its own
 * exclusive lock, and layers go afterwards.  All others that add or read hold the store's lock.
 *
 * Who pulls has the files of partial/ locked that are his.
 *
 * A container that is kept names its image and layers as long as it has its name, and a run makes or
 * starts it while it holds the image's record: so containers are looked at after records, once more.
 */
#ifndef IMAGE_GARBAGE_H
#define IMAGE_GARBAGE_H

#include "image/reach.h"

enum garbage_kind {
	GARBAGE_NAME,    /* an entry of index.json: without a name, or --all */
	GARBAGE_BLOB,
	GARBAGE_LAYER,   /* unpacked */
	GARBAGE_CACHE,   /* what is made again when it is missed */
	GARBAGE_RUN,     /* the writable layer of a run that has died, or of a container half removed */
	GARBAGE_PARTIAL, /* a blob of which a pull that has ended has fetched a part */
	GARBAGE_TEMP,    /* left by whoever was killed */
	GARBAGE_MAX_
};

struct garbage_item {
	enum garbage_kind kind;
	char *path;     /* owned; below the store; of GARBAGE_NAME the name, or the digest */
	uint64_t bytes; /* of disk */
};

struct garbage {
	struct garbage_item *items; /* owned */
	size_t n;
	json_t *entries; /* owned; array of those of index.json that go */
};
#define GARBAGE_INIT { .n = 0 }
void garbage_clear(struct garbage *g);
#define AUTO_GARBAGE CLEANUP(garbage_clear) struct garbage

struct garbage_options {
	bool all;        /* names, too, that no container and no run uses */
	json_t *only;    /* of the names only these: entries of index.json; NULL: no limit */
	bool for_removal; /* the caller is alone (store_lock_alone()), and garbage_remove() comes
			   * next; cache records are unlinked already */
};

/* An error when it is not known what something refers to: then nothing has been removed. */
int garbage_find(const struct store *s, const struct garbage_options *o, struct garbage *ret,
		 struct err *e);

/*
 * Remove it all.  What cannot be removed is taken out of @g, the error is about the first of that
 * and is prefixed with its path; the rest has been done.
 */
int garbage_remove(const struct store *s, struct garbage *g, struct err *e);

#endif
