#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/archive-internal.h"
#include "image/progress.h"
#include "kernel/sys.h"

#define COPY_SIZE ((size_t)256 << 10)
#define LINKS_MAX 8 /* one after the other */

char *
archive_blob_name(const char *digest)
{
	return xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
}

void
archive_images_clear(struct archive_images *im)
{
	for (size_t i = 0; i < im->n; i++) {
		free(im->v[i].digest);
		free(im->v[i].media_type);
		strv_freep(&im->v[i].names);
	}
	free(im->v);
	*im = (struct archive_images)ARCHIVE_IMAGES_INIT;
}

void
archive_add_image(struct archive_images *to, const struct blob *b, const char *media_type,
		  const char *name)
{
	size_t i = 0;

	while (i < to->n && strcmp(to->v[i].digest, b->digest) != 0)
		i++;
	if (i == to->n) {
		to->v = xrealloc_array(to->v, ++to->n, sizeof(*to->v));
		to->v[i] = (struct archive_image){ .digest = xstrdup(b->digest),
						   .media_type = xstrdup(media_type),
						   .size = b->size };
	}
	if (name)
		strv_take(&to->v[i].names, xstrdup(name));
}

void
archive_closep(struct archive **a)
{
	for (size_t i = 0; *a && i < (*a)->n_files; i++) {
		free((*a)->files[i].name);
		free((*a)->files[i].link);
	}
	if (*a)
		free((*a)->files);
	free(*a);
	*a = NULL;
}

int
archive_open(int fd, struct spool *spool, const struct store *s, struct archive **ret,
	     struct err *e)
{
	AUTO_ARCHIVE a = xcalloc(1, sizeof(*a));
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at the archive");
	a->spool = spool;
	a->dir_fd = S_ISDIR(st.st_mode) ? fd : -1;
	a->progress = s->progress;
	if (a->dir_fd < 0 && archive_read_tar(a, fd, s->limits, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(a);
	return 0;
}

/* --- a file of a directory --- */

/* Returns the descriptor, -ENOENT without a message when there is none. */
static int
open_below(int dir_fd, const char *name, bool follow, struct stat *st, struct err *e)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
			   (follow ? 0 : RESOLVE_NO_SYMLINKS),
	};
	AUTO_FD fd = sys_openat2(dir_fd, name, &how);

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return errno == ELOOP ? err_set(e, ELOOP, "it is a link") : err_sys(e, "open");
	if (fstat(fd, st) < 0)
		return err_sys(e, "look at it");
	if (!S_ISREG(st->st_mode))
		return err_set(e, EINVAL, "not a regular file");
	return TAKE_FD(fd);
}

/* It may grow, or shrink, meanwhile: then it is not what its size said. */
static int
spool_copy(struct archive *a, int fd, uint64_t size, struct blob *ret, struct err *e)
{
	AUTO_FREE char *buf = xcalloc(COPY_SIZE, 1);
	ssize_t n;

	if (spool_begin(a->spool, size, e) < 0)
		return -e->code;
	while ((n = read(fd, buf, COPY_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (spool_write(a->spool, buf, (size_t)n, e) < 0)
			return -e->code;
		progress_add(a->progress, (uint64_t)n);
	}
	return spool_end(a->spool, ret, e);
}

static int
find_in_directory(struct archive *a, const char *name, bool follow, struct blob *ret,
		  struct err *e)
{
	AUTO_FD fd = -1;
	struct stat st;

	fd = open_below(a->dir_fd, name, follow, &st, e);
	if (fd == -ENOENT && e->code == 0)
		return 0;
	if (fd < 0 || spool_copy(a, fd, (uint64_t)st.st_size, ret, e) < 0)
		return err_prefix(e, "%s", name);
	return 1;
}

/* --- a file of a tar --- */

static const struct archive_file *
find_exact(const struct archive *a, const char *name)
{
	size_t from = 0, to = a->n_files;

	while (from < to) {
		const size_t mid = from + (to - from) / 2;
		const int order = strcmp(a->files[mid].name, name);

		if (order == 0)
			return &a->files[mid];
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

static int
find_in_tar(const struct archive *a, const char *name, bool follow, struct blob *ret,
	    struct err *e)
{
	const struct archive_file *f = find_exact(a, name);

	for (int i = 0; f && f->link && follow && i < LINKS_MAX; i++)
		f = find_exact(a, f->link);
	if (f && f->link)
		return err_set(e, ELOOP, "%s: it is a link", name);
	if (f)
		*ret = f->blob;
	return f != NULL;
}

/* --- either --- */

int
archive_find(struct archive *a, const char *name, bool follow, struct blob *ret, struct err *e)
{
	if (name[0] == '\0' || name[0] == '/')
		return err_set(e, EINVAL, "'%s' is not the name of a file in an archive", name);
	return a->dir_fd >= 0 ? find_in_directory(a, name, follow, ret, e)
			      : find_in_tar(a, name, follow, ret, e);
}

int
archive_read_json(struct archive *a, const char *name, json_t **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD fd = -1;
	struct blob b;
	json_error_t why;
	ssize_t n;
	int r = archive_find(a, name, false, &b, e);

	if (r <= 0)
		return r;
	fd = spool_open(a->spool, b.digest, e);
	n = fd < 0 ? fd : fd_read_all(fd, STORE_JSON_MAX, &text, e);
	if (n < 0)
		return err_prefix(e, "%s", name);
	*ret = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &why);
	if (!*ret)
		return err_set(e, EBADMSG, "%s is not a document: %s", name, why.text);
	return 1;
}

static int
check_layout(struct archive *a, struct err *e)
{
	json_t *layout = NULL;
	const char *version;
	int r = archive_read_json(a, "oci-layout", &layout, e);

	if (r <= 0)
		return r;
	version = json_string_value(json_object_get(layout, "imageLayoutVersion"));
	if (!version || strncmp(version, "1.", 2) != 0)
		r = err_set(e, EOPNOTSUPP, "oci-layout: version '%s' of layouts is not known",
			    version ? version : "");
	json_decref(layout);
	return r;
}

int
archive_find_images(struct archive *a, struct archive_images *ret, struct err *e)
{
	const int layout = check_layout(a, e);
	json_t *doc = NULL;
	int r;

	if (layout < 0)
		return layout;
	r = layout ? archive_read_json(a, "index.json", &doc, e) : 0;
	if (r < 0)
		return r;
	if (r > 0) {
		r = archive_oci_images(a, doc, ret, e);
	} else if ((r = archive_read_json(a, "manifest.json", &doc, e)) > 0) {
		r = archive_docker_images(a, doc, ret, e);
	} else if (r == 0) {
		(void)err_set(e, EBADMSG, "there is neither oci-layout and index.json nor manifest.json");
		r = err_hint(e, "a root file system becomes an image with rootlet import");
	}
	json_decref(doc);
	return r;
}
