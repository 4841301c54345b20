/*
 * Layers compressed otherwise than they are in the store, and the documents that name them: manifest
 * and index get new digests, the configuration, which only knows what layers hold, stays.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/archive-internal.h"
#include "image/layers.h"
#include "image/pack-internal.h"
#include "image/stream.h"
#include "image/unpack.h"

static const char *const layer_types[] = {
	[PACK_NONE] = MEDIA_LAYER,
	[PACK_GZIP] = MEDIA_LAYER "+gzip",
	[PACK_ZSTD] = MEDIA_LAYER "+zstd",
};
static_assert(NELEMS(layer_types) == PACK_COMPRESSION_MAX_, "a media type for each compression");

static int
pass_on(struct stream *from, struct sink *to, struct err *e)
{
	const void *data;
	ssize_t n;

	while ((n = stream_next(from, &data, e)) > 0)
		if (sink_write(to, data, (size_t)n, e) < 0)
			return -e->code;
	return n < 0 ? (int)n : sink_finish(to, e);
}

/* Returns the diff-id, too. */
static int
convert(const struct archive_save *sv, int blob, enum pack_compression to, const char *digest,
	struct blob *ret, char ret_diff_id[65], struct err *e)
{
	const struct stream_limits limits = { .bytes = unpack_limits_default.bytes,
					      .ratio = unpack_limits_default.ratio };
	AUTO_FD fd = store_new_blob(sv->store, e);
	AUTO_SINK sink = NULL;
	AUTO_STREAM s = NULL;
	struct stream_result r;
	char hex[PACK_DIGEST_SIZE];

	if (fd < 0)
		return fd;
	sink = sink_new(fd, to);
	if (stream_open(blob, &limits, &s, e) < 0 || pass_on(s, sink, e) < 0 ||
	    stream_finish(s, &r, e) < 0)
		return -e->code;
	if (strcmp(r.digest, digest + strlen("sha256:")) != 0)
		return err_set(e, EBADMSG, "it has other content: sha256:%s", r.digest);
	sink_digest_out(sink, hex);
	(void)snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
	ret->size = sink_bytes_out(sink);
	memcpy(ret_diff_id, r.diff_id, sizeof(r.diff_id));
	return spool_adopt(sv->spool, TAKE_FD(fd), ret, e);
}

static const struct converted *
find_converted(const struct archive_save *sv, const char *digest)
{
	for (size_t i = 0; i < sv->n_converted; i++)
		if (strcmp(sv->converted[i].from, digest) == 0)
			return &sv->converted[i];
	return NULL;
}

static int
make_converted(const struct archive_save *sv, const char *digest, enum pack_compression to,
	       struct converted *ret, struct err *e)
{
	AUTO_FD blob = store_open_blob(sv->store, digest, e);
	const char *type = blob < 0 ? NULL : layers_media_type(blob);

	if (blob < 0)
		return blob;
	ret->type = layer_types[to];
	(void)snprintf(ret->from, sizeof(ret->from), "%s", digest);
	if (!type || strcmp(type, ret->type) != 0) {
		if (convert(sv, blob, to, digest, &ret->to, ret->diff_id, e) < 0)
			return err_prefix(e, "layer %s", digest);
		return 0;
	}
	(void)snprintf(ret->to.digest, sizeof(ret->to.digest), "%s", digest);
	return archive_blob_size(blob, &ret->to.size, e);
}

const struct converted *
archive_convert_layer(struct archive_save *sv, const char *digest, enum pack_compression to,
		      struct err *e)
{
	const struct converted *known = find_converted(sv, digest);
	struct converted c = { .type = NULL };

	if (known)
		return known;
	if (make_converted(sv, digest, to, &c, e) < 0)
		return NULL;
	sv->converted = xrealloc_array(sv->converted, sv->n_converted + 1, sizeof(c));
	sv->converted[sv->n_converted] = c;
	return &sv->converted[sv->n_converted++];
}

/* --- documents --- */

static void
set_descriptor(json_t *d, const char *type, const struct blob *b)
{
	(void)json_object_set_new(d, "mediaType", json_string(type));
	(void)json_object_set_new(d, "digest", json_string(b->digest));
	(void)json_object_set_new(d, "size", json_integer((json_int_t)b->size));
}

static bool
is_layer_type(const char *type)
{
	static const char docker[] = "application/vnd.docker.image.rootfs.diff.tar";

	return type && (strncmp(type, MEDIA_LAYER, strlen(MEDIA_LAYER)) == 0 ||
			strncmp(type, docker, strlen(docker)) == 0);
}

static int
rewrite_manifest(struct archive_save *sv, json_t *doc, struct err *e)
{
	const struct converted *c;
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(doc, "layers"), i, d) {
		const char *digest = json_string_value(json_object_get(d, "digest"));

		if (!digest || !is_layer_type(json_string_value(json_object_get(d, "mediaType"))))
			continue;
		c = archive_convert_layer(sv, digest, sv->compression, e);
		if (!c)
			return -e->code;
		set_descriptor(d, c->type, &c->to);
	}
	/* Docker's have no type for zstd. */
	d = json_object_get(doc, "config");
	if (strcmp(json_string_value(json_object_get(d, "mediaType")) ?: "",
		   "application/vnd.docker.container.image.v1+json") == 0)
		(void)json_object_set_new(d, "mediaType", json_string(MEDIA_CONFIG));
	(void)json_object_set_new(doc, "mediaType", json_string(MEDIA_MANIFEST));
	return 0;
}

static int
rewrite_index(struct archive_save *sv, json_t *doc, int depth, struct err *e)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(doc, "manifests"), i, d) {
		const char *digest = json_string_value(json_object_get(d, "digest")), *type;
		struct blob b = { .size = 0 };

		if (!digest || !archive_has_blob(sv, digest))
			continue;
		if (archive_rewrite(sv, digest, depth + 1, &b, &type, e) < 0)
			return -e->code;
		set_descriptor(d, type, &b);
	}
	(void)json_object_set_new(doc, "mediaType", json_string(MEDIA_INDEX));
	return 0;
}

int
archive_rewrite(struct archive_save *sv, const char *digest, int depth, struct blob *ret,
		const char **ret_type, struct err *e)
{
	json_t *doc = depth > ARCHIVE_DEPTH_MAX ? NULL : store_get_json(sv->store, digest, e);
	bool index;
	int r;

	if (!doc)
		return e->code ? -e->code : err_set(e, EBADMSG, "too many indexes one in the other");
	index = oci_is_index(doc);
	r = index ? rewrite_index(sv, doc, depth, e) : rewrite_manifest(sv, doc, e);
	if (r == 0)
		r = spool_put_json(sv->spool, doc, ret, e);
	json_decref(doc);
	*ret_type = index ? MEDIA_INDEX : MEDIA_MANIFEST;
	return r;
}
