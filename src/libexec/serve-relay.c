#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "libexec/serve.h"

#define PART ((size_t)64 << 10) /* bytes */

struct carrier {
	int from, to;
	int done_fd; /* told at the end; -1: the other side is told by shutdown(2) */
};

static void
copy(int from, int to)
{
	AUTO_FREE char *buf = xcalloc(1, PART);
	struct err ignored = ERR_INIT;

	for (;;) {
		const ssize_t n = read(from, buf, PART);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || fd_write_all(to, buf, (size_t)n, &ignored) < 0)
			return;
	}
}

static void *
carry_main(void *arg)
{
	const uint64_t one = 1;
	struct carrier *r = arg;

	copy(r->from, r->to);
	if (r->done_fd >= 0)
		IGNORE(write(r->done_fd, &one, sizeof(one)));
	else
		(void)shutdown(r->to, SHUT_WR);
	free(r);
	return NULL;
}

static int
start(int from, int to, int done_fd, struct err *e)
{
	struct carrier *r = xcalloc(1, sizeof(*r));
	pthread_t thread;

	*r = (struct carrier){ from, to, done_fd };
	errno = pthread_create(&thread, NULL, carry_main, r);
	if (errno) {
		free(r);
		return err_sys(e, "start a thread");
	}
	(void)pthread_detach(thread);
	return 0;
}

int
carry_start(int fd, int done_fd, struct err *e)
{
	return start(STDIN_FILENO, fd, -1, e) < 0 || start(fd, STDOUT_FILENO, done_fd, e) < 0 ? -e->code : 0;
}
