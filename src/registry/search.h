/*
 * search - which repositories a registry has
 *
 * By /v2/_catalog, which many registries keep to themselves, or /v1/search, which Docker Hub has.
 */
#ifndef REGISTRY_SEARCH_H
#define REGISTRY_SEARCH_H

#include "registry/http.h"

struct found {
	char *name;        /* owned; without the registry */
	char *description; /* owned; NULL: none is known */
	uint64_t stars;
	bool official;
};
struct search {
	struct found *v; /* owned */
	size_t n, limit;
};
void search_clear(struct search *s);

/*
 * Add what has @term in it, until there are s->limit.
 *
 * @hub: it is Docker Hub, which has the older way alone
 *
 * Returns 1 when it can be asked in neither way.
 */
int search_registry(struct http *h, bool hub, const char *term, struct search *s, struct err *e);

#endif
