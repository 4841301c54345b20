/*
 * tap - unit tests that speak the Test Anything Protocol: OK() for each behaviour, and
 * "return tap_done();" at the end of main()
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdio.h>

static int tap_n, tap_failed;

#define OK(cond, ...) do { \
	int ok_ = !!(cond); \
	tap_failed += !ok_; \
	(void)printf("%sok %d - ", ok_ ? "" : "not ", ++tap_n); \
	(void)printf(__VA_ARGS__); \
	(void)printf("\n"); \
	if (!ok_) \
		(void)printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
} while (0)

#define SKIP(why, ...) do { \
	(void)printf("ok %d - ", ++tap_n); \
	(void)printf(__VA_ARGS__); \
	(void)printf(" # SKIP %s\n", why); \
} while (0)

static inline int
tap_done(void)
{
	(void)printf("1..%d\n", tap_n);
	return tap_failed ? 1 : 0;
}

#endif
