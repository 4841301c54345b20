#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "registry/auth-internal.h"
#include "registry/base64.h"
#include "registry/helper.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes */

void
auth_clear(struct auth *a)
{
	secret_free(a->user);
	secret_free(a->password);
	secret_free(a->identity);
	free(a->file);
	*a = (struct auth)AUTH_INIT;
}

/* --- names --- */

char *
auth_host(const char *name)
{
	return xstrndup(name, strcspn(name, "/"));
}

static bool
is_hub_host(const char *host)
{
	return strcmp(host, "index.docker.io") == 0 || strcmp(host, "registry-1.docker.io") == 0 ||
	       strcmp(host, HUB) == 0;
}

char *
auth_key(const char *text)
{
	const bool url = str_begins(text, "https://") || str_begins(text, "http://");
	AUTO_FREE char *name = xstrdup(url ? strstr(text, "://") + 3 : text);
	AUTO_FREE char *host = auth_host(name);
	size_t n = strlen(name);
	char *path;

	while (n > 0 && name[n - 1] == '/')
		name[--n] = '\0';
	path = strchr(name, '/');
	/* A version of the protocol is no part of a name. */
	if (path && (strcmp(path, "/v1") == 0 || strcmp(path, "/v2") == 0))
		*path = '\0';
	path = strchr(name, '/');
	return is_hub_host(host) ? xasprintf("%s%s", HUB, path ? path : "") : TAKE_PTR(name);
}

/* Is @key what @name is, or what it is in?  The more of it, the more it counts. */
static size_t
match(const char *key, const char *name)
{
	AUTO_FREE char *plain = auth_key(key);
	const size_t n = strlen(plain);

	return n > 0 && strncmp(plain, name, n) == 0 && (name[n] == '\0' || name[n] == '/') ? n : 0;
}

/* --- one file --- */

int
auth_read_file(const char *path, json_t **ret, struct err *e)
{
	AUTO_SECRET char *data = NULL;
	json_error_t why;
	size_t len;
	json_t *j;
	const int r = places_read(path, FILE_MAX, &data, &len, e);

	if (r != 0)
		return r;
	j = len == strspn(data, " \t\r\n") ? json_object() : json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
	/* What jansson says has the text beside the mistake in it. */
	if (!j)
		return err_set(e, EBADMSG, "%s: line %d is no JSON", path, why.line);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, EBADMSG, "%s: it is not a JSON object", path);
	}
	*ret = j;
	return 0;
}

/* The entry with the longest key, HOST alone or more; NULL: none. */
static json_t *
find_entry(json_t *auths, const char *name)
{
	json_t *found = NULL, *v;
	size_t longest = 0;
	const char *key;

	json_object_foreach(auths, key, v) {
		const size_t n = match(key, name);

		/* Tools that have a helper leave empty entries. */
		if (n > longest && json_object_size(v) > 0) {
			found = v;
			longest = n;
		}
	}
	return found;
}

static int
decode_pair(const char *text, struct auth *ret, struct err *e)
{
	size_t len = 0;
	AUTO_SECRET char *pair = base64_decode(text, &len);
	const char *colon = pair ? memchr(pair, ':', len) : NULL;

	if (!colon || colon == pair || strlen(pair) != len)
		return err_set(e, EBADMSG, "\"auth\" is not a name and a password in base64");
	ret->user = xstrndup(pair, (size_t)(colon - pair));
	ret->password = xstrdup(colon + 1);
	return 0;
}

static const char *
text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text && *text ? text : NULL;
}

/* 1: there is nothing in it */
static int
take_entry(const json_t *entry, struct auth *ret, struct err *e)
{
	const char *auth = text_of(entry, "auth"), *identity = text_of(entry, "identitytoken"),
		   *user = text_of(entry, "username"), *password = text_of(entry, "password");

	if (identity) {
		ret->identity = xstrdup(identity);
		return 0;
	}
	if (auth)
		return decode_pair(auth, ret, e);
	if (!user || !password)
		return 1;
	ret->user = xstrdup(user);
	ret->password = xstrdup(password);
	return 0;
}

