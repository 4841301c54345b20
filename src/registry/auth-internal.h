/*
 * auth-internal - between the files of auth.c
 *
 *   auth.c        where files are, and what they have
 *   auth-store.c  how they are changed
 */
#ifndef REGISTRY_AUTH_INTERNAL_H
#define REGISTRY_AUTH_INTERNAL_H

#include <jansson.h>

#include "registry/auth.h"

#define HUB     "docker.io"
#define HUB_KEY "https://index.docker.io/v1/" /* as docker names it */

/* A file of credentials: 1 when there is none.  @ret: owned, an object */
int auth_read_file(const char *path, json_t **ret, struct err *e);

/* The helper that a file names for @name; NULL: none.  Of @j. */
const char *auth_helper_of(json_t *j, const char *name);
/* How helpers know a registry.  Owned. */
char *auth_helper_server(const char *name);

/* HOST[:PORT] of a name.  Owned. */
char *auth_host(const char *name);

#endif
