/*
 * rootlet-image - everything about images: `rootlet` itself has no library for archives and JSON
 *
 * argv[0] is the verb.  Where files are unpacked, argv[1] is their kind: "range", "root" or "single".
 * "prepare KIND NAME" and "commit-layer" are what `rootlet run` asks for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/layers.h"
#include "image/oci.h"
#include "image/pack.h"
#include "image/ref.h"
#include "image/store.h"

/* --- names --- */

static int
open_store(bool create, struct store *ret, struct err *e)
{
	AUTO_FREE char *dir = cmd_find_data_dir();

	if (!dir) {
		(void)err_set(e, ENOENT, "there is no place for images: HOME is not set");
		return err_hint(e, "XDG_DATA_HOME names another place");
	}
	return store_open(dir, create, ret, e);
}

static int
no_image(const char *text, struct err *e)
{
	(void)err_set(e, ENOENT, "no image '%s'", text);
	return err_hint(e, "rootlet images lists them; a directory is written ./%.200s", text);
}

/* To look for image @text. */
static int
open_store_for(const char *text, struct store *ret, struct err *e)
{
	int r = open_store(false, ret, e);

	return r == -ENOENT ? no_image(text, e) : r;
}

/* The descriptor's digest, owned: by name, by digest, or by the first digits of one. */
static int
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

/* --- prepare --- */

static int
verb_prepare(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;

	if (argc != 3)
		return err_set(e, EINVAL, "prepare KIND NAME");
	if (open_store_for(argv[2], &s, e) < 0 || find_image(&s, argv[2], &digest, e) < 0 ||
	    oci_read(&s, digest, NULL, &im, e) < 0)
		return -e->code;
	for (size_t i = 0; i < im.n_layers; i++)
		if (layers_unpack(&s, argv[1], &im.layers[i], e) < 0)
			return err_prefix(e, "image %s: layer %zu", argv[2], i + 1);
	if (layers_write_record(&s, &im, e) < 0 || layers_write_names(&s, e) < 0)
		return -e->code;
	(void)printf("%s\n", im.digest);
	return 0;
}

/* --- commit --- */

static const char *
created(char buf[32])
{
	const int64_t epoch = cmd_source_date_epoch();
	const time_t t = epoch >= 0 ? (time_t)epoch : time(NULL);
	struct tm tm;

	(void)strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return buf;
}

/* What lies below the new layer, the topmost first. */
static int
open_lowers(const struct store *s, const char *kind, const struct oci_image *im, int *fds,
	    struct err *e)
{
	for (size_t i = 0; i < im->n_layers; i++) {
		AUTO_FREE char *dir = xasprintf("layers/%s/%s", kind,
						im->layers[im->n_layers - 1 - i].diff_id +
							strlen("sha256:"));

		fds[i] = openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fds[i] < 0)
			return err_sys(e, "open %s in the store", dir);
	}
	return 0;
}

/* Returns 1 when nothing has changed. */
static int
pack_layer(const struct store *s, const char *kind, int upper, const struct oci_image *im,
	   struct oci_layer *ret, struct err *e)
{
	AUTO_FREE int *lower = xcalloc(im->n_layers, sizeof(*lower));
	const struct pack_options o = { .from = PACK_UPPER,
					.mtime_max = cmd_source_date_epoch(),
					.recorded = strcmp(kind, "single") == 0,
					.lower = lower,
					.n_lower = im->n_layers };
	AUTO_FD blob = store_new_blob(s, e);
	char digest[PACK_DIGEST_SIZE];
	struct pack_result r;

	if (blob < 0 || open_lowers(s, kind, im, lower, e) < 0 ||
	    pack_blob(upper, &o, PACK_GZIP, blob, &r, digest, &ret->size, e) < 0)
		return -e->code;
	if (r.entries == 0)
		return 1;
	ret->media_type = xstrdup(MEDIA_LAYER "+gzip");
	ret->digest = xasprintf("sha256:%s", digest);
	ret->diff_id = xasprintf("sha256:%s", r.diff_id);
	return store_keep_blob(s, blob, ret->digest, e);
}

