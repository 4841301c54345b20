/*
 * A layer becomes an image: "commit-layer KIND UPPER DIGEST NAME [quiet]", which `rootlet run --commit`
 * asks for, and "commit KIND CONTAINER [OPTIONS] CONTAINER NAME".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "cmd/image.h"
#include "image/change.h"
#include "image/layers.h"
#include "image/ref.h"
#include "libexec/image-kept.h"
#include "libexec/image.h"

/* Returns 1 when nothing has changed. */
static int
pack_layer(const struct store *s, int upper, const struct pack_options *o, struct oci_layer *ret,
	   struct err *e)
{
	AUTO_FD blob = store_new_blob(s, e);
	char digest[PACK_DIGEST_SIZE];
	struct pack_result r;

	if (blob < 0 || pack_blob(upper, o, PACK_GZIP, blob, &r, digest, &ret->size, e) < 0)
		return -e->code;
	if (r.entries == 0)
		return 1;
	ret->media_type = xstrdup(MEDIA_LAYER "+gzip");
	ret->digest = xasprintf("sha256:%s", digest);
	ret->diff_id = xasprintf("sha256:%s", r.diff_id);
	return store_keep_blob(s, blob, ret->digest, e);
}

/* --- the image --- */

/* What the configuration says besides layers. */
static int
change_config(json_t *config, const struct commit_args *a, const char *by, bool is_empty,
	      struct err *e)
{
	json_t *history = json_object_get(config, "history"), *entry;
	char buf[32];

	if (!json_is_array(history)) {
		history = json_array();
		(void)json_object_set_new(config, "history", history);
	}
	(void)json_object_set_new(config, "created", json_string(created(buf)));
	if (a->author)
		(void)json_object_set_new(config, "author", json_string(a->author));
	entry = json_pack("{s:s, s:s, s:s*, s:s*}", "created", buf, "created_by", by, "author",
			  a->author, "comment", a->message);
	if (!entry)
		return err_set(e, EILSEQ, "--message and --author must be UTF-8");
	if (is_empty)
		(void)json_object_set_new(entry, "empty_layer", json_true());
	(void)json_array_append_new(history, entry);
	return oci_change_all(config, a->changes.v, a->changes.n, e);
}

static int
write_commit(const struct store *s, struct oci_image *im, const struct oci_layer *layer,
	     const struct commit_args *a, const char *by, const char *name, struct blob *ret,
	     struct err *e)
{
	AUTO_FREE struct oci_layer *all = xcalloc(im->n_layers + 1, sizeof(*all));

	memcpy(all, im->layers, im->n_layers * sizeof(*all));
	if (layer->digest)
		all[im->n_layers] = *layer;
	if (change_config(im->config, a, by, !layer->digest, e) < 0 ||
	    oci_write(s, im->config, all, im->n_layers + (layer->digest ? 1 : 0), name, ret, e) < 0)
		return -e->code;
	return layers_write_names(s, e);
}

/* --- of a run --- */

static int
pack_run(const struct store *s, const char *kind, int upper, const struct oci_image *im,
	 struct oci_layer *ret, struct err *e)
{
	AUTO_FREE int *lower = xcalloc(im->n_layers, sizeof(*lower));
	const struct pack_options o = { .from = PACK_UPPER,
					.mtime_max = cmd_source_date_epoch(),
					.recorded = strcmp(kind, "single") == 0,
					.recorded_devices = true,
					.lower = lower,
					.n_lower = im->n_layers,
					.max_bytes = unpack_limits_default.bytes,
					.progress = s->progress };

	return layers_open_all(s, kind, im, lower, e) < 0 ? -e->code : pack_layer(s, upper, &o, ret, e);
}

int
verb_commit_layer(int argc, char **argv, struct err *e)
{
	const struct commit_args none = { .message = NULL };
	struct oci_layer layer = { .size = 0 };
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	AUTO_FD upper = -1;
	struct blob manifest;
	int r;

	if (argc != 5 && argc != 6)
		return err_set(e, EINVAL, "commit-layer KIND UPPER DIGEST NAME [quiet]");
	if (image_ref_new_name(argv[4], &name, e) < 0)
		return -e->code;
	upper = open(argv[2], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0)
		return err_sys(e, "open the layer");
	if (open_store_and(false, &(struct confine_dir){ .fd = upper }, 1, &s, e) < 0 ||
	    oci_read(&s, argv[3], NULL, &im, e) < 0)
		return -e->code;
	progress = new_progress(argv[5] != NULL);
	s.progress = progress;
	progress_begin(progress, &(struct progress_work){ .doing = "committing" });
	r = pack_run(&s, argv[1], upper, &im, &layer, e);
	if (r >= 0)
		r = write_commit(&s, &im, &layer, &none, "rootlet run --commit", name, &manifest, e);
	layers_clear(&layer);
	return r;
}

/* --- of a container --- */

static const struct kept_place *
root_of(const struct kept *k)
{
	for (size_t i = 0; i < k->n_places; i++)
		if (k->places[i].is_image)
			return &k->places[i];
	return NULL;
}

static int
pack_kept(const struct kept *k, const struct store *s, struct oci_layer *ret, struct err *e)
{
	const struct kept_place *root = root_of(k);
	struct pack_options o;

	if (!root || root->n_upper == 0)
		return 1;
	o = kept_options(k, root);
	o.mtime_max = cmd_source_date_epoch();
	o.max_bytes = unpack_limits_default.bytes;
	o.progress = s->progress;
	return pack_layer(s, root->upper[0], &o, ret, e);
}

static int
commit(const struct kept *k, const struct store *s, const struct commit_args *a, const char *name,
       struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct blob manifest;
	int r = oci_read(s, k->c.record.image.digest, NULL, &im, e);

	if (r >= 0)
		r = pack_kept(k, s, &layer, e);
	if (r >= 0)
		r = write_commit(s, &im, &layer, a, "rootlet commit", name, &manifest, e);
	if (r >= 0)
		(void)printf("%s\n", manifest.digest);
	layers_clear(&layer);
	return r;
}

static int
open_and_commit(const char *container, const char *text, const struct commit_args *a, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e), *name = NULL;
	AUTO_PROGRESS progress = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_KEPT k = KEPT_INIT;

	if (!data_dir || image_ref_new_name(text, &name, e) < 0 ||
	    kept_open(data_dir, container, CONTAINER_READ, &k, e) < 0)
		return -e->code;
	if (!k.c.record.image.digest) {
		(void)err_set(e, EINVAL, "container '%s' is not over an image", container);
		return err_hint(e, "there is no image to add its changes to");
	}
	if (kept_open_store(&k, NULL, &s, e) < 0)
		return -e->code;
	progress = new_progress(a->quiet);
	s.progress = progress;
	progress_begin(progress, &(struct progress_work){ .doing = "committing" });
	return commit(&k, &s, a, name, e) < 0 ? err_prefix(e, "commit %s", container) : 0;
}

int
verb_commit(int argc, char **argv, struct err *e)
{
	struct commit_args a = { .message = NULL };
	int first, r;

	(void)take_kind(&argc, &argv);
	(void)take_kind(&argc, &argv);
	first = opt_parse(commit_opts, argc, argv, &a, e);
	if (first > 0 && argc - first != 2) {
		(void)err_set(e, EINVAL, "commit: a container and the name of an image are expected");
		(void)err_hint(e, "rootlet commit CONTAINER NAME:TAG; rootlet ps -a lists containers");
	}
	r = first == 0 ? 1 : e->code ? -e->code : open_and_commit(argv[first], argv[first + 1], &a, e);
	free(a.changes.v);
	return r < 0 ? -e->code : r;
}
