#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/remove.h"
#include "engine/layer.h"
#include "kernel/sys.h"

/* mkdir -p @path with mode 0700 for what is missing. */
static int
make_dirs(const char *path, struct err *e)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "%.100s...: name too long", path);
	for (const char *p = path + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s", part);
		if (*p == '\0')
			return 0;
	}
}

int
layer_open_dir(const char *dir, struct err *e)
{
	AUTO_FD fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (make_dirs(dir, e) < 0)
			return -e->code;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, "open %s", dir);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", dir);
	if (st.st_uid != geteuid()) {
		(void)err_set(e, EINVAL, "%s belongs to user %u", dir, st.st_uid);
		return err_hint(e, "--store=DIR names another place, --layer=ram needs none");
	}
	if ((st.st_mode & 077) && fchmod(fd, 0700) < 0)
		return err_sys(e, "make %s private", dir);
	return TAKE_FD(fd);
}

/*
 * One try: a new name, a directory, its lock.  Returns 1 when a cleaner was quicker and took the
 * new directory for a left-over.
 */
static int
try_create(int scratch_fd, char name[17], int *ret_fd, struct err *e)
{
	AUTO_FD fd = -1;
	struct stat st;

	random_name(name, 17, "");
	if (mkdirat(scratch_fd, name, 0700) < 0)
		return errno == EEXIST ? 1 : err_sys(e, "make a directory");
	fd = sys_openat(scratch_fd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0) {
		(void)err_sys(e, "open %s", name);
		(void)unlinkat(scratch_fd, name, AT_REMOVEDIR);
		return -e->code;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 1 : err_sys(e, "lock %s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", name);
	if (st.st_nlink == 0)
		return 1;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int
layer_create(const char *dir, struct layer *ret, struct err *e)
{
	AUTO_FD scratch = layer_open_dir(dir, e);
	char name[17];
	int r;

	if (scratch < 0)
		return err_prefix(e, "layer");
	do
		r = try_create(scratch, name, &ret->fd, e);
	while (r > 0);
	if (r < 0)
		return err_prefix(e, "layer in %s", dir);
	if (snprintf(ret->path, sizeof(ret->path), "%s/%s", dir, name) >= (int)sizeof(ret->path))
		return err_set(e, ENAMETOOLONG, "layer in %.100s...: name too long", dir);
	return 0;
}

int
layer_open_kept(const char *path, struct layer *ret, struct err *e)
{
	AUTO_FD fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open the layer %s", path);
	if (st.st_uid != geteuid())
		return err_set(e, EINVAL, "the layer %s belongs to user %u", path, st.st_uid);
	if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
		return err_set(e, ENAMETOOLONG, "layer %.100s...: name too long", path);
	ret->kept = true;
	ret->fd = TAKE_FD(fd);
	return 0;
}

/* Append @dst with "/" and "%" as %2f and %25.  False when it does not fit. */
static bool
append_escaped(char *name, size_t n, const char *dst)
{
	for (const char *p = dst; *p; p++) {
		const bool escape = *p == '/' || *p == '%';

		if (n + (escape ? 3 : 1) > NAME_MAX)
			return false;
		if (escape)
			(void)snprintf(name + n, 4, "%%%02x", (unsigned int)*p);
		else
			name[n] = *p;
		n += escape ? 3 : 1;
	}
	name[n] = '\0';
	return true;
}

int
layer_name(const struct spec *s, const struct mount_step *m, char ret[NAME_MAX + 1], struct err *e)
{
	const char kind = m->op == MOUNT_LAYER_DIR ? 'd' : 'u';
	unsigned int earlier = 0;
	size_t n;

	for (const struct mount_step *p = s->mounts; p < m; p++)
		earlier += p->op == m->op && strcmp(p->dst, m->dst) == 0;
	if (m == s->mounts || earlier)
		n = (size_t)snprintf(ret, NAME_MAX + 1, "%c%u", kind, earlier);
	else
		n = (size_t)snprintf(ret, NAME_MAX + 1, "%c", kind);
	if (m != s->mounts && !append_escaped(ret, n, m->dst))
		return err_set(e, ENAMETOOLONG, "%.100s...: too long to be kept", m->dst);
	return 0;
}

/* Remove every directory in @dir that nobody holds the lock of. */
static void
sweep(const char *dir)
{
	struct err e = ERR_INIT;
	int scratch = layer_open_dir(dir, &e);
	DIR *d = scratch < 0 ? NULL : fdopendir(scratch);

	if (!d) {
		fd_closep(&scratch);
		return;
	}
	for (const struct dirent *de; (de = readdir(d));) {
		AUTO_FD fd = -1;

		if (de->d_name[0] == '.')
			continue;
		fd = openat(scratch, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		remove_contents(fd);
		(void)unlinkat(scratch, de->d_name, AT_REMOVEDIR);
	}
	(void)closedir(d);
}

/* Leave the caller's session, and hold nothing of his open but @kept. */
static void
detach(const int kept[2])
{
	struct err ignored = ERR_INIT;
	int null;

	(void)fd_close_others(kept, 2, &ignored);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)setsid();
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i);
}

/* Is there anything in @dir that a sweep could take?  Most file systems count subdirectories. */
static bool
worth_a_sweep(const char *dir)
{
	bool found = false;
	struct stat st;
	DIR *d;
	int fd;

	if (lstat(dir, &st) < 0 || st.st_nlink == 2)
		return false;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_closep(&fd);
		return false;
	}
	for (const struct dirent *de; !found && (de = readdir(d));)
		found = de->d_name[0] != '.';
	(void)closedir(d);
	return found;
}

void
layer_discard(struct layer *l, const char *dir, int userns_fd)
{
	if (l->kept)
		fd_closep(&l->fd);
	if (l->fd < 0 && !(dir && worth_a_sweep(dir)))
		return;
	if (fork() != 0) {
		fd_closep(&l->fd);
		return;
	}
	detach((const int[]){ l->fd, userns_fd });
	if (userns_fd >= 0 && setns(userns_fd, CLONE_NEWUSER) < 0)
		_exit(1);
	if (l->fd >= 0) {
		remove_contents(l->fd);
		(void)rmdir(l->path);
		fd_closep(&l->fd);
	}
	sweep(dir);
	_exit(0);
}
