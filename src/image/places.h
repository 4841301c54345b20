/*
 * places - where docker, podman and their relatives have their configuration
 *
 * Users may have links there, and mistakes: a file is read to its end or not at all, nothing waits for
 * a FIFO, nothing is read without a limit.
 */
#ifndef IMAGE_PLACES_H
#define IMAGE_PLACES_H

#include <sys/types.h>

#include "base/err.h"

/* All borrowed; NULL: not set. */
struct places {
	const char *etc;             /* NULL: /etc */
	const char *home;            /* absolute */
	const char *config_home;     /* $XDG_CONFIG_HOME, absolute */
	const char *runtime_dir;     /* $XDG_RUNTIME_DIR, absolute */
	const char *docker_config;   /* $DOCKER_CONFIG: a directory */
	const char *registries_conf; /* $CONTAINERS_REGISTRIES_CONF: in place of registries.conf */
	const char *auth_file;       /* $REGISTRY_AUTH_FILE */
	const char *ca_file;         /* $SSL_CERT_FILE: in place of the system's certificates */
};

/* NAME below /etc, or its place.  Owned. */
char *places_etc(const struct places *p, const char *name);

/* A file of at most @max bytes: 1 when there is none.  @ret: owned, NUL-terminated */
int places_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

/*
 * What each of the files is given to, in their order.
 *
 * @data: NULL: it cannot be read, for the reason that is set in @e
 *
 * Returns 0 to go on, @e cleared; or -errno.
 */
typedef int places_file_fn(void *ctx, const char *file, const char *data, size_t len, struct err *e);
/*
 * The files of containers-registries.conf(5): the user's own in place of the machine's, or
 * $CONTAINERS_REGISTRIES_CONF; then every *.conf of registries.conf.d, the machine's where the user
 * has no registries.conf of his own, and the user's.
 */
int places_registries(const struct places *p, places_file_fn *fn, void *ctx, struct err *e);

/* The entries of a directory that end so, sorted.  Owned strv; NULL: none. */
char **places_list(const char *dir, const char *suffix);

#endif
