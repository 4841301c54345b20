/*
 * auth - names and passwords that docker, podman and their relatives have kept
 *
 * containers-auth.json(5), and config.json of docker: "auths", "credHelpers", "credsStore".  What is
 * kept for HOST:PORT is for that alone.  No message has a name or password of a file in it.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "base/err.h"
#include "image/places.h"

struct auth {
	char *user, *password; /* owned; NULL: there is an identity token */
	char *identity;        /* owned; or NULL */
	char *file;            /* owned; where it stands */
};
#define AUTH_INIT { .user = NULL }
void auth_clear(struct auth *a);
#define AUTO_AUTH CLEANUP(auth_clear) struct auth

/*
 * What we are known by.
 *
 * @authfile: the only file that is read; NULL: $REGISTRY_AUTH_FILE, or the user's files in their order
 * @name: HOST[:PORT][/PATH], of an image or a part of it; "docker.io" for Docker Hub
 *
 * Returns 1 when there is nothing.
 */
int auth_find(const struct places *p, const char *authfile, const char *name, struct auth *ret,
	      struct err *e);

/* Where it is kept by `login`.  Owned; NULL: nowhere, as there is no home directory. */
char *auth_own_file(const struct places *p, const char *authfile);

/*
 * Keep @user and @password for @name in @file, or in the helper that @file names for it.  All else in
 * the file stays, and so does a link; it is there with all of its contents or as it was.
 */
int auth_store(const char *file, const char *name, const char *user, const char *password, struct err *e);
/* 1: there was nothing. */
int auth_erase(const char *file, const char *name, struct err *e);
int auth_erase_all(const char *file, struct err *e);

/* How a registry is named here, whatever users and other tools write: "https://HOST/v1/" is HOST.
 * Owned. */
char *auth_key(const char *text);

#endif
