#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "registry/base64.h"
#include "registry/policy-internal.h"

#define FILE_MAX ((size_t)4 << 20) /* bytes */
#define KEY_MAX  ((size_t)64 << 10) /* bytes */
#define TRANSPORT "docker" /* registries */

void
policy_freep(struct policy **p)
{
	if (!*p)
		return;
	for (size_t i = 0; i < (*p)->n; i++) {
		strv_freep(&(*p)->v[i].keys);
		json_decref((*p)->v[i].identity);
	}
	free((*p)->v);
	free((*p)->name);
	free(*p);
	*p = NULL;
}

bool
policy_has_only(json_t *object, const char *const *names)
{
	size_t known = 0;

	for (const char *const *n = names; *n; n++)
		known += json_object_get(object, *n) != NULL;
	return json_is_object(object) && json_object_size(object) == known;
}

/* --- which requirements --- */

/* "*.example.org" of "a.example.org:5000/x", then "*.org". */
static json_t *
find_wildcard(json_t *scopes, const char *repository)
{
	AUTO_FREE char *host = xstrndup(repository, strcspn(repository, ":/"));
	json_t *found = NULL;

	for (const char *dot = host; !found && (dot = strchr(dot, '.')); dot++) {
		AUTO_FREE char *scope = xasprintf("*%s", dot);

		found = json_object_get(scopes, scope);
	}
	return found;
}

/* The image itself, its repository, what that is in, the host; NULL: none. */
static json_t *
find_scope(json_t *scopes, const char *full_name)
{
	json_t *found = json_object_get(scopes, full_name);
	AUTO_FREE char *part = xstrdup(full_name);
	char *end = strrchr(part, '/');

	end = end ? end + strcspn(end, ":@") : part + strlen(part);
	*end = '\0';
	if (!found)
		found = json_object_get(scopes, part);
	while (!found && (end = strrchr(part, '/'))) {
		*end = '\0';
		found = json_object_get(scopes, part);
	}
	if (!found)
		found = find_wildcard(scopes, full_name);
	return found ? found : json_object_get(scopes, "");
}

/* Borrowed; NULL with an error. */
static json_t *
find_requirements(json_t *doc, const char *full_name, struct err *e)
{
	static const char *const members[] = { "default", "transports", NULL };
	json_t *transports = json_object_get(doc, "transports"), *of_all = json_object_get(doc, "default"), *list;

	if (!policy_has_only(doc, members) || !of_all || (transports && !json_is_object(transports))) {
		(void)err_set(e, EINVAL, "it is not an object of \"default\" and \"transports\" alone");
		return NULL;
	}
	list = json_object_get(transports, TRANSPORT);
	if (list && !json_is_object(list)) {
		(void)err_set(e, EINVAL, "\"transports\": \"" TRANSPORT "\" is not an object");
		return NULL;
	}
	list = find_scope(list, full_name);
	list = list ? list : of_all;
	if (json_is_array(list) && json_array_size(list) > 0)
		return list;
	(void)err_set(e, EINVAL, "what is required of %s is not a list of something", full_name);
	return NULL;
}

/* --- keys --- */

static int
take_key(struct policy_signed *s, char *pem, const char *what, struct err *e)
{
	strv_take(&s->keys, pem);
	return policy_check_key(pem, e) < 0 ? err_prefix(e, "key %s", what) : 0;
}

static int
take_path(struct policy_signed *s, json_t *value, struct err *e)
{
	const char *path = json_string_value(value);
	char *pem;
	size_t len;
	int r;

	if (!path || path[0] != '/')
		return err_set(e, EINVAL, "\"keyPath\" is no absolute path");
	r = places_read(path, KEY_MAX, &pem, &len, e);
	if (r != 0)
		return r < 0 ? r : err_set(e, ENOENT, "key %s: there is no such file", path);
	return take_key(s, pem, path, e);
}

static int
take_data(struct policy_signed *s, json_t *value, struct err *e)
{
	size_t len;
	char *pem = json_is_string(value) ? base64_decode(json_string_value(value), &len) : NULL;

	return pem ? take_key(s, pem, "of \"keyData\"", e) : err_set(e, EINVAL, "\"keyData\" is no base64");
}

