/*
 * libarchive's reader is given bytes that are decompressed already, and knows how to read tar, no
 * other format: it starts no program, and nothing is written by it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "image/acl.h"
#include "image/tar-head.h"
#include "image/tar.h"

#define XATTRS_MAX 256
#define ID_MAX     4294967294 /* (uid_t)-1 is "no change" to chown(2) */

/*
 * Bytes between the contents of two entries.  libarchive bounds each header, but not how many holes a
 * sparse file may have, and remembers all of them: 24 times what they take in the archive.
 */
#define HEADER_MAX ((uint64_t)8 << 20)

struct tar {
	struct archive *a;
	struct archive_entry *entry;
	struct stream *stream;
	struct err err; /* of the stream, while libarchive is in between */
	bool in_entry;  /* its contents may not have been read to the end */
	bool in_header;
	uint64_t header_bytes;
	uint64_t size;  /* of the entry */
	struct tar_xattr xattrs[XATTRS_MAX + 2];
	struct acl acls[2];
	char last[160]; /* name of the entry before, for messages */

	/* The piece that libarchive was given last, and where in the archive it begins. */
	const char *piece;
	size_t piece_n;
	uint64_t piece_at;
	/* Headers that are not in one piece: the first @head_n bytes, and where they begin. */
	char *head;
	size_t head_n, head_room;
	uint64_t head_at;
};

/* Add what is in the piece, before @end, to the headers. */
static int
keep_head(struct tar *t, uint64_t end, struct err *e)
{
	const uint64_t at = t->head_at + t->head_n;
	size_t n;

	if (at >= end)
		return 0;
	if (at < t->piece_at || end > t->piece_at + t->piece_n)
		return err_set(e, EBADMSG, "headers that cannot be looked at");
	n = (size_t)(end - at);
	if (n > t->head_room - t->head_n) {
		t->head_room = (t->head_n + n) * 2;
		t->head = xrealloc_array(t->head, t->head_room, 1);
	}
	memcpy(t->head + t->head_n, t->piece + (at - t->piece_at), n);
	t->head_n += n;
	return 0;
}

/* Nearly always they are all in one piece, and are not copied. */
static int
check_head(struct tar *t, struct err *e)
{
	const uint64_t end = (uint64_t)archive_filter_bytes(t->a, 0);

	if (end < t->head_at)
		return err_set(e, EBADMSG, "headers that cannot be looked at");
	if (t->head_n == 0 && t->head_at >= t->piece_at && end <= t->piece_at + t->piece_n)
		return tar_head_check(t->piece + (t->head_at - t->piece_at),
				      (size_t)(end - t->head_at), e);
	if (keep_head(t, end, e) < 0)
		return -e->code;
	return tar_head_check(t->head, (size_t)(end - t->head_at), e);
}

static la_ssize_t
on_read(struct archive *a, void *data, const void **ret)
{
	struct tar *t = data;
	ssize_t n = 0;

	if (t->in_header)
		n = keep_head(t, t->piece_at + t->piece_n, &t->err);
	if (n == 0)
		n = stream_next(t->stream, ret, &t->err);
	t->piece_at += t->piece_n;
	t->piece_n = n > 0 ? (size_t)n : 0;
	t->piece = n > 0 ? *ret : NULL;
	if (n > 0 && t->in_header && (t->header_bytes += (uint64_t)n) > HEADER_MAX)
		n = err_set(&t->err, E2BIG, "more than 8 MiB of headers, or of holes");
	if (n < 0)
		archive_set_error(a, t->err.code, "%s", t->err.msg);
	return n < 0 ? -1 : n;
}

