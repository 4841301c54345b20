/*
 * parse - numbers, sizes and times as users write them
 *
 * All are strict: no leading blanks or '+', no trailing rubbish, no overflow.
 * Each returns 0, or -EINVAL / -ERANGE with a message that quotes @s.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include "base/err.h"

int parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *e);
/* A user or group id: 0 ... 4294967294. */
int parse_id(const char *s, uint32_t *ret, struct err *e);
/* Bytes: 512, 64k, 10m, 2g, 1t (powers of 1024, either case, optional trailing b or ib). */
int parse_size(const char *s, uint64_t *ret_bytes, struct err *e);
/* Seconds, or 500ms, 10s, 5m, 1h; at least one millisecond. */
int parse_duration(const char *s, uint64_t *ret_ms, struct err *e);
/* File mode bits in octal, at most 07777. */
int parse_octal(const char *s, uint32_t *ret, struct err *e);
/*
 * A signal: 15, TERM, SIGTERM, RTMIN+3, in either case.  Real-time signals are counted as the C library
 * of most programs does: RTMIN is 34.
 */
int parse_signal(const char *s, int *ret, struct err *e);

#endif
