/* fuzz-ref - the name of an image: what is accepted keeps what ref.h promises */
#include <string.h>

#include "base/str.h"
#include "image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_error(const struct err *e)
{
	if (e->code <= 0 || e->msg[0] == '\0' || !memchr(e->msg, '\0', sizeof(e->msg)))
		abort();
}

/* Nothing that a terminal, an annotation or a line of a list would take for something else. */
static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) > IMAGE_NAME_MAX || name[0] == '/' || name[0] == '-' ||
	    strstr(name, "..") || strstr(name, "//"))
		abort();
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '=' || *p == '@')
			abort();
}

/* The name in the store is a name that is itself. */
static void
check_again(const struct image_ref *r)
{
	AUTO_FREE char *name = image_ref_name(r), *again = NULL;
	struct image_ref copy = IMAGE_REF_INIT;
	struct err e = ERR_INIT;

	if (!name != !r->tag)
		abort();
	if (!name)
		return;
	if (image_ref_parse(name, &copy, &e) < 0 || !(again = image_ref_name(&copy)) ||
	    strcmp(name, again) != 0)
		abort();
	image_ref_clear(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xcalloc(size + 1, 1);
	struct image_ref r = IMAGE_REF_INIT;
	struct err e = ERR_INIT;

	if (size > 0)
		memcpy(text, data, size);
	if (image_ref_parse(text, &r, &e) < 0) {
		check_error(&e);
		return 0;
	}
	if (e.code != 0 || !r.name || (!r.tag && !r.digest) ||
	    (r.digest && !image_digest_is_valid(r.digest)))
		abort();
	check_name(r.name);
	check_again(&r);
	image_ref_clear(&r);
	return 0;
}
