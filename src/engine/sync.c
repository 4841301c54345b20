#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/sync.h"

static const char *const sync_names[] = {
	[SYNC_FAILED] = "failed",     [SYNC_GO] = "go",
	[SYNC_TERMINAL] = "terminal", [SYNC_STARTED] = "started",
	[SYNC_SIGNAL] = "signal",     [SYNC_STOP] = "stop",
	[SYNC_STOPPED] = "stopped",
	[SYNC_EXITED] = "exited",
};
static_assert(NELEMS(sync_names) == SYNC_MAX_, "sync_names[] does not match enum sync_point");

/* Room for one descriptor and one set of credentials. */
union control {
	char buf[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

int
sync_pair(int ret_socks[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_socks) < 0)
		return err_sys(e, "make a socket pair");
	return 0;
}

static int
send_bytes(int sock, const struct sync_msg *m, size_t len, struct err *e)
{
	ssize_t r;

	do
		r = send(sock, m, len, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "tell the peer '%s'", sync_names[m->point]) : 0;
}

int
sync_send(int sock, enum sync_point point, int value, struct err *e)
{
	struct sync_msg m = { .point = point, .value = value };

	return send_bytes(sock, &m, offsetof(struct sync_msg, err), e);
}

void
sync_write(int sock, enum sync_point point, int value)
{
	const struct sync_msg m = { .point = point, .value = value };

	IGNORE(write(sock, &m, offsetof(struct sync_msg, err)));
}

void
sync_fail(int sock, int exit_status, const struct err *failure)
{
	struct sync_msg m = { .point = SYNC_FAILED, .value = exit_status, .err = *failure };
	struct err e = ERR_INIT;

	(void)send_bytes(sock, &m, sizeof(m), &e);
}

int
sync_send_fd(int sock, enum sync_point point, int fd, struct err *e)
{
	struct sync_msg m = { .point = point };
	struct iovec iov = { .iov_base = &m, .iov_len = offsetof(struct sync_msg, err) };
	union control c = { .buf = { 0 } };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.buf,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		return err_sys(e, "tell the peer '%s'", sync_names[point]);
	return 0;
}

static void
read_control(struct msghdr *msg, int *ret_fd, pid_t *ret_pid)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		struct ucred cred;
		int fd;

		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_RIGHTS) {
			memcpy(&fd, CMSG_DATA(h), sizeof(fd));
			if (ret_fd)
				*ret_fd = fd;
			else
				fd_closep(&fd);
		} else if (h->cmsg_type == SCM_CREDENTIALS && ret_pid) {
			memcpy(&cred, CMSG_DATA(h), sizeof(cred));
			*ret_pid = cred.pid;
		}
	}
}

int
sync_recv(int sock, struct sync_msg *ret, int *ret_fd, pid_t *ret_pid, struct err *e)
{
	struct sync_msg m = { .point = SYNC_MAX_ };
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	union control c;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.buf,
		.msg_controllen = sizeof(c.buf),
	};
	ssize_t n;

	/* A reset says, once, that the peer left words of ours unread.  Its own last words come after. */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return err_sys(e, "hear from the peer");
	if (n == 0)
		return 0;
	read_control(&msg, ret_fd, ret_pid);
	if ((size_t)n < offsetof(struct sync_msg, err) || m.point >= SYNC_MAX_)
		return err_set(e, EPROTO, "bad message from the peer");
	m.err.msg[sizeof(m.err.msg) - 1] = '\0';
	m.err.hint[sizeof(m.err.hint) - 1] = '\0';
	*ret = m;
	return 1;
}

int
sync_wait(int sock, enum sync_point point, struct err *e)
{
	struct sync_msg m;
	int r = sync_recv(sock, &m, NULL, NULL, e);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, EPIPE, "peer died before '%s'", sync_names[point]);
	if (m.point != point)
		return err_set(e, EPROTO, "peer said '%s' instead of '%s'", sync_names[m.point],
			       sync_names[point]);
	return 0;
}
