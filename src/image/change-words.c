#include <string.h>

#include "base/str.h"
#include "image/change-internal.h"

#define BLANKS " \t"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define EXPANDED_MAX ((size_t)1 << 20) /* bytes: a value that doubles itself comes to an end */

struct lexer {
	const char *p;
	json_t *env;
	bool whole;
	char *out; /* owned: the word so far */
	size_t n, room;
	size_t equal; /* SIZE_MAX: none yet */
};

static void
put(struct lexer *l, const char *s, size_t n)
{
	if (l->n + n + 1 > l->room) {
		l->room = (l->n + n + 1) * 2;
		l->out = xrealloc_array(l->out, l->room, 1);
	}
	memcpy(l->out + l->n, s, n);
	l->n += n;
}

static const char *
value_of(json_t *env, const char *name, size_t n)
{
	json_t *v;
	size_t i;

	json_array_foreach(env, i, v) {
		const char *kv = json_string_value(v);

		if (kv && strncmp(kv, name, n) == 0 && kv[n] == '=')
			return kv + n + 1;
	}
	return NULL;
}

static int
put_value(struct lexer *l, const char *value, size_t n, struct err *e)
{
	if (l->n + n > EXPANDED_MAX)
		return err_set(e, EINVAL, "is too long with its variables");
	put(l, value, n);
	return 0;
}

/* After "${": NAME}, NAME:-TEXT} or NAME:+TEXT}; the text is taken as it is. */
static int
braced(struct lexer *l, struct err *e)
{
	const char *name = l->p, *end = strchr(name, '}'), *value, *text;
	const size_t n = strspn(name, LETTERS "0123456789");

	if (!end || strspn(name, LETTERS) == 0)
		return err_set(e, EINVAL, "'${' without a name and '}'");
	value = value_of(l->env, name, n);
	text = name + n + 2;
	l->p = end + 1;
	if (name[n] == '}')
		return value ? put_value(l, value, strlen(value), e) : 0;
	if (name[n] != ':' || (name[n + 1] != '-' && name[n + 1] != '+'))
		return err_set(e, EINVAL, "'${%.*s}' is no variable", (int)(end - name), name);
	if (value && value[0])
		return name[n + 1] == '+' ? put_value(l, text, (size_t)(end - text), e)
					  : put_value(l, value, strlen(value), e);
	return name[n + 1] == '-' ? put_value(l, text, (size_t)(end - text), e) : 0;
}

/* At "$". */
static int
variable(struct lexer *l, struct err *e)
{
	const char *name = l->p + 1, *value;
	const size_t n = strspn(name, LETTERS) ? strspn(name, LETTERS "0123456789") : 0;

	if (*name == '{') {
		l->p += 2;
		return braced(l, e);
	}
	l->p++;
	if (n == 0) {
		put(l, "$", 1);
		return 0;
	}
	l->p += n;
	value = value_of(l->env, name, n);
	return value ? put_value(l, value, strlen(value), e) : 0;
}

static int
single_quoted(struct lexer *l, struct err *e)
{
	const char *end = strchr(l->p + 1, '\'');

	if (!end)
		return err_set(e, EINVAL, "a ' has no end");
	put(l, l->p + 1, (size_t)(end - l->p - 1));
	l->p = end + 1;
	return 0;
}

static int
double_quoted(struct lexer *l, struct err *e)
{
	l->p++;
	while (*l->p && *l->p != '"') {
		if (*l->p == '$') {
			if (variable(l, e) < 0)
				return -e->code;
			continue;
		}
		if (*l->p == '\\' && l->p[1] && strchr("\"$\\", l->p[1]))
			l->p++;
		put(l, l->p++, 1);
	}
	if (!*l->p)
		return err_set(e, EINVAL, "a \" has no end");
	l->p++;
	return 0;
}

static int
piece(struct lexer *l, struct err *e)
{
	switch (*l->p) {
	case '\'':
		return single_quoted(l, e);
	case '"':
		return double_quoted(l, e);
	case '$':
		return variable(l, e);
	case '\\':
		if (l->p[1])
			l->p++;
		break;
	case '=':
		if (l->equal == SIZE_MAX)
			l->equal = l->n;
		break;
	default:
		break;
	}
	put(l, l->p++, 1);
	return 0;
}

static int
read_word(struct lexer *l, struct word *ret, struct err *e)
{
	l->out = NULL;
	l->n = l->room = 0;
	l->equal = SIZE_MAX;
	put(l, "", 0);
	while (*l->p && (l->whole || !strchr(BLANKS, *l->p))) {
		if (piece(l, e) < 0) {
			free(l->out);
			return -e->code;
		}
	}
	l->out[l->n] = '\0';
	ret->text = l->out;
	ret->equal = l->equal == SIZE_MAX ? l->n : l->equal;
	return 0;
}

void
words_free(struct word *words, size_t n)
{
	while (n > 0)
		free(words[--n].text);
	free(words);
}

int
words_split(const char *text, json_t *env, bool whole, struct word **ret, size_t *ret_n,
	    struct err *e)
{
	struct lexer l = { .p = text, .env = env, .whole = whole };
	struct word *words = NULL;
	size_t n = 0;

	while (l.p += strspn(l.p, BLANKS), *l.p) {
		words = xrealloc_array(words, n + 1, sizeof(*words));
		if (read_word(&l, &words[n], e) < 0) {
			words_free(words, n);
			return -e->code;
		}
		n++;
	}
	*ret = words;
	*ret_n = n;
	return 0;
}
