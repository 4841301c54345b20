/*
 * serve - the store as a registry: the server's side of the distribution protocol
 *
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
 *
 * A repository is a name of the store without its tag, as the store has it: debian, team/app,
 * registry.example/team/app.  library/debian is debian, as it is at Docker Hub.  A blob, and a
 * manifest by its digest, is had through any repository.
 *
 * Everything that comes is hostile.  An upload is a file without a name until its digest has been
 * computed; a manifest becomes an image only when all that it refers to is there.
 *
 * A thread for each connection, of which there are so many at most.  Each request holds the store's
 * shared lock for itself; after an upload it is held for a minute, so that what nobody refers to yet
 * stays until its manifest comes.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "image/store.h"
#include "serve/auth.h"

struct server;

struct serve_options {
	const struct store *store;      /* borrowed; a lock of its own is not needed */
	const struct serve_auth *auth;  /* borrowed; NULL: everybody may do everything */
	bool read_only;
	bool local;           /* only this machine's own names are answered to: see host_is_ours() */
	uint64_t limit_bytes; /* of one blob; 0: what the disk has */
	const char *cert, *key; /* borrowed; PEM; NULL: plain HTTP */
	/* What has been done, a line each; from any thread. */
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
};

/*
 * Start the threads: confined as the caller is.
 *
 * @listen_fd: borrowed; -1: connections come by serve_connection()
 */
int serve_start(const struct serve_options *o, int listen_fd, struct server **ret, struct err *e);
/* @fd: taken over; a connected socket */
int serve_connection(struct server *s, int fd, struct err *e);
/* To be called about once a second: what takes too long is ended. */
void serve_tick(struct server *s);
/* End all connections, wait for the threads. */
void serve_stop(struct server *s);

#endif
