#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/oci.h"
#include "image/ref.h"

void
oci_image_clear(struct oci_image *i)
{
	free(i->digest);
	json_decref(i->manifest);
	json_decref(i->config);
	for (size_t k = 0; k < i->n_layers; k++) {
		free(i->layers[k].media_type);
		free(i->layers[k].digest);
		free(i->layers[k].diff_id);
	}
	free(i->layers);
	*i = (struct oci_image)OCI_IMAGE_INIT;
}

const char *
oci_layer_compression(const char *media_type)
{
	static const char *const prefixes[] = {
		MEDIA_LAYER,
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.foreign.diff.tar",
	};

	for (size_t i = 0; i < NELEMS(prefixes); i++) {
		const size_t n = strlen(prefixes[i]);
		const char *rest = media_type + n;

		if (strncmp(media_type, prefixes[i], n) != 0)
			continue;
		if (rest[0] == '\0')
			return "none";
		/* OCI writes "+gzip", Docker ".gzip". */
		if (rest[0] == (i < 2 ? '+' : '.') && strcmp(rest + 1, "gzip") == 0)
			return "gzip";
		if (rest[0] == (i < 2 ? '+' : '.') && strcmp(rest + 1, "zstd") == 0)
			return "zstd";
	}
	return NULL;
}

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool
is_one_of(const char *s, const char *a, const char *b)
{
	return s && (strcmp(s, a) == 0 || strcmp(s, b) == 0);
}

bool
oci_is_index_type(const char *type)
{
	return is_one_of(type, MEDIA_INDEX, MEDIA_DOCKER_LIST);
}

bool
oci_is_manifest_type(const char *type)
{
	return is_one_of(type, MEDIA_MANIFEST, MEDIA_DOCKER_MANIFEST);
}

bool
oci_is_index(json_t *doc)
{
	const char *type = text(doc, "mediaType");

	if (type)
		return oci_is_index_type(type);
	return json_is_array(json_object_get(doc, "manifests")) && !json_object_get(doc, "config");
}

/* One document must not be read as two things (CVE-2021-41190). */
int
oci_check_index(json_t *doc, struct err *e)
{
	const char *type = text(doc, "mediaType");

	if (type && !oci_is_index_type(type))
		return err_set(e, EBADMSG, "media type '%s' is not that of an index", type);
	if (json_object_get(doc, "layers") || json_object_get(doc, "config"))
		return err_set(e, EBADMSG, "the index is a manifest at the same time");
	if (!json_is_array(json_object_get(doc, "manifests")))
		return err_set(e, EBADMSG, "the index has no manifests");
	return 0;
}

/* --- platforms --- */

/* Of a descriptor's "platform", or of a config.  Owned; NULL: it does not say. */
static char *
platform_of(json_t *p)
{
	const char *os = text(p, "os"), *arch = text(p, "architecture"), *variant = text(p, "variant");
	const bool has_variant = variant && *variant;

	return os && arch ? xasprintf("%s/%s%s%s", os, arch, has_variant ? "/" : "",
				      has_variant ? variant : "")
			  : NULL;
}

