#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/places.h"

#define FILE_MAX  ((size_t)1 << 20) /* bytes */
#define FILES_MAX 1000              /* of one directory */
#define OF_USER   ".config/containers"

char *
places_etc(const struct places *p, const char *name)
{
	return path_join(p->etc ? p->etc : "/etc", name);
}

int
places_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd < 0)
		return err_sys(e, "%s", path);
	n = fd_read_all(fd, max, ret, e);
	if (n < 0)
		return err_prefix(e, "%s", path);
	*ret_len = (size_t)n;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
places_list(const char *dir, const char *suffix)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const size_t tail = strlen(suffix);
	char **names = NULL;
	size_t n = 0;

	if (!d) {
		fd_closep(&fd);
		return NULL;
	}
	for (const struct dirent *de; n < FILES_MAX && (de = readdir(d));) {
		const size_t len = strlen(de->d_name);

		if (len > tail && strcmp(de->d_name + len - tail, suffix) == 0) {
			strv_take(&names, xstrdup(de->d_name));
			n++;
		}
	}
	(void)closedir(d);
	if (n > 1)
		qsort(names, n, sizeof(*names), compare);
	return names;
}

/* --- registries.conf --- */

/* @must: it has been asked for by its name */
static int
give(const char *path, bool must, places_file_fn *fn, void *ctx, struct err *e)
{
	AUTO_FREE char *data = NULL;
	size_t len = 0;
	int r = places_read(path, FILE_MAX, &data, &len, e);

	if (r == 1 && !must)
		return 0;
	if (r == 1)
		(void)err_set(e, ENOENT, "%s: there is no such file", path);
	return fn(ctx, path, r == 0 ? data : NULL, len, e);
}

static int
give_all(const char *dir, places_file_fn *fn, void *ctx, struct err *e)
{
	AUTO_STRV names = places_list(dir, ".conf");

	for (char **n = names; n && *n; n++) {
		AUTO_FREE char *path = path_join(dir, *n);

		if (give(path, false, fn, ctx, e) < 0)
			return -e->code;
	}
	return 0;
}

int
places_registries(const struct places *p, places_file_fn *fn, void *ctx, struct err *e)
{
	AUTO_FREE char *own = p->home ? path_join(p->home, OF_USER "/registries.conf") : NULL,
		       *own_dir = p->home ? path_join(p->home, OF_USER "/registries.conf.d") : NULL,
		       *etc = places_etc(p, "containers/registries.conf"),
		       *etc_dir = places_etc(p, "containers/registries.conf.d");
	const char *const conf = p->registries_conf;
	const bool has_own = !conf && own && access(own, F_OK) == 0;

	if (give(conf ? conf : has_own ? own : etc, conf != NULL, fn, ctx, e) < 0)
		return -e->code;
	/* Who has a file of his own in place of the machine's does without its directory, too. */
	if (!has_own && give_all(etc_dir, fn, ctx, e) < 0)
		return -e->code;
	return own_dir ? give_all(own_dir, fn, ctx, e) : 0;
}