static int
write_commit(const struct store *s, struct oci_image *im, const struct oci_layer *layer,
	     const char *name, struct err *e)
{
	AUTO_FREE struct oci_layer *all = xcalloc(im->n_layers + 1, sizeof(*all));
	json_t *history = json_object_get(im->config, "history");
	struct blob manifest;
	char buf[32];

	memcpy(all, im->layers, im->n_layers * sizeof(*all));
	if (layer->digest)
		all[im->n_layers] = *layer;
	if (!json_is_array(history)) {
		history = json_array();
		(void)json_object_set_new(im->config, "history", history);
	}
	(void)json_object_set_new(im->config, "created", json_string(created(buf)));
	(void)json_array_append_new(history, json_pack("{s:s, s:s}", "created", buf, "created_by",
						       "rootlet run --commit"));
	if (oci_write(s, im->config, all, im->n_layers + (layer->digest ? 1 : 0), name, &manifest,
		      e) < 0)
		return -e->code;
	return layers_write_names(s, e);
}

static int
verb_commit_layer(int argc, char **argv, struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_FD upper = -1;
	int r;

	if (argc != 5)
		return err_set(e, EINVAL, "commit-layer KIND UPPER DIGEST NAME");
	if (image_ref_parse(argv[4], &ref, e) < 0)
		return -e->code;
	name = image_ref_name(&ref);
	image_ref_clear(&ref);
	upper = open(argv[2], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0)
		return err_sys(e, "open the layer");
	if (open_store(false, &s, e) < 0 || oci_read(&s, argv[3], NULL, &im, e) < 0)
		return -e->code;
	r = pack_layer(&s, argv[1], upper, &im, &layer, e);
	if (r >= 0)
		r = write_commit(&s, &im, &layer, name, e);
	layers_clear(&layer);
	return r;
}

/* --- import --- */

static json_t *
new_config(const struct import_args *a, const char *source)
{
	char buf[32];
	json_t *history = json_pack("{s:s, s:s, s:s*}", "created", created(buf), "created_by",
				    source, "comment", a->message);

	return json_pack("{s:s, s:s, s:s, s:{s:[s]}, s:[o]}", "created", buf, "architecture",
			 oci_architecture(), "os", "linux", "config", "Cmd", "/bin/sh", "history",
			 history);
}

static int
import_from(const struct store *s, const char *kind, int fd, const struct import_args *a, const char *name,
	    struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	json_t *config;
	struct blob manifest;
	int r;

	if (layers_add(s, kind, fd, &layer, e) < 0)
		return -e->code;
	config = new_config(a, "rootlet import");
	r = oci_write(s, config, &layer, 1, name, &manifest, e);
	json_decref(config);
	layers_clear(&layer);
	if (r == 0)
		(void)printf("%s\n", manifest.digest);
	return r;
}

static int
verb_import(int argc, char **argv, struct err *e)
{
	struct import_args a = { .message = NULL };
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *name = NULL;
	AUTO_STORE s = STORE_INIT;
	const char *const kind = argc > 1 ? argv[1] : "";
	AUTO_FD fd = -1;
	int first;

	/* argv[1] is the kind, in front of what the user typed. */
	argc--;
	argv++;
	first = opt_parse(import_opts, argc, argv, &a, e);
	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (argc - first != 2) {
		(void)err_set(e, EINVAL, "import: a tar file (or -) and a name are expected");
		return err_hint(e, "mmdebstrap bookworm - | rootlet import - debian:12");
	}
	if (image_ref_parse(argv[first + 1], &ref, e) < 0)
		return -e->code;
	name = image_ref_name(&ref);
	image_ref_clear(&ref);
	if (!name || strcmp(name, "host:latest") == 0)
		return err_set(e, EINVAL, "'%s' cannot be the name of a new image", argv[first + 1]);
	fd = strcmp(argv[first], "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					   : open(argv[first], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", argv[first]);
	if (open_store(true, &s, e) < 0 || import_from(&s, kind, fd, &a, name, e) < 0)
		return -e->code;
	return layers_write_names(&s, e);
}

/* --- images, tag, rmi, inspect --- */

static uint64_t
size_of(const struct oci_image *im)
{
	uint64_t size = 0;

	for (size_t i = 0; i < im->n_layers; i++)
		size += im->layers[i].size;
	return size;
}

static void
human_size(uint64_t n, char buf[16])
{
	static const char units[] = "BKMGT";
	double v = (double)n;
	size_t u = 0;

	while (v >= 1000 && units[u + 1]) {
		v /= 1000;
		u++;
	}
	(void)snprintf(buf, 16, u && v < 10 ? "%.1f%c" : "%.0f%c", v, units[u]);
}

