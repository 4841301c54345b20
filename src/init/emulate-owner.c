#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "init/emulate-internal.h"

/*
 * May @c give a file of @old to @uid:@gid?  Root may; an owner may pass it to a group of his.
 * ID_NONE is no change.
 */
static bool
may_chown(const struct cred *c, const struct record *old, uint32_t uid, uint32_t gid)
{
	if (cred_is_privileged(c))
		return true;
	if (uid != ID_NONE && !(c->u.fs == old->uid && uid == old->uid))
		return false;
	return gid == ID_NONE ||
	       (c->u.fs == old->uid && (gid == old->gid || cred_in_group(c, gid)));
}

/* The kernel's part: an owner who does not change, but set-id bits and capabilities that go. */
static int
chown_nothing(int fd, struct stat *ret_st)
{
	if (fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return -errno;
	return fstat(fd, ret_st) < 0 ? -errno : 0;
}

/* What is given away: @fd, and for what takes no record itself @name in directory @dir. */
struct owned {
	int fd;
	int dir; /* owned; -1: its owner cannot be kept */
	char path[PATH_MAX];
	const char *name;
	bool recorded; /* of itself: there is a record already */
	struct record old;
};

static int
record_owner(const struct owned *o, uint32_t uid, uint32_t gid)
{
	struct record rec = o->old;
	struct stat st;
	int r = chown_nothing(o->fd, &st);

	if (r < 0)
		return r;
	rec.uid = uid != ID_NONE ? uid : o->old.uid;
	rec.gid = gid != ID_NONE ? gid : o->old.gid;
	if (!record_possible(st.st_mode)) {
		/* Where there is no room it stays root's. */
		if (o->dir >= 0)
			(void)record_write_name(o->dir, o->name, &rec);
		return 0;
	}
	rec.mode = st.st_mode & 07777;
	if (o->recorded ? memcmp(&rec, &o->old, sizeof(rec)) == 0 : rec.uid == 0 && rec.gid == 0)
		return 0;
	r = record_write(o->fd, &rec);
	/* A file of somebody outside the id map: the kernel would not have changed its owner. */
	if (r == -EACCES)
		return -EPERM;
	return r == -EOPNOTSUPP ? 0 : r;
}

static int
chown_owned(struct emulate *m, const struct request *rq, struct owned *o, uint32_t uid, uint32_t gid)
{
	struct cred c;
	struct stat st;
	int r = creds_load(m, rq->pid, &c);

	if (r < 0)
		return r;
	if (fstat(o->fd, &st) < 0)
		return -errno;
	o->recorded = record_possible(st.st_mode) && record_read(o->fd, &o->old);
	if (!o->recorded)
		record_default(st.st_mode, &o->old);
	if (o->dir >= 0)
		record_read_name(o->dir, o->name, &o->old);
	if (!may_chown(&c, &o->old, uid, gid))
		return -EPERM;
	if (!request_is_alive(m, rq))
		return -ESRCH;
	return record_owner(o, uid, gid);
}

/*
 * Links, FIFOs and sockets have theirs in the directory that they lie in, which only their path tells.
 * Where that leads elsewhere, as by way of a link, it is not kept.
 */
static int
find_name(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr, struct owned *o)
{
	const char *dir_name;
	struct stat st, at;
	AUTO_FD dir = -1;
	int r;

	if (fstat(o->fd, &st) < 0)
		return -errno;
	if (record_possible(st.st_mode) || !addr)
		return 0;
	if ((r = path_read(rq, addr, o->path)) != 0)
		return r;
	if (path_split(o->path, &dir_name, &o->name) < 0 ||
	    path_open(m, rq, dirfd, dir_name, false, &dir) != 0 ||
	    fstatat(dir, o->name, &at, AT_SYMLINK_NOFOLLOW) < 0 || at.st_ino != st.st_ino ||
	    at.st_dev != st.st_dev)
		return 0;
	o->dir = TAKE_FD(dir);
	return 0;
}

static int
chown_path(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr, int flags,
	   const uint64_t owner[2])
{
	struct owned o = { .fd = -1, .dir = -1 };
	AUTO_FD fd = -1, dir = -1;
	int r = path_open_arg(m, rq, dirfd, addr, flags, &fd);

	o.fd = fd;
	if (r == 0)
		r = find_name(m, rq, dirfd, addr, &o);
	dir = o.dir;
	return r != 0 ? r : chown_owned(m, rq, &o, id_arg(rq, owner[0]), id_arg(rq, owner[1]));
}

int
do_chown(struct emulate *m, struct request *rq)
{
	return chown_path(m, rq, AT_FDCWD, rq->args[0], 0, &rq->args[1]);
}

int
do_lchown(struct emulate *m, struct request *rq)
{
	return chown_path(m, rq, AT_FDCWD, rq->args[0], AT_SYMLINK_NOFOLLOW, &rq->args[1]);
}

int
do_fchownat(struct emulate *m, struct request *rq)
{
	const int flags = (int)rq->args[4];

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chown_path(m, rq, (int)rq->args[0], rq->args[1], flags, &rq->args[2]);
}

int
do_fchown(struct emulate *m, struct request *rq)
{
	struct owned o = { .fd = -1, .dir = -1 };
	AUTO_FD fd = -1;
	int r;

	if ((int)rq->args[0] < 0) /* also AT_FDCWD, which means nothing here */
		return -EBADF;
	r = path_open(m, rq, (int)rq->args[0], "", false, &fd);
	o.fd = fd;
	return r != 0 ? r
		      : chown_owned(m, rq, &o, id_arg(rq, rq->args[1]), id_arg(rq, rq->args[2]));
}
