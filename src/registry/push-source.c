#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/oci.h"
#include "registry/push-internal.h"

static const char *
type_of(json_t *doc)
{
	const char *own = json_string_value(json_object_get(doc, "mediaType"));

	return own ? own : oci_is_index(doc) ? MEDIA_INDEX : MEDIA_MANIFEST;
}

static int
read_document(const struct store *s, const char *digest, struct document *ret, struct err *e)
{
	AUTO_FD fd = store_open_blob(s, digest, e);
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	ssize_t n;

	if (fd < 0)
		return -e->code;
	n = fd_read_all(fd, STORE_JSON_MAX, &d.data, e);
	if (n < 0 || client_check_digest(d.data, (size_t)n, digest, e) < 0)
		return err_prefix(e, "manifest %s", digest);
	d.blob.size = (uint64_t)n;
	(void)stpcpy(d.blob.digest, digest);
	d.json = json_loadb(d.data, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(d.json))
		return err_set(e, EBADMSG, "manifest %s is not a JSON object", digest);
	if ((oci_is_index(d.json) ? oci_check_index(d.json, e) : oci_check_manifest(d.json, e)) < 0)
		return err_prefix(e, "manifest %s", digest);
	d.media_type = xstrdup(type_of(d.json));
	*ret = d;
	d = (struct document)DOCUMENT_INIT;
	return 0;
}

int
push_source_document(const struct push_source *s, const char *what, struct document *ret, struct err *e)
{
	if (!s->store)
		return client_get_manifest(s->http, s->repository, what, ret, e);
	return store_has_blob(s->store, what) ? read_document(s->store, what, ret, e) : 1;
}

bool
push_source_has(const struct push_source *s, const char *digest)
{
	return !s->store || store_has_blob(s->store, digest);
}

int
push_source_open(const struct push_source *s, const struct blob *b, struct err *e)
{
	AUTO_FD fd = store_open_blob(s->store, b->digest, e);
	struct stat st;

	if (fd < 0)
		return -e->code;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "blob %s", b->digest);
	if ((uint64_t)st.st_size != b->size) {
		(void)err_set(e, EBADMSG, "blob %s has %lld bytes, not %llu", b->digest, (long long)st.st_size,
			      (unsigned long long)b->size);
		return err_hint(e, "rootlet verify tells what else is damaged");
	}
	return TAKE_FD(fd);
}

int
push_check_file(int fd, const struct blob *b, struct err *e)
{
	CLEANUP(digest_freep) struct digest *d = digest_new();
	AUTO_FREE char *buf = xcalloc(1, 1 << 18);
	char is[65];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, 1 << 18, at)) > 0) {
		digest_add(d, buf, (size_t)n);
		at += n;
	}
	if (n < 0)
		return err_sys(e, "read blob %s", b->digest);
	if (digest_end(d, is, e) < 0)
		return -e->code;
	return strcmp(is, b->digest + strlen("sha256:")) == 0
		       ? 0
		       : err_set(e, EBADMSG, "blob %s: what came is sha256:%s", b->digest, is);
}
