#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "init/emulate-internal.h"

#ifndef __NR_fchmodat2 /* Linux 6.6; the same number everywhere */
#define __NR_fchmodat2 452
#endif

struct call {
	uint16_t nr;
	uint8_t op;
	bool narrow;
};

/* The cheap and frequent ones first. */
static const struct call native_calls[] = {
	{ __NR_getuid, OP_GETUID, false },
	{ __NR_geteuid, OP_GETEUID, false },
	{ __NR_getgid, OP_GETGID, false },
	{ __NR_getegid, OP_GETEGID, false },
	{ __NR_getresuid, OP_GETRESUID, false },
	{ __NR_getresgid, OP_GETRESGID, false },
	{ __NR_getgroups, OP_GETGROUPS, false },
	{ __NR_fchown, OP_FCHOWN, false },
	{ __NR_fchownat, OP_FCHOWNAT, false },
	{ __NR_fchmod, OP_FCHMOD, false },
	{ __NR_fchmodat, OP_FCHMODAT, false },
	{ __NR_fchmodat2, OP_FCHMODAT2, false },
	{ __NR_setuid, OP_SETUID, false },
	{ __NR_setgid, OP_SETGID, false },
	{ __NR_setreuid, OP_SETREUID, false },
	{ __NR_setregid, OP_SETREGID, false },
	{ __NR_setresuid, OP_SETRESUID, false },
	{ __NR_setresgid, OP_SETRESGID, false },
	{ __NR_setfsuid, OP_SETFSUID, false },
	{ __NR_setfsgid, OP_SETFSGID, false },
	{ __NR_setgroups, OP_SETGROUPS, false },
	{ __NR_mknodat, OP_MKNODAT, false },
	{ __NR_setxattr, OP_SETXATTR, false },
	{ __NR_lsetxattr, OP_LSETXATTR, false },
	{ __NR_fsetxattr, OP_FSETXATTR, false },
	{ __NR_prctl, OP_PRCTL, false },
	{ __NR_setrlimit, OP_SETRLIMIT, false },
	{ __NR_prlimit64, OP_PRLIMIT, false },
#ifdef __NR_chown /* the old ones that new ABIs left out */
	{ __NR_chown, OP_CHOWN, false },
	{ __NR_lchown, OP_LCHOWN, false },
	{ __NR_chmod, OP_CHMOD, false },
	{ __NR_mknod, OP_MKNOD, false },
#endif
};

#if defined(__x86_64__)
#define COMPAT_MKNODAT   297
#define COMPAT_FCHOWNAT  298
#define COMPAT_FCHMODAT  306
#define COMPAT_PRLIMIT   340
#else
#define COMPAT_MKNODAT   324
#define COMPAT_FCHOWNAT  325
#define COMPAT_FCHMODAT  333
#define COMPAT_PRLIMIT   369
#endif

/* i386 and arm share these numbers but for four. */
static const struct call compat_calls[] = {
	{ 199, OP_GETUID, false },
	{ 201, OP_GETEUID, false },
	{ 200, OP_GETGID, false },
	{ 202, OP_GETEGID, false },
	{ 209, OP_GETRESUID, false },
	{ 211, OP_GETRESGID, false },
	{ 205, OP_GETGROUPS, false },
	{ 213, OP_SETUID, false },
	{ 214, OP_SETGID, false },
	{ 203, OP_SETREUID, false },
	{ 204, OP_SETREGID, false },
	{ 208, OP_SETRESUID, false },
	{ 210, OP_SETRESGID, false },
	{ 215, OP_SETFSUID, false },
	{ 216, OP_SETFSGID, false },
	{ 206, OP_SETGROUPS, false },
	{ 212, OP_CHOWN, false },
	{ 198, OP_LCHOWN, false },
	{ 207, OP_FCHOWN, false },
	{ COMPAT_FCHOWNAT, OP_FCHOWNAT, false },
	{ 15, OP_CHMOD, false },
	{ 94, OP_FCHMOD, false },
	{ COMPAT_FCHMODAT, OP_FCHMODAT, false },
	{ __NR_fchmodat2, OP_FCHMODAT2, false },
	{ 14, OP_MKNOD, false },
	{ COMPAT_MKNODAT, OP_MKNODAT, false },
	{ 226, OP_SETXATTR, false },
	{ 227, OP_LSETXATTR, false },
	{ 228, OP_FSETXATTR, false },
	{ 172, OP_PRCTL, false },
	{ 75, OP_SETRLIMIT, false },
	{ COMPAT_PRLIMIT, OP_PRLIMIT, false },
	{ 24, OP_GETUID, true },
	{ 49, OP_GETEUID, true },
	{ 47, OP_GETGID, true },
	{ 50, OP_GETEGID, true },
	{ 165, OP_GETRESUID, true },
	{ 171, OP_GETRESGID, true },
	{ 80, OP_GETGROUPS, true },
	{ 23, OP_SETUID, true },
	{ 46, OP_SETGID, true },
	{ 70, OP_SETREUID, true },
	{ 71, OP_SETREGID, true },
	{ 164, OP_SETRESUID, true },
	{ 170, OP_SETRESGID, true },
	{ 138, OP_SETFSUID, true },
	{ 139, OP_SETFSGID, true },
	{ 81, OP_SETGROUPS, true },
	{ 182, OP_CHOWN, true },
	{ 16, OP_LCHOWN, true },
	{ 95, OP_FCHOWN, true },
};

