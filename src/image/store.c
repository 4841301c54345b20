#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "image/aliases.h"
#include "image/digest.h"
#include "image/feed.h"
#include "image/ref.h"
#include "image/spool.h"
#include "image/store.h"
#include "kernel/sys.h"

#define BLOBS "blobs/sha256"

void
store_close(struct store *s)
{
	fd_closep(&s->fd);
	fd_closep(&s->lock_fd);
	if (s->aliases)
		aliases_clear(s->aliases);
	free(s->aliases);
	s->aliases = NULL;
}

/* --- files --- */

static int
write_file(int fd, const void *data, size_t len, struct err *e)
{
	if (fd_write_all(fd, data, len, e) < 0)
		return -e->code;
	return fsync(fd) < 0 ? err_sys(e, "sync") : 0;
}

int
store_replace(const struct store *s, const char *name, const void *data, size_t len, struct err *e)
{
	char temp[64];
	AUTO_FD fd = -1;

	random_name(temp, sizeof(temp), TEMP_PREFIX);
	fd = openat(s->fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "make a file in the store");
	if (write_file(fd, data, len, e) < 0 || renameat(s->fd, temp, s->fd, name) < 0) {
		if (!e->code)
			(void)err_sys(e, "rename");
		(void)unlinkat(s->fd, temp, 0);
		return err_prefix(e, "store: write %s", name);
	}
	(void)fsync(s->fd);
	return 0;
}

DIR *
store_open_dir(const struct store *s, const char *name)
{
	int fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_closep(&fd);
	return d;
}

/* May it become a store?  Not when there is anything that a store does not have. */
static int
check_is_ours(const struct store *s, const char *path, struct err *e)
{
	static const char *const ours[] = { ".", "..", "apply", "blobs", "cache", "containers",
					    "index.json", "index.lock", "layers",	 "lock",  "oci-layout",
					    FEED_PARTIAL, "scratch",	"trash",      "volumes" };
	DIR *d = store_open_dir(s, ".");
	const char *odd = NULL;

	if (!d)
		return err_sys(e, "read %s", path);
	for (const struct dirent *de; !odd && (de = readdir(d));) {
		size_t i = 0;

		while (i < NELEMS(ours) && strcmp(ours[i], de->d_name) != 0)
			i++;
		if (i == NELEMS(ours) && strncmp(de->d_name, ".tmp-", 5) != 0)
			odd = de->d_name;
	}
	if (odd) {
		(void)err_set(e, ENOTEMPTY, "%s is no store: it has '%.100s'", path, odd);
		(void)err_hint(e, "a store is an empty directory, or a new one");
	}
	(void)closedir(d);
	return odd ? -e->code : 0;
}

static int
make_dir(int fd, const char *name, struct err *e)
{
	return mkdirat(fd, name, 0700) < 0 && errno != EEXIST ? err_sys(e, "make %s in the store", name)
							      : 0;
}

static int
lay_out(const struct store *s, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char index[] = "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_INDEX "\",\"manifests\":[]}";
	static const char *const dirs[] = { "blobs", BLOBS, "layers", "cache", "scratch" };

	for (size_t i = 0; i < NELEMS(dirs); i++)
		if (make_dir(s->fd, dirs[i], e) < 0)
			return -e->code;
	if (faccessat(s->fd, "index.json", F_OK, 0) < 0 &&
	    store_replace(s, "index.json", index, sizeof(index) - 1, e) < 0)
		return -e->code;
	if (faccessat(s->fd, "oci-layout", F_OK, 0) < 0)
		return store_replace(s, "oci-layout", layout, sizeof(layout) - 1, e);
	return 0;
}

/* The directory and what is missing above it. */
static int
make_path(const char *path, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make %s", copy);
		*p = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? err_sys(e, "make %s", copy) : 0;
}

