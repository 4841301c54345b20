#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* The text of an errno without translation: glibc's strerror() may allocate for that. */
static const char *
err_text(int code)
{
#ifdef __GLIBC__
	const char *s = strerrordesc_np(code);

	return s ? s : "unknown error";
#else
	return strerror(code);
#endif
}

/* Room to format a message that names a path or two before it is cut to size. */
#define LONG_MSG (2 * PATH_MAX)

/* Copy @s, without its middle when it is too long: the end says what is wrong. */
static void
copy_ends(char *out, size_t size, const char *s)
{
	size_t len = strlen(s), head = (size - 4) / 2, tail = size - 4 - head;
	const char *end;

	if (len < size) {
		memcpy(out, s, len + 1);
		return;
	}
	/* Not inside of a UTF-8 sequence. */
	while (head > 0 && ((unsigned char)s[head] & 0xc0) == 0x80)
		head--;
	end = s + len - tail;
	while (((unsigned char)*end & 0xc0) == 0x80)
		end++;
	(void)snprintf(out, size, "%.*s...%s", (int)head, s, end);
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[LONG_MSG];
	va_list ap;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy_ends(e->msg, sizeof(e->msg), text);
	return -code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	const int code = errno;
	char text[LONG_MSG];
	const char *reason = err_text(code);
	const size_t room = sizeof(text) - strlen(reason) - 2;
	va_list ap;
	size_t n;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(text, room, fmt, ap);
	va_end(ap);
	n = strlen(text);
	(void)snprintf(text + n, sizeof(text) - n, ": %s", reason);
	copy_ends(e->msg, sizeof(e->msg), text);
	return -code;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char text[LONG_MSG + sizeof(e->msg) + 2];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	(void)vsnprintf(text, LONG_MSG, fmt, ap);
	va_end(ap);
	n = strlen(text);
	(void)snprintf(text + n, sizeof(text) - n, ": %s", e->msg);
	copy_ends(e->msg, sizeof(e->msg), text);
	return -e->code;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	char text[LONG_MSG];
	va_list ap;

	if (e->hint[0])
		return -e->code;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy_ends(e->hint, sizeof(e->hint), text);
	return -e->code;
}

int
err_needs(struct err *e, const char *what)
{
	return e->code == ENOSYS ? err_hint(e, "this needs %s; see rootlet doctor", what) : -e->code;
}

void
err_clear(struct err *e)
{
	e->code = 0;
	e->msg[0] = '\0';
	e->hint[0] = '\0';
}
