/*
 * serve-internal - between the files of serve.c
 *
 *   serve.c      the daemon of libmicrohttpd, connections, what they may take of time
 *   request.c    one request: who may, what is meant, who does it
 *   answer.c     answers, errors
 *   names.c      names of repositories and tags, and of the store
 *   manifests.c  manifests out and in
 *   blobs.c      blobs out
 *   upload.c     blobs in: the requests
 *   uploads.c    those that have begun
 *   lists.c      tags, repositories, referrers
 */
#ifndef SERVE_SERVE_INTERNAL_H
#define SERVE_SERVE_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "serve/serve.h"

#define SERVE_QUERY_MAX 1024 /* bytes of a value that is in a URL */

/* A connection, for the watch on it. */
struct client {
	struct client *next;
	int fd;               /* borrowed */
	uint64_t deadline_ms; /* then it is ended; 0: not by us */
	uint64_t moved;       /* bytes that have come since the deadline was put off */
};

struct uploads;

struct server {
	struct serve_options o;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock;      /* of clients and the guard */
	struct client *clients;
	struct store guard;        /* with the store's lock after an upload; fd -1: without */
	uint64_t guard_until_ms;
	pthread_mutex_t documents; /* one big document at a time */
	struct uploads *uploads;   /* owned */
};

uint64_t serve_now_ms(void);
/* Something has come: it may go on. */
void serve_moved(struct server *s, struct client *c, uint64_t bytes);
/* It waits for us, or for what we send, now. */
void serve_answering(struct server *s, struct client *c);
/* What is in the store stays there for a while, though nobody refers to it. */
int serve_guard(struct server *s, struct err *e);
void serve_say(const struct server *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct request;
struct upload;

/* What is done about a kind of resource with a method. */
struct action {
	bool writes;
	/* The headers are there.  May answer; else the body comes. */
	enum MHD_Result (*begin)(struct request *r);
	/* A part of the body: 0, or -errno with r->err, after which the rest is thrown away. */
	int (*body)(struct request *r, const char *data, size_t n);
	/* All of it is there: answer. */
	enum MHD_Result (*end)(struct request *r);
};

struct request {
	struct server *server;
	struct MHD_Connection *conn;
	struct client *client;
	const char *method;
	const struct action *action;
	char *name;           /* owned; the repository, as it was written; NULL: none */
	char *ref;            /* owned; a tag, a digest, an upload: what follows; "" */
	struct store store;   /* with a lock of its own */
	char *body;           /* owned; of a manifest */
	size_t len;           /* bytes */
	struct upload *upload; /* borrowed: busy with us; NULL */
	uint64_t thrown_away;  /* bytes */
	struct err err;       /* while the body came */
	bool answered;
	bool hold;            /* an answer waits for the end of the body */
	struct MHD_Response *held; /* owned */
	unsigned int held_status;
};

enum MHD_Result serve_request(void *cls, struct MHD_Connection *conn, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *n, void **ctx);
void serve_request_done(void *cls, struct MHD_Connection *conn, void **ctx,
			enum MHD_RequestTerminationCode why);
const char *serve_header(const struct request *r, const char *name);
/* A value of the query, of a reasonable length; NULL: none. */
const char *serve_query(const struct request *r, const char *name);

/* --- answers --- */

struct MHD_Response *serve_empty(void);
/* @text: owned, taken over */
struct MHD_Response *serve_text(const char *type, char *text, size_t n);
struct MHD_Response *serve_json(const char *type, json_t *doc);
void serve_set(struct MHD_Response *resp, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* @resp: taken over; NULL ends the connection */
enum MHD_Result serve_answer(struct request *r, unsigned int status, struct MHD_Response *resp);
/* The same for one that has been held. */
enum MHD_Result serve_send(struct request *r, unsigned int status, struct MHD_Response *resp);
/* An error of the specification, by its code. */
enum MHD_Result serve_error(struct request *r, unsigned int status, const char *code,
			    const char *fmt, ...) PRINTF_LIKE(4, 5);
struct MHD_Response *serve_error_body(const char *code, const char *message);
/* The store's own failure. */
enum MHD_Result serve_failed(struct request *r, const struct err *e);

/* --- names --- */

/* Could there be a repository of that name? */
bool serve_is_repository(const char *name);
/* What NAME:TAG is in the store.  Owned; NULL: that is no name. */
char *serve_store_name(const char *repository, const char *tag);
/* The digest of a tag, or a digest itself.  0; 1: there is none; -errno. */
int serve_resolve(const struct request *r, char ret[sizeof("sha256:") + 64], struct err *e);
/* Is an entry of the index of that repository?  Returns its tag, borrowed; NULL: no. */
const char *serve_tag_of(const char *store_name, const char *repository);
/* The part of a name of the store before the tag, in bytes. */
size_t serve_repository_len(const char *store_name);

/* --- uploads --- */

struct upload {
	struct upload *next;
	char id[33];
	char *name;        /* owned; the repository */
	int fd;            /* owned; a file without a name */
	struct digest *digest; /* owned; of what is there */
	uint64_t size;     /* bytes that are there */
	uint64_t used_ms;  /* the last time */
	bool busy;         /* a request has it */
};

struct uploads *uploads_new(void);
void uploads_freep(struct uploads **u);
/* Returns NULL with an error: -EBUSY when there are too many.  It is busy with the caller. */
struct upload *uploads_begin(struct uploads *u, const struct store *s, const char *name, struct err *e);
/* NULL: there is none of the repository; *ret_busy: another request has it. */
struct upload *uploads_take(struct uploads *u, const char *name, const char *id, bool *ret_busy);
void uploads_give(struct uploads *u, struct upload *up);
void uploads_end(struct uploads *u, struct upload *up);
/* Forget those that nobody has come back to. */
void uploads_tick(struct uploads *u, uint64_t now_ms);

extern const struct action serve_get_manifest, serve_put_manifest, serve_get_blob, serve_get_tags,
	serve_get_catalog, serve_get_referrers, serve_post_upload, serve_get_upload,
	serve_patch_upload, serve_put_upload, serve_delete_upload;

/* --- documents --- */

/* The media type of a manifest or an index, borrowed from it; NULL: it is neither. */
const char *serve_type_of(json_t *doc);

#endif
