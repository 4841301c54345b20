#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove.h"

/* Let us into directory @name.  What the program left there may be a link: chmod(2) would follow it. */
static void
open_up(int dir_fd, const char *name)
{
	AUTO_FD fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[32];

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	IGNORE(chmod(path, 0700));
}

/* Move directory @name up to @top_fd, under a name that nothing there has. */
static void
move_up(int dir_fd, const char *name, int top_fd, unsigned long *serial)
{
	int r;

	open_up(dir_fd, name);
	do {
		char fresh[32];

		(void)snprintf(fresh, sizeof(fresh), ".%lu", (*serial)++);
		r = renameat(dir_fd, name, top_fd, fresh);
	} while (r < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
}

/*
 * Empty directory @name in @dir_fd: files go, directories are moved up to @top_fd under a fresh
 * name, where the caller's loop meets them.  So any depth takes a constant number of descriptors.
 */
static void
flatten(int dir_fd, const char *name, int top_fd, unsigned long *serial)
{
	int fd;
	DIR *d;

	open_up(dir_fd, name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_closep(&fd);
		return;
	}
	for (const struct dirent *de; (de = readdir(d));) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), de->d_name, 0) == 0)
			continue;
		if (unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR) == 0)
			continue;
		move_up(dirfd(d), de->d_name, top_fd, serial);
	}
	(void)closedir(d);
	(void)unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void
remove_contents(int top_fd)
{
	unsigned long serial = 0;
	bool progress = true;

	while (progress) {
		int fd = openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);

		progress = false;
		if (!d)
			return;
		for (const struct dirent *de; (de = readdir(d));) {
			if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
				continue;
			if (unlinkat(top_fd, de->d_name, 0) < 0)
				flatten(top_fd, de->d_name, top_fd, &serial);
			if (faccessat(top_fd, de->d_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
				progress = true;
		}
		(void)closedir(d);
	}
}

void
remove_tree(int dir_fd, const char *name)
{
	AUTO_FD fd = -1;

	open_up(dir_fd, name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		remove_contents(fd);
	(void)unlinkat(dir_fd, name, fd >= 0 ? AT_REMOVEDIR : 0);
}