enum emulate_op
call_find(uint32_t arch, int nr, bool *ret_narrow)
{
	const struct call *t = arch == EMULATE_ARCH_NATIVE ? native_calls : compat_calls;
	size_t n = arch == EMULATE_ARCH_NATIVE ? NELEMS(native_calls) : NELEMS(compat_calls);

	for (size_t i = 0; i < n; i++) {
		if (t[i].nr != nr)
			continue;
		*ret_narrow = t[i].narrow;
		return t[i].op;
	}
	return OP_MAX_;
}

struct program {
	struct sock_filter *out;
	size_t n, max;
};

static void
put(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (p->n < p->max)
		p->out[p->n] = (struct sock_filter){ code, jt, jf, k };
	p->n++;
}

static void
put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* Go on at the next instruction unless the accumulator is @k: then jump over @skip. */
static void
put_jump(struct program *p, uint32_t k, size_t skip)
{
	assert(skip <= UINT8_MAX);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)skip, 0, k);
}

/* Both ABIs are little-endian: the low half of the argument comes first. */
static void
put_load_arg(struct program *p, size_t arg)
{
	put_load(p, offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t));
}

static void
put_return(struct program *p, uint32_t action)
{
	put(p, BPF_RET | BPF_K, 0, 0, action);
}

/* Of mknod, only devices. */
static void
put_mknod_block(struct program *p, size_t arg)
{
	put_load_arg(p, arg);
	put(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, S_IFMT);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, S_IFCHR);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, S_IFBLK);
	put_return(p, SECCOMP_RET_USER_NOTIF);
	put_return(p, SECCOMP_RET_ALLOW);
}

/* Only when an argument is @value. */
static void
put_equal_block(struct program *p, size_t arg, uint32_t value)
{
	put_load_arg(p, arg);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	put_return(p, SECCOMP_RET_USER_NOTIF);
	put_return(p, SECCOMP_RET_ALLOW);
}

/* What follows the comparisons of a section, as offsets in instructions. */
enum {
	TAIL_ALLOW = 0,
	TAIL_MKNOD = 1,
	TAIL_MKNODAT = TAIL_MKNOD + 6,
	TAIL_PRCTL = TAIL_MKNODAT + 6,
	TAIL_SETRLIMIT = TAIL_PRCTL + 4,
	TAIL_PRLIMIT = TAIL_SETRLIMIT + 4,
	TAIL_NOTIFY = TAIL_PRLIMIT + 4,
	TAIL_LEN
};

static size_t
tail_of(enum emulate_op op)
{
	static const uint8_t tails[OP_MAX_] = {
		[OP_MKNOD] = TAIL_MKNOD,         [OP_MKNODAT] = TAIL_MKNODAT,
		[OP_PRCTL] = TAIL_PRCTL,         [OP_SETRLIMIT] = TAIL_SETRLIMIT,
		[OP_PRLIMIT] = TAIL_PRLIMIT,
	};

	return tails[op] ? tails[op] : TAIL_NOTIFY;
}

/*
 * One ABI: load the number, compare, and the tail.  The comparisons cost nothing for calls that are
 * not in the table: since Linux 5.11 the kernel remembers which numbers are always allowed.
 */
#define SECTION_LEN(n) (1 + (n) + TAIL_LEN)

static void
put_section(struct program *p, const struct call *calls, size_t n)
{
	put_load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++)
		put_jump(p, calls[i].nr, n - i - 1 + tail_of(calls[i].op));
	put_return(p, SECCOMP_RET_ALLOW);
	put_mknod_block(p, 1);
	put_mknod_block(p, 2);
	put_equal_block(p, 0, PR_SET_KEEPCAPS);
	put_equal_block(p, 0, RLIMIT_LOCKS);
	put_equal_block(p, 1, RLIMIT_LOCKS);
	put_return(p, SECCOMP_RET_USER_NOTIF);
}

int
emulate_filter(struct sock_filter *out, size_t max)
{
	struct program p = { .out = out, .n = 0, .max = max };

	static_assert(SECTION_LEN(NELEMS(compat_calls)) <= UINT8_MAX, "jump too far");
	put_load(&p, offsetof(struct seccomp_data, arch));
	put_jump(&p, EMULATE_ARCH_NATIVE, 2);
	put_jump(&p, EMULATE_ARCH_COMPAT, 1 + SECTION_LEN(NELEMS(native_calls)));
	put_return(&p, SECCOMP_RET_ALLOW);
	put_section(&p, native_calls, NELEMS(native_calls));
	put_section(&p, compat_calls, NELEMS(compat_calls));
	return p.n <= max ? (int)p.n : -ENOSPC;
}
