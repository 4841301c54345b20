/*
 * pull-blobs - between pull.c, which knows what an image needs, and what brings it
 */
#ifndef REGISTRY_PULL_BLOBS_H
#define REGISTRY_PULL_BLOBS_H

#include "registry/partial.h"
#include "registry/pull.h"

struct pulled {
	struct blob b;
	enum { BLOB_WAITS, BLOB_COMES, BLOB_HERE } state;
	bool wanted;         /* the other side waits for it */
	struct partial file;
	int pipe_fd;         /* owned; the other side reads from it; -1 */
	uint64_t fed;        /* bytes that have gone into the pipe */
	struct pull_blobs *all; /* borrowed */
};

struct pull_blobs {
	const struct pull *p;
	struct http *h;
	const char *repository;
	struct pulled **v;   /* owned, each of them too */
	size_t n, n_coming;
	struct err err;      /* the first thing that went wrong here */
	bool gone, done;     /* the other side has ended; it has all it wants */
};
void pull_blobs_clear(struct pull_blobs *x);
#define AUTO_PULL_BLOBS CLEANUP(pull_blobs_clear) struct pull_blobs

/* It will be needed; twice is once. */
int pull_blobs_add(struct pull_blobs *x, const struct blob *b, struct err *e);
/* The same of one that is here already. */
int pull_blobs_add_data(struct pull_blobs *x, const struct blob *b, const void *data, struct err *e);
/* Bring them, until the other side is done, or something fails. */
int pull_blobs_run(struct pull_blobs *x, struct err *e);

#endif
