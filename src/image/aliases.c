#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/aliases.h"
#include "image/ref.h"

#define FILE_MAX  ((size_t)1 << 20) /* bytes */
#define FILES_MAX 1000              /* of one directory */
#define DEPTH_MAX 32                /* of lists in lists */
#define NAMES_MAX 4096              /* in all */
#define SYSTEM    "/etc/containers"
#define OF_USER   ".config/containers"

void
aliases_clear(struct aliases *a)
{
	strv_freep(&a->v);
	err_clear(&a->why);
}

/* --- as much of TOML as it takes to find its tables and strings --- */

struct scan {
	const char *p, *end;
	unsigned int line;
};

static bool
at(const struct scan *s, const char *what)
{
	const size_t n = strlen(what);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

static char
next(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void
advance(struct scan *s, size_t n)
{
	for (; n > 0 && s->p < s->end; n--)
		s->line += *s->p++ == '\n';
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

/* Blanks and comments; ends of lines, too, where they mean nothing. */
static void
skip_blanks(struct scan *s, bool lines)
{
	while (s->p < s->end) {
		if (*s->p == '#')
			while (s->p < s->end && *s->p != '\n')
				s->p++;
		else if (is_one_of(*s->p, " \t\r") || (lines && *s->p == '\n'))
			advance(s, 1);
		else
			return;
	}
}

/* The end of a string that began with @quote: one or three of '"' or '\''. */
static bool
find_end(struct scan *s, const char *quote)
{
	for (; s->p < s->end; advance(s, 1)) {
		if (at(s, quote))
			return true;
		if (quote[1] == '\0' && *s->p == '\n')
			return false;
		if (quote[0] == '"' && *s->p == '\\')
			advance(s, 1);
	}
	return false;
}

/* @ret: owned, or NULL to skip it.  Escapes are left as they are: no name of an image has any. */
static bool
take_string(struct scan *s, char **ret)
{
	static const char *const quotes[] = { "\"\"\"", "'''", "\"", "'" };
	const char *quote = NULL, *start;

	for (size_t i = 0; !quote && i < NELEMS(quotes); i++)
		if (at(s, quotes[i]))
			quote = quotes[i];
	if (!quote)
		return false;
	advance(s, strlen(quote));
	start = s->p;
	if (!find_end(s, quote))
		return false;
	if (ret)
		*ret = xstrndup(start, (size_t)(s->p - start));
	advance(s, strlen(quote));
	/* Up to two quotes may stand before those that end it. */
	for (int i = 0; i < 2 && quote[1] && next(s) == quote[0]; i++)
		advance(s, 1);
	return true;
}

static bool
skip_word(struct scan *s)
{
	const char *const start = s->p;

	while (s->p < s->end && !is_one_of(*s->p, ",]}#\n\"'[{=") && *s->p != '\0')
		s->p++;
	return s->p > start;
}

static bool skip_value(struct scan *s, unsigned int depth);

/* A list, or a table in one line, with whatever is in it. */
static bool
skip_list(struct scan *s, char close, unsigned int depth)
{
	advance(s, 1);
	for (;;) {
		skip_blanks(s, true);
		if (next(s) == close) {
			advance(s, 1);
			return true;
		}
		if (is_one_of(next(s), ",="))
			advance(s, 1);
		else if (!skip_value(s, depth))
			return false;
	}
}

static bool
skip_value(struct scan *s, unsigned int depth)
{
	switch (next(s)) {
	case '"':
	case '\'':
		return take_string(s, NULL);
	case '[':
		return depth < DEPTH_MAX && skip_list(s, ']', depth + 1);
	case '{':
		return depth < DEPTH_MAX && skip_list(s, '}', depth + 1);
	default:
		return skip_word(s);
	}
}

/* A key, with quotes or without. *ret: owned; NULL when it has several parts. */
static bool
take_key(struct scan *s, char **ret)
{
	AUTO_FREE char *key = NULL;
	size_t parts = 0;

	do {
		const char *start;

		advance(s, parts > 0);
		skip_blanks(s, false);
		free(key);
		key = NULL;
		start = s->p;
		if (is_one_of(next(s), "\"'")) {
			if (!take_string(s, &key))
				return false;
		} else {
			while (s->p < s->end && !is_one_of(*s->p, " \t\r\n.=]#\"'") && *s->p != '\0')
				s->p++;
			if (s->p == start)
				return false;
			key = xstrndup(start, (size_t)(s->p - start));
		}
		parts++;
		skip_blanks(s, false);
	} while (next(s) == '.');
	*ret = parts == 1 ? TAKE_PTR(key) : NULL;
	return true;
}

static bool
is_end_of_line(struct scan *s)
{
	skip_blanks(s, false);
	return s->p == s->end || *s->p == '\n';
}

/* [NAME] or [[NAME]]: is what follows in the table of aliases? */
static bool
take_header(struct scan *s, bool *ret_ours)
{
	const bool list = at(s, "[[");
	AUTO_FREE char *name = NULL;

	advance(s, list ? 2 : 1);
	if (!take_key(s, &name) || !at(s, list ? "]]" : "]"))
		return false;
	advance(s, list ? 2 : 1);
	*ret_ours = !list && name && strcmp(name, "aliases") == 0;
	return is_end_of_line(s);
}

static bool
is_plain_name(const char *text)
{
	struct image_ref ref = IMAGE_REF_INIT;
	struct err ignored = ERR_INIT;
	const char *slash = strrchr(text, '/');
	const bool ok = !strpbrk(text, "@=") && !strchr(slash ? slash : text, ':') &&
			image_ref_parse(text, &ref, &ignored) == 0;

	image_ref_clear(&ref);
	return ok;
}

/* KEY = VALUE */
static bool
take_entry(struct aliases *a, struct scan *s, bool ours)
{
	AUTO_FREE char *key = NULL, *value = NULL, *entry = NULL;

	if (!take_key(s, &key) || next(s) != '=')
		return false;
	advance(s, 1);
	skip_blanks(s, false);
	if (ours && is_one_of(next(s), "\"'") ? !take_string(s, &value) : !skip_value(s, 0))
		return false;
	if (key && value && is_plain_name(key) && (!*value || is_plain_name(value)) &&
	    strv_len(a->v) < NAMES_MAX) {
		entry = xasprintf("%s=%s", key, value);
		strv_env_set(&a->v, entry);
	}
	return is_end_of_line(s);
}

void
aliases_parse(struct aliases *a, const char *data, size_t len, const char *file)
{
	struct scan s = { .p = data, .end = data + len, .line = 1 };
	bool ours = false, ok = true;
	unsigned int line = 1;

	while (ok) {
		skip_blanks(&s, true);
		if (s.p == s.end)
			break;
		line = s.line;
		ok = next(&s) == '[' ? take_header(&s, &ours) : take_entry(a, &s, ours);
	}
	if (!ok && !a->why.code)
		(void)err_set(&a->why, EBADMSG, "%s: line %u is not understood", file, line);
}

/* --- the files --- */

static void
read_file(struct aliases *a, int dir_fd, const char *name, const char *shown)
{
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	struct err why = ERR_INIT;
	ssize_t n;

	if (fd < 0)
		return;
	n = fd_read_all(fd, FILE_MAX, &data, &why);
	if (n >= 0) {
		aliases_parse(a, data, (size_t)n, shown);
	} else if (!a->why.code) {
		(void)err_prefix(&why, "%s", shown);
		a->why = why;
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every *.conf of a directory, in the order of their names. */
static void
read_dir(struct aliases *a, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	AUTO_STRV names = NULL;
	size_t n = 0;

	if (!d) {
		fd_closep(&fd);
		return;
	}
	for (const struct dirent *de; n < FILES_MAX && (de = readdir(d));) {
		const size_t len = strlen(de->d_name);

		if (len > 5 && strcmp(de->d_name + len - 5, ".conf") == 0) {
			strv_take(&names, xstrdup(de->d_name));
			n++;
		}
	}
	if (n > 1)
		qsort(names, n, sizeof(*names), compare);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *shown = path_join(path, names[i]);

		read_file(a, dirfd(d), names[i], shown);
	}
	(void)closedir(d);
}

void
aliases_read(struct aliases *a, const char *conf, const char *home)
{
	AUTO_FREE char *own = home ? path_join(home, OF_USER "/registries.conf") : NULL,
		       *own_dir = home ? path_join(home, OF_USER "/registries.conf.d") : NULL;
	const bool has_own = !conf && own && access(own, F_OK) == 0;
	const char *const file = conf ? conf : has_own ? own : SYSTEM "/registries.conf";

	read_file(a, AT_FDCWD, file, file);
	/* Who has a file of his own in place of the machine's does without its directory, too. */
	if (!has_own)
		read_dir(a, SYSTEM "/registries.conf.d");
	if (own_dir)
		read_dir(a, own_dir);
}

/* --- names --- */

/* No registry: what is before the first slash has neither dot nor colon. */
static bool
is_short(const char *text)
{
	const size_t n = strcspn(text, "/");

	return text[n] == '\0' || (!memchr(text, '.', n) && !memchr(text, ':', n) &&
				   strncmp(text, "localhost/", strlen("localhost/")) != 0);
}

char *
aliases_resolve(const struct aliases *a, const char *text)
{
	const size_t n = strcspn(text, ":@");
	AUTO_FREE char *name = xstrndup(text, n);
	const char *target;

	if (!is_short(text) || !*name)
		return NULL;
	target = strv_env_get(a->v, name);
	return target && *target ? xasprintf("%s%s", target, text + n) : NULL;
}

char *
aliases_localhost(const char *text)
{
	return *text && is_short(text) ? xasprintf("localhost/%s", text) : NULL;
}
