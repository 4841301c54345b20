#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "base/remove.h"
#include "image/codec.h"
#include "image/incoming.h"
#include "image/layers.h"
#include "image/limits.h"
#include "image/progress.h"
#include "image/unpack.h"

void
layers_clear(struct oci_layer *l)
{
	free(l->media_type);
	free(l->digest);
	free(l->diff_id);
	*l = (struct oci_layer){ .size = 0 };
}

const char *
layers_compressed_type(enum pack_compression compression)
{
	static const char *const types[] = {
		[PACK_NONE] = MEDIA_LAYER,
		[PACK_GZIP] = MEDIA_LAYER "+gzip",
		[PACK_ZSTD] = MEDIA_LAYER "+zstd",
	};

	static_assert(NELEMS(types) == PACK_COMPRESSION_MAX_, "each compression has a media type");
	return types[compression];
}

const char *
layers_media_type(int fd)
{
	uint8_t b[CODEC_MAGIC_MAX];
	const ssize_t n = pread(fd, b, sizeof(b), 0);
	const struct codec *c = codec_find(b, n < 0 ? 0 : (size_t)n);

	if (c == &codec_gzip)
		return MEDIA_LAYER "+gzip";
	if (c == &codec_zstd)
		return MEDIA_LAYER "+zstd";
	return c == &codec_xz || c == &codec_bzip2 ? NULL : MEDIA_LAYER;
}

/* --- unpacked --- */

