/*
 * From index.json down: each blob that a descriptor names is looked for under its digest, must be
 * what the descriptor says, and is wanted.  Of an index in the index, what is not there is left
 * out: not every platform of it may have been saved.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "image/archive-internal.h"
#include "image/ref.h"

/* What goes through the documents. */
struct walk {
	struct archive *a;
	struct store store; /* only to read what is spooled */
	int depth;
};

static int take_document(struct walk *w, json_t *d, bool all, struct err *e);

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static int
read_descriptor(json_t *d, struct blob *ret, struct err *e)
{
	const char *digest = text(d, "digest");
	json_t *size = json_object_get(d, "size");

	if (!digest || !image_digest_is_valid(digest))
		return err_set(e, EBADMSG, "'%s' is not a digest (sha256:HEX)", digest ? digest : "");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(e, EBADMSG, "the descriptor of %s has no size", digest);
	(void)snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	ret->size = (uint64_t)json_integer_value(size);
	return 0;
}

/* Have the blob spooled.  Returns 0 when the archive has none. */
static int
find_blob(struct archive *a, const struct blob *b, struct err *e)
{
	AUTO_FREE char *name = archive_blob_name(b->digest);
	struct blob found = { .size = 0 };
	int r = 1;

	if (a->dir_fd >= 0 && spool_has(a->spool, b->digest, &found.size))
		found = (struct blob){ .size = found.size };
	else if ((r = archive_find(a, name, false, &found, e)) <= 0)
		return r;
	else if (strcmp(found.digest, b->digest) != 0)
		return err_set(e, EBADMSG, "blob %s has other content: %s", b->digest, found.digest);
	if (found.size != b->size)
		return err_set(e, EBADMSG, "blob %s has %llu bytes, not %llu", b->digest,
			       (unsigned long long)found.size, (unsigned long long)b->size);
	return 1;
}

/* Returns 0 when it is not there, which is an error where @all must be. */
static int
take_blob(struct walk *w, json_t *d, bool all, struct err *e)
{
	struct blob b;
	int r = read_descriptor(d, &b, e);

	if (r < 0)
		return r;
	r = find_blob(w->a, &b, e);
	if (r == 0 && all)
		return err_set(e, ENOENT, "blob %s is not in the archive", b.digest);
	if (r > 0)
		(void)spool_want(w->a->spool, b.digest);
	return r;
}

static int
take_manifest(struct walk *w, json_t *doc, bool all, struct err *e)
{
	json_t *layers = json_object_get(doc, "layers"), *d;
	size_t i;

	if (oci_check_manifest(doc, e) < 0)
		return -e->code;
	if (!json_is_array(layers))
		return err_set(e, EBADMSG, "the manifest has no list of layers");
	if (take_blob(w, json_object_get(doc, "config"), all, e) < 0)
		return -e->code;
	json_array_foreach(layers, i, d)
		if (take_blob(w, d, all, e) < 0)
			return -e->code;
	return 0;
}

static int
take_index(struct walk *w, json_t *doc, struct err *e)
{
	json_t *d;
	size_t i;

	if (oci_check_index(doc, e) < 0)
		return -e->code;
	if (w->depth == ARCHIVE_DEPTH_MAX)
		return err_set(e, EBADMSG, "more than %d indexes one in the other", ARCHIVE_DEPTH_MAX);
	w->depth++;
	json_array_foreach(json_object_get(doc, "manifests"), i, d)
		if (take_document(w, d, false, e) < 0)
			return -e->code;
	w->depth--;
	return 0;
}

/* A manifest or an index, with what it names. */
static int
take_document(struct walk *w, json_t *d, bool all, struct err *e)
{
	const char *type = text(d, "mediaType");
	struct blob b;
	json_t *doc;
	int r;

	if (read_descriptor(d, &b, e) < 0)
		return -e->code;
	if (!all && !oci_is_manifest_type(type) && !oci_is_index_type(type))
		return take_blob(w, d, false, e);
	if (!oci_is_manifest_type(type) && !oci_is_index_type(type))
		return err_set(e, EOPNOTSUPP, "%s is neither an image nor an index but '%s'",
			       b.digest, type ? type : "");
	r = find_blob(w->a, &b, e);
	if (r == 0 && all)
		return err_set(e, ENOENT, "manifest %s is not in the archive", b.digest);
	if (r <= 0 || !spool_want(w->a->spool, b.digest))
		return r;
	doc = store_get_json(&w->store, b.digest, e);
	if (!doc)
		return -e->code;
	r = oci_is_index_type(type) ? take_index(w, doc, e) : take_manifest(w, doc, all, e);
	json_decref(doc);
	return r < 0 ? err_prefix(e, "image %.19s", b.digest) : 0;
}

static const char *
name_of(json_t *descriptor)
{
	json_t *annotations = json_object_get(descriptor, "annotations");
	const char *whole = text(annotations, ANNOTATION_CONTAINERD);

	return whole ? whole : text(annotations, ANNOTATION_NAME);
}

/* Those of the one kind. */
static int
take_list(struct walk *w, json_t *list, bool indexes, struct archive_images *ret, struct err *e)
{
	struct blob b;
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d) {
		const char *type = text(d, "mediaType");

		if (oci_is_index_type(type) != indexes)
			continue;
		if (take_document(w, d, true, e) < 0 || read_descriptor(d, &b, e) < 0)
			return -e->code;
		archive_add_image(ret, &b, type, name_of(d));
	}
	return 0;
}

/* Manifests first: those must be complete, wherever they are named again. */
int
archive_oci_images(struct archive *a, json_t *index, struct archive_images *ret, struct err *e)
{
	struct walk w = { .a = a, .store = { .fd = -1, .lock_fd = -1, .spool = a->spool } };
	json_t *list = json_object_get(index, "manifests");

	if (oci_check_index(index, e) < 0 || take_list(&w, list, false, ret, e) < 0 ||
	    take_list(&w, list, true, ret, e) < 0)
		return err_prefix(e, "index.json");
	return 0;
}
