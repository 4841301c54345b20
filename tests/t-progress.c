#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "image/progress.h"
#include "tap.h"

#define MIB ((uint64_t)1 << 20)

static char seen[65536]; /* what the terminal, or the pipe, got since look() */

static void
nap(int ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	(void)nanosleep(&t, NULL);
}

static const char *
look(int fd)
{
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(seen) - 1 && (r = read(fd, seen + n, sizeof(seen) - 1 - n)) > 0)
		n += (size_t)r;
	seen[n] = '\0';
	return seen;
}

/* The text of the last drawing, without what directs the terminal; "" after it was erased. */
static const char *
last_line(void)
{
	static char line[1024];
	const char *begin = strrchr(seen, '\r');
	size_t n = begin ? strcspn(begin + 1, "\033") : 0;

	(void)snprintf(line, sizeof(line), "%.*s", (int)n, begin ? begin + 1 : "");
	return line;
}

static int
count(const char *what)
{
	int n = 0;

	for (const char *p = seen; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void
set_columns(int fd, unsigned short n)
{
	const struct winsize ws = { .ws_row = 24, .ws_col = n };

	(void)ioctl(fd, TIOCSWINSZ, &ws);
}

/* A terminal: @ret_master is what a person sees, @ret_slave what is written to. */
static bool
open_terminal(int *ret_master, int *ret_slave)
{
	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*ret_master < 0 || grantpt(*ret_master) < 0 || unlockpt(*ret_master) < 0)
		return false;
	*ret_slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_slave >= 0;
}

static const struct progress_work layers = { .doing = "unpacking", .done = "unpacked",
					     .part = "layer", .n_parts = 20, .total = 100 * MIB };

static void
test_bar(int master, int slave)
{
	struct progress *p = progress_new(slave, PROGRESS_BAR);

	progress_begin(p, &layers);
	progress_add(p, MIB);
	progress_part(p, 1, MIB);
	OK(strcmp(look(master), "") == 0, "nothing is shown at first");
	nap(PROGRESS_DELAY_MS + 20);
	progress_add(p, MIB);
	(void)look(master);
	OK(strstr(last_line(), "unpacking layer 2/20 [") == last_line(), "then a bar: %s", last_line());
	OK(strstr(last_line(), "] 2.1M/104.9M, ") && strstr(last_line(), "/s"),
	   "with bytes, of how many, and how fast");
	OK(strstr(last_line(), "s left"), "and how long that will take");
	OK(strlen(last_line()) < 80, "in 79 columns");
	OK(!strchr(seen, '\n') && count("\033") == count("\033[K"), "in one line, without colours");
	for (int i = 0; i < 1000; i++)
		progress_add(p, 1024);
	(void)look(master);
	OK(count("\r") <= 1, "it is not drawn for every piece");
	nap(110);
	progress_add(p, 96 * MIB);
	(void)look(master);
	OK(!strchr(last_line(), '.') || !strstr(last_line(), "..]"), "it grows: %s", last_line());
	progress_hide(p);
	OK(strcmp(look(master), "\r\033[K") == 0, "it can be hidden");
	progress_hide(p);
	OK(strcmp(look(master), "") == 0, "which is nothing when it is");
	nap(110);
	progress_add(p, 1);
	OK(strstr(look(master), "unpacking"), "and comes back");
	progress_freep(&p);
	OK(strcmp(look(master), "\r\033[K") == 0, "it is erased at the end");
}

static void
test_widths(int master, int slave)
{
	struct progress *p = progress_new(slave, PROGRESS_BAR);
	static const unsigned short widths[] = { 60, 40, 30, 12, 2, 1, 500, 9999, 0 };

	progress_begin(p, &layers);
	nap(PROGRESS_DELAY_MS);
	for (size_t i = 0; i < NELEMS(widths); i++) {
		size_t width = widths[i] ? widths[i] : 80;

		set_columns(slave, widths[i]);
		nap(110);
		progress_add(p, MIB);
		(void)look(master);
		OK(strlen(last_line()) < width && (width < 10 || strstr(last_line(), "unpacking")),
		   "it fits into %u columns: %s", widths[i], last_line());
	}
	OK(strstr(last_line(), "/s"), "the rate where there is room");
	set_columns(slave, 40);
	nap(110);
	progress_add(p, MIB);
	(void)look(master);
	OK(strstr(last_line(), "/104.9M") && !strchr(last_line(), ','), "else none: %s", last_line());
	progress_freep(&p);
	set_columns(slave, 80);
	(void)look(master);
}

static void
test_rows(int master, int slave)
{
	struct progress *p = progress_new(slave, PROGRESS_BAR);
	struct progress_row *a, *b;

	progress_begin(p, &layers);
	a = progress_row_new(p, "aaaaaaaaaaaa", 10 * MIB);
	b = progress_row_new(p, "bbbbbbbbbbbb", 20 * MIB);
	progress_row_add(a, 5 * MIB);
	nap(PROGRESS_DELAY_MS + 20);
	progress_add(p, 5 * MIB);
	(void)look(master);
	OK(strstr(seen, "aaaaaaaaaaaa [###") && strstr(seen, "] 5.2M/10.5M\033[K") &&
		   strstr(seen, "bbbbbbbbbbbb [..."), "a bar for each part that is under way");
	OK(count("\n") == 2 && count("A") == 0, "above that of all");
	progress_row_freep(&a);
	nap(110);
	progress_add(p, MIB);
	(void)look(master);
	OK(strncmp(seen, "\r\033[2Abbbb", 9) == 0 && !strstr(seen, "aaaa") && strstr(seen, "\033[J"),
	   "drawn over the last ones; one that is done is gone");
	set_columns(slave, 20);
	nap(110);
	progress_add(p, MIB);
	(void)look(master);
	OK(strstr(seen, "bbbbbbbbbbbb ") && !strchr(seen, '#'), "no bar where there is no room");
	set_columns(slave, 80);
	progress_hide(p);
	OK(strcmp(look(master), "\r\033[1A\033[J") == 0, "all are erased");
	progress_row_freep(&b);
	progress_freep(&p);
	OK(strcmp(look(master), "") == 0, "once");
}

static void
test_unknown(int master, int slave)
{
	static const struct progress_work work = { .doing = "reading" };
	struct progress *p = progress_new(slave, PROGRESS_BAR);

	progress_begin(p, &work);
	nap(PROGRESS_DELAY_MS + 20);
	progress_add(p, 500);
	(void)look(master);
	OK(strncmp(last_line(), "reading 500B, ", 14) == 0 && !strchr(last_line(), '['),
	   "no bar when nobody knows how much it is: %s", last_line());
	progress_freep(&p);
	(void)look(master);
	p = progress_new(slave, PROGRESS_BAR);
	progress_begin(p, &work);
	progress_add(p, 1);
	progress_freep(&p);
	OK(strcmp(look(master), "") == 0, "what is quick shows nothing, and erases nothing");
}

static void
test_lines(int out, int in)
{
	struct progress *p = progress_new(in, PROGRESS_LINES);

	progress_begin(p, &layers);
	progress_add(p, MIB);
	progress_part(p, 1, 48200000);
	OK(strcmp(look(out), "") == 0, "lines: none at first");
	nap(PROGRESS_DELAY_MS + 20);
	progress_add(p, MIB);
	OK(strcmp(look(out), "") == 0, "none for bytes");
	progress_part(p, 3, 999);
	OK(strcmp(look(out), "unpacked layer 1/20, 48.2M\nunpacked layer 3/20, 999B\n") == 0,
	   "one for each part");
	progress_freep(&p);
	OK(strcmp(look(out), "") == 0, "none at the end");
	p = progress_new(in, PROGRESS_LINES);
	progress_begin(p, &layers);
	progress_part(p, 1, 1);
	progress_freep(&p);
	OK(strcmp(look(out), "") == 0, "none at all when it was quick");
}

int
main(void)
{
	struct progress *none = progress_new(-1, PROGRESS_NONE);
	int master = -1, slave = -1, pipe_fds[2];

	OK(!none, "nothing to see is nothing");
	progress_begin(none, &layers);
	progress_add(none, 1);
	progress_part(none, 1, 1);
	progress_hide(none);
	progress_freep(&none);
	if (open_terminal(&master, &slave)) {
		set_columns(slave, 80);
		test_bar(master, slave);
		test_widths(master, slave);
		test_rows(master, slave);
	test_unknown(master, slave);
	} else {
		SKIP("no terminals here", "a bar");
	}
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0)
		test_lines(pipe_fds[0], pipe_fds[1]);
	return tap_done();
}
