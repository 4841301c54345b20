/*
 * A tar has no times, root as owner, and its entries in the order in which they are put; so it is the
 * same each time.  In a directory each file is new, and those made here are taken away again after a
 * failure.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "image/archive-internal.h"
#include "image/digest.h"
#include "image/pack-internal.h"
#include "image/progress.h"

#define COPY_SIZE ((size_t)256 << 10)
#define BLOBS	  "blobs/sha256"

struct archive_out {
	struct progress *progress; /* borrowed, or NULL */
	struct sink *sink;         /* owned; of a tar, else NULL */
	int dir_fd;                /* borrowed */
	int blobs_fd;              /* owned; blobs/sha256 there */
	char **made;               /* owned strv: blobs that were not there */
};

static struct archive_out *
out_new(struct progress *progress)
{
	struct archive_out *o = xcalloc(1, sizeof(*o));

	o->progress = progress;
	o->dir_fd = o->blobs_fd = -1;
	return o;
}

void
archive_out_closep(struct archive_out **o)
{
	if (*o) {
		sink_freep(&(*o)->sink);
		fd_closep(&(*o)->blobs_fd);
		strv_freep(&(*o)->made);
	}
	free(*o);
	*o = NULL;
}

struct archive_out *
archive_out_tar(int fd, struct progress *progress)
{
	struct archive_out *o = out_new(progress);

	o->sink = sink_new(fd, PACK_NONE);
	return o;
}

static int
open_dir(int fd, const char *name, struct err *e)
{
	int dir;

	if (mkdirat(fd, name, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", name);
	dir = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return dir < 0 ? err_sys(e, "open %s", name) : dir;
}

int
archive_out_dir(int dir_fd, struct progress *progress, struct archive_out **ret, struct err *e)
{
	CLEANUP(archive_out_closep) struct archive_out *o = out_new(progress);
	AUTO_FD blobs = open_dir(dir_fd, "blobs", e);

	if (blobs < 0 || (o->blobs_fd = open_dir(blobs, "sha256", e)) < 0)
		return -e->code;
	o->dir_fd = dir_fd;
	*ret = TAKE_PTR(o);
	return 0;
}

/* --- a blob --- */

static int
write_piece(struct archive_out *o, int fd, const void *data, size_t n, struct err *e)
{
	progress_add(o->progress, n);
	return o->sink ? sink_write(o->sink, data, n, e) : fd_write_all(fd, data, n, e);
}

/* What was written must have been what it is called. */
static int
copy_blob(struct archive_out *o, int from, int to, const struct blob *b, struct err *e)
{
	CLEANUP(digest_freep) struct digest *d = digest_new();
	AUTO_FREE char *buf = xcalloc(COPY_SIZE, 1);
	uint64_t left = b->size;
	char hex[65];
	ssize_t n;

	while ((n = read(from, buf, COPY_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if ((uint64_t)n > left)
			break;
		digest_add(d, buf, (size_t)n);
		if (write_piece(o, to, buf, (size_t)n, e) < 0)
			return -e->code;
		left -= (uint64_t)n;
	}
	if (n != 0 || left > 0)
		return err_set(e, EBADMSG, "it has not %llu bytes", (unsigned long long)b->size);
	if (digest_end(d, hex, e) < 0)
		return -e->code;
	return strcmp(hex, b->digest + strlen("sha256:")) == 0
		       ? 0
		       : err_set(e, EBADMSG, "it has other content: sha256:%s", hex);
}

static int
put_in_dir(struct archive_out *o, int fd, const struct blob *b, struct err *e)
{
	const char *const hex = b->digest + strlen("sha256:");
	AUTO_NEW_FILE f = NEW_FILE_INIT;

	if (faccessat(o->blobs_fd, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (new_file_open(o->blobs_fd, &f, e) < 0 || copy_blob(o, fd, f.fd, b, e) < 0)
		return -e->code;
	strv_take(&o->made, xstrdup(hex));
	return new_file_name(&f, hex, e);
}

static int
put_in_tar(struct archive_out *o, const char *name, int fd, const struct blob *b, struct err *e)
{
	const struct pax_entry t = { .path = name, .type = '0', .mode = 0644, .size = b->size };

	if (pax_header(o->sink, &t, e) < 0 || copy_blob(o, fd, -1, b, e) < 0)
		return -e->code;
	return pax_pad(o->sink, b->size, e);
}

int
archive_put_blob(struct archive_out *o, const char *name, int fd, const struct blob *b,
		 struct err *e)
{
	if ((o->sink ? put_in_tar(o, name, fd, b, e) : put_in_dir(o, fd, b, e)) < 0)
		return err_prefix(e, "blob %s", b->digest);
	return 0;
}

/* --- documents --- */

int
archive_put_text(struct archive_out *o, const char *name, const char *text, struct err *e)
{
	const size_t n = strlen(text);
	const struct pax_entry t = { .path = name, .type = '0', .mode = 0644, .size = n };
	AUTO_NEW_FILE f = NEW_FILE_INIT;

	if (o->sink) {
		if (pax_header(o->sink, &t, e) < 0 || sink_write(o->sink, text, n, e) < 0)
			return -e->code;
		return pax_pad(o->sink, n, e);
	}
	if (new_file_open(o->dir_fd, &f, e) < 0 || fd_write_all(f.fd, text, n, e) < 0 ||
	    new_file_name(&f, name, e) < 0)
		return err_prefix(e, "write %s", name);
	return 0;
}

int
archive_put_blob_dirs(struct archive_out *o, struct err *e)
{
	struct pax_entry t = { .path = "blobs/", .type = '5', .mode = 0755 };

	if (!o->sink)
		return 0;
	if (pax_header(o->sink, &t, e) < 0)
		return -e->code;
	t.path = BLOBS "/";
	return pax_header(o->sink, &t, e);
}

int
archive_out_end(struct archive_out *o, struct err *e)
{
	if (!o->sink)
		return 0;
	return pax_end(o->sink, e) < 0 ? -e->code : sink_finish(o->sink, e);
}

void
archive_out_undo(struct archive_out *o)
{
	if (o->sink)
		return;
	for (char **hex = o->made; hex && *hex; hex++)
		(void)unlinkat(o->blobs_fd, *hex, 0);
	/* Both fail unless they are empty. */
	(void)unlinkat(o->dir_fd, BLOBS, AT_REMOVEDIR);
	(void)unlinkat(o->dir_fd, "blobs", AT_REMOVEDIR);
}
