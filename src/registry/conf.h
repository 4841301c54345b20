/*
 * conf - what containers-registries.conf(5) says of registries, version 2
 *
 * [[registry]] and its [[registry.mirror]], unqualified-search-registries.  A file that is not
 * understood is an error: what it forbids is not known then.
 */
#ifndef REGISTRY_CONF_H
#define REGISTRY_CONF_H

#include "base/err.h"
#include "image/places.h"

struct conf_place {
	char *location; /* owned; HOST[:PORT][/PATH]; NULL: as the name has it, for a prefix "*." */
	bool insecure;
	bool no_tags, no_digests; /* a mirror that is not asked for such names */
};

struct conf_registry {
	char *prefix; /* owned; HOST[:PORT][/PATH], or *.HOST */
	char *file;   /* owned; where it stands */
	bool blocked;
	bool digests_only;        /* its mirrors are asked for digests alone */
	struct conf_place own;
	struct conf_place *mirrors; /* owned */
	size_t n_mirrors;
};

struct conf {
	struct conf_registry *v; /* owned */
	size_t n;
	char **search; /* owned strv; NULL: not set */
};
#define CONF_INIT { .v = NULL }
void conf_clear(struct conf *c);
#define AUTO_CONF CLEANUP(conf_clear) struct conf

int conf_read(const struct places *p, struct conf *ret, struct err *e);
/* Take the text of one file over what is there. */
int conf_parse(struct conf *c, const char *file, const char *data, size_t len, struct err *e);

/* Which of them @name, HOST[:PORT]/PATH without a tag, belongs to: the longest prefix.  NULL: none. */
const struct conf_registry *conf_find(const struct conf *c, const char *name);

/* @name as it is called in one of @r's places.  Owned. */
char *conf_rewrite(const struct conf_registry *r, const struct conf_place *at, const char *name);

#endif
