#include <fcntl.h>

#include "init/emulate-internal.h"

/*
 * The real mode is the kernel's business, and so is every error: here only the copy in the record,
 * where there is one, is brought up to date before the call goes on.
 */
static int
chmod_record(struct emulate *m, const struct request *rq, int fd, uint64_t mode)
{
	struct record rec;
	struct stat st;

	if (fstat(fd, &st) < 0 || !record_possible(st.st_mode) || !record_read(fd, &rec) ||
	    rec.mode == (mode & 07777))
		return ANSWER_NATIVE;
	rec.mode = mode & 07777;
	if (request_is_alive(m, rq))
		(void)record_write(fd, &rec);
	return ANSWER_NATIVE;
}

static int
chmod_path(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr, int flags,
	   uint64_t mode)
{
	AUTO_FD fd = -1;

	if (path_open_arg(m, rq, dirfd, addr, flags, &fd) != 0)
		return ANSWER_NATIVE;
	return chmod_record(m, rq, fd, mode);
}

int
do_chmod(struct emulate *m, struct request *rq)
{
	return chmod_path(m, rq, AT_FDCWD, rq->args[0], 0, rq->args[1]);
}

int
do_fchmodat(struct emulate *m, struct request *rq)
{
	return chmod_path(m, rq, (int)rq->args[0], rq->args[1], 0, rq->args[2]);
}

int
do_fchmodat2(struct emulate *m, struct request *rq)
{
	return chmod_path(m, rq, (int)rq->args[0], rq->args[1], (int)rq->args[3], rq->args[2]);
}

int
do_fchmod(struct emulate *m, struct request *rq)
{
	AUTO_FD fd = -1;

	if ((int)rq->args[0] < 0 || path_open(m, rq, (int)rq->args[0], "", false, &fd) != 0)
		return ANSWER_NATIVE;
	return chmod_record(m, rq, fd, rq->args[1]);
}
