/*
 * First everything is looked up, and made where it is not there as it is wanted, then it is written:
 * documents, and blobs in the order in which they are named.
 *
 * What is written as an OCI archive has a manifest.json, too, and so is an archive of Docker as well,
 * as what `docker save` has written since version 25.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/archive-internal.h"
#include "image/layers.h"
#include "image/progress.h"
#include "image/ref.h"

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

void
archive_save_clear(struct archive_save *sv)
{
	for (size_t i = 0; i < sv->n_files; i++)
		free(sv->files[i].name);
	free(sv->files);
	free(sv->converted);
	json_decref(sv->descriptors);
	json_decref(sv->docker);
}

void
archive_save_init(struct archive_save *sv, const struct store *s, struct spool *spool)
{
	*sv = (struct archive_save){ .store = s,
				     .spool = spool,
				     .descriptors = json_array(),
				     .docker = json_array() };
}

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- what is to be written --- */

int
archive_blob_size(int fd, uint64_t *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at a blob");
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "a blob is not a regular file");
	*ret = (uint64_t)st.st_size;
	return 0;
}

bool
archive_has_blob(const struct archive_save *sv, const char *digest)
{
	struct err ignored = ERR_INIT;
	AUTO_FD fd = store_open_blob(sv->store, digest, &ignored);

	return fd >= 0;
}

static bool
is_listed(const struct archive_save *sv, const char *name)
{
	for (size_t i = 0; i < sv->n_files; i++)
		if (strcmp(sv->files[i].name, name) == 0)
			return true;
	return false;
}

/* Blob @digest under @name.  Its name in a layout, when that is NULL. */
static int
list_file(struct archive_save *sv, const char *name, const char *digest, struct err *e)
{
	AUTO_FREE char *own = name ? xstrdup(name) : archive_blob_name(digest);
	struct saved_file f = { .name = NULL };
	AUTO_FD fd = -1;

	if (is_listed(sv, own))
		return 0;
	fd = store_open_blob(sv->store, digest, e);
	if (fd < 0 || archive_blob_size(fd, &f.blob.size, e) < 0)
		return -e->code;
	(void)snprintf(f.blob.digest, sizeof(f.blob.digest), "%s", digest);
	f.name = TAKE_PTR(own);
	sv->files = xrealloc_array(sv->files, sv->n_files + 1, sizeof(*sv->files));
	sv->files[sv->n_files++] = f;
	return 0;
}

static int list_document(struct archive_save *sv, const char *digest, int depth, struct err *e);

/* @optional: of an index not everything need be there */
static int
list_descriptor(struct archive_save *sv, json_t *d, bool optional, struct err *e)
{
	const char *digest = text(d, "digest");

	if (!digest || !image_digest_is_valid(digest))
		return err_set(e, EBADMSG, "'%s' is not a digest (sha256:HEX)", digest ? digest : "");
	return optional && !archive_has_blob(sv, digest) ? 0 : list_file(sv, NULL, digest, e);
}

static int
list_index(struct archive_save *sv, json_t *doc, int depth, struct err *e)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(doc, "manifests"), i, d) {
		const char *type = text(d, "mediaType");
		const char *digest = text(d, "digest");

		if (list_descriptor(sv, d, true, e) < 0)
			return -e->code;
		if ((oci_is_manifest_type(type) || oci_is_index_type(type)) &&
		    archive_has_blob(sv, digest) && list_document(sv, digest, depth + 1, e) < 0)
			return -e->code;
	}
	return 0;
}

static int
list_manifest(struct archive_save *sv, json_t *doc, bool optional, struct err *e)
{
	json_t *d;
	size_t i;

	if (list_descriptor(sv, json_object_get(doc, "config"), optional, e) < 0)
		return -e->code;
	json_array_foreach(json_object_get(doc, "layers"), i, d)
		if (list_descriptor(sv, d, optional, e) < 0)
			return -e->code;
	return 0;
}

static int
list_document(struct archive_save *sv, const char *digest, int depth, struct err *e)
{
	json_t *doc;
	int r;

	if (depth > ARCHIVE_DEPTH_MAX)
		return err_set(e, EBADMSG, "too many indexes one in the other");
	if (list_file(sv, NULL, digest, e) < 0 || !(doc = store_get_json(sv->store, digest, e)))
		return -e->code;
	r = oci_is_index(doc) ? list_index(sv, doc, depth, e)
			      : list_manifest(sv, doc, depth > 0, e);
	json_decref(doc);
	return r;
}

