/*
 * err - the one error type
 *
 * A function that can fail takes `struct err *e` as its LAST parameter and
 * returns int: 0 or a documented positive value on success, -errno on failure.
 *
 *  - On success *e is not touched.  On failure it is set exactly once, where
 *    the failure was detected; callers add context with err_prefix() and
 *    return, or handle the failure and err_clear().
 *  - Out-parameters are named ret_*, written on success only.
 *  - Negative codes are never switched on by callers of our own functions.
 *    A condition the caller is expected to handle is a positive return value,
 *    named in the function's header comment.
 *  - The record is fixed-size and pointer-free: it can be filled between
 *    clone() and execve() (no malloc) and sent over a socket in one write.
 *    The printing functions use only snprintf-like formatting of %s, %d, %u,
 *    %o and %zu, which allocates nothing.
 *  - A message that is too long loses its middle, never its end.
 *  - Where the user can act, a hint says how: a second line of its own, so that nothing in a message
 *    can pass for one.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <limits.h>

#include "base/util.h"

struct err {
	int code;       /* errno value, 0 when no error is set */
	char msg[316];  /* complete sentence fragment */
	char hint[192]; /* what to do about it, or "" */
};
static_assert(sizeof(struct err) <= PIPE_BUF, "struct err must stay one atomic write");

#define ERR_INIT { .code = 0, .msg = "", .hint = "" }

/* Record a failure we detected ourselves.  Returns -code. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Record a failed system call: errno is read first, ": strerror" is appended. */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Put "context: " in front of an error that is already set.  Returns -code. */
int err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Give an error that is already set a hint, unless it has one: the innermost knows best.  Returns
 * -code. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* When the failure is ENOSYS, hint that @what, "openat2(2), Linux 5.6", is needed.  Returns -code. */
int err_needs(struct err *e, const char *what);
void err_clear(struct err *e);

#endif
