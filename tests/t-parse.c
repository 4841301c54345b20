#include <string.h>

#include "base/parse.h"
#include "tap.h"

#define UNSET 4711U

/* What a parser made of a string: its value, or UNSET and the code. */
struct result {
	uint64_t value;
	int code;
	struct err e;
};

typedef int parse_u32_fn(const char *s, uint32_t *ret, struct err *e);
typedef int parse_u64_fn(const char *s, uint64_t *ret, struct err *e);

static struct result
run32(parse_u32_fn *fn, const char *s)
{
	struct result r = { .e = ERR_INIT };
	uint32_t v = UNSET;

	r.code = fn(s, &v, &r.e);
	r.value = v;
	return r;
}

static struct result
run64(parse_u64_fn *fn, const char *s)
{
	struct result r = { .value = UNSET, .e = ERR_INIT };

	r.code = fn(s, &r.value, &r.e);
	return r;
}

static int
parse_at_most_99(const char *s, uint64_t *ret, struct err *e)
{
	return parse_u64(s, 99, ret, e);
}

static int
parse_any(const char *s, uint64_t *ret, struct err *e)
{
	return parse_u64(s, UINT64_MAX, ret, e);
}

static bool
is_value(struct result r, uint64_t value)
{
	return r.code == 0 && r.value == value && r.e.code == 0;
}

/* Refused with @code, nothing written, and the message quotes @s. */
static bool
is_refused(struct result r, int code, const char *s)
{
	char quoted[64];

	(void)snprintf(quoted, sizeof(quoted), "'%s'", s);
	return r.code == -code && r.e.code == code && r.value == UNSET && strstr(r.e.msg, quoted);
}

static void
refuse64(parse_u64_fn *fn, const char *what, const char *s, int code)
{
	OK(is_refused(run64(fn, s), code, s), "%s '%s' is refused", what, s);
}

static void
test_numbers(void)
{
	static const char *const bad[] = { "", " 1", "+1", "-1", "1 ", "0x10", "1.5", "abc", "1a" };

	OK(is_value(run64(parse_any, "0"), 0), "zero");
	OK(is_value(run64(parse_any, "18446744073709551615"), UINT64_MAX), "the largest number");
	OK(is_value(run64(parse_any, "007"), 7), "leading zeros do not make it octal");
	OK(is_value(run64(parse_at_most_99, "99"), 99), "the maximum is allowed");
	for (size_t i = 0; i < NELEMS(bad); i++)
		refuse64(parse_any, "number", bad[i], EINVAL);
	refuse64(parse_any, "number", "18446744073709551616", ERANGE);
	refuse64(parse_any, "number", "99999999999999999999999", ERANGE);
	refuse64(parse_any, "number", "99999999999999999999999x", EINVAL);
	refuse64(parse_at_most_99, "number", "100", ERANGE);
}

static void
test_ids(void)
{
	OK(is_value(run32(parse_id, "4294967294"), 4294967294U), "the largest id");
	OK(is_refused(run32(parse_id, "4294967295"), ERANGE, "4294967295"), "id -1 is refused");
	OK(is_refused(run32(parse_id, "root"), EINVAL, "root"), "a name is no id");
}

static void
test_sizes(void)
{
	static const struct {
		const char *s;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },           { "512", 512 },        { "512b", 512 },
		{ "64k", 64 << 10 },  { "64K", 64 << 10 },   { "64kb", 64 << 10 },
		{ "64KiB", 64 << 10 }, { "10m", 10 << 20 },  { "2G", 2ULL << 30 },
		{ "1t", 1ULL << 40 },
	};
	static const char *const bad[] = { "", "k", "1 k", "1.5g", "-1k", "10x", "10kk", "1ib" };

	for (size_t i = 0; i < NELEMS(good); i++)
		OK(is_value(run64(parse_size, good[i].s), good[i].bytes), "size %s", good[i].s);
	for (size_t i = 0; i < NELEMS(bad); i++)
		refuse64(parse_size, "size", bad[i], EINVAL);
	refuse64(parse_size, "size", "16777216t", ERANGE);
}

static void
test_durations(void)
{
	static const struct {
		const char *s;
		uint64_t ms;
	} good[] = {
		{ "10", 10000 }, { "500ms", 500 }, { "10s", 10000 }, { "5m", 300000 },
		{ "1h", 3600000 }, { "1ms", 1 },
	};
	static const char *const bad[] = { "", "s", "1.5s", "-1", "1d", "1 s" };

	for (size_t i = 0; i < NELEMS(good); i++)
		OK(is_value(run64(parse_duration, good[i].s), good[i].ms), "duration %s",
		   good[i].s);
	for (size_t i = 0; i < NELEMS(bad); i++)
		refuse64(parse_duration, "duration", bad[i], EINVAL);
	refuse64(parse_duration, "duration", "0", ERANGE);
	refuse64(parse_duration, "duration", "18446744073709551615h", ERANGE);
}

static void
test_octal(void)
{
	OK(is_value(run32(parse_octal, "022"), 022), "octal 022");
	OK(is_value(run32(parse_octal, "7777"), 07777), "octal 7777");
	OK(is_refused(run32(parse_octal, "10000"), ERANGE, "10000"), "octal 10000 is refused");
	OK(is_refused(run32(parse_octal, "8"), EINVAL, "8"), "8 is not octal");
	OK(is_refused(run32(parse_octal, ""), EINVAL, ""), "an empty mode is refused");
}

static void
test_long_value(void)
{
	char s[4096];
	struct err e = ERR_INIT;
	uint64_t v;

	memset(s, 'x', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0';
	OK(parse_u64(s, 1, &v, &e) == -EINVAL && strstr(e.msg, "is not a number"),
	   "a very long value does not push the reason out of the message");
}

int
main(void)
{
	test_numbers();
	test_ids();
	test_sizes();
	test_durations();
	test_octal();
	test_long_value();
	return tap_done();
}
