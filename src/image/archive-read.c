/*
 * The names of a tar are keys of a table and nothing else.  What cannot be a part of an image, such
 * as a device, is refused where it is met: an archive of images has no use for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/archive-internal.h"
#include "image/name.h"
#include "image/tar.h"
#include "image/unpack.h"

#define ENTRIES_MAX 50000
#define NAME_BYTES  255 /* of a name in an archive */
#define DEPTH_MAX   8

/* --- names --- */

static int
clean(const char *raw, char ret[PATH_MAX], struct err *e)
{
	if (raw[0] == '/')
		return err_set(e, EINVAL, "an absolute name");
	if (name_clean(raw, DEPTH_MAX, ret, e) < 0)
		return -e->code;
	return strlen(ret) > NAME_BYTES ? err_set(e, ENAMETOOLONG, "too long a name") : 0;
}

/* The directory that a symbolic link is in, with a slash at its end. */
static size_t
directory_length(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? (size_t)(slash - name) + 1 : 0;
}

/* "a/b/" and "../c" are "a/c"; nothing leads out. */
static int
resolve(const char *dir, size_t n, const char *target, char ret[PATH_MAX], struct err *e)
{
	AUTO_FREE char *base = xstrndup(dir, n);

	while (strncmp(target, "../", 3) == 0 || strncmp(target, "./", 2) == 0) {
		const bool up = target[1] == '.';

		target += up ? 3 : 2;
		if (up && base[0] == '\0')
			return err_set(e, EINVAL, "a link that leads out of the archive");
		if (up) {
			base[strlen(base) - 1] = '\0';
			base[directory_length(base)] = '\0';
		}
	}
	if (target[0] == '/' || strlen(base) + strlen(target) > NAME_BYTES)
		return err_set(e, EINVAL, "a link that leads out of the archive");
	{
		AUTO_FREE char *whole = xasprintf("%s%s", base, target);

		return clean(whole, ret, e);
	}
}

/* --- entries --- */

static bool
is_document(const char *name)
{
	return strcmp(name, "index.json") == 0 || strcmp(name, "manifest.json") == 0 ||
	       strcmp(name, "oci-layout") == 0;
}

static int
spool_file(struct archive *a, struct tar *t, const struct tar_entry *x, struct blob *ret,
	   struct err *e)
{
	uint64_t at = 0, offset = 0;
	const void *data;
	ssize_t n;

	if (spool_begin(a->spool, x->size, e) < 0)
		return -e->code;
	while ((n = tar_data(t, &data, &offset, e)) > 0) {
		if (offset != at)
			return err_set(e, EOPNOTSUPP, "a file with holes");
		if (spool_write(a->spool, data, (size_t)n, e) < 0)
			return -e->code;
		at += (uint64_t)n;
	}
	return n < 0 ? (int)n : spool_end(a->spool, ret, e);
}

static int
take_link(struct archive_file *f, const struct tar_entry *x, struct err *e)
{
	const size_t dir = x->kind == TAR_SYMLINK ? directory_length(f->name) : 0;
	char target[PATH_MAX];

	if (!x->link || resolve(f->name, dir, x->link, target, e) < 0)
		return e->code ? -e->code : err_set(e, EINVAL, "a link to nothing");
	f->link = xstrdup(target);
	return 0;
}

static int
take_entry(struct archive *a, struct tar *t, const struct tar_entry *x, struct archive_file *f,
	   struct err *e)
{
	switch (x->kind) {
	case TAR_FILE:
		if (is_document(f->name) && x->size > STORE_JSON_MAX)
			return err_set(e, EFBIG, "a document of more than %zu bytes",
				       STORE_JSON_MAX);
		return spool_file(a, t, x, &f->blob, e);
	case TAR_SYMLINK:
	case TAR_HARDLINK:
		return take_link(f, x, e);
	case TAR_DIR:
	case TAR_FIFO:
	case TAR_CHAR:
	case TAR_BLOCK:
		break;
	}
	return err_set(e, EINVAL, "neither a file nor a directory: images have no such thing");
}

static int
add_entry(struct archive *a, struct tar *t, const struct tar_entry *x, struct err *e)
{
	struct archive_file f = { .name = NULL };
	char name[PATH_MAX];

	if (clean(x->name, name, e) < 0)
		return err_prefix(e, "%s", x->name);
	if (x->kind == TAR_DIR)
		return 0;
	f.name = xstrdup(name);
	if (take_entry(a, t, x, &f, e) < 0) {
		free(f.name);
		return err_prefix(e, "%s", x->name);
	}
	if (a->n_files == a->room) {
		a->room = a->room * 2 + 64;
		a->files = xrealloc_array(a->files, a->room, sizeof(*a->files));
	}
	a->files[a->n_files++] = f;
	return 0;
}

/* --- all of it --- */

static int
compare(const void *a, const void *b)
{
	const struct archive_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool
same(const struct archive_file *a, const struct archive_file *b)
{
	if (a->link && b->link)
		return strcmp(a->link, b->link) == 0;
	return !a->link && !b->link && strcmp(a->blob.digest, b->blob.digest) == 0;
}

/* Two readers must not see two archives in one. */
static int
sort(struct archive *a, struct err *e)
{
	if (a->n_files > 0)
		qsort(a->files, a->n_files, sizeof(*a->files), compare);
	for (size_t i = 1; i < a->n_files; i++)
		if (compare(&a->files[i - 1], &a->files[i]) == 0 &&
		    !same(&a->files[i - 1], &a->files[i]))
			return err_set(e, EBADMSG, "%s: there are two of that name, which differ",
				       a->files[i].name);
	return 0;
}

static int
read_entries(struct archive *a, struct stream *s, struct err *e)
{
	size_t n = 0;
	AUTO_TAR t = NULL;
	struct tar_entry x;
	int r = tar_open(s, &t, e);

	if (r < 0)
		return r;
	while ((r = tar_next(t, &x, e)) > 0) {
		if (n++ == ENTRIES_MAX)
			return err_set(e, E2BIG, "more than %d entries", ENTRIES_MAX);
		if (add_entry(a, t, &x, e) < 0)
			return -e->code;
	}
	return r;
}

/* Layers have limits of their own, but for a larger one the archive must be allowed to be larger. */
static struct stream_limits
stream_limits(const struct unpack_limits *layer, struct progress *progress)
{
	struct stream_limits l = { .bytes = unpack_limits_default.bytes,
				   .ratio = unpack_limits_default.ratio,
				   .progress = progress };

	if (layer && unpack_stream_max(layer) > l.bytes)
		l.bytes = unpack_stream_max(layer);
	if (layer && layer->ratio > l.ratio)
		l.ratio = layer->ratio;
	return l;
}

int
archive_read_tar(struct archive *a, int fd, const struct unpack_limits *layer, struct err *e)
{
	const struct stream_limits limits = stream_limits(layer, a->progress);
	struct stream_result ignored;
	AUTO_STREAM s = NULL;

	if (stream_open(fd, &limits, &s, e) < 0 || read_entries(a, s, e) < 0 ||
	    stream_finish(s, &ignored, e) < 0)
		return -e->code;
	return sort(a, e);
}
