/*
 * "receive KIND": an image that rootlet-registry fetches, over the socket that is standard input; see
 * image/feed.h.  Layers are unpacked while they come.  As with load, all of it is compared with its
 * digests before any of it has a name in the store.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/digest.h"
#include "image/feed.h"
#include "image/layers.h"
#include "image/ref.h"
#include "libexec/image.h"

#define BUFFER_SIZE ((size_t)256 << 10)

struct receiving {
	struct store *s;
	const char *kind;
	const struct feed_image *im;
	char *name;           /* owned; NULL: none */
	const char *platform; /* NULL: this machine's */
	bool all;
	struct oci_image image; /* owned; that is unpacked; none where an index has nothing for us */
};

/* --- documents --- */

/* A descriptor; "" and 0 where it is none. */
static struct blob
descriptor(json_t *d)
{
	struct blob b;

	(void)oci_read_descriptor(d, &b);
	return b;
}

/* Owned; NULL after an error.  It has the size that was said, too. */
static json_t *
read_document(const struct store *s, const struct blob *b, struct err *e)
{
	json_t *doc = b->digest[0] ? store_get_json(s, b->digest, e) : NULL;
	AUTO_FD fd = doc ? store_open_blob(s, b->digest, e) : -1;
	struct stat st;

	store_end_blob(s, b->digest, true);
	if (!b->digest[0])
		(void)err_set(e, EBADMSG, "a document has no valid digest and size");
	else if (fd >= 0 && fstat(fd, &st) < 0)
		(void)err_sys(e, "blob %s", b->digest);
	else if (fd >= 0 && (uint64_t)st.st_size != b->size)
		(void)err_set(e, EBADMSG, "blob %s has %llu bytes, not %llu", b->digest,
			      (unsigned long long)st.st_size, (unsigned long long)b->size);
	if (e->code) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

/* Its config has the size that it says.  Owned; NULL after an error. */
static json_t *
read_manifest(const struct store *s, const struct blob *b, struct err *e)
{
	json_t *doc = read_document(s, b, e), *config;
	struct blob c;

	if (!doc)
		return NULL;
	if (oci_check_manifest(doc, e) == 0) {
		c = descriptor(json_object_get(doc, "config"));
		config = read_document(s, &c, e);
		json_decref(config);
	}
	if (e->code) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

/* --- of platforms that are not unpacked: before the one that is, which leaves nothing then --- */

static int
digest_all(int fd, struct digest *d, uint64_t size, struct err *e)
{
	AUTO_FREE uint8_t *buf = xcalloc(1, BUFFER_SIZE);
	uint64_t n = 0;
	ssize_t r;

	while ((r = read(fd, buf, BUFFER_SIZE)) > 0 || (r < 0 && errno == EINTR)) {
		if (r < 0)
			continue;
		n += (uint64_t)r;
		if (n > size)
			break;
		digest_add(d, buf, (size_t)r);
	}
	if (r < 0)
		return err_sys(e, "read");
	return n == size ? 0 : err_set(e, EBADMSG, "it has not %llu bytes", (unsigned long long)size);
}

static int
check_blob(const struct store *s, const struct blob *b, struct err *e)
{
	CLEANUP(digest_freep) struct digest *d = digest_new();
	AUTO_FD fd = store_open_blob(s, b->digest, e);
	char hex[65];
	int r;

	if (fd < 0)
		return fd;
	r = digest_all(fd, d, b->size, e);
	if (r == 0)
		r = digest_end(d, hex, e);
	if (r == 0 && strcmp(hex, b->digest + strlen("sha256:")) != 0)
		r = err_set(e, EBADMSG, "it is sha256:%s", hex);
	store_end_blob(s, b->digest, r == 0);
	return r;
}

static int
check_layers(const struct store *s, json_t *manifest, struct err *e)
{
	json_t *list = json_object_get(manifest, "layers"), *l;
	size_t i;

	json_array_foreach(list, i, l) {
		const struct blob b = descriptor(l);

		if (!b.digest[0])
			return err_set(e, EBADMSG, "layer %zu has no valid digest and size", i + 1);
		if (store_is_new_blob(s, b.digest) && check_blob(s, &b, e) < 0)
			return err_prefix(e, "blob %s", b.digest);
	}
	return 0;
}

static int
check_platforms(const struct receiving *x, json_t *index, const char *ours, struct err *e)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, d) {
		const struct blob b = descriptor(d);
		json_t *manifest;
		int r;

		if (strcmp(b.digest, ours) == 0)
			continue;
		manifest = read_manifest(x->s, &b, e);
		r = manifest ? check_layers(x->s, manifest, e) : -e->code;
		json_decref(manifest);
		if (r < 0)
			return err_prefix(e, "image %.19s", b.digest);
	}
	return 0;
}

