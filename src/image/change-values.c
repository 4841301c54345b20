/*
 * The instructions whose values are numbers and names: EXPOSE, HEALTHCHECK, STOPSIGNAL.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "base/str.h"
#include "image/change-internal.h"

#define BLANKS " \t"

/* --- EXPOSE PORT[-PORT][/PROTOCOL]... --- */

static bool
is_protocol(const char *s)
{
	return strcmp(s, "tcp") == 0 || strcmp(s, "udp") == 0 || strcmp(s, "sctp") == 0;
}

static int
parse_ports(const char *word, uint64_t *ret_first, uint64_t *ret_last, const char **ret_protocol)
{
	AUTO_FREE char *numbers = xstrndup(word, strcspn(word, "/"));
	const char *protocol = word[strlen(numbers)] ? word + strlen(numbers) + 1 : "tcp";
	char *dash = strchr(numbers, '-');
	struct err ignored = ERR_INIT;

	if (dash)
		*dash++ = '\0';
	if (!is_protocol(protocol) || parse_u64(numbers, 65535, ret_first, &ignored) < 0 ||
	    parse_u64(dash ? dash : numbers, 65535, ret_last, &ignored) < 0 || *ret_first == 0 ||
	    *ret_first > *ret_last)
		return -EINVAL;
	*ret_protocol = protocol;
	return 0;
}

static int
expose(json_t *set, const char *word, struct err *e)
{
	const char *protocol = NULL;
	uint64_t port, last;

	if (parse_ports(word, &port, &last, &protocol) < 0)
		return err_set(e, EINVAL, "'%s' is no port: PORT[-PORT][/tcp|udp|sctp]", word);
	for (; port <= last; port++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "%u/%s", (unsigned int)port, protocol);
		(void)json_object_set_new(set, key, json_object());
	}
	return 0;
}

int
change_expose(json_t *c, const char *text, struct err *e)
{
	json_t *set = change_object(c, "ExposedPorts", e);
	struct word *words;
	size_t n;
	int r = 0;

	if (!set || words_split(text, json_object_get(c, "Env"), false, &words, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = expose(set, words[i].text, e);
	words_free(words, n);
	return r;
}

/* --- STOPSIGNAL --- */

static bool
is_signal_name(const char *s)
{
	struct err ignored = ERR_INIT;
	uint64_t n;

	s += strncasecmp(s, "SIG", 3) == 0 ? 3 : 0;
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i) && strcasecmp(s, sigabbrev_np(i)) == 0)
			return true;
	if (strncasecmp(s, "RTMIN", 5) != 0 && strncasecmp(s, "RTMAX", 5) != 0)
		return false;
	if (!s[5])
		return true;
	return s[5] == (toupper((unsigned char)s[4]) == 'N' ? '+' : '-') &&
	       parse_u64(s + 6, 30, &n, &ignored) == 0;
}

static bool
is_signal(const char *s)
{
	struct err ignored = ERR_INIT;
	uint64_t n;

	return parse_u64(s, 64, &n, &ignored) == 0 ? n > 0 : is_signal_name(s);
}

int
change_stopsignal(json_t *c, const char *text, struct err *e)
{
	struct word *words;
	size_t n;
	int r;

	if (words_split(text, json_object_get(c, "Env"), true, &words, &n, e) < 0)
		return -e->code;
	r = n == 1 && is_signal(words[0].text)
		    ? json_object_set_new(c, "StopSignal", json_string(words[0].text))
		    : err_set(e, EINVAL, "'%s' is no signal", text);
	words_free(words, n);
	return r;
}

/* --- HEALTHCHECK NONE | [OPTIONS] CMD ... --- */

/* One number with its unit, 1.5h or 100ms, moving *s past it.  False: it is none. */
static bool
take_time(const char **s, double *ret_seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 },
		      { "s", 1 },     { "m", 60 },    { "h", 3600 } };
	const size_t len = strspn(*s, "0123456789.");
	char *end;
	double v;

	if (len == 0 || len > 12)
		return false;
	v = strtod(*s, &end);
	if (end != *s + len)
		return false;
	for (size_t i = 0; i < NELEMS(units); i++) {
		const size_t n = strlen(units[i].name);

		if (strncmp(end, units[i].name, n) != 0)
			continue;
		*ret_seconds = v * units[i].seconds;
		*s = end + n;
		return true;
	}
	return false;
}

/* A time as Docker writes it: "30s", "1m30s", "0s". */
static int
parse_time(const char *s, json_int_t *ret_ns, struct err *e)
{
	double sum = 0, part = 0;
	const char *p = s;

	do {
		if (!take_time(&p, &part))
			return err_set(e, EINVAL, "'%s' is no time: 30s, 1m30s and 500ms are", s);
		sum += part;
	} while (*p);
	if ((sum > 0 && sum < 1e-3) || sum > 1e9)
		return err_set(e, EINVAL, "time '%s' is out of range", s);
	*ret_ns = (json_int_t)(sum * 1e9 + 0.5);
	return 0;
}

static int
health_option(json_t *h, const char *option, struct err *e)
{
	static const struct {
		const char *name, *key;
	} times[] = { { "--interval=", "Interval" },
		      { "--timeout=", "Timeout" },
		      { "--start-period=", "StartPeriod" },
		      { "--start-interval=", "StartInterval" } };
	json_int_t ns = 0;
	uint64_t n;

	if (strncmp(option, "--retries=", 10) == 0) {
		if (parse_u64(option + 10, INT32_MAX, &n, e) < 0)
			return -e->code;
		return json_object_set_new(h, "Retries", json_integer((json_int_t)n));
	}
	for (size_t i = 0; i < NELEMS(times); i++) {
		const size_t len = strlen(times[i].name);

		if (strncmp(option, times[i].name, len) != 0)
			continue;
		if (parse_time(option + len, &ns, e) < 0)
			return -e->code;
		return json_object_set_new(h, times[i].key, json_integer(ns));
	}
	return err_set(e, EINVAL, "'%s' is no option of it", option);
}

/* Options, up to the first word that is none: where that begins, or NULL after an error. */
static const char *
health_options(json_t *h, const char *text, struct err *e)
{
	while (strncmp(text, "--", 2) == 0) {
		const size_t len = strcspn(text, BLANKS);
		AUTO_FREE char *option = xstrndup(text, len);

		if (health_option(h, option, e) < 0)
			return NULL;
		text += len + strspn(text + len, BLANKS);
	}
	return text;
}

static int
health_test(json_t *h, const char *text, struct err *e)
{
	json_t *list;

	if (strcasecmp(text, "NONE") == 0 && json_object_size(h) == 0)
		return json_object_set_new(h, "Test", json_pack("[s]", "NONE"));
	if (strncasecmp(text, "CMD", 3) != 0 || !text[3] || !strchr(BLANKS, text[3]))
		return err_set(e, EINVAL, "NONE, or options and CMD, is expected");
	text += 3 + strspn(text + 3, BLANKS);
	list = change_list(text, e);
	if (e->code)
		return -e->code;
	if (list)
		(void)json_array_insert_new(list, 0, json_string("CMD"));
	else
		list = json_pack("[s, s]", "CMD-SHELL", text);
	return json_object_set_new(h, "Test", list);
}

int
change_healthcheck(json_t *c, const char *text, struct err *e)
{
	json_t *h = json_object();
	const char *test = health_options(h, text, e);

	if (test && health_test(h, test, e) == 0)
		return json_object_set_new(c, "Healthcheck", h);
	json_decref(h);
	return -e->code;
}
