/*
 * auth - who may come in: names and bcrypt hashes of a file as htpasswd -B writes it
 *
 * Guessing is slow: one comparison at a time, and a pause after each that fails.  A password that was
 * right is known for a while, so that not each request of a client costs as much as the first.
 */
#ifndef SERVE_AUTH_H
#define SERVE_AUTH_H

#include "base/err.h"

struct serve_auth;

/* Reads all of the file. */
int serve_auth_read(const char *path, struct serve_auth **ret, struct err *e);
void serve_auth_freep(struct serve_auth **a);

/* From any thread; takes its time. */
bool serve_auth_check(const struct serve_auth *a, const char *user, const char *password);

#endif
