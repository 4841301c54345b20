/*
 * manifest.json lists images by the names of files: Config, Layers, RepoTags.  A layer may be a link
 * to where the same was before.  There is no manifest, so one is made; configuration and layers stay
 * as they are, and with them their digests.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/archive-internal.h"
#include "image/codec.h"
#include "image/layers.h"

static int
find(struct archive *a, json_t *name, const char *what, struct blob *ret, struct err *e)
{
	const char *s = json_string_value(name);
	int r;

	if (!s)
		return err_set(e, EBADMSG, "%s is not the name of a file", what);
	r = archive_find(a, s, true, ret, e);
	if (r == 0)
		return err_set(e, ENOENT, "%s %s is not in the archive", what, s);
	return r < 0 ? err_prefix(e, "%s", what) : 0;
}

/* NULL: OCI has no media type for what the layer is compressed with. */
static const char *
layer_type(struct archive *a, const struct blob *b, struct err *e)
{
	AUTO_FD fd = spool_open(a->spool, b->digest, e);
	const char *type = fd < 0 ? NULL : layers_media_type(fd);

	if (fd >= 0 && !type)
		(void)err_set(e, EOPNOTSUPP, "images have no layers in xz or bzip2");
	return type;
}

/* What is not compressed is known to be right or wrong already. */
static int
take_layer(struct archive *a, json_t *name, json_t *diff_id, struct oci_layer *ret, struct err *e)
{
	const char *id = json_string_value(diff_id), *type;
	struct blob b;

	if (!id || find(a, name, "layer", &b, e) < 0)
		return e->code ? -e->code : err_set(e, EBADMSG, "the config has no valid diff id");
	type = layer_type(a, &b, e);
	if (!type)
		return err_prefix(e, "layer %s", json_string_value(name));
	if (strcmp(type, MEDIA_LAYER) == 0 && strcmp(b.digest, id) != 0)
		return err_set(e, EBADMSG, "layer %s is %s, not %s", json_string_value(name),
			       b.digest, id);
	*ret = (struct oci_layer){ .media_type = xstrdup(type),
				   .digest = xstrdup(b.digest),
				   .diff_id = xstrdup(id),
				   .size = b.size };
	(void)spool_want(a->spool, b.digest);
	return 0;
}

/* @layers: as many as the list is long */
static int
take_layers(struct archive *a, json_t *list, json_t *ids, struct oci_layer *layers, struct err *e)
{
	json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
		if (take_layer(a, name, json_array_get(ids, i), &layers[i], e) < 0)
			return -e->code;
	return 0;
}

static int
put_manifest(struct archive *a, const struct blob *config, json_t *list, json_t *ids,
	     struct blob *ret, struct err *e)
{
	const size_t n = json_array_size(list);
	AUTO_FREE struct oci_layer *layers = NULL;
	json_t *manifest;
	int r;

	if (!json_is_array(list) || !json_is_array(ids) || n != json_array_size(ids) || n == 0)
		return err_set(e, EBADMSG, "there are %zu layers, and %zu in the config", n,
			       json_array_size(ids));
	if (n > OCI_LAYERS_MAX)
		return err_set(e, E2BIG, "the image has %zu layers; overlayfs takes %d", n,
			       OCI_LAYERS_MAX);
	layers = xcalloc(n, sizeof(*layers));
	r = take_layers(a, list, ids, layers, e);
	if (r == 0) {
		manifest = oci_new_manifest(config, layers, n);
		r = spool_put_json(a->spool, manifest, ret, e);
		json_decref(manifest);
	}
	for (size_t i = 0; i < n; i++)
		layers_clear(&layers[i]);
	return r;
}

static int
take_names(json_t *tags, const struct blob *manifest, struct archive_images *ret, struct err *e)
{
	json_t *t;
	size_t i;

	archive_add_image(ret, manifest, MEDIA_MANIFEST, NULL);
	if (tags && !json_is_null(tags) && !json_is_array(tags))
		return err_set(e, EBADMSG, "RepoTags is not a list");
	if (json_array_size(tags) > ARCHIVE_NAMES_MAX)
		return err_set(e, E2BIG, "more than %d names", ARCHIVE_NAMES_MAX);
	json_array_foreach(tags, i, t) {
		if (!json_is_string(t))
			return err_set(e, EBADMSG, "RepoTags has what is not a text");
		archive_add_image(ret, manifest, MEDIA_MANIFEST, json_string_value(t));
	}
	return 0;
}

static int
take_image(struct archive *a, json_t *x, struct archive_images *ret, struct err *e)
{
	const struct store spooled = { .fd = -1, .lock_fd = -1, .spool = a->spool };
	struct blob config, manifest = { .size = 0 };
	json_t *doc;
	int r;

	if (find(a, json_object_get(x, "Config"), "config", &config, e) < 0)
		return -e->code;
	doc = store_get_json(&spooled, config.digest, e);
	if (!doc)
		return -e->code;
	(void)spool_want(a->spool, config.digest);
	r = put_manifest(a, &config, json_object_get(x, "Layers"),
			 json_object_get(json_object_get(doc, "rootfs"), "diff_ids"), &manifest, e);
	json_decref(doc);
	if (r < 0)
		return r;
	(void)spool_want(a->spool, manifest.digest);
	return take_names(json_object_get(x, "RepoTags"), &manifest, ret, e);
}

int
archive_docker_images(struct archive *a, json_t *manifest, struct archive_images *ret,
		      struct err *e)
{
	json_t *x;
	size_t i;

	if (!json_is_array(manifest))
		return err_set(e, EBADMSG, "manifest.json is not a list of images");
	if (json_array_size(manifest) > ARCHIVE_NAMES_MAX)
		return err_set(e, E2BIG, "manifest.json: more than %d images", ARCHIVE_NAMES_MAX);
	json_array_foreach(manifest, i, x)
		if (take_image(a, x, ret, e) < 0)
			return err_prefix(e, "manifest.json: image %zu", i + 1);
	return 0;
}
