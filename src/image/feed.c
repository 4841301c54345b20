/*
 * Messages, and the side of the registry.  The image's is in feed-blobs.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/feed-internal.h"
#include "image/ref.h"

/* --- messages --- */

static size_t
put_words(char buf[FEED_MESSAGE_MAX], const char *const *words, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		const size_t k = strlen(words[i]) + 1;

		if (k > FEED_MESSAGE_MAX - len)
			return 0;
		memcpy(buf + len, words[i], k);
		len += k;
	}
	return len;
}

static void
put_fds(struct msghdr *msg, const int *fds, size_t n)
{
	struct cmsghdr *h;

	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	h = CMSG_FIRSTHDR(msg);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
}

int
feed_send(int fd, const char *const *words, size_t n, const int *fds, size_t n_fds, struct err *e)
{
	char buf[FEED_MESSAGE_MAX];
	union feed_control c = { .buf = { 0 } };
	struct iovec iov = { .iov_base = buf, .iov_len = put_words(buf, words, n) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf };

	if (iov.iov_len == 0)
		return err_set(e, EMSGSIZE, "a message about an image is too long");
	if (n_fds > 0)
		put_fds(&msg, fds, n_fds);
	else
		msg.msg_control = NULL;
	while (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0) {
		if (errno == EPIPE || errno == ECONNRESET)
			return 1;
		if (errno != EINTR)
			return err_sys(e, "tell the other side about an image");
	}
	return 0;
}

/* What is more than we want is closed. */
static void
take_fds(struct msghdr *msg, int *fds, size_t max, size_t *ret_n)
{
	size_t n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				fd_closep(&fd);
		}
	}
	*ret_n = n;
}

static size_t
split_words(const char *buf, size_t len, const char *words[FEED_WORDS_MAX])
{
	size_t n = 0;

	if (len == 0 || buf[len - 1] != '\0')
		return 0;
	for (const char *p = buf; p < buf + len; p += strlen(p) + 1) {
		if (n == FEED_WORDS_MAX)
			return 0;
		words[n++] = p;
	}
	return n;
}

int
feed_receive(int fd, int flags, struct feed_message *m, struct err *e)
{
	union feed_control c;
	struct iovec iov = { .iov_base = m->buf, .iov_len = sizeof(m->buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
			      .msg_controllen = sizeof(c.buf) };
	ssize_t n;

	*m = (struct feed_message){ .n_words = 0 };
	/* A reset says, once, that the other side has left words of ours unread. */
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 0)
		return err_sys(e, "hear about an image from the other side");
	take_fds(&msg, m->fds, NELEMS(m->fds), &m->n_fds);
	m->n_words = msg.msg_flags & MSG_TRUNC ? 0 : split_words(m->buf, (size_t)n, m->words);
	m->end = n == 0;
	return 0;
}

void
feed_message_clear(struct feed_message *m)
{
	for (size_t i = 0; i < m->n_fds; i++)
		fd_closep(&m->fds[i]);
	m->n_fds = 0;
}

bool
feed_says(const struct feed_message *m, const char *word, size_t n)
{
	return m->n_words == n && strcmp(m->words[0], word) == 0;
}

/* --- the side of the registry --- */

static int
say(int fd, const char *const *words, size_t n, struct err *e)
{
	const int r = feed_send(fd, words, n, NULL, 0, e);

	return r < 0 ? r : 0;
}

int
feed_send_image(int fd, const struct feed_image *im, struct err *e)
{
	AUTO_FREE char *size = xasprintf("%llu", (unsigned long long)im->size);
	const char *const words[] = { "image", im->name ? im->name : "", im->digest, im->media_type,
				      size, im->platform ? im->platform : "" };

	return say(fd, words, NELEMS(words), e);
}

int
feed_send_same(int fd, const char *name, const char *digest, struct err *e)
{
	const char *const words[] = { "same", name ? name : "", digest };

	return say(fd, words, NELEMS(words), e);
}

/* In the order of enum feed_verb; how many words they have. */
static const struct {
	const char *word;
	size_t n;
} verbs[] = {
	[FEED_BLOB] = { "blob", 2 },
	[FEED_WELL] = { "well", 1 },
	[FEED_DONE] = { "done", 1 },
};
static_assert(NELEMS(verbs) == FEED_GONE, "each request has its word");

int
feed_get_request(int fd, bool wait, struct feed_request *ret, struct err *e)
{
	CLEANUP(feed_message_clear) struct feed_message m;
	const int r = feed_receive(fd, wait ? 0 : MSG_DONTWAIT, &m, e);
	struct feed_request q = { .verb = FEED_BLOB };

	if (r != 0)
		return r;
	while (q.verb < FEED_GONE && !m.end && !feed_says(&m, verbs[q.verb].word, verbs[q.verb].n))
		q.verb++;
	if (m.end)
		q.verb = FEED_GONE;
	else if (q.verb == FEED_GONE || (q.verb == FEED_BLOB && !image_digest_is_valid(m.words[1])))
		return err_set(e, EPROTO, "a request that is not understood came from rootlet-image");
	if (q.verb == FEED_BLOB)
		(void)snprintf(q.digest, sizeof(q.digest), "%s", m.words[1]);
	*ret = q;
	return 0;
}

int
feed_answer(int fd, int file_fd, int pipe_fd, struct err *e)
{
	static const char *const words[] = { "ok" };
	const int fds[] = { file_fd, pipe_fd };
	const size_t n = file_fd < 0 ? 0 : pipe_fd < 0 ? 1 : 2;
	const int r = feed_send(fd, words, NELEMS(words), fds, n, e);

	return r < 0 ? r : 0;
}

int
feed_refuse(int fd, struct err *e)
{
	static const char *const words[] = { "no" };

	return say(fd, words, NELEMS(words), e);
}

/* --- between them --- */

int
feed_peek(int fd, enum feed_first *ret, struct err *e)
{
	CLEANUP(feed_message_clear) struct feed_message m;

	if (feed_receive(fd, MSG_PEEK, &m, e) < 0)
		return -e->code;
	*ret = m.end			     ? FEED_FIRST_GONE
	       : feed_says(&m, "same", 3) ? FEED_FIRST_SAME
					     : FEED_FIRST_IMAGE;
	return 0;
}