char *
auth_helper_server(const char *name)
{
	AUTO_FREE char *host = auth_host(name);

	return strcmp(host, HUB) == 0 ? xstrdup(HUB_KEY) : TAKE_PTR(host);
}

const char *
auth_helper_of(json_t *j, const char *name)
{
	AUTO_FREE char *host = auth_host(name);
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(j, "credHelpers"), key, v) {
		AUTO_FREE char *plain = auth_key(key);

		if (strcmp(plain, host) == 0 && json_string_value(v))
			return json_string_value(v);
	}
	return NULL;
}

static int
ask_helper(const char *helper, const char *name, struct auth *ret, struct err *e)
{
	AUTO_FREE char *server = auth_helper_server(name);
	char *user = NULL, *secret = NULL;
	const int r = helper_get(helper, server, &user, &secret, e);

	if (r != 0)
		return r < 0 ? err_prefix(e, "password for %s", server) : r;
	if (strcmp(user, "<token>") == 0) {
		ret->identity = secret;
		free(user);
	} else {
		ret->user = user;
		ret->password = secret;
	}
	return 0;
}

static int
find_in(json_t *j, const char *name, struct auth *ret, struct err *e)
{
	const char *helper = auth_helper_of(j, name), *store = text_of(j, "credsStore");
	const json_t *entry;
	int r = 1;

	if (helper)
		return ask_helper(helper, name, ret, e);
	entry = find_entry(json_object_get(j, "auths"), name);
	if (entry)
		r = take_entry(entry, ret, e);
	return r == 1 && store ? ask_helper(store, name, ret, e) : r;
}

static int
find_in_file(const char *path, const char *name, struct auth *ret, struct err *e)
{
	json_t *j;
	int r = auth_read_file(path, &j, e);

	if (r != 0)
		return r;
	r = find_in(j, name, ret, e);
	json_decref(j);
	if (r == 0)
		ret->file = xstrdup(path);
	return r < 0 ? err_prefix(e, "%s", path) : r;
}

/* --- the files --- */

static char *
runtime_file(const struct places *p)
{
	if (p->runtime_dir)
		return path_join(p->runtime_dir, "containers/auth.json");
	return xasprintf("/run/containers/%u/auth.json", (unsigned int)geteuid());
}

static char *
config_file(const struct places *p)
{
	if (p->config_home)
		return path_join(p->config_home, "containers/auth.json");
	return p->home ? path_join(p->home, ".config/containers/auth.json") : NULL;
}

static char *
docker_file(const struct places *p)
{
	if (p->docker_config)
		return path_join(p->docker_config, "config.json");
	return p->home ? path_join(p->home, ".docker/config.json") : NULL;
}

char *
auth_own_file(const struct places *p, const char *authfile)
{
	if (authfile || p->auth_file)
		return xstrdup(authfile ? authfile : p->auth_file);
	/* Only root may make /run/containers. */
	return p->runtime_dir || geteuid() == 0 ? runtime_file(p) : config_file(p);
}

int
auth_find(const struct places *p, const char *authfile, const char *name, struct auth *ret, struct err *e)
{
	const char *only = authfile ? authfile : p->auth_file;
	AUTO_STRV files = NULL;
	int r = 1;

	if (only) {
		strv_take(&files, xstrdup(only));
	} else {
		char *const all[] = { runtime_file(p), config_file(p), docker_file(p) };

		for (size_t i = 0; i < NELEMS(all); i++)
			if (all[i])
				strv_take(&files, all[i]);
	}
	if (authfile && access(authfile, F_OK) < 0)
		return err_sys(e, "--authfile %s", authfile);
	for (char **f = files; r == 1 && f && *f; f++)
		r = find_in_file(*f, name, ret, e);
	return r;
}
