#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "container/name.h"
#include "container/record.h"

#define FORMAT "rootlet container 1"

static const struct field {
	const char *key;
	size_t offset;
	bool list;
} fields[] = {
	{ "run-base", offsetof(struct container_record, base), false },
	{ "run-kind", offsetof(struct container_record, kind), false },
	{ "run-arg", offsetof(struct container_record, args), true },
	{ "run-env", offsetof(struct container_record, env), true },
	{ "run-cwd", offsetof(struct container_record, cwd), false },
	{ "run-home", offsetof(struct container_record, home), false },
	{ "place", offsetof(struct container_record, places), true },
	{ "stack", offsetof(struct container_record, stack), true },
	{ "created", offsetof(struct container_record, created), false },
	{ "started", offsetof(struct container_record, started), false },
	{ "ended", offsetof(struct container_record, ended), false },
	{ "status", offsetof(struct container_record, status), false },
	{ "process", offsetof(struct container_record, process), false },
};

static char **
text_of(const struct container_record *r, const struct field *f)
{
	return (char **)(uintptr_t)((const char *)r + f->offset);
}

static char ***
list_of(const struct container_record *r, const struct field *f)
{
	return (char ***)(uintptr_t)((const char *)r + f->offset);
}

static void
set_text(char **field, char *value)
{
	free(*field);
	*field = value;
}

void
container_record_number(char **field, int64_t n)
{
	set_text(field, n < 0 ? NULL : xasprintf("%lld", (long long)n));
}

void
container_record_clear(struct container_record *r)
{
	image_record_clear(&r->image);
	for (size_t i = 0; i < NELEMS(fields); i++) {
		if (fields[i].list)
			strv_freep(list_of(r, &fields[i]));
		else
			set_text(text_of(r, &fields[i]), NULL);
	}
}

static void
append(char **data, size_t *len, const char *key, const char *value)
{
	AUTO_FREE char *word = xasprintf("%s=%s", key, value);
	const size_t n = strlen(word) + 1;

	*data = xrealloc_array(*data, *len + n, 1);
	memcpy(*data + *len, word, n);
	*len += n;
}

char *
container_record_encode(const struct container_record *r, size_t *ret_len)
{
	char *data = xstrdup(FORMAT);
	size_t len = sizeof(FORMAT);

	image_record_append(&r->image, &data, &len);
	for (size_t i = 0; i < NELEMS(fields); i++) {
		const struct field *f = &fields[i];

		for (char **p = f->list ? *list_of(r, f) : NULL; p && *p; p++)
			append(&data, &len, f->key, *p);
		if (!f->list && *text_of(r, f))
			append(&data, &len, f->key, *text_of(r, f));
	}
	*ret_len = len;
	return data;
}

static int
take_word(struct container_record *r, const char *word)
{
	const size_t n = strcspn(word, "=");

	for (size_t i = 0; i < NELEMS(fields) && word[n]; i++) {
		const struct field *f = &fields[i];

		if (strlen(f->key) != n || strncmp(f->key, word, n) != 0)
			continue;
		if (f->list)
			strv_take(list_of(r, f), xstrdup(word + n + 1));
		else
			set_text(text_of(r, f), xstrdup(word + n + 1));
		return 0;
	}
	return image_record_take(&r->image, word);
}

/* What names a directory must be a number, and no other's; what is a name must be one. */
static bool
stack_is_valid(char *const *stack)
{
	unsigned long last = 0;

	for (char *const *p = stack; p && *p; p++) {
		const size_t n = strspn(*p, "0123456789");
		const unsigned long number = strtoul(*p, NULL, 10);

		if (n == 0 || n > 8 || (*p)[0] == '0' || (*p)[n] != '=' || number <= last ||
		    ((*p)[n + 1] && !container_name_is_valid(*p + n + 1)))
			return false;
		last = number;
	}
	return stack != NULL;
}

/* A name without a slash, of layer_name(), and an absolute path; only "u0" may be over the layers of an image. */
static bool
place_is_valid(const char *place, bool has_image)
{
	const size_t n = strcspn(place, "=");

	return (place[0] == 'u' || place[0] == 'd') && place[n] == '=' && !memchr(place, '/', n) &&
	       (place[n + 1] == '/' || (has_image && strcmp(place, "u0=") == 0));
}

static bool
is_valid(const struct container_record *r)
{
	if (!r->base || !r->kind || !r->args || !stack_is_valid(r->stack) ||
	    (strcmp(r->kind, "range") != 0 && strcmp(r->kind, "root") != 0 &&
	     strcmp(r->kind, "single") != 0))
		return false;
	for (char **p = r->places; p && *p; p++)
		if (!place_is_valid(*p, r->image.digest))
			return false;
	return !r->image.digest || image_record_is_valid(&r->image);
}

int
container_record_decode(const char *data, size_t len, struct container_record *ret)
{
	if (len < sizeof(FORMAT) || memcmp(data, FORMAT, sizeof(FORMAT)) != 0 || data[len - 1])
		return -EINVAL;
	for (const char *p = data + sizeof(FORMAT); p < data + len; p += strlen(p) + 1)
		if (take_word(ret, p) < 0)
			return -EINVAL;
	return is_valid(ret) ? 0 : -EINVAL;
}
