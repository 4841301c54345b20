#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/tree-internal.h"

static DIR *
open_list(int dir_fd, const char *name)
{
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		(void)TAKE_FD(fd);
	return d;
}

/* Move a directory up to @top, under a name that nothing there has. */
static int
move_up(int dir_fd, const char *name, int top, unsigned long *serial)
{
	int r;

	do {
		char fresh[32];

		(void)snprintf(fresh, sizeof(fresh), ".%lu", (*serial)++);
		r = renameat(dir_fd, name, top, fresh);
	} while (r < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
	return r;
}

/*
 * Empty directory @name of @top: files go, directories that are not empty are moved to @top, under
 * fresh names, where the caller meets them.  So any depth takes two descriptors.
 */
static int
flatten(int top, const char *name, unsigned long *serial)
{
	DIR *d = open_list(top, name);
	int r = d ? 0 : -1;

	for (const struct dirent *de; r == 0 && (de = readdir(d));) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    unlinkat(dirfd(d), de->d_name, 0) == 0 ||
		    unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR) == 0)
			continue;
		r = move_up(dirfd(d), de->d_name, top, serial);
	}
	if (d)
		(void)closedir(d);
	return r < 0 ? r : unlinkat(top, name, AT_REMOVEDIR);
}

/* Once over the entries: 1 when there were some. */
static int
pass(int top, unsigned long *serial)
{
	DIR *d = open_list(top, ".");
	int r = d ? 0 : -1, found = 0;

	for (const struct dirent *de; r == 0 && (de = readdir(d));) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		found = 1;
		if (unlinkat(top, de->d_name, 0) < 0)
			r = flatten(top, de->d_name, serial);
	}
	if (d)
		(void)closedir(d);
	return r < 0 ? r : found;
}

int
remove_dir(int dir_fd, const char *name, struct err *e)
{
	AUTO_FD top = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned long serial = 0;
	int r = top < 0 ? -1 : 1;

	while (r > 0)
		r = pass(top, &serial);
	if (r == 0)
		r = unlinkat(dir_fd, name, AT_REMOVEDIR);
	return r < 0 ? err_sys(e, "remove the directory that is there") : 0;
}