int
tar_open(struct stream *s, struct tar **ret, struct err *e)
{
	AUTO_TAR t = xcalloc(1, sizeof(*t));

	if (!(t->a = archive_read_new()) || !(t->entry = archive_entry_new()))
		return err_set(e, ENOMEM, "out of memory");
	t->stream = s;
	/* The first header is looked at already when the archive is opened. */
	t->in_header = true;
	if (archive_read_support_format_tar(t->a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(t->a) != ARCHIVE_OK)
		return err_set(e, ENOMEM, "tar: %s", archive_error_string(t->a));
	if (archive_read_open(t->a, t, NULL, on_read, NULL) != ARCHIVE_OK) {
		if (t->err.code == 0)
			return err_set(e, EBADMSG, "not a tar archive");
		*e = t->err;
		return -e->code;
	}
	*ret = TAKE_PTR(t);
	return 0;
}

void
tar_closep(struct tar **t)
{
	if (*t) {
		archive_entry_free((*t)->entry);
		(void)archive_read_free((*t)->a);
		free((*t)->head);
	}
	free(*t);
	*t = NULL;
}

/* The error of the stream, or of the archive. */
static int
tar_error(struct tar *t, struct err *e)
{
	const char *s = archive_error_string(t->a);

	if (t->err.code != 0) {
		*e = t->err;
		return -e->code;
	}
	return err_set(e, EBADMSG, "not a tar archive, or a damaged one: %s", s ? s : "unknown");
}

/* An error between two entries. */
static int
next_error(struct tar *t, struct err *e)
{
	(void)tar_error(t, e);
	return t->last[0] ? err_prefix(e, "after %s", t->last) : -e->code;
}

static int
read_kind(struct archive_entry *from, struct tar_entry *to, struct err *e)
{
	to->link = archive_entry_hardlink(from);
	if (to->link) {
		to->kind = TAR_HARDLINK;
		return 0;
	}
	switch (archive_entry_filetype(from)) {
	case AE_IFREG:
		to->kind = TAR_FILE;
		return 0;
	case AE_IFDIR:
		to->kind = TAR_DIR;
		return 0;
	case AE_IFLNK:
		to->kind = TAR_SYMLINK;
		to->link = archive_entry_symlink(from);
		return 0;
	case AE_IFIFO:
		to->kind = TAR_FIFO;
		return 0;
	case AE_IFCHR:
		to->kind = TAR_CHAR;
		return 0;
	case AE_IFBLK:
		to->kind = TAR_BLOCK;
		return 0;
	default:
		return err_set(e, EINVAL, "a kind of file that is not supported");
	}
}

static int
read_numbers(struct archive_entry *from, struct tar_entry *to, struct err *e)
{
	const int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from);
	const int64_t size = archive_entry_size(from);

	if (uid < 0 || uid > ID_MAX || gid < 0 || gid > ID_MAX)
		return err_set(e, EINVAL, "owner %lld:%lld is out of range", (long long)uid,
			       (long long)gid);
	if (size < 0)
		return err_set(e, EINVAL, "size %lld", (long long)size);
	to->uid = (uint32_t)uid;
	to->gid = (uint32_t)gid;
	to->mode = archive_entry_perm(from) & 07777;
	to->size = to->kind == TAR_FILE ? (uint64_t)size : 0;
	to->mtime.tv_sec = archive_entry_mtime(from);
	to->mtime.tv_nsec = archive_entry_mtime_nsec(from);
	if (to->mtime.tv_nsec < 0 || to->mtime.tv_nsec > 999999999)
		to->mtime.tv_nsec = 0;
	to->major = archive_entry_rdevmajor(from);
	to->minor = archive_entry_rdevminor(from);
	return 0;
}

static void
read_acl(struct tar *t, struct tar_entry *to, int type, size_t which)
{
	static const char *const names[] = { "system.posix_acl_access",
					     "system.posix_acl_default" };
	struct acl *acl = &t->acls[which];

	if (acl_from_archive(t->entry, type, acl) < 0)
		to->lost = names[which];
	else if (acl->n > 0)
		t->xattrs[to->n_xattrs++] =
			(struct tar_xattr){ names[which], acl->value, acl->n };
}

static int
read_xattrs(struct tar *t, struct tar_entry *to, struct err *e)
{
	struct tar_xattr x;

	if (archive_entry_xattr_reset(t->entry) > XATTRS_MAX)
		return err_set(e, E2BIG, "more than %d extended attributes", XATTRS_MAX);
	while (archive_entry_xattr_next(t->entry, &x.name, &x.value, &x.n) == ARCHIVE_OK)
		if (x.name)
			t->xattrs[to->n_xattrs++] = x;
	read_acl(t, to, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 0);
	read_acl(t, to, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, 1);
	to->xattrs = t->xattrs;
	return 0;
}

/* What nobody wanted of the contents is passed over first: it may be large. */
static int
read_header(struct tar *t)
{
	int r = t->in_entry ? archive_read_data_skip(t->a) : ARCHIVE_OK;
	uint64_t at;

	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return r;
	at = (uint64_t)archive_filter_bytes(t->a, 0);
	if (at != t->head_at)
		t->head_n = 0;
	t->head_at = at;
	t->header_bytes = 0;
	t->in_header = true;
	r = archive_read_next_header2(t->a, t->entry);
	t->in_header = false;
	t->in_entry = r == ARCHIVE_OK || r == ARCHIVE_WARN;
	return r;
}

int
tar_next(struct tar *t, struct tar_entry *ret, struct err *e)
{
	struct tar_entry to = { .n_xattrs = 0 };
	int r = read_header(t);

	if (r == ARCHIVE_EOF)
		return t->err.code != 0 ? next_error(t, e) : 0;
	/* A warning is about names that are not of our locale, which are no worse for that. */
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return next_error(t, e);
	if (check_head(t, e) < 0)
		return t->last[0] ? err_prefix(e, "after %s", t->last) : -e->code;
	to.name = archive_entry_pathname(t->entry);
	if (!to.name || to.name[0] == '\0')
		return err_set(e, EINVAL, "an entry without a name after %s",
			       t->last[0] ? t->last : "the beginning");
	(void)strncpy(t->last, to.name, sizeof(t->last) - 1);
	if (read_kind(t->entry, &to, e) < 0 || read_numbers(t->entry, &to, e) < 0 ||
	    read_xattrs(t, &to, e) < 0)
		return err_prefix(e, "%s", to.name);
	t->size = to.size;
	*ret = to;
	return 1;
}

ssize_t
tar_data(struct tar *t, const void **ret, uint64_t *ret_offset, struct err *e)
{
	la_int64_t offset = 0;
	size_t n = 0;
	int r;

	do
		r = archive_read_data_block(t->a, ret, &n, &offset);
	while (r == ARCHIVE_OK && n == 0);
	if (r == ARCHIVE_EOF)
		return t->err.code != 0 ? tar_error(t, e) : 0;
	if (r != ARCHIVE_OK)
		return tar_error(t, e);
	if (offset < 0 || (uint64_t)offset > t->size || n > t->size - (uint64_t)offset)
		return err_set(e, EBADMSG, "data beyond its size");
	*ret_offset = (uint64_t)offset;
	return (ssize_t)n;
}
