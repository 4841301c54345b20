#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/emulate-internal.h"

/* The file mode creation mask of the caller. */
static int
read_umask(const struct emulate *m, const struct request *rq, unsigned int *ret)
{
	char buf[256], *line;
	ssize_t n;
	AUTO_FD fd = -1;

	(void)snprintf(buf, sizeof(buf), "%d/status", rq->pid);
	fd = openat(m->proc, buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1); /* the second line; a name is at most 64 bytes */
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	line = strstr(buf, "\nUmask:");
	return line && sscanf(line, "\nUmask: %o", ret) == 1 ? 0 : -ESRCH;
}

/* As in the kernel's new_decode_dev(). */
static void
device_record(const struct cred *c, uint32_t mode, uint32_t dev, struct record *ret)
{
	*ret = (struct record){ .uid = c->u.fs, .gid = c->g.fs, .mode = mode };
	(void)snprintf(ret->type, sizeof(ret->type), "%s-%u-%u", S_ISCHR(mode) ? "char" : "block",
		       (dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
	ret->mode &= 07777;
}

static int
make_device(int dir, const char *name, unsigned int mask, struct record *rec)
{
	const mode_t saved = umask(mask);
	AUTO_FD fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
			    (mode_t)rec->mode);
	int r = fd < 0 ? -errno : 0;
	struct stat st;

	(void)umask(saved);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	rec->mode = st.st_mode & 07777;
	r = record_write(fd, rec);
	if (r < 0) /* an empty file that nobody can tell from one is no device */
		(void)unlinkat(dir, name, 0);
	return r < 0 ? -EPERM : 0;
}

static int
mknod_at(struct emulate *m, const struct request *rq, int dirfd, const uint64_t args[3])
{
	char path[PATH_MAX];
	const char *dir_name, *name;
	unsigned int mask;
	struct record rec;
	struct cred c;
	AUTO_FD dir = -1;
	int r;

	if ((uint32_t)args[2] == 0 && S_ISCHR((uint32_t)args[1]))
		return ANSWER_NATIVE;
	if ((r = path_read(rq, args[0], path)) != 0 || (r = path_split(path, &dir_name, &name)) < 0)
		return r;
	if ((r = creds_load(m, rq->pid, &c)) < 0 || (r = read_umask(m, rq, &mask)) < 0)
		return r;
	if (!cred_is_privileged(&c))
		return -EPERM;
	if ((r = path_open(m, rq, dirfd, dir_name, false, &dir)) != 0)
		return r;
	device_record(&c, (uint32_t)args[1], (uint32_t)args[2], &rec);
	return request_is_alive(m, rq) ? make_device(dir, name, mask, &rec) : -ESRCH;
}

int
do_mknod(struct emulate *m, struct request *rq)
{
	return mknod_at(m, rq, AT_FDCWD, &rq->args[0]);
}

int
do_mknodat(struct emulate *m, struct request *rq)
{
	return mknod_at(m, rq, (int)rq->args[0], &rq->args[1]);
}
