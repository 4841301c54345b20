/*
 * util - the few macros that every module uses
 *
 * Ownership: a variable declared with AUTO_* is released when it leaves its
 * scope; TAKE_PTR / TAKE_FD hand the value on and disarm the variable.
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Does not compile when @a is a pointer. */
#define NELEMS(a) \
	(sizeof(a) / sizeof((a)[0]) + \
	 0 * sizeof(char[1 - 2 * __builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0]))]))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define MUST_CHECK __attribute__((warn_unused_result))

/* For a call whose failure changes nothing, where the compiler insists on a look. */
#define IGNORE(expr) \
	do { \
		__typeof__(expr) ignored_ = (expr); \
		(void)ignored_; \
	} while (0)

#define TAKE_PTR(var) __extension__({ __typeof__(var) take_ = (var); (var) = NULL; take_; })
#define TAKE_FD(var) __extension__({ int take_ = (var); (var) = -1; take_; })

static inline void
util_freep(void *p)
{
	int saved = errno;

	free(*(void **)p);
	*(void **)p = NULL;
	errno = saved;
}
#define AUTO_FREE CLEANUP(util_freep)

#endif