static int
open_kind(const struct store *s, const char *kind, enum unpack_owners *ret_how, struct err *e)
{
	AUTO_FREE char *dir = path_join("layers", kind);
	const bool single = strcmp(kind, "single") == 0;
	int fd;

	if (!single && strcmp(kind, "range") != 0 && strcmp(kind, "root") != 0)
		return err_set(e, EINVAL, "'%s' is no kind of layers", kind);
	*ret_how = single ? UNPACK_OWNERS_RECORDED : UNPACK_OWNERS_REAL;
	if ((mkdirat(s->fd, "layers", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(s->fd, dir, 0755) < 0 && errno != EEXIST))
		return err_sys(e, "make %s in the store", dir);
	fd = openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s in the store", dir) : fd;
}

/* What the user says now, or has said of the blob @digest; NULL: it is new. */
static struct unpack_limits
limits_of(const struct store *s, const char *digest, size_t memory, const atomic_bool *stop)
{
	struct unpack_limits l = s->limits ? *s->limits
				 : digest  ? limits_read(s, digest)
					   : unpack_limits_default;

	l.progress = s->progress;
	l.memory = memory;
	l.stop = stop;
	return l;
}

/* Unpack @blob into @temp, a new directory. */
static int
unpack_into(int parent_fd, const char *temp, enum unpack_owners how, int blob,
	    const struct unpack_limits *limits, struct unpack_result *ret, struct err *e)
{
	AUTO_FD dir = -1;

	if (mkdirat(parent_fd, temp, 0755) < 0 ||
	    (dir = openat(parent_fd, temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, "make a directory for the layer");
	/* The umask is ours. */
	if (fchmod(dir, 0755) < 0)
		return err_sys(e, "make a directory for the layer");
	if (unpack_layer(blob, dir, how, limits, ret, e) == 0)
		return 0;
	if (e->code == EFBIG || (e->code == E2BIG && !e->hint[0]))
		(void)err_hint(e, "rootlet import and load take it with --limit-bytes, --limit-entries or "
				  "--limit-ratio, also when it is there already");
	return -e->code;
}

/* On disk, with what else of the file system waits: before a name, so that a name is a promise. */
static int
sync_layers(int parent_fd, struct err *e)
{
	return syncfs(parent_fd) < 0 ? err_sys(e, "write the layer to the disk") : 0;
}

/* It is there under its name now, from us or from somebody else. */
static int
name_layer(int parent_fd, const char *temp, const char *diff_id, struct err *e)
{
	if (renameat(parent_fd, temp, parent_fd, diff_id) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, "name the layer");
	remove_tree(parent_fd, temp);
	return 0;
}

/* Unpack what comes in, and learn what the layer is. */
static int
unpack_incoming(int parent, const char *temp, enum unpack_owners how, struct incoming *in,
		struct unpack_limits limits, struct oci_layer *ret, struct err *e)
{
	struct unpack_result res;
	mode_t mask;
	int r;

	limits.progress = incoming_progress(in);
	/* What is made with its mode needs none given. */
	mask = umask(0);
	r = unpack_into(parent, temp, how, incoming_tar_fd(in), &limits, &res, e);
	(void)umask(mask);
	if (r < 0)
		return incoming_blame(in, e);
	if (incoming_finish(in, &res, ret, e) < 0)
		return -e->code;
	return sync_layers(parent, e) < 0 ? -e->code : name_layer(parent, temp, res.diff_id, e);
}

int
layers_add(const struct store *s, const char *kind, int fd,
	   const enum pack_compression *compression, struct oci_layer *ret, struct err *e)
{
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	AUTO_FD blob = store_new_blob(s, e), parent = -1;
	AUTO_INCOMING in = NULL;
	const struct unpack_limits limits = limits_of(s, NULL, 0, NULL);
	char temp[TEMP_NAME_SIZE];

	if (blob < 0 || (parent = open_kind(s, kind, &how, e)) < 0)
		return -e->code;
	random_name(temp, sizeof(temp), TEMP_PREFIX);
	if (incoming_open(fd, compression, blob, &limits, &in, e) < 0 ||
	    unpack_incoming(parent, temp, how, in, limits, ret, e) < 0) {
		remove_tree(parent, temp);
		return err_prefix(e, "archive");
	}
	progress_part(s->progress, 1, ret->size);
	return store_keep_blob(s, blob, ret->digest, e);
}

int
layers_check_type(const struct oci_layer *l, struct err *e)
{
	if (!oci_layer_compression(l->media_type))
		return err_set(e, EBADMSG, "media type '%s' is not that of a layer", l->media_type);
	return 0;
}

static int
check(const struct oci_layer *l, const struct unpack_result *r, struct err *e)
{
	const char *said = oci_layer_compression(l->media_type);

	if (said && strcmp(said, r->compression) != 0)
		return err_set(e, EBADMSG, "its compression is %s, not %s as its media type says",
			       r->compression, said);
	if (strcmp(l->digest + strlen("sha256:"), r->digest) != 0)
		return err_set(e, EBADMSG, "the blob is sha256:%s, not %s", r->digest, l->digest);
	if (r->blob_bytes != l->size)
		return err_set(e, EBADMSG, "the blob has %llu bytes, not %llu",
			       (unsigned long long)r->blob_bytes, (unsigned long long)l->size);
	if (strcmp(l->diff_id + strlen("sha256:"), r->diff_id) != 0)
		return err_set(e, EBADMSG, "its content is sha256:%s, not %s", r->diff_id, l->diff_id);
	return 0;
}

/* By the first digits of its digest, as docker has it. */
static struct progress_row *
new_row(const struct store *s, const struct oci_layer *l)
{
	char label[13];

	(void)snprintf(label, sizeof(label), "%s", l->digest + strlen("sha256:"));
	return progress_row_new(s->progress, label, l->size);
}

bool
layers_has(const struct store *s, const char *kind, const struct oci_layer *l)
{
	AUTO_FREE char *path = xasprintf("layers/%s/%s", kind, l->diff_id + strlen("sha256:"));

	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * @parent: for a directory @temp; -1: learn what it is, no more.  It is there already, and is not unpacked
 * from whatever blob: one that is new must hold the same.
 */
static int
unpack_blob(const struct store *s, const struct oci_layer *l, int parent, const char *temp,
	    enum unpack_owners how, const struct unpack_limits *limits, struct err *e)
{
	AUTO_FD blob = store_open_blob(s, l->digest, e);
	struct unpack_result res;
	int r;

	if (blob < 0)
		return blob;
	r = parent < 0 ? unpack_layer(blob, -1, how, limits, &res, e)
		       : unpack_into(parent, temp, how, blob, limits, &res, e);
	if (r == 0)
		r = check(l, &res, e);
	store_end_blob(s, l->digest, r == 0);
	return r;
}

int
layers_unpack(const struct store *s, const char *kind, const struct oci_layer *l, size_t memory,
	      const atomic_bool *stop, char ret_temp[TEMP_NAME_SIZE], struct err *e)
{
	struct unpack_limits limits = limits_of(s, l->digest, memory, stop);
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	AUTO_FD parent = open_kind(s, kind, &how, e);
	AUTO_PROGRESS_ROW row = NULL;
	char temp[TEMP_NAME_SIZE];

	limits.blob = l->size ? l->size : 1;
	ret_temp[0] = '\0';
	if (parent < 0 || layers_check_type(l, e) < 0)
		return -e->code;
	if (layers_has(s, kind, l) && !store_is_new_blob(s, l->digest))
		return 0;
	row = limits.row = new_row(s, l);
	if (layers_has(s, kind, l))
		return unpack_blob(s, l, -1, NULL, how, &limits, e);
	random_name(temp, sizeof(temp), TEMP_PREFIX);
	if (unpack_blob(s, l, parent, temp, how, &limits, e) < 0) {
		remove_tree(parent, temp);
		return -e->code;
	}
	memcpy(ret_temp, temp, sizeof(temp));
	return 0;
}

int
layers_name(const struct store *s, const char *kind, const struct oci_layer *layers,
	    char (*temps)[TEMP_NAME_SIZE], size_t n, struct err *e)
{
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	AUTO_FD parent = open_kind(s, kind, &how, e);
	int r = parent < 0 ? parent : sync_layers(parent, e);

	for (size_t i = 0; i < n && r == 0; i++)
		if (temps[i][0])
			r = name_layer(parent, temps[i], layers[i].diff_id + strlen("sha256:"), e);
	return r;
}

void
layers_drop(const struct store *s, const char *kind, char (*temps)[TEMP_NAME_SIZE], size_t n)
{
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	struct err ignored = ERR_INIT;
	AUTO_FD parent = open_kind(s, kind, &how, &ignored);

	for (size_t i = 0; i < n && parent >= 0; i++)
		if (temps[i][0])
			remove_tree(parent, temps[i]);
}

int
layers_open(const struct store *s, const char *kind, const char *hex)
{
	AUTO_FREE char *dir = xasprintf("layers/%s/%s", kind, hex);

	return openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
layers_open_all(const struct store *s, const char *kind, const struct oci_image *im, int *fds,
		struct err *e)
{
	for (size_t i = 0; i < im->n_layers; i++) {
		const char *hex = im->layers[im->n_layers - 1 - i].diff_id + strlen("sha256:");

		fds[i] = layers_open(s, kind, hex);
		if (fds[i] < 0)
			return err_sys(e, "open layers/%s/%s in the store", kind, hex);
	}
	return 0;
}
