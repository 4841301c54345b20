/*
 * emulate-internal - what the parts of emulate share
 *
 * A handler answers one system call.  It returns 0 with the call's result in rq->result, -errno for
 * the call to fail with, or ANSWER_NATIVE: the kernel goes on with the call as if it had not been
 * trapped.
 *
 * rq->pid is the calling thread.  It may die, and its number be used again, at any time: whatever
 * was learnt through it counts only once request_is_alive() has said so afterwards, and nothing is
 * changed before.
 */
#ifndef INIT_EMULATE_INTERNAL_H
#define INIT_EMULATE_INTERNAL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/fd.h"
#include "base/record.h"
#include "init/emulate.h"

#define ANSWER_NATIVE 1

#define ID_NONE UINT32_MAX /* "leave it as it is" of chown(2), setresuid(2) */

enum emulate_op {
	OP_GETUID,
	OP_GETEUID,
	OP_GETGID,
	OP_GETEGID,
	OP_GETRESUID,
	OP_GETRESGID,
	OP_GETGROUPS,
	OP_SETUID,
	OP_SETGID,
	OP_SETREUID,
	OP_SETREGID,
	OP_SETRESUID,
	OP_SETRESGID,
	OP_SETFSUID,
	OP_SETFSGID,
	OP_SETGROUPS,
	OP_CHOWN,
	OP_LCHOWN,
	OP_FCHOWN,
	OP_FCHOWNAT,
	OP_CHMOD,
	OP_FCHMOD,
	OP_FCHMODAT,
	OP_FCHMODAT2,
	OP_MKNOD,
	OP_MKNODAT,
	OP_SETXATTR,
	OP_LSETXATTR,
	OP_FSETXATTR,
	OP_PRCTL,
	OP_SETRLIMIT,
	OP_PRLIMIT,
	OP_MAX_
};

struct request {
	uint64_t id;      /* of the notification */
	pid_t pid;        /* calling thread, in our pid namespace */
	bool narrow;      /* a call of the days of 16-bit ids (32-bit ABIs) */
	uint64_t args[6];
	int64_t result;
};

/* The four ids of a process, of users or of groups. */
struct ids {
	uint32_t r, e, s, fs;
};

#define CRED_GROUPS_MAX 64

/* Compared as bytes: no padding, unused groups are 0. */
struct cred {
	struct ids u, g;
	uint32_t keep; /* prctl(PR_SET_KEEPCAPS): leaving uid 0 is not to end the privilege ... */
	uint32_t kept; /* ... and so it did; execve should end it, but is not seen */
	uint32_t n_groups;
	uint32_t groups[CRED_GROUPS_MAX];
};
static_assert(sizeof(struct cred) == sizeof(uint32_t) * (11 + CRED_GROUPS_MAX), "padding");

struct emulate {
	int listener;       /* not ours */
	int proc;           /* O_PATH, also the working directory */
	int root;           /* our "/" */
	uint64_t root_mnt;  /* mount id and inode of our "/" */
	uint64_t root_ino;
	struct cred base;   /* of processes that never changed theirs */
	struct cred *creds; /* other sets in use, by index; never shrinks */
	size_t n_creds, room_creds;
};

typedef int emulate_fn(struct emulate *m, struct request *rq);

/* calls: the numbers of the trapped system calls */

/* What call @nr of ABI @arch (AUDIT_ARCH_...) is, or OP_MAX_. */
enum emulate_op call_find(uint32_t arch, int nr, bool *ret_narrow);

/* memory: that of the caller of a system call */

/* 0, -EFAULT, or another -errno when the memory is out of our reach. */
int mem_read(pid_t pid, uint64_t addr, void *buf, size_t n);
int mem_write(pid_t pid, uint64_t addr, const void *buf, size_t n);
/*
 * A string of at most @size - 1 bytes.  Returns its length, -EFAULT, -ENAMETOOLONG, or another
 * -errno when the memory is out of our reach.
 */
