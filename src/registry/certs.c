#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "registry/certs.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes */

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The first that is there, as other tools do.  Owned; NULL: none. */
static char *
find_dir(const struct places *p, const char *host)
{
	char *const all[] = {
		p->home ? path_join(p->home, ".config/containers/certs.d") : NULL,
		places_etc(p, "containers/certs.d"),
		places_etc(p, "docker/certs.d"),
	};
	char *found = NULL;

	for (size_t i = 0; i < NELEMS(all); i++) {
		AUTO_FREE char *base = all[i], *dir = base ? path_join(base, host) : NULL;

		if (!found && dir && is_dir(dir))
			found = TAKE_PTR(dir);
	}
	return found;
}

/* @ret: owned */
static int
read_one(const char *dir, const char *name, char **ret, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);
	size_t len;
	const int r = places_read(path, FILE_MAX, ret, &len, e);

	return r == 1 ? err_set(e, ENOENT, "%s: there is no such file", path) : r;
}

static int
read_ca(const char *dir, struct endpoint *ret, struct err *e)
{
	AUTO_STRV names = places_list(dir, ".crt");

	for (char **n = names; n && *n; n++) {
		AUTO_FREE char *one = NULL, *before = ret->ca;

		ret->ca = NULL;
		if (read_one(dir, *n, &one, e) < 0)
			return -e->code;
		ret->ca = xasprintf("%s%s\n", before ? before : "", one);
	}
	return 0;
}

/* NAME.cert for NAME.key, and the other way round: one alone is a mistake. */
static int
check_pairs(const char *dir, char *const *names, size_t tail, const char *other, struct err *e)
{
	for (char *const *n = names; n && *n; n++) {
		AUTO_FREE char *path = xasprintf("%s/%.*s%s", dir, (int)(strlen(*n) - tail), *n, other);
		struct stat st;

		if (stat(path, &st) == 0)
			continue;
		(void)err_sys(e, "%s, which %s needs", path, *n);
		return err_hint(e, "a certificate of a CA is called *.crt");
	}
	return 0;
}

static int
read_pair(const char *dir, struct endpoint *ret, struct err *e)
{
	AUTO_STRV certs = places_list(dir, ".cert");
	AUTO_STRV keys = places_list(dir, ".key");
	AUTO_FREE char *key = NULL;

	if (check_pairs(dir, certs, strlen(".cert"), ".key", e) < 0 ||
	    check_pairs(dir, keys, strlen(".key"), ".cert", e) < 0)
		return -e->code;
	if (!certs)
		return 0;
	key = xasprintf("%.*s.key", (int)(strlen(certs[0]) - strlen(".cert")), certs[0]);
	if (read_one(dir, certs[0], &ret->cert, e) < 0)
		return -e->code;
	return read_one(dir, key, &ret->key, e);
}

int
certs_read(const struct places *p, const char *dir, const char *host, struct endpoint *ret, struct err *e)
{
	AUTO_FREE char *found = dir ? xstrdup(dir) : find_dir(p, host);

	if (!found)
		return 0;
	if (!is_dir(found))
		return err_set(e, ENOTDIR, "--cert-dir %s: there is no such directory", found);
	return read_ca(found, ret, e) < 0 ? -e->code : read_pair(found, ret, e);
}
