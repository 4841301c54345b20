#include <string.h>

#include "base/str.h"
#include "seccomp/document.h"

static const char *const type_names[] = {
	[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
	[JSON_INTEGER] = "a number", [JSON_REAL] = "a number with a fraction",
	[JSON_TRUE] = "true",        [JSON_FALSE] = "false",   [JSON_NULL] = "null",
};
static_assert(NELEMS(type_names) == JSON_NULL + 1, "type_names[] does not match json_type");

/* A word of the document for a message: short, one line, harmless. */
struct quoted {
	char text[72];
};

static struct quoted
quote(const char *s)
{
	struct quoted q = { .text = "" };

	(void)str_printable(q.text, sizeof(q.text), s, false);
	return q;
}

int
document_parse(const char *text, size_t len, json_t **ret, struct err *e)
{
	json_error_t at;
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	char what[2 * JSON_ERROR_TEXT_LENGTH];

	if (!doc) {
		(void)str_printable(what, sizeof(what), at.text, false);
		return err_set(e, EINVAL, "line %d, column %d: %s", at.line, at.column, what);
	}
	*ret = doc;
	return 0;
}

void
document_freep(json_t **doc)
{
	json_decref(*doc);
	*doc = NULL;
}

static int
wrong_type(const char *key, json_type wanted, const json_t *found, struct err *e)
{
	return err_set(e, EINVAL, "%s: %s is wanted here, not %s", key, type_names[wanted],
		       type_names[json_typeof(found)]);
}

static int
member(const json_t *obj, const char *key, json_type type, const json_t **ret, struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return 0;
	if (json_typeof(v) != type)
		return wrong_type(key, type, v, e);
	*ret = v;
	return 1;
}

int
document_text(const json_t *obj, const char *key, const char **ret, struct err *e)
{
	const json_t *v = NULL;
	int r = member(obj, key, JSON_STRING, &v, e);

	if (r > 0)
		*ret = json_string_value(v);
	return r;
}

int
document_list(const json_t *obj, const char *key, const json_t **ret, struct err *e)
{
	return member(obj, key, JSON_ARRAY, ret, e);
}

int
document_object(const json_t *obj, const char *key, const json_t **ret, struct err *e)
{
	return member(obj, key, JSON_OBJECT, ret, e);
}

int
document_number(const json_t *obj, const char *key, uint64_t max, uint64_t *ret, struct err *e)
{
	const json_t *v = NULL;
	int r = member(obj, key, JSON_INTEGER, &v, e);

	if (r <= 0)
		return r;
	if (json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
		return err_set(e, ERANGE, "%s: %lld is out of range", key,
			       (long long)json_integer_value(v));
	*ret = (uint64_t)json_integer_value(v);
	return 1;
}

int
document_entry(const json_t *list, size_t i, json_type type, const json_t **ret, struct err *e)
{
	const json_t *v = json_array_get(list, i);

	if (json_typeof(v) != type)
		return err_set(e, EINVAL, "[%zu]: %s is wanted here, not %s", i, type_names[type],
			       type_names[json_typeof(v)]);
	*ret = v;
	return 1;
}

int
document_check_keys(const json_t *obj, const char *const *known, struct err *e)
{
	const char *key;
	json_t *value;

	/* The iterator wants a mutable object; nothing is changed. */
	json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return err_set(e, EINVAL, "unknown key \"%s\"", quote(key).text);
	}
	return 0;
}

int
document_unknown(const char *key, const char *what, const char *value, struct err *e)
{
	return err_set(e, EINVAL, "%s: %s \"%s\"", key, what, quote(value).text);
}
