#include <string.h>

#include "base/err.h"
#include "tap.h"

#define ROOM      sizeof(((struct err *)0)->msg)
#define HINT_ROOM sizeof(((struct err *)0)->hint)

/* A text of @n bytes that is easily recognised: its end is "Z". */
static const char *
long_text(size_t n)
{
	static char text[16384];

	memset(text, 'x', n);
	text[n - 1] = 'Z';
	text[n] = '\0';
	return text;
}

/* A record with a guard behind it, in which every byte was something else before. */
struct guarded {
	struct err e;
	char guard[64];
};

static struct guarded
fresh(void)
{
	struct guarded g;

	memset(&g, 'g', sizeof(g));
	g.e = (struct err)ERR_INIT;
	return g;
}

/* Terminated within its room, and nothing behind it written. */
static bool
is_whole(const struct guarded *g)
{
	if (!memchr(g->e.msg, '\0', ROOM) || !memchr(g->e.hint, '\0', HINT_ROOM))
		return false;
	for (size_t i = 0; i < sizeof(g->guard); i++)
		if (g->guard[i] != 'g')
			return false;
	return true;
}

static bool
is(const struct err *e, int code, const char *msg)
{
	if (e->code == code && strcmp(e->msg, msg) == 0)
		return true;
	(void)printf("# code %d, message: %s\n", e->code, e->msg);
	return false;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), len = strlen(end);

	return n >= len && strcmp(s + n - len, end) == 0;
}

static void
test_set(void)
{
	struct err e = ERR_INIT;

	OK(err_set(&e, EINVAL, "'%s' is %d", "a", 7) == -EINVAL, "set returns the negative code");
	OK(is(&e, EINVAL, "'a' is 7"), "set formats the message");
	OK(err_set(&e, ENOENT, "b") == -ENOENT && is(&e, ENOENT, "b"),
	   "set replaces code and message");
	err_clear(&e);
	OK(is(&e, 0, ""), "clear makes it empty");
}

static void
test_sys(void)
{
	struct err e = ERR_INIT;

	errno = EACCES;
	OK(err_sys(&e, "open %s", "/x") == -EACCES, "sys returns the negative errno");
	OK(is(&e, EACCES, "open /x: Permission denied"), "sys appends what errno means");
	errno = ENOENT;
	OK(err_sys(&e, "%s", "") == -ENOENT && is(&e, ENOENT, ": No such file or directory"),
	   "sys with an empty text");
	errno = 12345;
	(void)err_sys(&e, "x");
	OK(e.code == 12345 && strncmp(e.msg, "x: ", 3) == 0 && strlen(e.msg) > 4,
	   "an errno that the C library does not know has a text");
}

static void
test_prefix(void)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, EBUSY, "inner");
	OK(err_prefix(&e, "outer %d", 1) == -EBUSY, "prefix returns the negative code");
	OK(is(&e, EBUSY, "outer 1: inner"), "prefix puts the context in front");
	(void)err_prefix(&e, "%s", "a");
	OK(is(&e, EBUSY, "a: outer 1: inner"), "prefixes add up, the outermost first");
	(void)err_set(&e, EBUSY, "100%% of %s", "%s%n");
	(void)err_prefix(&e, "%s", "%d");
	OK(is(&e, EBUSY, "%d: 100% of %s%n"), "a message is never a format");
}

static void
test_hint(void)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, EPERM, "refused");
	OK(err_hint(&e, "try %s", "this") == -EPERM, "hint returns the negative code");
	OK(is(&e, EPERM, "refused") && strcmp(e.hint, "try this") == 0,
	   "a hint stands beside the message");
	(void)err_hint(&e, "or that");
	OK(strcmp(e.hint, "try this") == 0, "there is one hint, the innermost");
	(void)err_prefix(&e, "outer");
	OK(is(&e, EPERM, "outer: refused") && strcmp(e.hint, "try this") == 0,
	   "a prefix leaves the hint as it is");
	(void)err_set(&e, EIO, "another");
	OK(e.hint[0] == '\0', "another error does not have it");
	(void)err_hint(&e, "x");
	errno = EIO;
	(void)err_sys(&e, "another");
	OK(e.hint[0] == '\0', "nor does a failed system call");
	(void)err_hint(&e, "x");
	err_clear(&e);
	OK(is(&e, 0, "") && e.hint[0] == '\0', "clear removes the hint");
}

/* Lengths about the size of the record, where it is cut. */
static void
test_cut(void)
{
	bool set = true, sys = true, prefix = true, hint = true, prefixed_sys = true;
	bool reason = true, kept = true;

	for (size_t n = 1; n < 2 * ROOM; n++) {
		struct guarded g = fresh();

		(void)err_set(&g.e, EINVAL, "%s", long_text(n));
		set = set && is_whole(&g) && strlen(g.e.msg) == (n < ROOM ? n : ROOM - 1);
		(void)err_hint(&g.e, "%s", long_text(n));
		hint = hint && is_whole(&g) && strlen(g.e.hint) == (n < HINT_ROOM ? n : HINT_ROOM - 1);

		g = fresh();
		errno = ENAMETOOLONG;
		(void)err_sys(&g.e, "open %s", long_text(n));
		sys = sys && is_whole(&g) && ends_with(g.e.msg, ": File name too long");
		(void)err_prefix(&g.e, "%s", long_text(n));
		prefixed_sys = prefixed_sys && is_whole(&g);
		reason = reason && ends_with(g.e.msg, ": File name too long");

		g = fresh();
		(void)err_set(&g.e, EINVAL, "inner");
		(void)err_prefix(&g.e, "%s", long_text(n));
		prefix = prefix && is_whole(&g) && ends_with(g.e.msg, ": inner");

		g = fresh();
		(void)err_set(&g.e, EINVAL, "%s", long_text(n % 300 + 1));
		for (int i = 0; i < 20; i++)
			(void)err_prefix(&g.e, "level %d", i);
		kept = kept && is_whole(&g) && strncmp(g.e.msg, "level 19: level 18: ", 20) == 0;
	}
	OK(set, "a message of any length fits");
	OK(hint, "a hint of any length fits");
	OK(sys, "the meaning of errno is never cut off");
	OK(prefix, "a prefix of any length leaves the message");
	OK(prefixed_sys, "a prefix before a message of any length fits");
	OK(reason, "a prefix does not push the reason out of the message");
	OK(kept, "many prefixes fit, the outermost stays");
}

static void
test_huge(void)
{
	struct guarded g = fresh();

	(void)err_set(&g.e, EINVAL, "'%s' is not a path", long_text(16000));
	OK(is_whole(&g), "a value of 16 kB fits");
	OK(strncmp(g.e.msg, "'xxx", 4) == 0, "from its start on");
	(void)err_set(&g.e, EINVAL, "'%s' is not a path", long_text(4000));
	OK(ends_with(g.e.msg, "xxxZ' is not a path"), "the reason after a path of 4 kB is told");
	(void)err_prefix(&g.e, "volume '%s'", long_text(16000));
	OK(is_whole(&g) && strncmp(g.e.msg, "volume 'xxx", 11) == 0, "a prefix of 16 kB fits");
	OK(sizeof(struct err) <= PIPE_BUF, "an error can be sent in one write");
}

int
main(void)
{
	test_set();
	test_sys();
	test_prefix();
	test_hint();
	test_cut();
	test_huge();
	return tap_done();
}
