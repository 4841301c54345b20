#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "libexec/prompt.h"
#include "registry/base64.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

/* What would end us while nothing is shown at the terminal: then it would stay so. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

struct held {
	struct sigaction old[NELEMS(ending)];
	sigset_t mask; /* as it was */
};

/* They come only where read_line() waits: none is lost before it. */
static void
hold_signals(struct held *h)
{
	const struct sigaction a = { .sa_handler = on_signal };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < NELEMS(ending); i++) {
		(void)sigaddset(&set, ending[i]);
		(void)sigaction(ending[i], &a, &h->old[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &set, &h->mask);
}

static void
free_signals(const struct held *h)
{
	for (size_t i = 0; i < NELEMS(ending); i++)
		(void)sigaction(ending[i], &h->old[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &h->mask, NULL);
	if (caught)
		(void)raise(caught);
}

/* Until something can be read; @mask: of signals meanwhile, or NULL */
static int
wait_for(int fd, const sigset_t *mask, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (ppoll(&p, 1, NULL, mask) < 0)
		if (errno != EINTR || caught)
			return err_sys(e, "poll");
	return 0;
}

/* Until the end of the line, or of everything.  @buf: LINE_MAX_BYTES + 1 */
static int
read_line(int fd, bool all, const sigset_t *mask, char *buf, struct err *e)
{
	size_t n = 0;
	ssize_t r = 1;

	while (n <= LINE_MAX_BYTES && r != 0 && (all || n == 0 || buf[n - 1] != '\n')) {
		if (wait_for(fd, mask, e) < 0)
			return -e->code;
		r = read(fd, buf + n, all ? LINE_MAX_BYTES + 1 - n : 1);
		if (r < 0)
			return err_sys(e, "read");
		n += (size_t)r;
	}
	if (n > LINE_MAX_BYTES)
		return err_set(e, EFBIG, "there are more than %zu bytes", LINE_MAX_BYTES);
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
		n--;
	buf[n] = '\0';
	return strlen(buf) == n ? 0 : err_set(e, EINVAL, "there is a NUL in it");
}

static int
ask(int fd, const char *question, const sigset_t *mask, char *buf, struct err *e)
{
	if (fd_write_all(fd, question, strlen(question), e) < 0)
		return -e->code;
	return read_line(fd, false, mask, buf, e);
}

/* What is typed before the question is thrown away: it may be meant for something else, and was shown. */
static int
ask_hidden(int fd, const char *question, char *buf, struct err *e)
{
	struct termios shown, hidden;
	struct held held;
	int r;

	if (tcgetattr(fd, &shown) < 0)
		return err_sys(e, "the terminal");
	hold_signals(&held);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	/* No stop key: it would leave the shell with a terminal that shows nothing. */
	hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
	if (tcsetattr(fd, TCSAFLUSH, &hidden) < 0)
		r = err_sys(e, "the terminal");
	else
		r = ask(fd, question, &held.mask, buf, e);
	(void)tcsetattr(fd, TCSAFLUSH, &shown);
	IGNORE(write(fd, "\n", 1));
	free_signals(&held);
	return r;
}

int
prompt_terminal(const char *question, bool secret, char **ret, struct err *e)
{
	AUTO_FD fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	AUTO_SECRET char *buf = xcalloc(LINE_MAX_BYTES + 2, 1);
	int r;

	if (fd < 0)
		return err_sys(e, "ask for it at the terminal");
	r = secret ? ask_hidden(fd, question, buf, e) : ask(fd, question, NULL, buf, e);
	if (r < 0)
		return err_prefix(e, "%.*s", (int)strcspn(question, ":"), question);
	*ret = xstrdup(buf);
	return 0;
}

int
prompt_stdin(char **ret, struct err *e)
{
	AUTO_SECRET char *buf = xcalloc(LINE_MAX_BYTES + 2, 1);

	if (read_line(STDIN_FILENO, true, NULL, buf, e) < 0)
		return err_prefix(e, "standard input");
	*ret = xstrdup(buf);
	return 0;
}