typedef int take_fn(struct policy_signed *s, json_t *value, struct err *e);

static int
take_each(struct policy_signed *s, json_t *list, take_fn *take, struct err *e)
{
	if (!json_is_array(list) || json_array_size(list) == 0)
		return err_set(e, EINVAL, "a list of keys is none");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (take(s, json_array_get(list, i), e) < 0)
			return -e->code;
	return 0;
}

/* --- requirements --- */

static const struct key_field {
	const char *name;
	take_fn *take;
	bool list;
} key_fields[] = {
	{ "keyPath", take_path, false },
	{ "keyPaths", take_path, true },
	{ "keyData", take_data, false },
	{ "keyDatas", take_data, true },
};

static int
take_signed(struct policy *p, json_t *r, struct err *e)
{
	const struct key_field *f = NULL;
	json_t *identity = json_object_get(r, "signedIdentity");
	struct policy_signed *s;

	for (size_t i = 0; i < NELEMS(key_fields); i++)
		if (json_object_get(r, key_fields[i].name))
			f = &key_fields[i];
	/* With "type" and one of those. */
	if (!f || json_object_size(r) != (identity ? 3U : 2U))
		return err_set(e, ENOTSUP, "\"sigstoreSigned\" is known with a key alone, in one of keyPath, keyPaths, "
			       "keyData and keyDatas, and signedIdentity");
	if (policy_check_identity(identity, e) < 0)
		return -e->code;
	p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
	s = &p->v[p->n++];
	*s = (struct policy_signed){ .identity = json_incref(identity) };
	return f->list ? take_each(s, json_object_get(r, f->name), f->take, e)
		       : f->take(s, json_object_get(r, f->name), e);
}

static int
take_requirement(struct policy *p, json_t *r, struct err *e)
{
	const char *type = json_string_value(json_object_get(r, "type"));
	char safe[64];

	if (type && strcmp(type, "sigstoreSigned") == 0)
		return take_signed(p, r, e);
	if (type && strcmp(type, "signedBy") == 0)
		return err_set(e, ENOTSUP, "it requires a signature by GPG (signedBy) of %s, which rootlet cannot verify", p->name);
	if (json_object_size(r) == 1 && type && strcmp(type, "insecureAcceptAnything") == 0)
		return 0;
	if (json_object_size(r) == 1 && type && strcmp(type, "reject") == 0)
		return err_set(e, EPERM, "%s is not to be used", p->name);
	(void)str_printable(safe, sizeof(safe), type ? type : "", false);
	return err_set(e, ENOTSUP, "it requires something of %s that is not known: '%s'", p->name, safe);
}

/* --- the file --- */

static int
take_file(const char *data, size_t len, const char *full_name, struct policy **ret, struct err *e)
{
	AUTO_POLICY p = xcalloc(1, sizeof(*p));
	json_error_t why;
	json_t *doc = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why), *list;
	int r = 0;

	p->name = xstrdup(full_name);
	list = doc ? find_requirements(doc, full_name, e) : NULL;
	if (!doc)
		r = err_set(e, EINVAL, "line %d: %s", why.line, why.text);
	else if (!list)
		r = -e->code;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = take_requirement(p, json_array_get(list, i), e);
	json_decref(doc);
	if (r == 0 && p->n > 0)
		*ret = TAKE_PTR(p);
	return r;
}

int
policy_read(const struct places *p, const char *full_name, struct policy **ret, struct err *e)
{
	char *const files[] = { p->home ? path_join(p->home, ".config/containers/policy.json") : NULL,
				places_etc(p, "containers/policy.json") };
	int r = 1;

	*ret = NULL;
	for (size_t i = 0; i < NELEMS(files); i++) {
		AUTO_FREE char *file = files[i], *data = NULL;
		size_t len;

		if (!file || r != 1)
			continue;
		r = places_read(file, FILE_MAX, &data, &len, e);
		if (r == 0 && take_file(data, len, full_name, ret, e) < 0)
			r = err_prefix(e, "%s", file);
	}
	return r < 0 ? r : 0;
}
