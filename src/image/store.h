/*
 * store - the OCI image layout in which images are kept, and the layers unpacked from it
 *
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md.  What is written is
 * complete under its final name or not there: blobs come by link(2) from files without a name,
 * index.json by rename(2).  Two locks: "lock" is held shared by whoever adds blobs or reads images,
 * and exclusively by who removes what nobody refers to; "index.lock" while index.json is replaced.
 *
 * Needs jansson and libcrypto.
 */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define STORE_JSON_MAX ((size_t)4 << 20) /* bytes of a manifest, a config or an index */

#define MEDIA_INDEX    "application/vnd.oci.image.index.v1+json"
#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER    "application/vnd.oci.image.layer.v1.tar"

#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

#define ANNOTATION_NAME "org.opencontainers.image.ref.name"

struct aliases;
struct feed;
struct progress;
struct spool;
struct unpack_limits;

struct store {
	int fd;      /* owned; the layout's directory, for *at() calls */
	int lock_fd; /* owned */
	struct aliases *aliases; /* owned; what short names stand for; NULL: nothing */
	struct progress *progress; /* borrowed; told of what is read and written; or NULL */
	const struct unpack_limits *limits; /* borrowed; of each layer; NULL: the default ones */
	/* Borrowed, or NULL: blobs that store_open_blob() finds though they have no name yet. */
	struct spool *spool;
	struct feed *feed; /* the same, of blobs that are not in the store: see feed.h */
};
#define STORE_INIT { .fd = -1, .lock_fd = -1 }
void store_close(struct store *s);
#define AUTO_STORE CLEANUP(store_close) struct store

/* What a blob is: a descriptor of the specification. */
struct blob {
	char digest[sizeof("sha256:") + 64];
	uint64_t size; /* bytes */
};

/*
 * Open the store at @path, with the shared lock.
 *
 * @create: make it when it is missing; otherwise -ENOENT with a message
 */
int store_open(const char *path, bool create, struct store *ret, struct err *e);

/* The same store once more, with a shared lock of its own, which is waited for. */
int store_share(const struct store *s, struct store *ret, struct err *e);

/*
 * Instead of the shared lock take the exclusive one, which leaves a moment without any: nothing that
 * was read before is known afterwards.  Returns 1 when somebody else has a lock, unless @wait; then
 * there is none.
 */
int store_lock_alone(const struct store *s, bool wait, struct err *e);

/* A directory of the store, "." being itself; NULL with errno. */
DIR *store_open_dir(const struct store *s, const char *name);

/* A new file without a name, or -errno. */
int store_new_blob(const struct store *s, struct err *e);
/* Give the file its name; the caller has computed the digest of all of it. */
int store_keep_blob(const struct store *s, int fd, const char *digest, struct err *e);
/* Write a document.  @json is not consumed. */
int store_put_json(const struct store *s, json_t *json, struct blob *ret, struct err *e);
bool store_has_blob(const struct store *s, const char *digest);
/*
 * For reading; while a blob comes from s->feed a pipe, of which store_end_blob() tells afterwards
 * whether it was what its digest says.
 */
int store_open_blob(const struct store *s, const char *digest, struct err *e);
void store_end_blob(const struct store *s, const char *digest, bool trusted);
/* Has it no name yet, but will it be found?  Then nothing is known of it but its digest. */
bool store_is_new_blob(const struct store *s, const char *digest);
/* Read a document as it is and compare its digest.  @ret: owned, NUL-terminated */
int store_get_text(const struct store *s, const char *digest, char **ret, size_t *ret_len, struct err *e);
/* The same, parsed.  Owned by the caller; NULL after an error. */
json_t *store_get_json(const struct store *s, const char *digest, struct err *e);

/* index.json.  Owned by the caller; NULL after an error. */
json_t *store_read_index(const struct store *s, struct err *e);
/* The caller is alone (store_lock_alone()). */
int store_write_index(const struct store *s, json_t *index, struct err *e);
/* The name of a descriptor of the index, borrowed from it; NULL: it has none. */
const char *store_name_of(json_t *descriptor);
/* The descriptor that has the name, borrowed from @index; NULL: none. */
json_t *store_find(json_t *index, const char *name);
/* The descriptor whose digest begins with @hex (at least 6 digits); *ret_ambiguous: several do. */
json_t *store_find_digest(json_t *index, const char *hex, bool *ret_ambiguous);
/* @name is @manifest from now on. */
int store_set_name(const struct store *s, const char *name, const struct blob *manifest,
		   struct err *e);
/* An image to be listed in index.json.  All is borrowed. */
struct store_entry {
	const char *name;       /* NULL: without one */
	const char *digest;
	const char *media_type; /* NULL: what the index has for the digest, or that of a manifest */
	uint64_t size;          /* bytes */
};
/* All of them at once; names move, as in store_set_name(). */
int store_add_entries(const struct store *s, const struct store_entry *entries, size_t n,
		      struct err *e);
/* Returns 1 when there was such a name, 0 when not. */
int store_remove_name(const struct store *s, const char *name, struct err *e);
/*
 * Take all entries of @digest away.  Returns 1, or 0 when there is none, or when there are several names
 * and not @all.
 *
 * @ret_names: owned strv; the names that it has, or had
 */
int store_remove_digest(const struct store *s, const char *digest, bool all, char ***ret_names,
			struct err *e);

/* Replace file @name of the store: temporary name, fsync, rename. */
int store_replace(const struct store *s, const char *name, const void *data, size_t len,
		  struct err *e);

#endif