/* --- as OCI has it --- */

static void
add_descriptor(struct archive_save *sv, const struct blob *b, const char *type, const char *name)
{
	AUTO_FREE char *full = name ? image_ref_full_name(name) : NULL;
	json_t *d = json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", b->digest, "size",
			      (json_int_t)b->size);

	if (name)
		(void)json_object_set_new(d, "annotations",
					  json_pack("{s:s, s:s}", ANNOTATION_NAME, name,
						    ANNOTATION_CONTAINERD, full));
	(void)json_array_append_new(sv->descriptors, d);
}

/* The document as it is, or with its layers compressed otherwise. */
static int
choose_document(struct archive_save *sv, const char *digest, struct blob *ret,
		const char **ret_type, struct err *e)
{
	AUTO_FD fd = -1;
	json_t *doc;
	bool index;

	if (sv->recompress)
		return archive_rewrite(sv, digest, 0, ret, ret_type, e);
	fd = store_open_blob(sv->store, digest, e);
	if (fd < 0 || archive_blob_size(fd, &ret->size, e) < 0 ||
	    !(doc = store_get_json(sv->store, digest, e)))
		return -e->code;
	(void)snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	index = oci_is_index(doc);
	*ret_type = index ? MEDIA_INDEX : MEDIA_MANIFEST;
	if (text(doc, "mediaType") && strstr(text(doc, "mediaType"), "docker"))
		*ret_type = index ? MEDIA_DOCKER_LIST : MEDIA_DOCKER_MANIFEST;
	json_decref(doc);
	return 0;
}

/* --- as Docker has it --- */

/* One entry for an image, however many names it has. */
static json_t *
docker_entry(struct archive_save *sv, const char *config)
{
	json_t *x;
	size_t i;

	json_array_foreach(sv->docker, i, x)
		if (strcmp(text(x, "Config"), config) == 0)
			return x;
	x = json_pack("{s:s, s:[], s:[]}", "Config", config, "RepoTags", "Layers");
	(void)json_array_append_new(sv->docker, x);
	return x;
}

static void
add_docker(struct archive_save *sv, const char *config, json_t *layers, const char *name)
{
	json_t *x = docker_entry(sv, config);

	if (name)
		(void)json_array_append_new(json_object_get(x, "RepoTags"), json_string(name));
	(void)json_object_set(x, "Layers", layers);
}

/* Where the index has no image for this machine, Docker is told of none. */
static int
add_docker_names(struct archive_save *sv, const char *digest, const char *name, struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *config = NULL;
	json_t *layers;
	int r = oci_read(sv->store, digest, NULL, &im, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	config = archive_blob_name(text(json_object_get(im.manifest, "config"), "digest"));
	layers = json_array();
	for (size_t i = 0; i < im.n_layers; i++) {
		AUTO_FREE char *layer = archive_blob_name(im.layers[i].digest);

		(void)json_array_append_new(layers, json_string(layer));
	}
	add_docker(sv, config, layers, name);
	json_decref(layers);
	return 0;
}

static int
list_docker_layer(struct archive_save *sv, const struct oci_layer *l, json_t *names, struct err *e)
{
	AUTO_FREE char *name = xasprintf("%s.tar", l->diff_id + strlen("sha256:"));
	const struct converted *c = archive_convert_layer(sv, l->digest, PACK_NONE, e);

	if (!c)
		return -e->code;
	if (strcmp(c->to.digest, l->diff_id) != 0)
		return err_set(e, EBADMSG, "layer %s holds %s, not %s", l->digest, c->to.digest,
			       l->diff_id);
	(void)json_array_append_new(names, json_string(name));
	return list_file(sv, name, c->to.digest, e);
}

static int
save_docker(struct archive_save *sv, const char *digest, const char *name, struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *config = NULL;
	const char *config_digest;
	json_t *layers;
	int r = oci_read(sv->store, digest, NULL, &im, e);

	if (r < 0)
		return r;
	config_digest = text(json_object_get(im.manifest, "config"), "digest");
	config = xasprintf("%s.json", config_digest + strlen("sha256:"));
	if (list_file(sv, config, config_digest, e) < 0)
		return -e->code;
	layers = json_array();
	for (size_t i = 0; i < im.n_layers && r == 0; i++)
		r = list_docker_layer(sv, &im.layers[i], layers, e);
	if (r == 0)
		add_docker(sv, config, layers, name);
	json_decref(layers);
	return r;
}

int
archive_save_add(struct archive_save *sv, const char *digest, const char *name, struct err *e)
{
	struct blob b = { .size = 0 };
	const char *type;

	if (sv->format == ARCHIVE_DOCKER)
		return save_docker(sv, digest, name, e);
	if (choose_document(sv, digest, &b, &type, e) < 0 ||
	    list_document(sv, b.digest, 0, e) < 0)
		return -e->code;
	add_descriptor(sv, &b, type, name);
	return sv->format == ARCHIVE_OCI ? add_docker_names(sv, b.digest, name, e) : 0;
}

/* --- writing --- */

static int
put_json(struct archive_out *o, const char *name, json_t *doc, struct err *e)
{
	AUTO_FREE char *words = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	return words ? archive_put_text(o, name, words, e)
		     : err_set(e, EINVAL, "%s cannot be written", name);
}

static int
put_index(const struct archive_save *sv, struct archive_out *o, json_t *index, struct err *e)
{
	json_t *doc = index ? json_incref(index)
			    : json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType",
					MEDIA_INDEX, "manifests", sv->descriptors);
	int r = put_json(o, "index.json", doc, e);

	json_decref(doc);
	return r;
}

