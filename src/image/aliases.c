#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/toml.h"
#include "image/aliases.h"
#include "image/ref.h"

#define NAMES_MAX 4096 /* in all */

void
aliases_clear(struct aliases *a)
{
	strv_freep(&a->v);
	err_clear(&a->why);
}

/* --- tables --- */

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

static void
take_alias(struct aliases *a, const struct toml_item *i)
{
	AUTO_FREE char *entry = NULL;

	if (!i->path || i->path[1] || !i->string || !is_plain_name(i->path[0]) ||
	    (*i->string && !is_plain_name(i->string)) || strv_len(a->v) >= NAMES_MAX)
		return;
	entry = xasprintf("%s=%s", i->path[0], i->string);
	strv_env_set(&a->v, entry);
}

void
aliases_parse(struct aliases *a, const char *data, size_t len, const char *file)
{
	struct toml t = toml_begin(data, len);
	AUTO_TOML_ITEM i = TOML_ITEM_INIT;
	struct err why = ERR_INIT;
	bool ours = false;

	while (toml_next(&t, &i, &why) > 0)
		if (i.is_table)
			ours = !i.is_list && toml_is(&i, "aliases");
		else if (ours)
			take_alias(a, &i);
	if (why.code && !a->why.code) {
		(void)err_prefix(&why, "%s", file);
		a->why = why;
	}
}

/* What cannot be read has no names, and is no reason to do without the others. */
static int
take_file(void *ctx, const char *file, const char *data, size_t len, struct err *e)
{
	struct aliases *a = ctx;

	if (data)
		aliases_parse(a, data, len, file);
	else if (!a->why.code)
		a->why = *e;
	err_clear(e);
	return 0;
}

void
aliases_read(struct aliases *a, const struct places *p)
{
	struct err ignored = ERR_INIT;

	(void)places_registries(p, take_file, a, &ignored);
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
