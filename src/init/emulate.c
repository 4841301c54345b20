/*
 * Runs in init: PID 1 of the sandbox, single-threaded, with all capabilities in its user namespace.
 * Nothing here waits for anything: files are only ever opened with O_PATH.
 */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init/emulate-internal.h"
#include "kernel/sys.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static emulate_fn *const handlers[] = {
	[OP_GETUID] = do_getuid,
	[OP_GETEUID] = do_geteuid,
	[OP_GETGID] = do_getgid,
	[OP_GETEGID] = do_getegid,
	[OP_GETRESUID] = do_getresuid,
	[OP_GETRESGID] = do_getresgid,
	[OP_GETGROUPS] = do_getgroups,
	[OP_SETUID] = do_setuid,
	[OP_SETGID] = do_setgid,
	[OP_SETREUID] = do_setreuid,
	[OP_SETREGID] = do_setregid,
	[OP_SETRESUID] = do_setresuid,
	[OP_SETRESGID] = do_setresgid,
	[OP_SETFSUID] = do_setfsuid,
	[OP_SETFSGID] = do_setfsgid,
	[OP_SETGROUPS] = do_setgroups,
	[OP_CHOWN] = do_chown,
	[OP_LCHOWN] = do_lchown,
	[OP_FCHOWN] = do_fchown,
	[OP_FCHOWNAT] = do_fchownat,
	[OP_CHMOD] = do_chmod,
	[OP_FCHMOD] = do_fchmod,
	[OP_FCHMODAT] = do_fchmodat,
	[OP_FCHMODAT2] = do_fchmodat2,
	[OP_MKNOD] = do_mknod,
	[OP_MKNODAT] = do_mknodat,
	[OP_SETXATTR] = do_setxattr,
	[OP_LSETXATTR] = do_lsetxattr,
	[OP_FSETXATTR] = do_fsetxattr,
	[OP_PRCTL] = do_prctl,
	[OP_SETRLIMIT] = do_setrlimit,
	[OP_PRLIMIT] = do_prlimit,
};
static_assert(NELEMS(handlers) == OP_MAX_, "handlers[] does not match enum emulate_op");

static void
base_creds(struct cred *ret)
{
	const uint32_t u = getuid(), g = getgid();

	*ret = (struct cred){ .u = { u, u, u, u }, .g = { g, g, g, g } };
}

static int
open_roots(struct emulate *m, int proc_fd, struct err *e)
{
	struct statx st = { .stx_mnt_id = 0 };

	m->proc = proc_fd < 0 ? sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0)
			      : fcntl(proc_fd, F_DUPFD_CLOEXEC, 3);
	if (m->proc < 0 || fchdir(m->proc) < 0)
		return err_sys(e, "ownership emulation: enter /proc");
	if (faccessat(m->proc, "self/fd", F_OK, 0) < 0)
		return err_sys(e, "ownership emulation: find this process in /proc");
	m->root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (m->root < 0)
		return err_sys(e, "ownership emulation: open /");
	/* Without statx(2) (Linux 4.11) no other root is known to be ours: it costs a chroot(2) a call. */
	if (sys_statx(m->root, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0 &&
	    errno != ENOSYS)
		return err_sys(e, "ownership emulation: look at /");
	m->root_mnt = st.stx_mnt_id;
	m->root_ino = st.stx_ino;
	return 0;
}

int
emulate_start(struct emulate **ret, int listener_fd, int proc_fd, struct err *e)
{
	static struct emulate only;
	struct emulate *m = &only;
	int r;

	m->listener = listener_fd;
	base_creds(&m->base);
	r = open_roots(m, proc_fd, e);
	if (r < 0)
		return r;
	/* Caller and init take turns, so they may as well share a processor: an optimisation. */
	(void)ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	*ret = m;
	return 0;
}

/* @pid is 0 when the caller is in a pid namespace that is not below ours. */
static int
answer(struct emulate *m, const struct seccomp_notif *req, int64_t *ret_result)
{
	struct request rq = { .id = req->id, .pid = (pid_t)req->pid, .result = 0 };
	enum emulate_op op = call_find(req->data.arch, req->data.nr, &rq.narrow);
	int r;

	if (op == OP_MAX_ || rq.pid == 0)
		return ANSWER_NATIVE;
	memcpy(rq.args, req->data.args, sizeof(rq.args));
	r = handlers[op](m, &rq);
	*ret_result = rq.result;
	return r;
}

int
emulate_handle(struct emulate *m)
{
	struct seccomp_notif req = { .id = 0 };
	struct seccomp_notif_resp resp = { .id = 0 };
	int64_t result = 0;
	int r;

	if (ioctl(m->listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : 1;
	r = answer(m, &req, &result);
	resp.id = req.id;
	if (r == ANSWER_NATIVE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (r < 0)
		resp.error = r;
	else
		resp.val = result;
	/* It fails only when the caller has died. */
	(void)ioctl(m->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	return 0;
}
