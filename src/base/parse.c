#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

/* Values are quoted in messages up to this length, so that the reason stays readable. */
#define QUOTED "'%.100s'"

struct unit {
	const char *name; /* lower case; "" is the unit of a bare number */
	uint64_t factor;
};

/* Digits at the start of @s.  Returns how many, 0 for none, -ERANGE when they overflow. */
static int
scan_digits(const char *s, uint64_t *ret)
{
	uint64_t v = 0;
	int n = 0;

	for (; s[n] >= '0' && s[n] <= '9'; n++)
		if (__builtin_mul_overflow(v, 10U, &v) ||
		    __builtin_add_overflow(v, (unsigned int)(s[n] - '0'), &v))
			return -ERANGE;
	*ret = v;
	return n;
}

int
parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *e)
{
	uint64_t v = 0;
	int n = scan_digits(s, &v);

	/* Rubbish is reported as such however many digits come before it. */
	if (s[0] == '\0' || s[strspn(s, "0123456789")] != '\0')
		return err_set(e, EINVAL, QUOTED " is not a number", s);
	if (n < 0 || v > max)
		return err_set(e, ERANGE, QUOTED " is too large, at most %" PRIu64, s, max);
	*ret = v;
	return 0;
}

int
parse_id(const char *s, uint32_t *ret, struct err *e)
{
	uint64_t v;
	/* 4294967295 is (uid_t)-1, "leave unchanged" to the kernel. */
	int r = parse_u64(s, UINT32_MAX - 1, &v, e);

	if (r < 0)
		return r;
	*ret = (uint32_t)v;
	return 0;
}

/* A number and one of @n units; @what tells in the message what was expected. */
static int
parse_with_unit(const char *s, const struct unit *units, size_t n, const char *what,
		uint64_t *ret, struct err *e)
{
	const char *name = s + strspn(s, "0123456789");
	uint64_t v = 0, product;

	for (size_t i = 0; name != s && i < n; i++) {
		if (strcasecmp(name, units[i].name) != 0)
			continue;
		if (scan_digits(s, &v) < 0 || __builtin_mul_overflow(v, units[i].factor, &product))
			return err_set(e, ERANGE, QUOTED " is too large", s);
		*ret = product;
		return 0;
	}
	return err_set(e, EINVAL, QUOTED " is not a %s", s, what);
}

int
parse_size(const char *s, uint64_t *ret_bytes, struct err *e)
{
	static const struct unit units[] = {
		{ "", 1 },           { "b", 1 },
		{ "k", 1ULL << 10 }, { "kb", 1ULL << 10 }, { "kib", 1ULL << 10 },
		{ "m", 1ULL << 20 }, { "mb", 1ULL << 20 }, { "mib", 1ULL << 20 },
		{ "g", 1ULL << 30 }, { "gb", 1ULL << 30 }, { "gib", 1ULL << 30 },
		{ "t", 1ULL << 40 }, { "tb", 1ULL << 40 }, { "tib", 1ULL << 40 },
	};

	return parse_with_unit(s, units, NELEMS(units), "size (512, 64k, 10m, 2g)", ret_bytes, e);
}

int
parse_duration(const char *s, uint64_t *ret_ms, struct err *e)
{
	static const struct unit units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
	};
	uint64_t ms;
	int r = parse_with_unit(s, units, NELEMS(units), "duration (500ms, 10s, 5m, 1h)", &ms, e);

	if (r < 0)
		return r;
	if (ms == 0)
		return err_set(e, ERANGE, QUOTED " is too short, at least 1ms", s);
	*ret_ms = ms;
	return 0;
}

int
parse_octal(const char *s, uint32_t *ret, struct err *e)
{
	uint32_t v = 0;

	if (s[0] == '\0' || s[strspn(s, "01234567")] != '\0')
		return err_set(e, EINVAL, QUOTED " is not an octal number", s);
	for (const char *p = s; *p; p++) {
		v = v << 3 | (uint32_t)(*p - '0');
		if (v > 07777)
			return err_set(e, ERANGE, QUOTED " is too large, at most 7777", s);
	}
	*ret = v;
	return 0;
}

#define RT_MIN 34
#define RT_MAX 64

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },	{ "QUIT", SIGQUIT },   { "ILL", SIGILL },
	{ "TRAP", SIGTRAP },	 { "ABRT", SIGABRT },	{ "IOT", SIGABRT },    { "BUS", SIGBUS },
	{ "FPE", SIGFPE },	 { "KILL", SIGKILL },	{ "USR1", SIGUSR1 },   { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE },	{ "ALRM", SIGALRM },   { "TERM", SIGTERM },
	{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },	{ "CLD", SIGCHLD },    { "CONT", SIGCONT },
	{ "STOP", SIGSTOP },	 { "TSTP", SIGTSTP },	{ "TTIN", SIGTTIN },   { "TTOU", SIGTTOU },
	{ "URG", SIGURG },	 { "XCPU", SIGXCPU },	{ "XFSZ", SIGXFSZ },   { "VTALRM", SIGVTALRM },
	{ "PROF", SIGPROF },	 { "WINCH", SIGWINCH }, { "IO", SIGIO },       { "POLL", SIGIO },
	{ "PWR", SIGPWR },	 { "SYS", SIGSYS },	{ "RTMIN", RT_MIN },   { "RTMAX", RT_MAX },
};

/* RTMIN+N or RTMAX-N; 0 when it is something else. */
static int
real_time_signal(const char *s)
{
	const bool up = strncasecmp(s, "RTMIN+", 6) == 0;
	uint64_t n;

	if ((!up && strncasecmp(s, "RTMAX-", 6) != 0) || scan_digits(s + 6, &n) <= 0 ||
	    s[6 + strspn(s + 6, "0123456789")] || n > RT_MAX - RT_MIN)
		return 0;
	return up ? RT_MIN + (int)n : RT_MAX - (int)n;
}

int
parse_signal(const char *s, int *ret, struct err *e)
{
	const char *const name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
	struct err ignored = ERR_INIT;
	int found = real_time_signal(name);
	uint64_t n;

	if (parse_u64(s, RT_MAX, &n, &ignored) == 0)
		found = (int)n;
	for (size_t i = 0; !found && i < NELEMS(signals); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			found = signals[i].number;
	if (!found)
		return err_set(e, EINVAL, "'%s' is not a signal", s);
	*ret = found;
	return 0;
}
