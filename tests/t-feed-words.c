/* The side of the registry: what comes from the other one may be anything. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/feed.h"
#include "image/feed-internal.h"
#include "tap.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int ours, theirs;

static void
open_pair(void)
{
	int pair[2] = { -1, -1 };

	(void)socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	ours = pair[0];
	theirs = pair[1];
}

static void
close_pair(void)
{
	(void)close(ours);
	(void)close(theirs);
}

static size_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* What feed_get_request() makes of it: -errno, or the verb. */
static int
request(const char *data, size_t n)
{
	struct feed_request q = { .verb = FEED_MAX_ };
	struct err e = ERR_INIT;

	if (send(theirs, data, n, 0) != (ssize_t)n)
		return -1000;
	return feed_get_request(ours, true, &q, &e) == 0 ? (int)q.verb : -e.code;
}
#define REQUEST(text) request(text, sizeof(text))

static void
test_requests(void)
{
	static char large[2 * FEED_MESSAGE_MAX];
	struct feed_request q = { .verb = FEED_MAX_ };
	struct err e = ERR_INIT;

	open_pair();
	OK(REQUEST("blob\0" DIGEST) == FEED_BLOB && REQUEST("well") == FEED_WELL && REQUEST("done") == FEED_DONE,
	   "the requests that there are");
	OK(REQUEST("blob") == -EPROTO && REQUEST("blob\0sha256:0") == -EPROTO &&
		   REQUEST("blob\0sha256:../../../x") == -EPROTO && REQUEST("blob\0" DIGEST "\0x") == -EPROTO,
	   "a blob without its digest is refused");
	OK(REQUEST("done\0x") == -EPROTO && REQUEST("") == -EPROTO && REQUEST("image") == -EPROTO, "so are others");
	OK(request("done", 4) == -EPROTO, "and words without an end");
	OK(request(large, sizeof(large)) == -EPROTO, "and what is too long");
	OK(feed_get_request(ours, false, &q, &e) == 1, "nobody waits who does not want to");
	(void)close(theirs);
	OK(feed_get_request(ours, true, &q, &e) == 0 && q.verb == FEED_GONE, "the end is told");
	OK(feed_answer(ours, -1, -1, &e) == 0 && feed_refuse(ours, &e) == 0, "an answer that nobody hears is no error");
	(void)close(ours);
}

static void
test_descriptors(void)
{
	static const char *const words[] = { "done" };
	const int fds[] = { 0, 1, 2, 0, 1, 2 };
	struct feed_request q = { .verb = FEED_MAX_ };
	struct err e = ERR_INIT;
	size_t before;

	open_pair();
	before = count_fds();
	OK(feed_send(theirs, words, 1, fds, NELEMS(fds), &e) == 0 && feed_get_request(ours, true, &q, &e) == 0 &&
		   count_fds() == before,
	   "descriptors that come along are closed");
	close_pair();
}

static void
test_first(void)
{
	const struct feed_image im = { .name = "a:1", .digest = DIGEST, .media_type = "text/plain", .size = 7 };
	static const char wanted[] = "image\0a:1\0" DIGEST "\0text/plain\0007\0";
	char buf[FEED_MESSAGE_MAX], name[FEED_MESSAGE_MAX];
	struct feed_image large = im;
	enum feed_first first = FEED_FIRST_GONE;
	struct err e = ERR_INIT;

	open_pair();
	OK(feed_send_image(theirs, &im, &e) == 0 && feed_peek(ours, &first, &e) == 0 && first == FEED_FIRST_IMAGE,
	   "an image is announced");
	OK(recv(ours, buf, sizeof(buf), 0) == sizeof(wanted) && memcmp(buf, wanted, sizeof(wanted)) == 0,
	   "and the message stays to be read");
	OK(feed_send_same(theirs, NULL, DIGEST, &e) == 0 && feed_peek(ours, &first, &e) == 0 &&
		   first == FEED_FIRST_SAME,
	   "or it is the same");
	(void)memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	large.name = name;
	OK(feed_send_image(theirs, &large, &e) == -EMSGSIZE, "a name that is too long is not sent");
	(void)recv(ours, buf, sizeof(buf), 0);
	(void)close(theirs);
	OK(feed_peek(ours, &first, &e) == 0 && first == FEED_FIRST_GONE, "or nobody is there any more");
	(void)close(ours);
}

int
main(void)
{
	test_requests();
	test_descriptors();
	test_first();
	return tap_done();
}
