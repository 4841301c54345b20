/*
 * feed-internal - between the files of feed.c
 *
 *   feed.c        messages, and the side of the registry
 *   feed-blobs.c  the side of the image: blobs that come
 */
#ifndef IMAGE_FEED_INTERNAL_H
#define IMAGE_FEED_INTERNAL_H

#include <sys/socket.h>

#include "image/feed.h"

#define FEED_WORDS_MAX 8
#define FEED_FDS       2 /* in a message that we understand */
#define FEED_FDS_MAX   253 /* the kernel's, SCM_MAX_FD: of a peer that means no good */

union feed_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(FEED_FDS_MAX * sizeof(int))];
};

struct feed_message {
	char buf[FEED_MESSAGE_MAX];
	const char *words[FEED_WORDS_MAX]; /* in buf */
	size_t n_words; /* 0: it is no message of ours */
	int fds[FEED_FDS]; /* owned */
	size_t n_fds;
	bool end; /* there are no more messages */
};
void feed_message_clear(struct feed_message *m);

/* Returns 1 when nobody is there any more. */
int feed_send(int fd, const char *const *words, size_t n, const int *fds, size_t n_fds, struct err *e);
/*
 * @flags: of recvmsg(2)
 * @m: filled in any case
 *
 * Returns 1 when there is nothing yet.
 */
int feed_receive(int fd, int flags, struct feed_message *m, struct err *e);
/* Is it @word, with @n words in all? */
bool feed_says(const struct feed_message *m, const char *word, size_t n);

#endif
