#include <string.h>

#include "base/str.h"
#include "options/opt.h"

char **
opt_words(const struct opt *opts, const void *args)
{
	char **words = NULL;

	for (; opts->kind != OPT_KIND_END; opts++) {
		const char *field = (const char *)args + opts->offset;
		const struct opt_list *list = (const struct opt_list *)(const void *)field;
		const char *const *text = (const char *const *)(const void *)field;

		if (opts->kind == OPT_KIND_FLAG && *(const bool *)field)
			strv_take(&words, xasprintf("--%s", opts->name));
		if (opts->kind == OPT_KIND_STRING && *text)
			strv_take(&words, xasprintf("--%s=%s", opts->name, *text));
		for (size_t i = 0; opts->kind == OPT_KIND_STRINGS && i < list->n; i++)
			strv_take(&words, xasprintf("--%s=%s", opts->name, list->v[i]));
	}
	return words;
}
