/*
 * What `rootlet run` asks for: "prepare KIND NAME PLATFORM [quiet]", "commit-layer KIND UPPER DIGEST NAME [quiet]".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/layers.h"
#include "image/pack.h"
#include "libexec/image.h"

/* --- prepare --- */

int
verb_prepare(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;
	AUTO_PROGRESS progress = NULL;
	const char *platform;

	if (argc != 4 && argc != 5)
		return err_set(e, EINVAL, "prepare KIND NAME PLATFORM [quiet]");
	platform = *argv[3] ? argv[3] : NULL;
	if (open_store_for(argv[2], &s, e) < 0 || find_image(&s, argv[2], &digest, e) < 0 ||
	    oci_read(&s, digest, platform, &im, e) < 0)
		return -e->code;
	s.progress = progress = new_progress(argv[4] != NULL);
	if (layers_unpack_all(&s, argv[1], &im, e) < 0)
		return err_prefix(e, "image %s", argv[2]);
	if (layers_write_record(&s, &im, e) < 0 || layers_write_names(&s, e) < 0 ||
	    (strcmp(im.digest, digest) != 0 &&
	     layers_write_platform(&s, digest, platform, im.digest, e) < 0))
		return -e->code;
	(void)printf("%s\n", im.digest);
	return 0;
}

/* --- commit --- */

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
					.n_lower = im->n_layers,
					.progress = s->progress };
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

int
verb_commit_layer(int argc, char **argv, struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	AUTO_FD upper = -1;
	int r;

	if (argc != 5 && argc != 6)
		return err_set(e, EINVAL, "commit-layer KIND UPPER DIGEST NAME [quiet]");
	if (new_image_name(argv[4], &name, e) < 0)
		return -e->code;
	upper = open(argv[2], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0)
		return err_sys(e, "open the layer");
	if (open_store_and(false, &(struct confine_dir){ .fd = upper }, 1, &s, e) < 0 ||
	    oci_read(&s, argv[3], NULL, &im, e) < 0)
		return -e->code;
	s.progress = progress = new_progress(argv[5] != NULL);
	progress_begin(progress, &(struct progress_work){ .doing = "committing" });
	r = pack_layer(&s, argv[1], upper, &im, &layer, e);
	if (r >= 0)
		r = write_commit(&s, &im, &layer, name, e);
	layers_clear(&layer);
	return r;
}