/* The platforms that there are, as far as they fit into a hint. */
static void
hint_platforms(json_t *index, struct err *e)
{
	char list[128] = "";
	size_t n = 0, i;
	json_t *d;

	for (i = 0; (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		AUTO_FREE char *has = platform_of(json_object_get(d, "platform"));

		/* Attestations are listed as "unknown/unknown". */
		if (!has || strncmp(has, "unknown/", 8) == 0 || n + strlen(has) + 3 > sizeof(list))
			continue;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", has);
	}
	(void)err_hint(e, n ? "--platform chooses one of those that are there: %s"
			    : "it does not say for which platforms it is%s", list);
}

json_t *
oci_choose(json_t *index, const char *platform, struct err *e)
{
	AUTO_FREE char *own = platform_own();
	const char *want = platform ? platform : own;
	json_t *d;
	size_t i;

	for (i = 0; (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		AUTO_FREE char *has = platform_of(json_object_get(d, "platform"));

		if (has && platform_matches(want, has))
			return d;
	}
	(void)err_set(e, ENOENT, "the image is not there for platform %s", want);
	hint_platforms(index, e);
	return NULL;
}

/* Of an image that is there for one platform alone. */
static int
check_platform(const struct oci_image *im, const char *want, struct err *e)
{
	AUTO_FREE char *has = platform_of(im->config);

	if (!want || !has || platform_fits(want, has))
		return 0;
	return err_set(e, ENOENT, "the image is for %s, not for %s", has, want);
}

/* --- manifest and config --- */

int
oci_check_manifest(json_t *manifest, struct err *e)
{
	const char *type = text(manifest, "mediaType");

	if (type && !oci_is_manifest_type(type))
		return err_set(e, EBADMSG, "media type '%s' is not that of a manifest", type);
	if (json_object_get(manifest, "manifests"))
		return err_set(e, EBADMSG, "the manifest is an index at the same time");
	if (json_integer_value(json_object_get(manifest, "schemaVersion")) != 2)
		return err_set(e, EBADMSG, "the manifest does not have schema version 2");
	return 0;
}

bool
oci_read_descriptor(json_t *descriptor, struct blob *ret)
{
	const char *digest = text(descriptor, "digest");
	json_t *size = json_object_get(descriptor, "size");

	*ret = (struct blob){ .size = 0 };
	if (!digest || !image_digest_is_valid(digest) || !json_is_integer(size) ||
	    json_integer_value(size) < 0)
		return false;
	(void)stpcpy(ret->digest, digest);
	ret->size = (uint64_t)json_integer_value(size);
	return true;
}

static int
take_layer(struct oci_image *im, json_t *descriptor, json_t *diff_id, struct err *e)
{
	struct oci_layer *l = &im->layers[im->n_layers];
	const char *diff = json_string_value(diff_id), *type = text(descriptor, "mediaType");
	struct blob b;

	if (!oci_read_descriptor(descriptor, &b) || !diff || !image_digest_is_valid(diff) || !type)
		return err_set(e, EBADMSG, "layer %zu has no valid digest, diff id, type or size",
			       im->n_layers + 1);
	*l = (struct oci_layer){ .media_type = xstrdup(type),
				 .digest = xstrdup(b.digest),
				 .diff_id = xstrdup(diff),
				 .size = b.size };
	im->n_layers++;
	return 0;
}

static int
take_layers(struct oci_image *im, struct err *e)
{
	json_t *layers = json_object_get(im->manifest, "layers"),
	       *ids = json_object_get(json_object_get(im->config, "rootfs"), "diff_ids");
	const size_t n = json_array_size(layers);

	if (!json_is_array(layers) || !json_is_array(ids) || n != json_array_size(ids))
		return err_set(e, EBADMSG, "the manifest has %zu layers, the config %zu", n,
			       json_array_size(ids));
	if (n == 0)
		return err_set(e, EBADMSG, "the image has no layers");
	if (n > OCI_LAYERS_MAX)
		return err_set(e, E2BIG, "the image has %zu layers; overlayfs takes %d", n,
			       OCI_LAYERS_MAX);
	im->layers = xcalloc(n, sizeof(*im->layers));
	for (size_t i = 0; i < n; i++)
		if (take_layer(im, json_array_get(layers, i), json_array_get(ids, i), e) < 0)
			return -e->code;
	return 0;
}

static int
read_manifest(const struct store *s, const char *digest, const char *platform,
	      struct oci_image *im, struct err *e)
{
	json_t *doc = store_get_json(s, digest, e);
	const char *chosen = NULL;
	json_t *d;
	int r;

	if (!doc)
		return -e->code;
	if (!oci_is_index(doc)) {
		im->manifest = doc;
		im->digest = xstrdup(digest);
		return oci_check_manifest(doc, e);
	}
	d = oci_check_index(doc, e) < 0 ? NULL : oci_choose(doc, platform, e);
	if (d && !(chosen = text(d, "digest")))
		(void)err_set(e, EBADMSG, "the index has a manifest without a digest");
	im->manifest = chosen ? store_get_json(s, chosen, e) : NULL;
	im->digest = im->manifest ? xstrdup(chosen) : NULL;
	r = im->manifest ? oci_check_manifest(im->manifest, e) : -e->code;
	json_decref(doc);
	return r;
}

int
oci_read(const struct store *s, const char *digest, const char *platform, struct oci_image *ret,
	 struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	const char *config;

	if (read_manifest(s, digest, platform, &im, e) < 0 || !im.digest)
		return err_prefix(e, "image %s", digest);
	config = text(json_object_get(im.manifest, "config"), "digest");
	if (!config)
		return err_set(e, EBADMSG, "image %s: the manifest names no config", digest);
	im.config = store_get_json(s, config, e);
	if (!im.config || take_layers(&im, e) < 0 ||
	    (strcmp(im.digest, digest) == 0 && check_platform(&im, platform, e) < 0))
		return err_prefix(e, "image %s", digest);
	*ret = im;
	im = (struct oci_image)OCI_IMAGE_INIT;
	return 0;
}

/* --- the record --- */

#define ITEMS_MAX 16384 /* of a list */

static int
take_list(json_t *list, const char *what, char ***ret, struct err *e)
{
	json_t *v;
	size_t i;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return err_set(e, EBADMSG, "config: %s is not a list", what);
	if (json_array_size(list) > ITEMS_MAX)
		return err_set(e, E2BIG, "config: %s has more than %d items", what, ITEMS_MAX);
	for (i = 0; (v = json_array_get(list, i)); i++) {
		if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
			return err_set(e, EBADMSG, "config: %s has an item that is not a text", what);
		strv_take(ret, xstrdup(json_string_value(v)));
	}
	return 0;
}

static int
take_text(json_t *config, const char *key, char **ret, struct err *e)
{
	json_t *v = json_object_get(config, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return err_set(e, EBADMSG, "config: %s is not a text", key);
	if (json_string_length(v))
		*ret = xstrdup(json_string_value(v));
	return 0;
}

int
oci_fill_record(const struct oci_image *im, struct image_record *ret, struct err *e)
{
	json_t *c = json_object_get(im->config, "config"), *volumes = json_object_get(c, "Volumes");

	ret->digest = xstrdup(im->digest);
	ret->platform = platform_of(im->config);
	for (size_t i = 0; i < im->n_layers; i++)
		strv_take(&ret->layers, xstrdup(im->layers[i].diff_id + strlen("sha256:")));
	if (json_object_size(volumes) > ITEMS_MAX)
		return err_set(e, E2BIG, "config: Volumes has more than %d items", ITEMS_MAX);
	for (void *i = json_object_iter(volumes); i; i = json_object_iter_next(volumes, i))
		strv_take(&ret->volumes, xstrdup(json_object_iter_key(i)));
	if (take_list(json_object_get(c, "Entrypoint"), "Entrypoint", &ret->entrypoint, e) < 0 ||
	    take_list(json_object_get(c, "Cmd"), "Cmd", &ret->cmd, e) < 0 ||
	    take_list(json_object_get(c, "Env"), "Env", &ret->env, e) < 0 ||
	    take_text(c, "User", &ret->user, e) < 0 ||
	    take_text(c, "WorkingDir", &ret->workdir, e) < 0 ||
	    take_text(c, "StopSignal", &ret->stop_signal, e) < 0)
		return err_prefix(e, "image %s", im->digest);
	return 0;
}

/* --- new images --- */

static json_t *
descriptor(const char *type, const char *digest, uint64_t size)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
			 (json_int_t)size);
}

json_t *
oci_new_manifest(const struct blob *config, const struct oci_layer *layers, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, descriptor(layers[i].media_type, layers[i].digest,
							     layers[i].size));
	return json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", MEDIA_MANIFEST,
			 "config", descriptor(MEDIA_CONFIG, config->digest, config->size), "layers",
			 list);
}

int
oci_write(const struct store *s, json_t *config, const struct oci_layer *layers, size_t n,
	  const char *name, struct blob *ret_manifest, struct err *e)
{
	json_t *ids = json_array(), *manifest;
	struct blob b;
	int r;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(ids, json_string(layers[i].diff_id));
	(void)json_object_set_new(config, "rootfs",
				  json_pack("{s:s, s:o}", "type", "layers", "diff_ids", ids));
	if (store_put_json(s, config, &b, e) < 0)
		return -e->code;
	manifest = oci_new_manifest(&b, layers, n);
	r = store_put_json(s, manifest, ret_manifest, e);
	json_decref(manifest);
	return r < 0 || !name ? r : store_set_name(s, name, ret_manifest, e);
}
