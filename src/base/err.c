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

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno;
	const char *text = err_text(code);
	size_t room = sizeof(e->msg) - strlen(text) - 2;
	va_list ap;
	size_t n;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, room, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", text);
	return -code;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;
	size_t n;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg) / 2, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old);
	return -e->code;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint[0])
		return -e->code;
	va_start(ap, fmt);
	(void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -e->code;
}

void
err_clear(struct err *e)
{
	e->code = 0;
	e->msg[0] = '\0';
	e->hint[0] = '\0';
}
