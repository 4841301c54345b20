#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "container/container.h"
#include "container/list.h"
#include "engine/layer.h"

#define RECORD_MAX ((size_t)8 << 20) /* bytes */

int64_t
container_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
container_close(struct container *c)
{
	fd_closep(&c->parent_fd);
	fd_closep(&c->fd);
	free(c->path);
	free(c->name);
	c->path = c->name = NULL;
	container_record_clear(&c->record);
}

static int
open_parent(const char *data_dir, struct err *e)
{
	AUTO_FREE char *dir = path_join(data_dir, "containers");

	return layer_open_dir(dir, e);
}

/* --- one that is there --- */

static int
no_container(const char *name, struct err *e)
{
	(void)err_set(e, ENOENT, "no container '%s'", name);
	return err_hint(e, "rootlet ps -a lists them; run --keep makes one");
}

static int
read_record(struct container *c, struct err *e)
{
	AUTO_FD fd = openat(c->fd, "record", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	ssize_t n = fd < 0 ? err_sys(e, "open") : fd_read_all(fd, RECORD_MAX, &data, e);

	if (n >= 0 && container_record_decode(data, (size_t)n, &c->record) < 0)
		n = err_set(e, EBADMSG, "it is not one of ours");
	if (n >= 0)
		return 0;
	(void)err_prefix(e, "record of container '%s'", c->name);
	return err_hint(e, "it can only be removed: rootlet rm %.100s", c->name);
}

/* The lock that we got may be that of a directory which has been renamed meanwhile. */
static int
lock(const struct container *c, enum container_lock how, struct err *e)
{
	struct stat now, ours;

	if (how == CONTAINER_LOOK)
		return 0;
	if (flock(c->fd, (how == CONTAINER_OWN ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, "lock container '%s'", c->name);
		(void)err_set(e, EBUSY, "container '%s' is running", c->name);
		return err_hint(e, "or somebody else is changing it; rootlet ps lists what runs");
	}
	if (fstatat(c->parent_fd, c->name, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(c->fd, &ours) < 0 || now.st_ino != ours.st_ino || now.st_dev != ours.st_dev)
		return no_container(c->name, e);
	return 0;
}

/* Everything but the record: what is to be removed need not have one. */
static int
open_directory(const char *data_dir, const char *name, enum container_lock how,
	       struct container *c, struct err *e)
{
	AUTO_FREE char *dir = path_join(data_dir, "containers");

	if (!container_name_is_valid(name)) {
		(void)err_set(e, EINVAL, "'%.200s' is no name of a container", name);
		return err_hint(e, "rootlet ps -a lists them, rootlet images the images");
	}
	if (access(dir, F_OK) < 0)
		return no_container(name, e);
	c->parent_fd = open_parent(data_dir, e);
	if (c->parent_fd < 0)
		return -e->code;
	c->fd = openat(c->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0)
		return errno == ENOENT ? no_container(name, e)
				       : err_sys(e, "open container '%s'", name);
	c->name = xstrdup(name);
	c->path = path_join(dir, name);
	return lock(c, how, e);
}

int
container_open(const char *data_dir, const char *name, enum container_lock how,
	       struct container *ret, struct err *e)
{
	AUTO_CONTAINER c = CONTAINER_INIT;

	if (open_directory(data_dir, name, how, &c, e) < 0 || read_record(&c, e) < 0)
		return -e->code;
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}

int
container_open_to_remove(const char *data_dir, const char *name, struct container *ret,
			 struct err *e)
{
	AUTO_CONTAINER c = CONTAINER_INIT;
	struct err ignored = ERR_INIT;
	int r = open_directory(data_dir, name, CONTAINER_OWN, &c, e);

	if (r < 0)
		return r;
	r = read_record(&c, &ignored) < 0;
	if (r)
		container_record_clear(&c.record);
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return r;
}

bool
container_is_busy(const struct container *c)
{
	AUTO_FD again = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return again >= 0 && flock(again, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* --- a new one --- */

static int
write_record(int dir_fd, const struct container_record *r, struct err *e)
{
	AUTO_FD fd = openat(dir_fd, ".record", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	size_t len;
	AUTO_FREE char *data = container_record_encode(r, &len);

	if (fd < 0)
		return err_sys(e, "write its record");
	if (fd_write_all(fd, data, len, e) < 0)
		return err_prefix(e, "write its record");
	if (fsync(fd) < 0 || renameat(dir_fd, ".record", dir_fd, "record") < 0 || fsync(dir_fd) < 0)
		return err_sys(e, "write its record");
	return 0;
}

int
container_write(const struct container *c, struct err *e)
{
	return write_record(c->fd, &c->record, e) < 0 ? err_prefix(e, "container '%s'", c->name) : 0;
}

/* A new directory, locked.  Returns 1 when somebody was quicker to take it for a left-over. */
static int
make_directory(struct container *c, char temp[32], struct err *e)
{
	struct stat st;

	fd_closep(&c->fd);
	container_hidden_name("new", temp);
	if (mkdirat(c->parent_fd, temp, 0700) < 0)
		return err_sys(e, "make a container");
	c->fd = openat(c->parent_fd, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0)
		return errno == ENOENT ? 1 : err_sys(e, "make a container");
	if (flock(c->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 1 : err_sys(e, "lock a new container");
	return fstat(c->fd, &st) < 0 || st.st_nlink == 0;
}

static int
make_new(struct container *c, char temp[32], struct err *e)
{
	int r;

	do
		r = make_directory(c, temp, e);
	while (r > 0);
	if (r < 0)
		return r;
	if (mkdirat(c->fd, "layer", 0700) < 0 || mkdirat(c->fd, "layer/1", 0700) < 0)
		return err_sys(e, "make a container");
	strv_freep(&c->record.stack);
	strv_take(&c->record.stack, xstrdup("1="));
	container_record_number(&c->record.created, container_now());
	return write_record(c->fd, &c->record, e);
}

static int
exists(const char *name, struct err *e)
{
	(void)err_set(e, EEXIST, "container '%s' exists", name);
	return err_hint(e, "rootlet start %.60s runs it again, rootlet rm %.60s removes it", name, name);
}

/* Not over an empty directory either: NAME is somebody's, whatever it has. */
static int
give_name(struct container *c, const char *temp, const char *name, struct err *e)
{
	if (faccessat(c->parent_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return exists(name, e);
	if (renameat(c->parent_fd, temp, c->parent_fd, name) == 0)
		return fsync(c->parent_fd) < 0 ? err_sys(e, "container '%s'", name) : 0;
	if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
		return exists(name, e);
	return err_sys(e, "name container '%s'", name);
}

int
container_create(const char *data_dir, const char *name, struct container *c, struct err *e)
{
	AUTO_FREE char *dir = path_join(data_dir, "containers");
	char temp[32], random[16];
	int r;

	if (name && !container_name_is_valid(name)) {
		(void)err_set(e, EINVAL, "'%.200s' is no name for a container", name);
		return err_hint(e, "letters, digits, and inside . _ -, at most %d", CONTAINER_NAME_MAX);
	}
	c->parent_fd = open_parent(data_dir, e);
	if (c->parent_fd < 0)
		return -e->code;
	r = make_new(c, temp, e);
	do {
		if (r == -EEXIST)
			err_clear(e);
		if (!name)
			(void)container_random_name(random);
		if (r == 0 || r == -EEXIST)
			r = give_name(c, temp, name ? name : random, e);
	} while (!name && r == -EEXIST);
	if (r < 0) {
		(void)unlinkat(c->fd, "record", 0);
		(void)unlinkat(c->fd, ".record", 0);
		(void)unlinkat(c->fd, "layer/1", AT_REMOVEDIR);
		(void)unlinkat(c->fd, "layer", AT_REMOVEDIR);
		(void)unlinkat(c->parent_fd, temp, AT_REMOVEDIR);
		return r;
	}
	c->name = xstrdup(name ? name : random);
	c->path = path_join(dir, c->name);
	return 0;
}