static void
print_image(const struct store *s, json_t *d, const char *format, json_t *list)
{
	const char *name = json_string_value(json_object_get(json_object_get(d, "annotations"),
							     ANNOTATION_NAME)),
		   *digest = json_string_value(json_object_get(d, "digest")), *created;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err ignored = ERR_INIT;
	char size[16], safe[512];

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
	human_size(size_of(&im), size);
	if (strcmp(format, "names") == 0)
		(void)printf("%s\n", safe);
	else if (strcmp(format, "digests") == 0)
		(void)printf("%s\n", digest);
	else
		(void)printf("%-36s %.12s  %.10s  %6s\n", safe, digest + strlen("sha256:"),
			     created ? created : "", size);
}

static int
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
		(void)json_dumpf(list, stdout, JSON_INDENT(2));
		(void)printf("\n");
		json_decref(list);
	}
	json_decref(index);
	return 0;
}

static int
verb_tag(int argc, char **argv, struct err *e)
{
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *digest = NULL, *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_FD fd = -1;
	struct blob b = { .size = 0 };
	struct stat st;

	if (argc != 3)
		return err_set(e, EINVAL, "tag: an image and a new name are expected");
	if (open_store_for(argv[1], &s, e) < 0 || find_image(&s, argv[1], &digest, e) < 0 ||
	    image_ref_parse(argv[2], &ref, e) < 0)
		return -e->code;
	name = image_ref_name(&ref);
	image_ref_clear(&ref);
	if (!name)
		return err_set(e, EINVAL, "'%s' has a digest: that is no name", argv[2]);
	fd = store_open_blob(&s, digest, e);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : err_sys(e, "blob %s", digest);
	(void)snprintf(b.digest, sizeof(b.digest), "%s", digest);
	b.size = (uint64_t)st.st_size;
	return store_set_name(&s, name, &b, e) < 0 ? -e->code : layers_write_names(&s, e);
}

static int
verb_rmi(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;

	if (argc < 2)
		return err_set(e, EINVAL, "rmi: the name of an image is expected");
	if (open_store_for(argv[1], &s, e) < 0)
		return -e->code;
	for (int i = 1; i < argc; i++) {
		struct image_ref ref = IMAGE_REF_INIT;
		AUTO_FREE char *name = NULL;
		int had;

		if (image_ref_parse(argv[i], &ref, e) < 0)
			return -e->code;
		name = image_ref_name(&ref);
		image_ref_clear(&ref);
		had = name ? store_remove_name(&s, name, e) : 0;
		if (had < 0)
			return had;
		if (!had)
			return no_image(argv[i], e);
	}
	return layers_write_names(&s, e);
}

static int
verb_inspect(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;
	json_t *doc;

	if (argc != 2)
		return err_set(e, EINVAL, "inspect: the name of an image is expected");
	if (open_store_for(argv[1], &s, e) < 0 || find_image(&s, argv[1], &digest, e) < 0 ||
	    oci_read(&s, digest, NULL, &im, e) < 0)
		return -e->code;
	doc = json_pack("{s:s, s:O, s:O}", "digest", im.digest, "manifest", im.manifest, "config",
			im.config);
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(doc);
	return 0;
}

static const struct verb {
	const char *name;
	/* 0, 1 after --help, or -errno. */
	int (*run)(int argc, char **argv, struct err *e);
} verbs[] = {
	{ "commit-layer", verb_commit_layer },
	{ "images", verb_images }, { "import", verb_import },	{ "inspect", verb_inspect },
	{ "prepare", verb_prepare }, { "rmi", verb_rmi },	{ "tag", verb_tag },
};

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	(void)umask(077);
	for (size_t i = 0; argc > 0 && i < NELEMS(verbs); i++) {
		if (strcmp(verbs[i].name, argv[0]) != 0)
			continue;
		r = verbs[i].run(argc, argv, &e);
		if (r > 0)
			return cmd_help(verbs[i].name);
		return r < 0 ? cmd_fail(&e) : cmd_end_output();
	}
	(void)err_set(&e, EINVAL, "'%s' is not a command about images", argc ? argv[0] : "");
	return cmd_fail(&e);
}
