/*
 * helper - programs that keep passwords: docker-credential-NAME of $PATH
 *
 * https://github.com/docker/docker-credential-helpers.  One that is missing, or fails, is an error: what
 * it would have said is not guessed.  It has a minute, as it may ask the user to unlock something.
 */
#ifndef REGISTRY_HELPER_H
#define REGISTRY_HELPER_H

#include "base/err.h"

/* @server: what a password is for, as the helper knows it.  1: it has none.
 * @ret_user: owned; "<token>": @ret_secret is an identity token.  @ret_secret: owned */
int helper_get(const char *name, const char *server, char **ret_user, char **ret_secret, struct err *e);
int helper_store(const char *name, const char *server, const char *user, const char *secret,
		 struct err *e);
/* 1: it had none. */
int helper_erase(const char *name, const char *server, struct err *e);

#endif
