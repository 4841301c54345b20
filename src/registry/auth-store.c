#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "registry/auth-internal.h"
#include "registry/base64.h"
#include "registry/helper.h"

/* --- the file --- */

/* Where a file is that may be a link, even to nothing.  Owned. */
static char *
follow_link(const char *path)
{
	char real[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	if (realpath(path, real))
		return xstrdup(real);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return xstrdup(path);
	target[n] = '\0';
	if (target[0] == '/' || !strrchr(path, '/'))
		return xstrdup(target);
	return xasprintf("%.*s/%s", (int)(strrchr(path, '/') - path), path, target);
}

/* The directories above @path, for the user alone. */
static void
make_parents(const char *path)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *c = copy + 1; *c && (c = strchr(c, '/')); c++) {
		*c = '\0';
		(void)mkdir(copy, 0700);
		*c = '/';
	}
}

struct edit {
	char *path;    /* owned; without links */
	const char *name; /* of the file in its directory; of path */
	int dir_fd;    /* owned; locked, so that two at a time do not lose anything */
	json_t *j;     /* owned */
};

static void
edit_end(struct edit *d)
{
	json_decref(d->j);
	fd_closep(&d->dir_fd);
	free(d->path);
}
#define AUTO_EDIT CLEANUP(edit_end) struct edit

/* @make: it need not be there.  1: it is not. */
static int
edit_begin(const char *file, bool make, struct edit *d, struct err *e)
{
	AUTO_FREE char *dir = NULL;
	const char *slash;
	int r;

	d->path = follow_link(file);
	slash = strrchr(d->path, '/');
	d->name = slash ? slash + 1 : d->path;
	dir = slash ? xstrndup(d->path, (size_t)(slash - d->path) + 1) : xstrdup(".");
	if (make)
		make_parents(d->path);
	d->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir_fd < 0 && !make && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (d->dir_fd < 0)
		return err_sys(e, "%s", dir);
	if (flock(d->dir_fd, LOCK_EX) < 0)
		return err_sys(e, "lock %s", dir);
	r = auth_read_file(d->path, &d->j, e);
	if (r == 1 && make)
		d->j = json_object();
	return r == 1 && make ? 0 : r;
}

static int
write_new(struct edit *d, const char *text, struct err *e)
{
	AUTO_NEW_FILE f = NEW_FILE_INIT;

	if (new_file_open(d->dir_fd, &f, e) < 0)
		return -e->code;
	if (fchmod(f.fd, 0600) < 0)
		return err_sys(e, "fchmod");
	if (fd_write_all(f.fd, text, strlen(text), e) < 0 || fd_write_all(f.fd, "\n", 1, e) < 0)
		return -e->code;
	return new_file_name(&f, d->name, e);
}

static int
edit_write(struct edit *d, struct err *e)
{
	AUTO_SECRET char *text = json_dumps(d->j, JSON_INDENT(8));

	if (!text)
		abort();
	return write_new(d, text, e) < 0 ? err_prefix(e, "%s", d->path) : 0;
}

/* --- entries --- */

static json_t *
auths_of(json_t *j)
{
	json_t *auths = json_object_get(j, "auths");

	if (!json_is_object(auths)) {
		auths = json_object();
		(void)json_object_set_new(j, "auths", auths);
	}
	return auths;
}

/* However it is written.  Returns true when there was one. */
static bool
remove_entries(json_t *auths, const char *name)
{
	bool found = false;
	const char *key;
	json_t *v;
	void *next;

	json_object_foreach_safe(auths, next, key, v) {
		AUTO_FREE char *plain = auth_key(key);

		if (strcmp(plain, name) != 0)
			continue;
		found = json_object_size(v) > 0 || found;
		(void)json_object_del(auths, key);
	}
	return found;
}

static const char *
any_helper(json_t *j, const char *name)
{
	const char *helper = auth_helper_of(j, name);
	const char *store = json_string_value(json_object_get(j, "credsStore"));

	return helper ? helper : store && *store ? store : NULL;
}

static int
store_entry(struct edit *d, const char *name, const char *user, const char *password, struct err *e)
{
	AUTO_SECRET char *pair = xasprintf("%s:%s", user, password);
	AUTO_SECRET char *text = base64_encode(pair, strlen(pair));
	json_t *auths = auths_of(d->j);

	(void)remove_entries(auths, name);
	(void)json_object_set_new(auths, name, json_pack("{s:s}", "auth", text));
	return edit_write(d, e);
}

int
auth_store(const char *file, const char *name, const char *user, const char *password, struct err *e)
{
	AUTO_EDIT d = { .dir_fd = -1 };
	AUTO_FREE char *server = auth_helper_server(name);
	const char *helper;

	if (edit_begin(file, true, &d, e) < 0)
		return -e->code;
	helper = any_helper(d.j, name);
	if (helper)
		return helper_store(helper, server, user, password, e);
	return store_entry(&d, name, user, password, e);
}

/* 1: there was nothing */
static int
erase(struct edit *d, const char *name, struct err *e)
{
	const char *helper = any_helper(d->j, name);
	AUTO_FREE char *server = auth_helper_server(name), *user = NULL;
	AUTO_SECRET char *secret = NULL;
	int r = 1;

	/* Most of them do not tell whether there was something to forget. */
	if (helper)
		r = helper_get(helper, server, &user, &secret, e);
	if (r == 0)
		r = helper_erase(helper, server, e);
	if (r < 0)
		return r;
	if (!remove_entries(auths_of(d->j), name))
		return r;
	return edit_write(d, e);
}

int
auth_erase(const char *file, const char *name, struct err *e)
{
	AUTO_EDIT d = { .dir_fd = -1 };
	const int r = edit_begin(file, false, &d, e);

	return r == 0 ? erase(&d, name, e) : r;
}

int
auth_erase_all(const char *file, struct err *e)
{
	AUTO_EDIT d = { .dir_fd = -1 };
	const char *key;
	json_t *v;
	const int r = edit_begin(file, false, &d, e);

	if (r != 0)
		return r;
	json_object_foreach(json_object_get(d.j, "credHelpers"), key, v) {
		AUTO_FREE char *name = auth_key(key);

		if (erase(&d, name, e) < 0)
			return -e->code;
	}
	json_object_foreach(json_object_get(d.j, "auths"), key, v) {
		AUTO_FREE char *name = auth_key(key), *server = auth_helper_server(name);
		const char *helper = any_helper(d.j, name);

		if (helper && helper_erase(helper, server, e) < 0)
			return -e->code;
	}
	(void)json_object_set_new(d.j, "auths", json_object());
	return edit_write(&d, e);
}
