#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/record.h"
#include "image/ref.h"

#define FORMAT "rootlet image 2"

static const struct field {
	const char *key;
	size_t offset;
	bool list;
} fields[] = {
	{ "digest", offsetof(struct image_record, digest), false },
	{ "layer", offsetof(struct image_record, layers), true },
	{ "entrypoint", offsetof(struct image_record, entrypoint), true },
	{ "cmd", offsetof(struct image_record, cmd), true },
	{ "env", offsetof(struct image_record, env), true },
	{ "volume", offsetof(struct image_record, volumes), true },
	{ "user", offsetof(struct image_record, user), false },
	{ "workdir", offsetof(struct image_record, workdir), false },
	{ "stop-signal", offsetof(struct image_record, stop_signal), false },
	{ "platform", offsetof(struct image_record, platform), false },
};

static char **
text_of(const struct image_record *r, const struct field *f)
{
	return (char **)(uintptr_t)((const char *)r + f->offset);
}

static char ***
list_of(const struct image_record *r, const struct field *f)
{
	return (char ***)(uintptr_t)((const char *)r + f->offset);
}

void
image_record_clear(struct image_record *r)
{
	for (size_t i = 0; i < NELEMS(fields); i++) {
		if (fields[i].list) {
			strv_freep(list_of(r, &fields[i]));
		} else {
			free(*text_of(r, &fields[i]));
			*text_of(r, &fields[i]) = NULL;
		}
	}
}

static void
append(char **data, size_t *len, const char *key, const char *value)
{
	const size_t n = strlen(key), v = strlen(value);

	*data = xrealloc_array(*data, *len + n + v + 2, 1);
	memcpy(*data + *len, key, n);
	(*data)[*len + n] = '=';
	memcpy(*data + *len + n + 1, value, v + 1);
	*len += n + v + 2;
}

void
image_record_append(const struct image_record *r, char **data, size_t *len)
{
	for (size_t i = 0; i < NELEMS(fields); i++) {
		const struct field *f = &fields[i];

		for (char **p = f->list ? *list_of(r, f) : NULL; p && *p; p++)
			append(data, len, f->key, *p);
		if (!f->list && *text_of(r, f))
			append(data, len, f->key, *text_of(r, f));
	}
}

char *
image_record_encode(const struct image_record *r, size_t *ret_len)
{
	char *data = xstrdup(FORMAT);
	size_t len = sizeof(FORMAT);

	image_record_append(r, &data, &len);
	*ret_len = len;
	return data;
}

int
image_record_take(struct image_record *r, const char *word)
{
	const size_t n = strcspn(word, "=");

	for (size_t i = 0; i < NELEMS(fields) && word[n]; i++) {
		const struct field *f = &fields[i];

		if (strlen(f->key) != n || strncmp(f->key, word, n) != 0)
			continue;
		if (f->list) {
			strv_take(list_of(r, f), xstrdup(word + n + 1));
		} else {
			free(*text_of(r, f));
			*text_of(r, f) = xstrdup(word + n + 1);
		}
		return 0;
	}
	return -EINVAL;
}

static bool
is_hex(const char *s)
{
	return strlen(s) == IMAGE_DIGEST_HEX && strspn(s, "0123456789abcdef") == IMAGE_DIGEST_HEX;
}

bool
image_record_is_valid(const struct image_record *r)
{
	for (char **p = r->layers; p && *p; p++)
		if (!is_hex(*p))
			return false;
	return r->digest && image_digest_is_valid(r->digest) && r->layers;
}

int
image_record_decode(const char *data, size_t len, struct image_record *ret)
{
	if (len < sizeof(FORMAT) || memcmp(data, FORMAT, sizeof(FORMAT)) != 0 || data[len - 1])
		return -EINVAL;
	for (const char *p = data + sizeof(FORMAT); p < data + len; p += strlen(p) + 1)
		if (image_record_take(ret, p) < 0)
			return -EINVAL;
	return image_record_is_valid(ret) ? 0 : -EINVAL;
}
