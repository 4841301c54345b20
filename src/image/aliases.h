/*
 * aliases - short names of images, as the tools of "containers" know them
 *
 * The [aliases] tables of containers-registries.conf(5), and nothing else of those files: what is
 * around is skipped as TOML has it.  A short name has no registry in it; what it stands for has one.
 */
#ifndef IMAGE_ALIASES_H
#define IMAGE_ALIASES_H

#include "base/err.h"
#include "image/places.h"

struct aliases {
	char **v;       /* owned strv: NAME=TARGET; an empty target: none */
	struct err why; /* the first thing that was not understood: what follows it in its file is
			 * not there */
};
#define ALIASES_INIT { .v = NULL, .why = ERR_INIT }
void aliases_clear(struct aliases *a);

/* Read the files that podman reads, in its order. */
void aliases_read(struct aliases *a, const struct places *p);

/* Take the table of one file over what is there; @file is for the message. */
void aliases_parse(struct aliases *a, const char *data, size_t len, const char *file);

/* What the short name @text, with its tag or digest, stands for.  Owned; NULL: it stands for itself. */
char *aliases_resolve(const struct aliases *a, const char *text);

/*
 * What podman calls an image that somebody has made and given the short name @text: localhost/TEXT.
 * Owned; NULL: @text has a registry.
 */
char *aliases_localhost(const char *text);

#endif
