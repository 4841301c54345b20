/*
 * What is there, and under which names: images, inspect, tag, rmi.
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
#include "libexec/image.h"

static uint64_t
size_of(const struct oci_image *im)
{
	uint64_t size = 0;

	for (size_t i = 0; i < im->n_layers; i++)
		size += im->layers[i].size;
	return size;
}

static void
print_image(const struct store *s, json_t *d, const char *format, json_t *list)
{
	const char *name = json_string_value(json_object_get(json_object_get(d, "annotations"),
							     ANNOTATION_NAME)),
		   *digest = json_string_value(json_object_get(d, "digest")), *created;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err ignored = ERR_INIT;
	char size[16], safe[512], day[64];

	if (!digest || oci_read(s, digest, NULL, &im, &ignored) < 0)
		return;
	created = json_string_value(json_object_get(im.config, "created"));
	if (list) {
		(void)json_array_append_new(
			list, json_pack("{s:s*, s:s, s:s*, s:I}", "name", name, "digest", digest,
					"created", created, "size", (json_int_t)size_of(&im)));
		return;
	}
	(void)str_printable(safe, sizeof(safe), name ? name : "-", false);
	(void)str_printable(day, sizeof(day), created ? created : "", false);
	human_size(size_of(&im), size);
	if (strcmp(format, "names") == 0)
		(void)printf("%s\n", safe);
	else if (strcmp(format, "digests") == 0)
		(void)printf("%s\n", digest);
	else
		(void)printf("%-36s %.12s  %.10s  %6s\n", safe, digest + strlen("sha256:"),
			     day, size);
}

int
verb_images(int argc, char **argv, struct err *e)
{
	struct images_args a = { .format = "table" };
	AUTO_STORE s = STORE_INIT;
	json_t *index, *d, *list;
	size_t i;
	int first = opt_parse(images_opts, argc, argv, &a, e);

	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (first < argc)
		return err_set(e, EINVAL, "images: '%s': no argument is expected", argv[first]);
	if (open_store(true, &s, e) < 0 || !(index = store_read_index(&s, e)))
		return -e->code;
	if (a.quiet)
		a.format = "digests";
	list = strcmp(a.format, "json") == 0 ? json_array() : NULL;
	if (strcmp(a.format, "table") == 0)
		(void)printf("%-36s %-12s  %-10s  %6s\n", "NAME", "DIGEST", "CREATED", "SIZE");
	json_array_foreach(json_object_get(index, "manifests"), i, d)
		print_image(&s, d, a.format, list);
	if (list) {
		(void)json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		(void)printf("\n");
		json_decref(list);
	}
	json_decref(index);
	return 0;
}

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
	    new_image_name(argv[2], &name, e) < 0)
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
		return strv_len(names) > 1 ? several_names(text, names, e) : no_image(text, e);
	if (strv_len(names) == 0)
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

int
verb_inspect(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL, *platform = NULL;
	struct inspect_args a = { .platform = NULL };
	int first = opt_parse(inspect_opts, argc, argv, &a, e);
	json_t *doc;

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1)
		return err_set(e, EINVAL, "inspect: the name of an image is expected");
	if (a.platform && platform_parse(a.platform, &platform, e) < 0)
		return err_prefix(e, "--platform");
	if (open_store_for(argv[first], &s, e) < 0 || find_image(&s, argv[first], &digest, e) < 0 ||
	    oci_read(&s, digest, platform, &im, e) < 0)
		return -e->code;
	doc = json_pack("{s:s, s:O, s:O}", "digest", im.digest, "manifest", im.manifest, "config",
			im.config);
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(doc);
	return 0;
}
