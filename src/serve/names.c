#include <string.h>

#include "base/str.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

#define HUB_LIBRARY "library/"

/* Docker Hub's own: a client that takes us for a mirror of it asks for library/debian. */
static const char *
without_library(const char *repository)
{
	const size_t n = strlen(HUB_LIBRARY);

	return str_begins(repository, HUB_LIBRARY) && !strchr(repository + n, '/') ? repository + n
										   : repository;
}

/* Owned; NULL: it is no name, or has something of its own after the repository. */
static char *
name_of(const char *repository, const char *tag)
{
	AUTO_FREE char *text = xasprintf("%s:%s", repository, tag), *name = NULL;
	struct err ignored = ERR_INIT;

	if (strchr(repository, '@') || strpbrk(tag, "@/") ||
	    image_ref_new_name(text, &name, &ignored) < 0)
		return NULL;
	return TAKE_PTR(name);
}

char *
serve_store_name(const char *repository, const char *tag)
{
	return name_of(without_library(repository), tag);
}

/* The tag is any: "host" is a name of nothing only with that one. */
bool
serve_is_repository(const char *name)
{
	AUTO_FREE char *any = name_of(name, "0");

	return any != NULL;
}

static bool
copy_digest(json_t *descriptor, char ret[sizeof("sha256:") + 64])
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));

	if (!digest || !image_digest_is_valid(digest))
		return false;
	memcpy(ret, digest, strlen(digest) + 1);
	return true;
}

int
serve_resolve(const struct request *r, char ret[sizeof("sha256:") + 64], struct err *e)
{
	AUTO_FREE char *name = NULL, *as_written = NULL;
	json_t *index, *found = NULL;
	bool have;

	if (image_digest_is_valid(r->ref)) {
		memcpy(ret, r->ref, strlen(r->ref) + 1);
		return store_has_blob(&r->store, ret) ? 0 : 1;
	}
	name = serve_store_name(r->name, r->ref);
	as_written = name_of(r->name, r->ref);
	index = store_read_index(&r->store, e);
	if (!index)
		return -e->code;
	if (name)
		found = store_find(index, name);
	if (!found && as_written)
		found = store_find(index, as_written);
	have = found && copy_digest(found, ret);
	json_decref(index);
	return have ? 0 : 1;
}

size_t
serve_repository_len(const char *store_name)
{
	const char *colon = strrchr(store_name, ':');

	return colon && !strchr(colon, '/') ? (size_t)(colon - store_name) : strlen(store_name);
}

static const char *
tag_if(const char *store_name, const char *repository)
{
	const size_t n = serve_repository_len(store_name);

	return store_name[n] == ':' && n == strlen(repository) &&
			       strncmp(store_name, repository, n) == 0
		       ? store_name + n + 1
		       : NULL;
}

const char *
serve_tag_of(const char *store_name, const char *repository)
{
	AUTO_FREE char *any = serve_store_name(repository, "0");
	const char *tag = tag_if(store_name, repository);

	if (tag || !any)
		return tag;
	any[serve_repository_len(any)] = '\0';
	return tag_if(store_name, any);
}