ssize_t mem_read_string(pid_t pid, uint64_t addr, char *buf, size_t size);

/* path: files as the caller sees them */

bool request_is_alive(const struct emulate *m, const struct request *rq);
/* Read a path argument: its length, -errno, or ANSWER_NATIVE with an empty @buf. */
int path_read(const struct request *rq, uint64_t addr, char buf[PATH_MAX]);
/*
 * Open, with O_PATH, @path relative to @dirfd of the caller (or AT_FDCWD), as its own look-up would
 * find it.  An empty @path is @dirfd itself.
 *
 * @nofollow:  a symbolic link at the end is meant itself
 *
 * Returns 0 and a descriptor, -errno, or ANSWER_NATIVE for a magic link that is not our business.
 */
int path_open(struct emulate *m, const struct request *rq, int dirfd, const char *path,
	      bool nofollow, int *ret_fd);
/* path_read() and path_open() in one; @at_flags: AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW. */
int path_open_arg(struct emulate *m, const struct request *rq, int dirfd, uint64_t addr,
		  int at_flags, int *ret_fd);

/*
 * Cut @path into the directory ("" for the base itself) and the name of what is to be made in it; -EEXIST
 * or -ENOENT where nothing can be.
 */
int path_split(char *path, const char **ret_dir, const char **ret_name);

/* record: the extended attribute of base/record.h */

/* Can a file of this kind (st_mode) carry a record? */
bool record_possible(mode_t mode);
/* Read the record of @fd (O_PATH will do): true when there is one that makes sense. */
bool record_read(int fd, struct record *ret);
/* What a file without a record is. */
void record_default(mode_t mode, struct record *ret);
/* The same for @name in the directory @dir, for kinds that cannot carry one; its type is not kept. */
void record_read_name(int dir, const char *name, struct record *ret);
int record_write_name(int dir, const char *name, const struct record *rec);
/* 0, or -errno; -EOPNOTSUPP where the file system has no such attributes. */
int record_write(int fd, const struct record *rec);

/* creds: who the processes believe they are */

/* The set that process @pid was given, NULL when it never changed; borrowed until the next store. */
int creds_find(const struct emulate *m, pid_t pid, const struct cred **ret);
/* The same, with what the sandbox began with for one that never did. */
int creds_load(const struct emulate *m, pid_t pid, struct cred *ret);
int creds_store(struct emulate *m, pid_t pid, const struct cred *c);
/* May the process do what takes root? */
bool cred_is_privileged(const struct cred *c);
bool cred_in_group(const struct cred *c, uint32_t gid);

/* An id argument or result of a 16-bit call, widened or cut as the kernel does. */
static inline uint32_t
id_arg(const struct request *rq, uint64_t v)
{
	return rq->narrow && (uint16_t)v != UINT16_MAX ? (uint16_t)v
		: rq->narrow			       ? ID_NONE
						       : (uint32_t)v;
}

static inline uint32_t
id_result(const struct request *rq, uint32_t id)
{
	return rq->narrow && id > UINT16_MAX ? 65534 : id;
}

/* Handlers, by file: ids, owner, mode, mknod, acl, creds (the limit). */
emulate_fn do_getuid, do_geteuid, do_getgid, do_getegid, do_getresuid, do_getresgid, do_getgroups;
emulate_fn do_setuid, do_setgid, do_setreuid, do_setregid, do_setresuid, do_setresgid;
emulate_fn do_setfsuid, do_setfsgid, do_setgroups;
emulate_fn do_chown, do_lchown, do_fchown, do_fchownat;
emulate_fn do_chmod, do_fchmod, do_fchmodat, do_fchmodat2;
emulate_fn do_mknod, do_mknodat;
emulate_fn do_setxattr, do_lsetxattr, do_fsetxattr;
emulate_fn do_prctl, do_setrlimit, do_prlimit;

#endif
