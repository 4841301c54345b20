/*
 * What `rootlet run` asks for: "prepare KIND NAME PLATFORM [quiet] [may-miss]".
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "image/layers.h"
#include "image/ref.h"
#include "libexec/image.h"

/* Of an image for several platforms those that nobody has run may not have been pulled. */
static bool
lacks_platform(const struct store *s, const char *digest, const char *platform)
{
	struct err ignored = ERR_INIT;
	json_t *doc = store_get_json(s, digest, &ignored),
	       *chosen = doc && oci_is_index(doc) ? oci_choose(doc, platform, &ignored) : NULL;
	const char *its = json_string_value(json_object_get(chosen, "digest"));
	const bool lacks = its && image_digest_is_valid(its) && !store_has_blob(s, its);

	json_decref(doc);
	return lacks;
}

/* Returns VERB_FAULTS when it is not there, and that is no error. */
static int
find(struct store *s, const char *name, const char *platform, bool may_miss, char **ret_digest,
     struct err *e)
{
	int r = open_store_for(name, s, e);

	if (r == 0)
		r = find_image(s, name, ret_digest, e);
	if (may_miss && (r == -ENOENT || (r == 0 && lacks_platform(s, *ret_digest, platform)))) {
		err_clear(e);
		return VERB_FAULTS;
	}
	return r;
}

static bool
has_word(int argc, char **argv, const char *word)
{
	for (int i = 4; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

int
verb_prepare(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;
	AUTO_PROGRESS progress = NULL;
	const char *platform;
	int r;

	if (argc < 4)
		return err_set(e, EINVAL, "prepare KIND NAME PLATFORM [quiet] [may-miss]");
	platform = *argv[3] ? argv[3] : NULL;
	r = find(&s, argv[2], platform, has_word(argc, argv, "may-miss"), &digest, e);
	if (r != 0)
		return r;
	if (oci_read(&s, digest, platform, &im, e) < 0)
		return -e->code;
	progress = new_progress(has_word(argc, argv, "quiet"));
	s.progress = progress;
	if (layers_unpack_all(&s, argv[1], &im, e) < 0)
		return err_prefix(e, "image %s", argv[2]);
	if (layers_write_cache(&s, &im, digest, platform, e) < 0)
		return -e->code;
	(void)printf("%s\n", im.digest);
	return 0;
}
