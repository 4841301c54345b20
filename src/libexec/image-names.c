/*
 * Which names images have, and what they are: inspect, tag, rmi.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/aliases.h"
#include "image/layers.h"
#include "image/platform.h"
#include "image/ref.h"
#include "libexec/image.h"

int
verb_tag(int argc, char **argv, struct err *e)
{
	AUTO_FREE char *digest = NULL, *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_FD fd = -1;
	struct blob b = { .size = 0 };
	struct stat st;

	if (argc != 3)
		return err_set(e, EINVAL, "tag: an image and a new name are expected");
	if (open_store_for(argv[1], &s, e) < 0 || find_image(&s, argv[1], &digest, e) < 0 ||
	    image_ref_new_name(argv[2], &name, e) < 0)
		return -e->code;
	fd = store_open_blob(&s, digest, e);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : err_sys(e, "blob %s", digest);
	(void)snprintf(b.digest, sizeof(b.digest), "%s", digest);
	b.size = (uint64_t)st.st_size;
	return store_set_name(&s, name, &b, e) < 0 ? -e->code : layers_write_names(&s, e);
}

static int
several_names(const char *text, char *const *names, struct err *e)
{
	(void)err_set(e, EBUSY, "'%s' has %zu names: %.200s, %.200s%s", text, strv_len(names), names[0],
		      names[1], names[2] ? " ..." : "");
	return err_hint(e, "rootlet rmi --force takes all of them");
}

/* By a digest that it is: then it is no more in the list, whether or not it had a name. */
static int
remove_image(const struct store *s, const char *text, bool force, struct err *e)
{
	AUTO_FREE char *digest = NULL, *name = NULL;
	AUTO_STRV names = NULL;
	int had;

	if (find_image_named(s, text, &digest, &name, e) < 0)
		return -e->code;
	had = name ? store_remove_name(s, name, e)
		   : store_remove_digest(s, digest, force, &names, e);
	if (had < 0)
		return had;
	if (!had)
		return names && names[0] && names[1] ? several_names(text, names, e)
						     : no_image(text, e);
	if (!names)
		strv_take(&names, xstrdup(name ? name : digest));
	for (char **n = names; *n; n++) {
		char safe[512];

		(void)str_printable(safe, sizeof(safe), *n, false);
		(void)printf("untagged: %s\n", safe);
	}
	return 0;
}

int
verb_rmi(int argc, char **argv, struct err *e)
{
	struct rmi_args a = { .force = false };
	AUTO_STORE s = STORE_INIT;
	bool failed = false;
	int first = opt_parse(rmi_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (first == argc)
		return err_set(e, EINVAL, "rmi: the name of an image is expected");
	if (open_store_for(argv[first], &s, e) < 0)
		return -e->code;
	/* What is taken away is named as it is. */
	aliases_clear(s.aliases);
	for (int i = first; i < argc; i++) {
		struct err why = ERR_INIT;

		if (remove_image(&s, argv[i], a.force, &why) >= 0)
			continue;
		failed = true;
		(void)cmd_fail(&why);
	}
	if (layers_write_names(&s, e) < 0)
		return -e->code;
	return failed ? cmd_said(e) : 0;
}

/* Owned; NULL after an error. */
static json_t *
describe(const struct store *s, const char *name, const char *platform, struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;

	if (find_image(s, name, &digest, e) < 0 || oci_read(s, digest, platform, &im, e) < 0)
		return NULL;
	return json_pack("{s:s, s:O, s:O}", "digest", im.digest, "manifest", im.manifest, "config",
			 im.config);
}

/* One object of one image, a list of several. */
static int
print_descriptions(const struct store *s, char *const *names, int n, const char *platform,
		   struct err *e)
{
	json_t *list = json_array(), *d;

	for (int i = 0; i < n; i++) {
		d = describe(s, names[i], platform, e);
		if (!d) {
			json_decref(list);
			return -e->code;
		}
		(void)json_array_append_new(list, d);
	}
	(void)json_dumpf(n == 1 ? json_array_get(list, 0) : list, stdout,
			 JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(list);
	return 0;
}

int
verb_inspect(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_FREE char *platform = NULL;
	struct inspect_args a = { .platform = NULL };
	int first = opt_parse(inspect_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc == first) {
		(void)err_set(e, EINVAL, "inspect: the name of an image is expected");
		return err_hint(e, "rootlet images lists them");
	}
	if (a.platform && platform_parse(a.platform, &platform, e) < 0)
		return err_prefix(e, "--platform");
	if (open_store_for(argv[first], &s, e) < 0)
		return -e->code;
	return print_descriptions(&s, argv + first, argc - first, platform, e);
}
