#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "image/ref.h"
#include "libexec/image.h"

int
open_store(bool create, struct store *ret, struct err *e)
{
	return open_store_and(create, NULL, 0, ret, e);
}

int
open_store_and(bool create, const struct confine_dir *more, size_t n, struct store *ret,
	       struct err *e)
{
	AUTO_FREE char *dir = cmd_find_data_dir();

	if (!dir) {
		(void)err_set(e, ENOENT, "there is no place for images: HOME is not set");
		return err_hint(e, "--store=DIR or ROOTLET_STORE name another place");
	}
	if (store_open(dir, create, ret, e) < 0)
		return -e->code;
	return image_confine_files(ret, more, n, e);
}

int
no_image(const char *text, struct err *e)
{
	(void)err_set(e, ENOENT, "no image '%s'", text);
	return err_hint(e, "rootlet images lists them; a directory is written ./%.200s", text);
}

int
open_store_for(const char *text, struct store *ret, struct err *e)
{
	int r = open_store(false, ret, e);

	return r == -ENOENT ? no_image(text, e) : r;
}

int
find_image(const struct store *s, const char *text, char **ret, struct err *e)
{
	struct image_ref ref = IMAGE_REF_INIT;
	json_t *index = store_read_index(s, e), *found = NULL;
	AUTO_FREE char *name = NULL;
	bool ambiguous = false;

	if (!index)
		return -e->code;
	if (image_ref_parse(text, &ref, e) == 0) {
		name = image_ref_name(&ref);
		found = name ? store_find(index, name) : NULL;
		if (!found && ref.digest)
			found = store_find_digest(index, ref.digest + strlen("sha256:"), &ambiguous);
		if (!found && strlen(text) >= 6 && strspn(text, "0123456789abcdef") == strlen(text))
			found = store_find_digest(index, text, &ambiguous);
		if (ambiguous)
			(void)err_set(e, EEXIST, "'%s' is the beginning of several images", text);
		else if (!found)
			(void)no_image(text, e);
	}
	if (found)
		*ret = xstrdup(json_string_value(json_object_get(found, "digest")));
	image_ref_clear(&ref);
	json_decref(index);
	return found ? 0 : -e->code;
}

struct progress *
new_progress(bool quiet)
{
	return progress_new(STDERR_FILENO, quiet		      ? PROGRESS_NONE
					   : cmd_stderr_is_screen() ? PROGRESS_BAR
								      : PROGRESS_LINES);
}

const char *
created(char buf[32])
{
	const int64_t epoch = cmd_source_date_epoch();
	const time_t t = epoch >= 0 ? (time_t)epoch : time(NULL);
	struct tm tm;

	(void)strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return buf;
}

int
new_image_name(const char *text, char **ret, struct err *e)
{
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *name = NULL;

	if (image_ref_parse(text, &ref, e) < 0)
		return -e->code;
	name = image_ref_name(&ref);
	image_ref_clear(&ref);
	if (!name)
		return err_set(e, EINVAL, "'%s' has a digest: that is no name", text);
	if (strcmp(name, "host:latest") == 0)
		return err_set(e, EINVAL, "'%s' is the name of the machine itself", text);
	*ret = TAKE_PTR(name);
	return 0;
}

const char *
take_kind(int *argc, char ***argv)
{
	const char *kind;

	if (*argc < 2)
		return "";
	kind = (*argv)[1];
	(*argv)[1] = (*argv)[0];
	(*argv)++;
	(*argc)--;
	return kind;
}
