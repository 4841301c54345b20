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

static int
record_owner(int fd, const struct record *old, bool recorded, uint32_t uid, uint32_t gid)
{
	struct record rec = *old;
	struct stat st;
	int r = chown_nothing(fd, &st);

	if (r < 0)
		return r;
	if (!record_possible(st.st_mode))
		return 0;
	rec.mode = st.st_mode & 07777;
	rec.uid = uid != ID_NONE ? uid : old->uid;
	rec.gid = gid != ID_NONE ? gid : old->gid;
	if (recorded ? memcmp(&rec, old, sizeof(rec)) == 0 : rec.uid == 0 && rec.gid == 0)
		return 0;
	r = record_write(fd, &rec);
	/* A file of somebody outside the id map: the kernel would not have changed its owner. */
	if (r == -EACCES)
		return -EPERM;
	return r == -EOPNOTSUPP ? 0 : r;
}

static int
chown_fd(struct emulate *m, const struct request *rq, int fd, uint32_t uid, uint32_t gid)
{
	struct record old;
	struct cred c;
	struct stat st;
	bool recorded;
	int r = creds_load(m, rq->pid, &c);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	recorded = record_possible(st.st_mode) && record_read(fd, &old);
	if (!recorded)
		record_default(st.st_mode, &old);
	if (!may_chown(&c, &old, uid, gid))
		return -EPERM;
	if (!request_is_alive(m, rq))
		return -ESRCH;
	return record_owner(fd, &old, recorded, uid, gid);
}

static int
chown_path(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr, int flags,
	   const uint64_t owner[2])
{
	AUTO_FD fd = -1;
	int r = path_open_arg(m, rq, dirfd, addr, flags, &fd);

	return r != 0 ? r : chown_fd(m, rq, fd, id_arg(rq, owner[0]), id_arg(rq, owner[1]));
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
	AUTO_FD fd = -1;
	int r;

	if ((int)rq->args[0] < 0) /* also AT_FDCWD, which means nothing here */
		return -EBADF;
	r = path_open(m, rq, (int)rq->args[0], "", false, &fd);
	return r != 0 ? r
		      : chown_fd(m, rq, fd, id_arg(rq, rq->args[1]), id_arg(rq, rq->args[2]));
}
