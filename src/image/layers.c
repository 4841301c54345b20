#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/remove.h"
#include "image/codec.h"
#include "image/layers.h"
#include "image/progress.h"
#include "image/unpack.h"

#define COPY_SIZE ((size_t)1 << 20)

void
layers_clear(struct oci_layer *l)
{
	free(l->media_type);
	free(l->digest);
	free(l->diff_id);
	*l = (struct oci_layer){ .size = 0 };
}

/* --- into the store --- */

static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static int
copy(int from, int to, struct progress *progress, uint64_t *ret_size, struct err *e)
{
	const struct progress_work work = { .doing = "reading", .total = size_of(from) };
	AUTO_FREE char *buf = xcalloc(COPY_SIZE, 1);
	ssize_t n;

	progress_begin(progress, &work);
	while ((n = read(from, buf, COPY_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the archive");
		if (fd_write_all(to, buf, (size_t)n, e) < 0)
			return err_prefix(e, "store the archive");
		*ret_size += (uint64_t)n;
		progress_add(progress, (uint64_t)n);
	}
	return 0;
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
	AUTO_FREE char *dir = xasprintf("layers/%s", kind);
	const bool single = strcmp(kind, "single") == 0;
	int fd;

	if (!single && strcmp(kind, "range") != 0 && strcmp(kind, "root") != 0)
		return err_set(e, EINVAL, "'%s' is no kind of layers", kind);
	*ret_how = single ? UNPACK_OWNERS_RECORDED : UNPACK_OWNERS_REAL;
	if (mkdirat(s->fd, dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make %s in the store", dir);
	fd = openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s in the store", dir) : fd;
}

/* Unpack @blob into @temp, a new directory. */
static int
unpack_into(const struct store *s, int parent_fd, const char *temp, enum unpack_owners how, int blob,
	    struct unpack_result *ret, struct err *e)
{
	struct unpack_limits limits = unpack_limits_default;
	AUTO_FD dir = -1;

	if (mkdirat(parent_fd, temp, 0755) < 0 ||
	    (dir = openat(parent_fd, temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, "make a directory for the layer");
	/* The umask is ours. */
	if (fchmod(dir, 0755) < 0)
		return err_sys(e, "make a directory for the layer");
	limits.progress = s->progress;
	return unpack_layer(blob, dir, how, &limits, ret, e);
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

static void
temp_name(char buf[32])
{
	uint64_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	(void)snprintf(buf, 32, ".tmp-%016llx", (unsigned long long)n);
}

int
layers_add(const struct store *s, const char *kind, int fd, struct oci_layer *ret, struct err *e)
{
	AUTO_FD blob = store_new_blob(s, e), parent = -1;
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	struct unpack_result r;
	const char *type;
	uint64_t size = 0;
	char temp[32];

	if (blob < 0 || copy(fd, blob, s->progress, &size, e) < 0 || (parent = open_kind(s, kind, &how, e)) < 0)
		return -e->code;
	type = layers_media_type(blob);
	if (!type) {
		(void)err_set(e, EOPNOTSUPP, "images have no layers in xz or bzip2");
		return err_hint(e, "xz -dc FILE | rootlet import - NAME");
	}
	if (lseek(blob, 0, SEEK_SET) < 0)
		return err_sys(e, "read the archive");
	progress_begin(s->progress, &(struct progress_work){ .doing = "unpacking", .done = "unpacked",
							     .total = size });
	temp_name(temp);
	if (unpack_into(s, parent, temp, how, blob, &r, e) < 0 ||
	    name_layer(parent, temp, r.diff_id, e) < 0) {
		remove_tree(parent, temp);
		return err_prefix(e, "archive");
	}
	progress_part(s->progress, 1, size);
	*ret = (struct oci_layer){ .media_type = xstrdup(type),
				   .digest = xasprintf("sha256:%s", r.digest),
				   .diff_id = xasprintf("sha256:%s", r.diff_id),
				   .size = size };
	return store_keep_blob(s, blob, ret->digest, e);
}

static int
check(const struct oci_layer *l, const struct unpack_result *r, struct err *e)
{
	if (strcmp(l->digest + strlen("sha256:"), r->digest) != 0)
		return err_set(e, EBADMSG, "the blob is sha256:%s, not %s", r->digest, l->digest);
	if (r->blob_bytes != l->size)
		return err_set(e, EBADMSG, "the blob has %llu bytes, not %llu",
			       (unsigned long long)r->blob_bytes, (unsigned long long)l->size);
	if (strcmp(l->diff_id + strlen("sha256:"), r->diff_id) != 0)
		return err_set(e, EBADMSG, "its content is sha256:%s, not %s", r->diff_id, l->diff_id);
	return 0;
}

int
layers_unpack(const struct store *s, const char *kind, const struct oci_layer *l, struct err *e)
{
	const char *const name = l->diff_id + strlen("sha256:");
	enum unpack_owners how = UNPACK_OWNERS_REAL;
	AUTO_FD parent = open_kind(s, kind, &how, e), blob = -1;
	struct unpack_result r;
	char temp[32];

	if (parent < 0)
		return parent;
	if (faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	blob = store_open_blob(s, l->digest, e);
	if (blob < 0)
		return blob;
	temp_name(temp);
	if (unpack_into(s, parent, temp, how, blob, &r, e) < 0 || check(l, &r, e) < 0 ||
	    name_layer(parent, temp, name, e) < 0) {
		remove_tree(parent, temp);
		return -e->code;
	}
	return 0;
}

static bool
is_there(const struct store *s, const char *kind, const struct oci_layer *l)
{
	AUTO_FREE char *path = xasprintf("layers/%s/%s", kind, l->diff_id + strlen("sha256:"));

	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int
layers_unpack_all(const struct store *s, const char *kind, const struct oci_image *im, struct err *e)
{
	struct progress_work work = { .doing = "unpacking", .done = "unpacked", .part = "layer" };
	size_t done = 0;

	for (size_t i = 0; i < im->n_layers; i++)
		if (!is_there(s, kind, &im->layers[i])) {
			work.total += im->layers[i].size;
			work.n_parts++;
		}
	progress_begin(s->progress, &work);
	for (size_t i = 0; i < im->n_layers; i++) {
		if (is_there(s, kind, &im->layers[i]))
			continue;
		if (layers_unpack(s, kind, &im->layers[i], e) < 0)
			return err_prefix(e, "layer %zu", i + 1);
		progress_part(s->progress, ++done, im->layers[i].size);
	}
	return 0;
}
