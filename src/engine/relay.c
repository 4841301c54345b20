#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/relay.h"

void
relay_resize(const struct relay *r)
{
	struct winsize ws;

	if (r->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(r->master, TIOCSWINSZ, &ws);
}

void
relay_resume(struct relay *r)
{
	struct termios raw;

	if (r->master < 0 || r->raw || tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return;
	raw = r->saved;
	cfmakeraw(&raw);
	r->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	relay_resize(r);
}

void
relay_pause(struct relay *r)
{
	if (r->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r->saved);
	r->raw = false;
}

int
relay_start(struct relay *r, int master, struct err *e)
{
	struct termios t;

	r->master = master;
	if (tcgetattr(STDIN_FILENO, &t) < 0)
		return err_sys(e, "read the terminal's settings");
	/* The program's terminal starts with the settings of ours. */
	(void)tcsetattr(master, TCSANOW, &t);
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "make the pty non-blocking");
	relay_resume(r);
	return 0;
}

void
relay_input(struct relay *r)
{
	char buf[4096];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	struct err ignored = ERR_INIT;

	if (n <= 0) {
		r->input_done = n == 0 || (errno != EAGAIN && errno != EINTR);
		return;
	}
	for (ssize_t done = 0; done < n;) {
		ssize_t w = write(r->master, buf + done, (size_t)(n - done));
		struct pollfd p = { .fd = r->master, .events = POLLOUT };

		if (w > 0) {
			done += w;
		} else if (errno == EAGAIN) {
			/* Nobody reads inside: let output flow, or both sides wait for ever. */
			if (!relay_output(r))
				return;
			(void)poll(&p, 1, 20);
		} else if (errno != EINTR) {
			(void)err_sys(&ignored, "write to the pty");
			return;
		}
	}
}

bool
relay_output(struct relay *r)
{
	char buf[16384];
	ssize_t n = read(r->master, buf, sizeof(buf));
	struct err ignored = ERR_INIT;

	if (n > 0) {
		(void)fd_write_all(STDOUT_FILENO, buf, (size_t)n, &ignored);
		return true;
	}
	/* EIO: nobody has the other side open. */
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

void
relay_stop(struct relay *r)
{
	struct pollfd p = { .fd = r->master, .events = POLLIN };

	if (r->master < 0)
		return;
	while (poll(&p, 1, 0) == 1 && (p.revents & POLLIN))
		if (!relay_output(r))
			break;
	relay_pause(r);
	fd_closep(&r->master);
}
