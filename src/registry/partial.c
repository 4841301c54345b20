#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/feed.h"
#include "image/feed.h"
#include "registry/partial.h"

int
partial_open_dir(int store_fd, struct err *e)
{
	int fd;

	if (mkdirat(store_fd, FEED_PARTIAL, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s in the store", FEED_PARTIAL);
	fd = openat(store_fd, FEED_PARTIAL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s in the store", FEED_PARTIAL) : fd;
}

/* Returns 1 when somebody else has it, or it has lost its name meanwhile. */
static int
take_lock(int dir_fd, const char *name, int fd)
{
	struct stat ours, named;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 || !S_ISREG(ours.st_mode) ||
	    fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return 1;
	return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

static int
open_unnamed(int dir_fd, struct partial *ret, struct err *e)
{
	const int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "make a file for a blob");
	*ret = (struct partial){ .dir_fd = dir_fd, .fd = fd };
	return 0;
}

int
partial_open(int dir_fd, const char *digest, uint64_t size, struct partial *ret, struct err *e)
{
	struct partial p = { .dir_fd = dir_fd, .fd = -1 };
	struct stat st;

	(void)snprintf(p.name, sizeof(p.name), "%s", digest + strlen("sha256:"));
	p.fd = openat(dir_fd, p.name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (p.fd < 0 && errno != ELOOP && errno != EACCES && errno != ENXIO)
		return err_sys(e, "open a file for blob %s", digest);
	if (p.fd < 0 || take_lock(dir_fd, p.name, p.fd) != 0 || fstat(p.fd, &st) < 0) {
		fd_closep(&p.fd);
		return open_unnamed(dir_fd, ret, e);
	}
	p.have = (uint64_t)st.st_size;
	if (p.have > size) {
		if (ftruncate(p.fd, 0) < 0) {
			fd_closep(&p.fd);
			return err_sys(e, "empty a file for blob %s", digest);
		}
		p.have = 0;
	}
	*ret = p;
	return 0;
}

int
partial_reader(const struct partial *p, struct err *e)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Without /proc it is the same one, which can be written, too. */
	if (fd < 0)
		fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(e, "open a blob that is being downloaded") : fd;
}

void
partial_remove(struct partial *p)
{
	if (p->fd >= 0 && p->name[0])
		(void)unlinkat(p->dir_fd, p->name, 0);
	p->name[0] = '\0';
}

void
partial_close(struct partial *p)
{
	fd_closep(&p->fd);
}
