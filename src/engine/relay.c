#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/relay.h"

enum { POLL_MASTER, POLL_INPUT, POLL_OUTPUT };

/* Not our controlling terminal, or one whose foreground is in another pid namespace: ours. */
static bool
is_foreground(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	return group <= 0 || group == getpgrp();
}

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

	if (r->master < 0)
		return;
	if (!is_foreground()) {
		r->raw = false; /* whoever has the terminal now has seen to its settings */
		return;
	}
	/* After a SIGSTOP the terminal may still be raw, or not: what we saved stays right. */
	if (!r->raw && tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return;
	raw = r->saved;
	cfmakeraw(&raw);
	r->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	relay_resize(r);
}

bool
relay_in_background(const struct relay *r)
{
	return r->master >= 0 && !r->raw && !r->input_done;
}

void
relay_pause(struct relay *r)
{
	if (r->raw && is_foreground())
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r->saved);
	r->raw = false;
}

int
relay_start(struct relay *r, int master, struct err *e)
{
	r->master = master;
	r->in = xcalloc(1, sizeof(*r->in));
	r->shown = xcalloc(1, sizeof(*r->shown));
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "make the pty non-blocking");
	/* Others have the descriptor, too: make only a description of our own non-blocking. */
	r->out = open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (r->out < 0)
		r->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (r->out < 0)
		return err_sys(e, "open the terminal");
	relay_resume(r);
	return 0;
}

static bool
is_empty(const struct relay_buffer *b)
{
	return b->from == b->to;
}

/* False at the end of @fd. */
static bool
fill(struct relay_buffer *b, int fd)
{
	ssize_t n = read(fd, b->data, sizeof(b->data));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	b->from = 0;
	b->to = (size_t)n;
	return true;
}

static void
flush(struct relay_buffer *b, int fd)
{
	ssize_t n = write(fd, b->data + b->from, b->to - b->from);

	if (n > 0)
		b->from += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		b->from = b->to; /* nobody will ever read it */
}

void
relay_poll(const struct relay *r, struct pollfd p[RELAY_POLL])
{
	const bool on = r->master >= 0;
	const short from = on && is_empty(r->shown) && !r->output_done ? POLLIN : 0;
	const short to = on && !is_empty(r->in) ? POLLOUT : 0;

	p[POLL_MASTER] = (struct pollfd){ from || to ? r->master : -1, from | to, 0 };
	p[POLL_INPUT] = (struct pollfd){
		on && r->raw && !r->input_done && is_empty(r->in) ? STDIN_FILENO : -1, POLLIN, 0
	};
	p[POLL_OUTPUT] = (struct pollfd){ on && !is_empty(r->shown) ? r->out : -1, POLLOUT, 0 };
}

void
relay_handle(struct relay *r, const struct pollfd p[RELAY_POLL])
{
	if (r->master < 0)
		return;
	if (p[POLL_INPUT].revents && is_empty(r->in) && !fill(r->in, STDIN_FILENO))
		r->input_done = true;
	if (!is_empty(r->in) && (p[POLL_MASTER].revents || p[POLL_INPUT].revents))
		flush(r->in, r->master);
	if ((p[POLL_MASTER].revents & ~POLLOUT) && is_empty(r->shown) &&
	    !fill(r->shown, r->master))
		r->output_done = true;
	if (!is_empty(r->shown))
		flush(r->shown, r->out);
}

bool
relay_drain(struct relay *r, struct pollfd p[RELAY_POLL])
{
	if (r->master < 0)
		return false;
	while (is_empty(r->shown) && !r->output_done) {
		if (!fill(r->shown, r->master) || is_empty(r->shown))
			r->output_done = true;
		else
			flush(r->shown, r->out);
	}
	r->in->from = r->in->to;
	r->input_done = true;
	relay_poll(r, p);
	return !is_empty(r->shown);
}

void
relay_stop(struct relay *r)
{
	relay_pause(r);
	fd_closep(&r->master);
	fd_closep(&r->out);
	util_freep(&r->in);
	util_freep(&r->shown);
}
