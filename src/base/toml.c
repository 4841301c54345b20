#include <string.h>

#include "base/str.h"
#include "base/toml.h"

#define DEPTH_MAX 32    /* of lists in lists */
#define PARTS_MAX 16    /* of a name */
#define LIST_MAX  10000 /* strings */

void
toml_item_clear(struct toml_item *i)
{
	strv_freep(&i->path);
	free(i->string);
	free(i->word);
	strv_freep(&i->list);
	*i = (struct toml_item)TOML_ITEM_INIT;
}

struct toml
toml_begin(const char *data, size_t len)
{
	return (struct toml){ .p = data, .end = data + len, .line = 1 };
}

static bool
at(const struct toml *s, const char *what)
{
	const size_t n = strlen(what);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

static char
next(const struct toml *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void
advance(struct toml *s, size_t n)
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
skip_blanks(struct toml *s, bool lines)
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
find_end(struct toml *s, const char *quote)
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

/* @ret: owned, or NULL to skip it.  Escapes are left as they are. */
static bool
take_string(struct toml *s, char **ret)
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

/* @ret: owned; NULL to skip it */
static bool
take_word(struct toml *s, char **ret)
{
	const char *const start = s->p, *end;

	while (s->p < s->end && !is_one_of(*s->p, ",]}#\n\"'[{=") && *s->p != '\0')
		s->p++;
	end = s->p;
	while (end > start && is_one_of(end[-1], " \t\r"))
		end--;
	if (ret)
		*ret = xstrndup(start, (size_t)(end - start));
	return end > start;
}

static bool skip_value(struct toml *s, unsigned int depth);

/* A list, or a table in one line, with whatever is in it. */
static bool
skip_list(struct toml *s, char close, unsigned int depth)
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
skip_value(struct toml *s, unsigned int depth)
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
		return take_word(s, NULL);
	}
}

/* A list: its strings, and whether there is anything else in it. */
static bool
take_list(struct toml *s, struct toml_item *to)
{
	size_t n = 0;

	advance(s, 1);
	for (;;) {
		skip_blanks(s, true);
		if (next(s) == ']') {
			advance(s, 1);
			return true;
		}
		if (next(s) == ',') {
			advance(s, 1);
		} else if (is_one_of(next(s), "\"'")) {
			char *one = NULL;

			if (n++ == LIST_MAX || !take_string(s, &one))
				return false;
			strv_take(&to->list, one);
		} else {
			to->is_other = true;
			if (!skip_value(s, 1))
				return false;
		}
	}
}

static bool
take_value(struct toml *s, struct toml_item *to)
{
	switch (next(s)) {
	case '"':
	case '\'':
		return take_string(s, &to->string);
	case '[':
		return take_list(s, to);
	case '{':
		to->is_other = true;
		return skip_value(s, 0);
	default:
		return take_word(s, &to->word);
	}
}

static bool
take_part(struct toml *s, char **ret)
{
	const char *start = s->p;

	if (is_one_of(next(s), "\"'"))
		return take_string(s, ret);
	while (s->p < s->end && !is_one_of(*s->p, " \t\r\n.=]#\"'") && *s->p != '\0')
		s->p++;
	if (s->p == start)
		return false;
	*ret = xstrndup(start, (size_t)(s->p - start));
	return true;
}

/* A name, whose parts may have quotes. */
static bool
take_path(struct toml *s, char ***ret)
{
	size_t parts = 0;

	do {
		char *part = NULL;

		advance(s, parts > 0);
		skip_blanks(s, false);
		if (parts++ == PARTS_MAX || !take_part(s, &part))
			return false;
		strv_take(ret, part);
		skip_blanks(s, false);
	} while (next(s) == '.');
	return true;
}

static bool
is_end_of_line(struct toml *s)
{
	skip_blanks(s, false);
	return s->p == s->end || *s->p == '\n';
}

/* [PATH] or [[PATH]] */
static bool
take_header(struct toml *s, struct toml_item *to)
{
	to->is_table = true;
	to->is_list = at(s, "[[");
	advance(s, to->is_list ? 2 : 1);
	if (!take_path(s, &to->path) || !at(s, to->is_list ? "]]" : "]"))
		return false;
	advance(s, to->is_list ? 2 : 1);
	return is_end_of_line(s);
}

/* PATH = VALUE */
static bool
take_entry(struct toml *s, struct toml_item *to)
{
	if (!take_path(s, &to->path) || next(s) != '=')
		return false;
	advance(s, 1);
	skip_blanks(s, false);
	return take_value(s, to) && is_end_of_line(s);
}

int
toml_next(struct toml *t, struct toml_item *ret, struct err *e)
{
	toml_item_clear(ret);
	skip_blanks(t, true);
	if (t->p == t->end)
		return 0;
	ret->line = t->line;
	if (next(t) == '[' ? take_header(t, ret) : take_entry(t, ret))
		return 1;
	return err_set(e, EBADMSG, "line %u is not understood", ret->line);
}

bool
toml_is(const struct toml_item *i, const char *name)
{
	return i->path && !i->path[1] && strcmp(i->path[0], name) == 0;
}
