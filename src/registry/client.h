/*
 * client - the distribution protocol: manifests, blobs and tags of one repository
 *
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
 *
 * What comes is not believed: a manifest has the digest that it was asked for by, or that the registry
 * names, and is nothing else than its media type says.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <jansson.h>

#include "image/store.h"
#include "registry/http.h"

/* "repository:NAME:pull", or "pull,push".  Owned. */
char *client_scope(const char *repository, bool push);

/* A manifest or an index. */
struct document {
	struct blob blob;
	char *media_type; /* owned */
	char *data;       /* owned; blob.size bytes, and a NUL */
	json_t *json;     /* owned */
};
#define DOCUMENT_INIT { .json = NULL }
void document_clear(struct document *d);
#define AUTO_DOCUMENT CLEANUP(document_clear) struct document

/*
 * @reference: a tag, or a digest
 *
 * Returns 1 when there is none.
 */
int client_get_manifest(struct http *h, const char *repository, const char *reference,
			struct document *ret, struct err *e);
/* Its digest alone, where the registry tells that; 1: there is none, or it does not tell. */
int client_head_manifest(struct http *h, const char *repository, const char *reference, bool push,
			 char ret_digest[sizeof("sha256:") + 64], struct err *e);

/* A small blob into memory, compared with its digest.  @ret: owned, NUL-terminated */
int client_get_blob(struct http *h, const char *repository, const struct blob *b, char **ret,
		    struct err *e);
/* The request for a blob; the caller adds where it goes, and done().  @ret_url: owned */
void client_blob_request(const char *repository, const char *digest, char **ret_url,
			 char **ret_scope, struct http_request *ret);

/* All tags, page by page.  @ret: owned strv */
int client_list_tags(struct http *h, const char *repository, char ***ret, struct err *e);

/*
 * Where a list goes on that began at @url ("/v2/..."), as "link" has it: always at the same registry.
 *
 * @ret: owned; NULL: this was the last page
 */
int client_next_page(const char *url, const struct http_response *r, char **ret, struct err *e);

/* The digest of @data. */
int client_digest(const void *data, size_t n, char ret[sizeof("sha256:") + 64], struct err *e);
/* Is @data what @digest says?  0, or -EBADMSG. */
int client_check_digest(const void *data, size_t n, const char *digest, struct err *e);

#endif