/* --- the image that is unpacked --- */

/* Returns 1, and "", when an index has nothing for us, and need not. */
static int
find_manifest(const struct receiving *x, json_t *top, struct blob *ret, struct err *e)
{
	json_t *chosen;

	if (oci_is_index(top) != oci_is_index_type(x->im->media_type))
		return err_set(e, EBADMSG, "it is not of media type '%s'", x->im->media_type);
	if (!oci_is_index(top)) {
		(void)snprintf(ret->digest, sizeof(ret->digest), "%s", x->im->digest);
		ret->size = x->im->size;
		return 0;
	}
	if (oci_check_index(top, e) < 0)
		return -e->code;
	chosen = oci_choose(top, x->platform, e);
	if (!chosen && x->all) {
		err_clear(e);
		return 1;
	}
	*ret = descriptor(chosen);
	return chosen ? 0 : -e->code;
}

static int
unpack(struct receiving *x, const struct blob *b, struct err *e)
{
	json_t *manifest = read_manifest(x->s, b, e);

	if (!manifest)
		return -e->code;
	json_decref(manifest);
	if (oci_read(x->s, x->im->digest, x->platform, &x->image, e) < 0)
		return -e->code;
	return layers_unpack_all(x->s, x->kind, &x->image, e);
}

static int
take_blobs(struct receiving *x, struct err *e)
{
	struct blob b = { .size = x->im->size }, ours = { .size = 0 };
	json_t *top;
	int r;

	(void)snprintf(b.digest, sizeof(b.digest), "%s", x->im->digest);
	top = read_document(x->s, &b, e);
	if (!top)
		return -e->code;
	r = find_manifest(x, top, &ours, e);
	if (r >= 0 && x->all && oci_is_index(top))
		r = check_platforms(x, top, ours.digest, e);
	if (r >= 0 && ours.digest[0])
		r = unpack(x, &ours, e);
	json_decref(top);
	return r < 0 ? r : 0;
}

/* --- all of it --- */

static int
write_names(const struct receiving *x, struct err *e)
{
	const struct store_entry entry = { .name = x->name,
					   .digest = x->im->digest,
					   .media_type = x->im->media_type,
					   .size = x->im->size };

	if (feed_keep(x->s->feed, e) < 0 || store_add_entries(x->s, &entry, 1, e) < 0)
		return -e->code;
	return x->image.digest ? layers_write_cache(x->s, &x->image, x->im->digest, x->platform, e)
			       : layers_write_names(x->s, e);
}

static int
receive(struct store *s, const char *kind, struct feed *feed, struct err *e)
{
	const struct feed_image *im = feed_image(feed);
	struct receiving x = { .s = s, .kind = kind, .im = im, .image = OCI_IMAGE_INIT };
	int r;

	x.all = im->platform && strcmp(im->platform, FEED_ALL) == 0;
	x.platform = x.all ? NULL : im->platform;
	s->feed = feed;
	r = im->name ? image_ref_new_name(im->name, &x.name, e) : 0;
	if (r == 0)
		r = take_blobs(&x, e);
	/* It says itself what is wrong over there. */
	if (r < 0 && !feed_is_well(feed))
		r = cmd_said(e);
	if (r == 0)
		r = write_names(&x, e);
	oci_image_clear(&x.image);
	free(x.name);
	s->feed = NULL;
	if (r < 0)
		return e->msg[0] ? err_prefix(e, "image %s", im->name ? im->name : im->digest) : r;
	return feed_done(feed, e);
}

int
verb_receive(int argc, char **argv, struct err *e)
{
	const char *const kind = take_kind(&argc, &argv);
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	AUTO_FEED feed = NULL;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "quiet") != 0))
		return err_set(e, EINVAL, "receive KIND [quiet]");
	if (open_store(true, &s, e) < 0 || feed_begin(FEED_FD, &s, &feed, e) < 0)
		return -e->code;
	s.progress = progress = new_progress(argc == 2);
	return receive(&s, kind, feed, e);
}
