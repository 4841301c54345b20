#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/remove.h"
#include "base/str.h"
#include "container/container.h"
#include "container/list.h"

void
container_hidden_name(const char *what, char ret[32])
{
	AUTO_FREE char *prefix = xasprintf(".%s-", what);

	random_name(ret, 32, prefix);
}

static DIR *
open_list(const char *data_dir)
{
	AUTO_FREE char *dir = path_join(data_dir, "containers");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_closep(&fd);
	return d;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
container_list(const char *data_dir, char ***ret, struct err *e)
{
	DIR *d = open_list(data_dir);

	*ret = NULL;
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "read the directory of containers");
	for (const struct dirent *de; (de = readdir(d));)
		if (container_name_is_valid(de->d_name))
			strv_take(ret, xstrdup(de->d_name));
	(void)closedir(d);
	if (*ret)
		qsort(*ret, strv_len(*ret), sizeof(**ret), by_bytes);
	return 0;
}

static long long
last_used(const struct container_record *r)
{
	const char *text = r->started ? r->started : r->created;

	return text ? strtoll(text, NULL, 10) : 0;
}

char *
container_last(const char *data_dir)
{
	struct err ignored = ERR_INIT;
	AUTO_STRV names = NULL;
	char *last = NULL;
	long long when = -1;

	(void)container_list(data_dir, &names, &ignored);
	for (char **n = names; n && *n; n++) {
		AUTO_CONTAINER c = CONTAINER_INIT;

		if (container_open(data_dir, *n, CONTAINER_LOOK, &c, &ignored) < 0 ||
		    last_used(&c.record) <= when)
			continue;
		when = last_used(&c.record);
		last = *n;
	}
	return last ? xstrdup(last) : NULL;
}

/* --- removal --- */

int
container_forget(const struct container *c, struct err *e)
{
	char gone[32];

	container_hidden_name("gone", gone);
	if (renameat(c->parent_fd, c->name, c->parent_fd, gone) < 0)
		return err_sys(e, "remove container '%s'", c->name);
	return fsync(c->parent_fd) < 0 ? err_sys(e, "remove container '%s'", c->name) : 0;
}

static bool
is_on_stack(const struct container *c, const char *name)
{
	const size_t n = strlen(name);

	for (char **p = c->record.stack; p && *p; p++)
		if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
			return true;
	return false;
}

void
container_forget_layers(const struct container *c)
{
	AUTO_FD fd = openat(c->fd, "layer", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int again = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *d = again < 0 ? NULL : fdopendir(again);

	if (!d)
		fd_closep(&again);
	for (const struct dirent *de; d && (de = readdir(d));) {
		char gone[32];

		if (de->d_name[0] == '.' || is_on_stack(c, de->d_name))
			continue;
		container_hidden_name("gone", gone);
		(void)renameat(fd, de->d_name, c->parent_fd, gone);
	}
	if (d)
		(void)closedir(d);
}

void
container_sweep(const char *data_dir)
{
	DIR *d = open_list(data_dir);

	for (const struct dirent *de; d && (de = readdir(d));) {
		AUTO_FD fd = -1;

		if (strncmp(de->d_name, ".gone-", 6) != 0 && strncmp(de->d_name, ".new-", 5) != 0)
			continue;
		fd = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		remove_contents(fd);
		(void)unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR);
	}
	if (d)
		(void)closedir(d);
}

/* --- the stack of layers --- */

char *
container_layer(const struct container *c, size_t i)
{
	const size_t n = strv_len(c->record.stack);
	const char *number;

	if (i >= n)
		return NULL;
	number = c->record.stack[n - 1 - i];
	return xasprintf("%s/layer/%.*s", c->path, (int)strcspn(number, "="), number);
}

unsigned long
container_top(const struct container *c)
{
	return strtoul(c->record.stack[strv_len(c->record.stack) - 1], NULL, 10);
}

int
container_push(struct container *c, unsigned long number, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("layer/%lu", number);

	if (mkdirat(c->fd, dir, 0700) < 0)
		return err_sys(e, "make a layer of container '%s'", c->name);
	strv_take(&c->record.stack, xasprintf("%lu=", number));
	return 0;
}
