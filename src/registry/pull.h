/*
 * pull - an image from a registry, blob by blob, to whoever takes it into the store
 *
 * Several blobs come at a time, those that are wanted first.  They go into files (partial.h), and from
 * there, while they grow, through pipes to the other side (image/feed.h), which unpacks and compares
 * them: nothing is given a name in the store here, and that side shows how far it is.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include "image/store.h"
#include "registry/client.h"
#include "registry/policy.h"

struct pull {
	const char *name;       /* "debian:12"; of the store; NULL: none */
	const char *reference;  /* tag or digest */
	const char *platform;   /* NULL: this machine's */
	bool all_platforms;
	const struct policy *policy; /* NULL: none; what is there has to be as it says, too */
	const struct store *store; /* what is there is not fetched */
	int partial_fd;         /* STORE/partial */
	int feed_fd;            /* the other side */
};

enum pull_end {
	PULL_DONE,
	PULL_SAME,   /* it was there, unchanged */
	PULL_NONE,   /* the registry has no such image */
	PULL_FAILED_THERE, /* the other side has failed, and said why */
};

/*
 * Pull from @h, of @repository.
 *
 * @ret_digest: of what the name stands for
 * @ret_began: the other side has been told: no other registry can be tried any more
 *
 * Returns one of enum pull_end, or -errno.
 */
int pull_image(const struct pull *p, struct http *h, const char *repository,
	       char ret_digest[sizeof("sha256:") + 64], bool *ret_began, struct err *e);

#endif