static int
take_lock(const struct store *s, const char *name, int how, int *ret_fd, struct err *e)
{
	AUTO_FD fd = openat(s->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	/* What cannot be written, or may not (Landlock), can be read. */
	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = openat(s->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "store: open %s", name);
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return err_sys(e, "store: lock %s", name);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int
store_open(const char *path, bool create, struct store *ret, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	struct stat st;

	if (create && make_path(path, e) < 0)
		return -e->code;
	s.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!create && (s.fd < 0 ? errno == ENOENT : faccessat(s.fd, "index.json", F_OK, 0) < 0))
		return s.fd >= 0 && check_is_ours(&s, path, e) < 0
			       ? -e->code
			       : err_set(e, ENOENT, "there are no images yet");
	if (s.fd < 0 || fstat(s.fd, &st) < 0)
		return err_sys(e, "store %s", path);
	if (st.st_uid != geteuid()) {
		(void)err_set(e, EPERM, "store %s belongs to user %u", path, st.st_uid);
		return err_hint(e, "--store=DIR or ROOTLET_STORE name another place");
	}
	if (create && faccessat(s.fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    check_is_ours(&s, path, e) < 0)
		return -e->code;
	/* Setuid files of images are nobody else's business (CVE-2021-41091). */
	if (create && (st.st_mode & 077) && fchmod(s.fd, 0700) < 0)
		return err_sys(e, "close %s to others", path);
	if (take_lock(&s, "lock", LOCK_SH, &s.lock_fd, e) < 0)
		return -e->code;
	/* What another program has made of it may lack the half that is ours. */
	if (lay_out(&s, e) < 0) {
		if (create || e->code != EROFS)
			return -e->code;
		err_clear(e);
	}
	*ret = s;
	s = (struct store)STORE_INIT;
	return 0;
}

int
store_share(const struct store *s, struct store *ret, struct err *e)
{
	AUTO_STORE own = STORE_INIT;

	own.fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (own.fd < 0)
		return err_sys(e, "store: open it once more");
	if (take_lock(&own, "lock", LOCK_SH, &own.lock_fd, e) < 0)
		return -e->code;
	*ret = own;
	own = (struct store)STORE_INIT;
	return 0;
}

int
store_lock_alone(const struct store *s, bool wait, struct err *e)
{
	while (flock(s->lock_fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
		if (errno == EWOULDBLOCK)
			return 1;
		if (errno != EINTR)
			return err_sys(e, "store: lock it for us alone");
	}
	return 0;
}

/* --- blobs --- */

static void
blob_path(const char *digest, char *buf, size_t size)
{
	(void)snprintf(buf, size, BLOBS "/%s", digest + strlen("sha256:"));
}

int
store_new_blob(const struct store *s, struct err *e)
{
	int fd = openat(s->fd, BLOBS, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "store: make a blob") : fd;
}

/* What has the name may be damaged; we know what we have.  A FIFO or a link goes, too. */
static int
replace_blob(const struct store *s, const char *from, const char *path)
{
	char temp[64];

	random_name(temp, sizeof(temp), BLOBS "/.tmp-");
	if (linkat(AT_FDCWD, from, s->fd, temp, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	if (renameat(s->fd, temp, s->fd, path) == 0)
		return 0;
	(void)unlinkat(s->fd, temp, 0);
	return -1;
}

int
store_keep_blob(const struct store *s, int fd, const char *digest, struct err *e)
{
	char path[128], from[32];

	if (!image_digest_is_valid(digest))
		return err_set(e, EINVAL, "'%s' is not a digest", digest);
	if (fchmod(fd, 0400) < 0 || fsync(fd) < 0)
		return err_sys(e, "store: blob %s", digest);
	blob_path(digest, path, sizeof(path));
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, from, s->fd, path, AT_SYMLINK_FOLLOW) < 0 &&
	    (errno != EEXIST || replace_blob(s, from, path) < 0))
		return err_sys(e, "store: blob %s", digest);
	return 0;
}

/* What was put there by somebody else may be a FIFO, which would keep us. */
static int
open_regular(const struct store *s, const char *path, const char *digest, struct err *e)
{
	AUTO_FD fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "blob %s", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "blob %s: not a regular file", digest);
	return TAKE_FD(fd);
}

bool
store_has_blob(const struct store *s, const char *digest)
{
	char path[128];

	blob_path(digest, path, sizeof(path));
	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
open_blob(const struct store *s, const char *digest, bool document, struct err *e)
{
	char path[128];
	int fd;

	if (!image_digest_is_valid(digest))
		return err_set(e, EINVAL, "'%s' is not a digest", digest);
	fd = s->spool ? spool_open(s->spool, digest, e) : -ENOENT;
	if (fd != -ENOENT)
		return fd;
	if (s->feed && !store_has_blob(s, digest))
		return document ? feed_open_document(s->feed, digest, e)
				: feed_open_blob(s->feed, digest, e);
	blob_path(digest, path, sizeof(path));
	return open_regular(s, path, digest, e);
}

int
store_open_blob(const struct store *s, const char *digest, struct err *e)
{
	return open_blob(s, digest, false, e);
}

void
store_end_blob(const struct store *s, const char *digest, bool trusted)
{
	if (s->feed)
		feed_close_blob(s->feed, digest, trusted);
}

bool
store_is_new_blob(const struct store *s, const char *digest)
{
	char path[128];
	struct stat st;

	blob_path(digest, path, sizeof(path));
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return s->spool && !S_ISREG(st.st_mode);
	return s->spool || s->feed;
}

int
store_put_json(const struct store *s, json_t *json, struct blob *ret, struct err *e)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO_FD fd = -1;
	char hex[65];

	if (!text)
		return err_set(e, EINVAL, "a document cannot be written");
	ret->size = strlen(text);
	if (digest_data(text, ret->size, hex, e) < 0)
		return -e->code;
	(void)snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
	fd = store_new_blob(s, e);
	if (fd < 0 || fd_write_all(fd, text, ret->size, e) < 0)
		return -e->code;
	return store_keep_blob(s, fd, ret->digest, e);
}

/* Its length, or -errno. */
static ssize_t
read_document(int fd, const char *digest, char **ret, struct err *e)
{
	char hex[65];
	const ssize_t n = fd_read_all(fd, STORE_JSON_MAX, ret, e);

	if (n < 0)
		return err_prefix(e, "blob %s", digest);
	if (digest_data(*ret, (size_t)n, hex, e) < 0)
		return -e->code;
	if (strcmp(hex, digest + strlen("sha256:")) != 0)
		return err_set(e, EBADMSG, "blob %s has other content: sha256:%s", digest, hex);
	return n;
}

int
store_get_text(const struct store *s, const char *digest, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_FD fd = open_blob(s, digest, true, e);
	AUTO_FREE char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return -e->code;
	n = read_document(fd, digest, &text, e);
	store_end_blob(s, digest, n >= 0);
	if (n < 0)
		return -e->code;
	*ret = TAKE_PTR(text);
	*ret_len = (size_t)n;
	return 0;
}

json_t *
store_get_json(const struct store *s, const char *digest, struct err *e)
{
	AUTO_FREE char *text = NULL;
	json_error_t why;
	json_t *json;
	size_t n;

	if (store_get_text(s, digest, &text, &n, e) < 0)
		return NULL;
	json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(json)) {
		(void)err_set(e, EBADMSG, "blob %s is not a document: %s", digest,
			      json ? "not an object" : why.text);
		json_decref(json);
		return NULL;
	}
	return json;
}

/* --- the index --- */

json_t *
store_read_index(const struct store *s, struct err *e)
{
	AUTO_FD fd = openat(s->fd, "index.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	json_error_t why;
	json_t *index;
	ssize_t n;

	if (fd < 0) {
		(void)err_sys(e, "store: open index.json");
		return NULL;
	}
	n = fd_read_all(fd, STORE_JSON_MAX, &text, e);
	if (n < 0) {
		(void)err_prefix(e, "store: index.json");
		return NULL;
	}
	index = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(index) || !json_is_array(json_object_get(index, "manifests"))) {
		(void)err_set(e, EBADMSG, "store: index.json is not an image index: %s",
			      index ? "no list of manifests" : why.text);
		json_decref(index);
		return NULL;
	}
	return index;
}

const char *
store_name_of(json_t *descriptor)
{
	return json_string_value(json_object_get(json_object_get(descriptor, "annotations"),
						 ANNOTATION_NAME));
}

json_t *
store_find(json_t *index, const char *name)
{
	size_t i;
	json_t *d;

	for (i = 0; (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		const char *its = store_name_of(d);

		if (its && strcmp(its, name) == 0)
			return d;
	}
	return NULL;
}

json_t *
store_find_digest(json_t *index, const char *hex, bool *ret_ambiguous)
{
	json_t *d, *found = NULL;
	size_t i;

	*ret_ambiguous = false;
	for (i = 0; (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		const char *digest = json_string_value(json_object_get(d, "digest"));

		if (!digest || strncmp(digest, "sha256:", 7) != 0 ||
		    strncmp(digest + 7, hex, strlen(hex)) != 0)
			continue;
		if (found && strcmp(json_string_value(json_object_get(found, "digest")), digest) != 0)
			*ret_ambiguous = true;
		found = d;
	}
	return found;
}

/* After a power cut there must be no name whose blobs are not there. */
static int
sync_blobs(const struct store *s, struct err *e)
{
	AUTO_FD fd = openat(s->fd, BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? err_sys(e, "store: sync blobs") : 0;
}

int
store_write_index(const struct store *s, json_t *index, struct err *e)
{
	AUTO_FREE char *text = json_dumps(index, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (!text)
		return err_set(e, EINVAL, "index.json cannot be written");
	/* Nobody would read it again. */
	if (strlen(text) > STORE_JSON_MAX) {
		(void)err_set(e, EFBIG, "store: too many images for one index.json");
		return err_hint(e, "rootlet rmi takes names away");
	}
	if (sync_blobs(s, e) < 0)
		return -e->code;
	return store_replace(s, "index.json", text, strlen(text), e);
}

/* Take the name from what has it.  Returns whether anything had. */
static bool
drop_name(json_t *list, const char *name)
{
	bool had = false;

	for (size_t i = json_array_size(list); i-- > 0;) {
		const char *its = store_name_of(json_array_get(list, i));

		if (its && strcmp(its, name) == 0)
			had = json_array_remove(list, i) == 0;
	}
	return had;
}

static bool
is_of(json_t *d, const char *digest)
{
	const char *its = json_string_value(json_object_get(d, "digest"));

	return its && strcmp(its, digest) == 0;
}

static json_t *
find_exact(json_t *list, const char *digest)
{
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
		if (is_of(d, digest))
			return d;
	return NULL;
}

/* The entries of @digest, or of them those without a name.  Returns whether there was one. */
static bool
drop_digest(json_t *list, const char *digest, bool named)
{
	bool had = false;

	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *d = json_array_get(list, i);

		if (is_of(d, digest) && (named || !store_name_of(d)))
			had = json_array_remove(list, i) == 0;
	}
	return had;
}

static char **
names_of(json_t *list, const char *digest)
{
	AUTO_STRV names = NULL;
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
		if (is_of(d, digest) && store_name_of(d))
			strv_take(&names, xstrdup(store_name_of(d)));
	return TAKE_PTR(names);
}

/* What has no name is listed once, and not beside a name of the same. */
static void
add_entry(json_t *list, const struct store_entry *x)
{
	json_t *same = find_exact(list, x->digest), *d;
	const char *type = x->media_type ? x->media_type
					 : json_string_value(json_object_get(same, "mediaType"));

	if (same && !x->name)
		return;
	d = json_pack("{s:s, s:s, s:I}", "mediaType", type ? type : MEDIA_MANIFEST, "digest",
		      x->digest, "size", (json_int_t)x->size);
	if (x->name) {
		(void)json_object_set_new(d, "annotations",
					  json_pack("{s:s}", ANNOTATION_NAME, x->name));
		(void)drop_name(list, x->name);
		(void)drop_digest(list, x->digest, false);
	}
	(void)json_array_append_new(list, d);
}

/* What is to become of index.json.  All is borrowed. */
struct change {
	const struct store_entry *add;
	size_t n_add;
	const char *name;   /* to be taken away; or NULL */
	const char *digest; /* the same, with all of its names, of which there are several only if @all */
	bool all;
	char **names;       /* owned by the caller; which @digest has had */
};

static bool
take_away(json_t *list, struct change *c)
{
	if (c->name)
		return drop_name(list, c->name);
	if (!c->digest)
		return false;
	c->names = names_of(list, c->digest);
	return (c->all || strv_len(c->names) < 2) && drop_digest(list, c->digest, true);
}

/* Under the lock.  Returns whether anything has been taken away. */
static int
update(const struct store *s, struct change *c, struct err *e)
{
	AUTO_FD lock = -1;
	json_t *index, *list;
	bool had;
	int r = 0;

	if (take_lock(s, "index.lock", LOCK_EX, &lock, e) < 0)
		return -e->code;
	index = store_read_index(s, e);
	if (!index)
		return -e->code;
	list = json_object_get(index, "manifests");
	for (size_t i = 0; i < c->n_add; i++)
		add_entry(list, &c->add[i]);
	had = take_away(list, c);
	if (c->n_add > 0 || had)
		r = store_write_index(s, index, e);
	json_decref(index);
	return r < 0 ? r : had;
}

int
store_add_entries(const struct store *s, const struct store_entry *entries, size_t n,
		  struct err *e)
{
	struct change c = { .add = entries, .n_add = n };

	return update(s, &c, e);
}

int
store_set_name(const struct store *s, const char *name, const struct blob *manifest, struct err *e)
{
	const struct store_entry x = { .name = name,
				       .digest = manifest->digest,
				       .size = manifest->size };

	return store_add_entries(s, &x, 1, e);
}

int
store_remove_name(const struct store *s, const char *name, struct err *e)
{
	struct change c = { .name = name };

	return update(s, &c, e);
}

int
store_remove_digest(const struct store *s, const char *digest, bool all, char ***ret_names,
		    struct err *e)
{
	struct change c = { .digest = digest, .all = all };
	const int r = update(s, &c, e);

	*ret_names = c.names;
	return r;
}