static int
put_files(const struct archive_save *sv, struct archive_out *o, struct err *e)
{
	struct progress_work work = { .doing = "writing" };

	for (size_t i = 0; i < sv->n_files; i++)
		work.total += sv->files[i].blob.size;
	progress_begin(sv->store->progress, &work);
	for (size_t i = 0; i < sv->n_files; i++) {
		const struct saved_file *f = &sv->files[i];
		AUTO_FD fd = store_open_blob(sv->store, f->blob.digest, e);

		if (fd < 0 || archive_put_blob(o, f->name, fd, &f->blob, e) < 0)
			return -e->code;
	}
	return 0;
}

int
archive_save_tar(const struct archive_save *sv, int fd, struct err *e)
{
	CLEANUP(archive_out_closep) struct archive_out *o = archive_out_tar(fd, sv->store->progress);

	if (sv->format == ARCHIVE_OCI && (archive_put_text(o, "oci-layout", LAYOUT, e) < 0 ||
					  put_index(sv, o, NULL, e) < 0))
		return -e->code;
	if (put_json(o, "manifest.json", sv->docker, e) < 0 ||
	    (sv->format == ARCHIVE_OCI && archive_put_blob_dirs(o, e) < 0) ||
	    put_files(sv, o, e) < 0)
		return -e->code;
	return archive_out_end(o, e);
}

static bool
has_name(json_t *d, const char *name)
{
	const char *its = text(json_object_get(d, "annotations"), ANNOTATION_NAME);

	return its && name && strcmp(its, name) == 0;
}

/* Names of ours move; what has none is there once. */
static void
merge(json_t *list, json_t *new)
{
	const char *name = text(json_object_get(new, "annotations"), ANNOTATION_NAME);
	json_t *d;

	for (size_t i = json_array_size(list); i-- > 0;) {
		d = json_array_get(list, i);
		if (has_name(d, name) || (!name && json_equal(d, new)))
			(void)json_array_remove(list, i);
	}
	(void)json_array_append(list, new);
}

int
archive_save_dir(const struct archive_save *sv, int dir_fd, bool is_new, struct err *e)
{
	CLEANUP(archive_out_closep) struct archive_out *o = NULL;
	const struct store there = { .fd = dir_fd, .lock_fd = -1 };
	json_t *index = NULL, *d;
	size_t i;
	int r;

	if (!is_new && !(index = store_read_index(&there, e)))
		return -e->code;
	json_array_foreach(sv->descriptors, i, d)
		if (index)
			merge(json_object_get(index, "manifests"), d);
	r = archive_out_dir(dir_fd, sv->store->progress, &o, e);
	if (r == 0)
		r = put_files(sv, o, e);
	if (r == 0 && is_new)
		r = archive_put_text(o, "oci-layout", LAYOUT, e);
	if (r == 0)
		r = put_index(sv, o, index, e);
	if (r < 0 && o)
		archive_out_undo(o);
	if (r < 0 && is_new)
		(void)unlinkat(dir_fd, "oci-layout", 0);
	json_decref(index);
	return r;
}
