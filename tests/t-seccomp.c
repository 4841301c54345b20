/*
 * t-seccomp - the default policy, call by call, on paper for every ABI and once in the kernel;
 * and what profile_compile() makes of odd profiles
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf-sim.h"
#include "seccomp/default.h"
#include "seccomp/profile.h"
#include "seccomp/reduce.h"
#include "tap.h"

#define ALLOW SCMP_ACT_ALLOW
#define FAIL(n) SCMP_ACT_ERRNO(n)
#define HIGH 0xdead00000000ULL /* bits that the kernel cuts off */

#define X86_64 (1U << 0)
#define X86 (1U << 1)
#define AARCH64 (1U << 2)
#define ARM (1U << 3)
#define ALL (X86_64 | X86 | AARCH64 | ARM)

struct abi {
	const char *name;
	unsigned int bit;
	uint32_t audit, scmp;
	const struct sock_filter *insns;
	size_t n;
};
static struct abi abis[4];

static void
init_abis(void)
{
	const struct sock_filter *x = seccomp_default_x86_64, *a = seccomp_default_aarch64;
	size_t nx = seccomp_default_x86_64_len, na = seccomp_default_aarch64_len;

	abis[0] = (struct abi){ "x86_64", X86_64, AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, x, nx };
	abis[1] = (struct abi){ "x86", X86, AUDIT_ARCH_I386, SCMP_ARCH_X86, x, nx };
	abis[2] = (struct abi){ "aarch64", AARCH64, AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, a, na };
	abis[3] = (struct abi){ "arm", ARM, AUDIT_ARCH_ARM, SCMP_ARCH_ARM, a, na };
}

struct row {
	const char *call; /* NULL: nr */
	int nr;
	uint64_t args[2];
	uint32_t want;
	unsigned int abis; /* where the row holds; a call that an ABI lacks is left out */
};

static const struct row rows[] = {
	/* ordinary life */
	{ "read", 0, { 0, 0 }, ALLOW, ALL },
	{ "openat", 0, { 0, 0 }, ALLOW, ALL },
	{ "openat2", 0, { 0, 0 }, ALLOW, ALL },
	{ "execve", 0, { 0, 0 }, ALLOW, ALL },
	{ "exit_group", 0, { 0, 0 }, ALLOW, ALL },
	{ "rt_sigreturn", 0, { 0, 0 }, ALLOW, ALL },
	{ "restart_syscall", 0, { 0, 0 }, ALLOW, ALL },
	{ "vfork", 0, { 0, 0 }, ALLOW, ALL },
	{ "rseq", 0, { 0, 0 }, ALLOW, ALL },
	{ "futex_time64", 0, { 0, 0 }, ALLOW, ALL },
	{ "close_range", 0, { 0, 0 }, ALLOW, ALL },
	{ "ptrace", 0, { 0, 0 }, ALLOW, ALL },
	{ "process_vm_readv", 0, { 0, 0 }, ALLOW, ALL },
	{ "chroot", 0, { 0, 0 }, ALLOW, ALL },
	{ "seccomp", 0, { 0, 0 }, ALLOW, ALL },
	{ "landlock_restrict_self", 0, { 0, 0 }, ALLOW, ALL },
	{ "connect", 0, { 0, 0 }, ALLOW, ALL },
	{ "shmget", 0, { 0, 0 }, ALLOW, ALL },
	{ "semctl", 0, { 0, 0 }, ALLOW, ALL },
	{ "socketcall", 0, { 1, 0 }, ALLOW, X86 },
	{ "ipc", 0, { 0, 0 }, ALLOW, X86 },
	{ "arch_prctl", 0, { 0, 0 }, ALLOW, X86_64 },
	{ "modify_ldt", 0, { 0, 0 }, ALLOW, X86_64 | X86 },
	{ "set_thread_area", 0, { 0, 0 }, ALLOW, X86 },
	{ NULL, 0x0f0002, { 0, 0 }, ALLOW, ARM }, /* cacheflush */
	{ NULL, 0x0f0005, { 0, 0 }, ALLOW, ARM }, /* set_tls */

	/* clone */
	{ "clone", 0, { 0x11, 0 }, ALLOW, ALL },
	{ "clone", 0, { 0x003d0f00, 0 }, ALLOW, ALL }, /* a thread */
	{ "clone", 0, { HIGH | 0x003d0f00, 0 }, ALLOW, ALL },
	{ "clone", 0, { 0x00020000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x02000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x04000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x08000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x10000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x20000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x40000000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { 0x7e020000 | 17, 0 }, FAIL(EPERM), ALL },
	{ "clone", 0, { HIGH | 0x10000000, 0 }, FAIL(EPERM), ALL },
	{ "clone3", 0, { 0, 0 }, FAIL(ENOSYS), ALL },
	{ "unshare", 0, { 0x10000000, 0 }, FAIL(EPERM), ALL },
	{ "setns", 0, { 3, 0 }, FAIL(EPERM), ALL },

	/* ioctl */
	{ "ioctl", 0, { 0, 0x5401 }, ALLOW, ALL }, /* TCGETS */
	{ "ioctl", 0, { 0, 0x5413 }, ALLOW, ALL }, /* TIOCGWINSZ */
	{ "ioctl", 0, { 0, 0x541b }, ALLOW, ALL }, /* FIONREAD */
	{ "ioctl", 0, { 0, 0x15412 }, ALLOW, ALL },
	{ "ioctl", 0, { 0, 0 }, ALLOW, ALL },
	{ "ioctl", 0, { 0, HIGH | 0x5413 }, ALLOW, ALL },
	{ "ioctl", 0, { 0, 0x5412 }, FAIL(EPERM), ALL },
	{ "ioctl", 0, { 0, HIGH | 0x5412 }, FAIL(EPERM), ALL },
	{ "ioctl", 0, { 0, 0xffffffff00005412ULL }, FAIL(EPERM), ALL },
	{ "ioctl", 0, { 0x5412, 0x541c }, FAIL(EPERM), ALL },
	{ "ioctl", 0, { 0, HIGH | 0x541c }, FAIL(EPERM), ALL },
	{ NULL, 54, { 0, 0x5412 }, FAIL(EPERM), X86 | ARM },
	{ NULL, 16, { 0, HIGH | 0x5412 }, FAIL(EPERM), X86_64 },
	{ NULL, 29, { 0, HIGH | 0x5412 }, FAIL(EPERM), AARCH64 },

	/* socket */
	{ "socket", 0, { 1, 1 }, ALLOW, ALL },
	{ "socket", 0, { 2, 1 }, ALLOW, ALL },
	{ "socket", 0, { 10, 1 }, ALLOW, ALL },
	{ "socket", 0, { 16, 3 }, ALLOW, ALL },
	{ "socket", 0, { 40, 1 }, FAIL(EAFNOSUPPORT), ALL },
	{ "socket", 0, { HIGH | 40, 1 }, FAIL(EAFNOSUPPORT), ALL },
	{ "socket", 0, { 0x100000028ULL, 1 }, FAIL(EAFNOSUPPORT), ALL },
	{ NULL, 359, { 40, 1 }, FAIL(EAFNOSUPPORT), X86 },
	{ NULL, 41, { 40, 1 }, FAIL(EAFNOSUPPORT), X86_64 },
	{ NULL, 41, { HIGH | 2, 1 }, ALLOW, X86_64 },
	{ NULL, 198, { 40, 1 }, FAIL(EAFNOSUPPORT), AARCH64 },
	{ NULL, 281, { 40, 1 }, FAIL(EAFNOSUPPORT), ARM },
	{ "socketpair", 0, { 1, 1 }, ALLOW, ALL },

	/* personality */
	{ "personality", 0, { 0, 0 }, ALLOW, ALL },
	{ "personality", 0, { 8, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0x20000, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0x20008, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0x40000, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0x60008, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0xffffffff, 0 }, ALLOW, ALL },
	{ "personality", 0, { UINT64_MAX, 0 }, ALLOW, ALL },
	{ "personality", 0, { 0x400000, 0 }, FAIL(EPERM), ALL }, /* READ_IMPLIES_EXEC */
	{ "personality", 0, { 0x100000, 0 }, FAIL(EPERM), ALL }, /* MMAP_PAGE_ZERO */
	{ "personality", 0, { HIGH | 0x440000, 0 }, FAIL(EPERM), ALL },

	/* known and refused */
	{ "keyctl", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "add_key", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "request_key", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "bpf", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "perf_event_open", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "userfaultfd", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "io_uring_setup", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "io_uring_enter", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "io_uring_register", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "mount", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "umount2", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "umount", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "move_mount", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "open_tree", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "fsopen", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "fsconfig", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "fsmount", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "fspick", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "mount_setattr", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "pivot_root", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "swapon", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "swapoff", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "reboot", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "kexec_load", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "kexec_file_load", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "init_module", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "finit_module", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "delete_module", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "quotactl", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "quotactl_fd", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "open_by_handle_at", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "name_to_handle_at", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "kcmp", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "move_pages", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "memfd_secret", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "lookup_dcookie", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "nfsservctl", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "acct", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "iopl", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "ioperm", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "syslog", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "vhangup", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "settimeofday", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "clock_settime", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "clock_settime64", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "fanotify_init", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "pidfd_getfd", 0, { 0, 0 }, FAIL(EPERM), ALL },
	{ "process_madvise", 0, { 0, 0 }, FAIL(EPERM), ALL },

	/* x32 numbers */
	{ NULL, 0x40000000, { 0, 0 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x40000000 | 1, { 0, 0 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x40000000 | 39, { 0, 0 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x40000000 | 514, { 0, 0x5412 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x40000000 | 16, { 0, 0x5401 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x40000000 | 272, { 0, 0 }, FAIL(ENOSYS), X86_64 },
	{ NULL, 0x7fffffff, { 0, 0 }, FAIL(ENOSYS), ALL },
	{ NULL, -1, { 0, 0 }, FAIL(ENOSYS), ALL },

	/* numbers mean other calls in the other ABI */
	{ NULL, 21, { 0, 0 }, FAIL(EPERM), X86 | ARM }, /* mount there, access in x86_64 */
	{ NULL, 21, { 0, 0 }, ALLOW, X86_64 },
	{ NULL, 165, { 0, 0 }, FAIL(EPERM), X86_64 }, /* mount there, getresuid in x86 */
	{ NULL, 165, { 0, 0 }, ALLOW, X86 },
};

static uint32_t
answer(const struct abi *abi, int nr, const uint64_t args[2])
{
	struct seccomp_data d = { .nr = nr, .arch = abi->audit };
	uint32_t action;

	d.args[0] = args[0];
	d.args[1] = args[1];
	if (bpf_sim_run(abi->insns, abi->n, &d, &action) < 0)
		return 0xbadbad;
	return action;
}

/* The number that programs use: libseccomp's own look-up gives pseudo numbers for x86's sockets. */
static int
number_of(const struct abi *abi, const char *call)
{
	for (int nr = 0; nr < 1024; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(abi->scmp, nr);
		bool same = name && strcmp(name, call) == 0;

		free(name);
		if (same)
			return nr;
	}
	return -2;
}

static void
test_row(const struct row *r, const struct abi *abi)
{
	int nr = r->call ? number_of(abi, r->call) : r->nr;
	uint32_t got;

	if (!(r->abis & abi->bit) || nr == -2)
		return;
	got = answer(abi, nr, r->args);
	OK(got == r->want, "%s: %s (%d) with 0x%llx, 0x%llx answers 0x%x, 0x%x is right",
	   abi->name, r->call ? r->call : "number", nr, (unsigned long long)r->args[0],
	   (unsigned long long)r->args[1], got, r->want);
}

static void
test_rows(void)
{
	for (size_t i = 0; i < NELEMS(rows); i++)
		for (size_t a = 0; a < NELEMS(abis); a++)
			test_row(&rows[i], &abis[a]);
}

static bool
all_answer(const struct abi *abi, int from, int to, uint32_t want)
{
	for (int nr = from; nr <= to; nr++)
		if (answer(abi, nr, (const uint64_t[2]){ 0, 0 }) != want)
			return false;
	return true;
}

static void
test_unknown(void)
{
	static const uint32_t foreign[] = { AUDIT_ARCH_PPC64LE, AUDIT_ARCH_S390X, 0, UINT32_MAX };
	struct abi abi;

	for (size_t a = 0; a < NELEMS(abis); a++) {
		OK(all_answer(&abis[a], 450, 480, FAIL(ENOSYS)), "%s: 450 to 480 are ENOSYS",
		   abis[a].name);
		OK(all_answer(&abis[a], 481, 5000, FAIL(ENOSYS)), "%s: 481 to 5000 are ENOSYS",
		   abis[a].name);
		abi = abis[a];
		for (size_t i = 0; i < NELEMS(foreign); i++) {
			abi.audit = foreign[i];
			OK(all_answer(&abi, 0, 600, FAIL(ENOSYS)),
			   "%s program: architecture 0x%x is ENOSYS", abi.name, foreign[i]);
		}
	}
	abi = abis[0];
	OK(all_answer(&abi, 0x40000000, 0x40000400, FAIL(ENOSYS)), "every x32 call is ENOSYS");
	abi.audit = AUDIT_ARCH_AARCH64;
	OK(all_answer(&abi, 0, 600, FAIL(ENOSYS)), "x86_64 program: aarch64 is ENOSYS");
}

/* Profiles written here */

static struct sock_filter *built;
static size_t n_built;

static int
build(const char *json, uint64_t caps, unsigned int kernel, struct err *e)
{
	const struct profile_target target = { "x86_64", caps, kernel };

	free(built);
	built = NULL;
	err_clear(e);
	return profile_compile(json, strlen(json), &target, &built, &n_built, e);
}

static uint32_t
built_answer(int nr, uint64_t arg0, uint64_t arg1)
{
	struct abi abi = abis[0];

	abi.insns = built;
	abi.n = n_built;
	return answer(&abi, nr, (const uint64_t[2]){ arg0, arg1 });
}

#define ALLOWING(rules) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" rules "]}"
#define REFUSING(rules) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" rules "]}"

static void
test_conditions(void)
{
	static const char gated[] = REFUSING(
	    "{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\","
	    "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
	    "{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\","
	    "\"includes\":{\"minKernel\":\"4.8\"}},"
	    "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\","
	    "\"includes\":{\"arches\":[\"arm64\"]}},"
	    "{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ALLOW\","
	    "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_CHOWN\"]}}");
	struct err e = ERR_INIT;

	OK(build(gated, 0, 4 << 16 | 7 << 8, &e) == 0, "a profile with conditions (%s)", e.msg);
	OK(built_answer(165, 0, 0) == FAIL(EPERM), "includes.caps: without it the rule is out");
	OK(built_answer(101, 0, 0) == FAIL(EPERM), "includes.minKernel: 4.7 is older than 4.8");
	OK(built_answer(0, 0, 0) == FAIL(EPERM), "includes.arches: not another machine");
	OK(built_answer(1, 0, 0) == ALLOW, "excludes.caps: without them the rule is in");
	OK(build(gated, 1ULL << 21, 4 << 16 | 10 << 8, &e) == 0, "again with CAP_SYS_ADMIN");
	OK(built_answer(165, 0, 0) == ALLOW, "includes.caps: with it the rule is in");
	OK(built_answer(101, 0, 0) == ALLOW, "includes.minKernel: 4.10 is newer than 4.8");
	OK(built_answer(1, 0, 0) == FAIL(EPERM), "excludes.caps: one of them takes the rule out");
}

static void
test_meaning(void)
{
	struct err e = ERR_INIT;

	OK(build(REFUSING("{\"name\":\"no_such_call\",\"action\":\"SCMP_ACT_ALLOW\"}"), 0, 0,
		 &e) == 0 && built_answer(0, 0, 0) == FAIL(EPERM), "unknown calls are skipped");
	OK(build(ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,"
			  "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			  "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}"), 0, 0, &e) == 0 &&
	   built_answer(32, 1, 0) == FAIL(13) && built_answer(32, 2, 0) == FAIL(13) &&
	   built_answer(32, 3, 0) == ALLOW, "two conditions on one argument mean or");
	OK(build(ALLOWING("{\"names\":[\"dup2\"],\"action\":\"SCMP_ACT_ERRNO\","
			  "\"args\":[{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_GT\"},"
			  "{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_NE\"}]}"), 0, 0, &e) == 0 &&
	   built_answer(33, 6, 1) == FAIL(EPERM) && built_answer(33, 6, 2) == ALLOW &&
	   built_answer(33, 5, 1) == ALLOW, "conditions on two arguments mean and");
	OK(build(ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":"
			  "[{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_GE\"}]},"
			  "{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_KILL_PROCESS\",\"args\":"
			  "[{\"index\":0,\"value\":12,\"op\":\"SCMP_CMP_GE\"}]}"), 0, 0, &e) == 0 &&
	   built_answer(32, 12, 0) == SCMP_ACT_KILL_PROCESS &&
	   built_answer(32, 9, 0) == FAIL(EPERM) && built_answer(32, 8, 0) == ALLOW,
	   "of two that match the strictest wins");
	OK(build(REFUSING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\"},"
			  "{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_TRAP\"},"
			  "{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ALLOW\"}"), 0, 0, &e) == 0 &&
	   built_answer(32, 0, 0) == SCMP_ACT_TRAP, "of three for all arguments too");
	OK(build(ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":"
			  "\"ENOSYS\"}"), 0, 0, &e) == 0 && built_answer(32, 0, 0) == FAIL(ENOSYS),
	   "an error number by its name");
}

static void
test_socketcall(void)
{
	static const char spared[] = REFUSING(
	    "{\"names\":[\"socket\",\"socketcall\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	    "{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":"
	    "[{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_EQ\"}]}],"
	    "\"architectures\":[\"SCMP_ARCH_X86\"],\"flags\":[");
	struct err e = ERR_INIT;
	struct abi abi = abis[1];

	OK(build(spared, 0, 0, &e) == 0, "a profile with socket and socketcall (%s)", e.msg);
	abi.insns = built;
	abi.n = n_built;
	OK(answer(&abi, 359, (const uint64_t[2]){ 40, 0 }) == SCMP_ACT_TRAP &&
	   answer(&abi, 359, (const uint64_t[2]){ 1, 0 }) == ALLOW, "x86: socket has its condition");
	OK(answer(&abi, 102, (const uint64_t[2]){ 1, 0 }) == ALLOW &&
	   answer(&abi, 102, (const uint64_t[2]){ 3, 0 }) == ALLOW,
	   "x86: a condition on socket does not close socketcall");
}

struct bad {
	const char *json, *says;
};

static const struct bad bads[] = {
	{ "", "line 1, column" },
	{ "{\n \"defaultAction\": oops }", "line 2, column" },
	{ "[]", "not a JSON object" },
	{ "{}", "defaultAction: missing" },
	{ "{\"defaultAction\":1}", "defaultAction: a string is wanted here, not a number" },
	{ "{\"defaultAction\":\"ALLOW\"}", "defaultAction: unknown action \"ALLOW\"" },
	{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "SCMP_ACT_NOTIFY" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}", "listenerPath" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "flags: unknown flag" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"vax\"]}", "\"vax\"" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscals\":[]}", "unknown key \"syscals\"" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_LOG\"}", "line 1" },
	{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "out of range" },
	{ ALLOWING("1"), "syscalls: [0]: an object is wanted here, not a number" },
	{ ALLOWING("{\"action\":\"SCMP_ACT_LOG\"}"), "syscalls[0]: names: missing" },
	{ ALLOWING("{\"names\":[]}"), "syscalls[0]: action: missing" },
	{ ALLOWING("{\"names\":[7],\"action\":\"SCMP_ACT_LOG\"}"), "names: [0]: a string" },
	{ ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\",\"arg\":[]}"),
	  "unknown key \"arg\"" },
	{ ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{}]}"),
	  "syscalls[0]: args[0]: index: missing" },
	{ ALLOWING("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6}]}"),
	  "index: 6 is out of range" },
	{ ALLOWING("{\"names\":[\"dup\"],\"action\":\"\\u001b[2J\"}"), "\\x1b[2J" },
};

static void
test_bad(void)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < NELEMS(bads); i++) {
		int r = build(bads[i].json, 0, 0, &e);

		OK(r < 0 && strstr(e.msg, bads[i].says) && !strpbrk(e.msg, "\n\033"),
		   "refused: %s", r < 0 ? e.msg : "(it was not)");
	}
}

/* The reduced program against the one it was made from */

/* A program of libseccomp's own: conditions, ranges, two ABIs. */
static size_t
export_sample(struct sock_filter *out, size_t room)
{
	scmp_filter_ctx f = seccomp_init(FAIL(ENOSYS));
	FILE *file = tmpfile();
	size_t n = 0;

	if (f && file && seccomp_arch_add(f, SCMP_ARCH_AARCH64) == 0 &&
	    seccomp_arch_add(f, SCMP_ARCH_ARM) == 0) {
		for (int nr = 0; nr < 300; nr++)
			(void)seccomp_rule_add(f, nr % 7 ? ALLOW : FAIL(nr), nr, nr % 3 == 0,
					       SCMP_A1(SCMP_CMP_GT, (uint64_t)nr << 20));
		if (seccomp_export_bpf(f, fileno(file)) == 0) {
			rewind(file);
			n = fread(out, sizeof(*out), room, file);
		}
	}
	if (file)
		(void)fclose(file);
	seccomp_release(f);
	return n;
}

static bool
same_answers(const struct sock_filter *a, size_t n_a, const struct sock_filter *b, size_t n_b)
{
	static const uint32_t arches[] = { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64,
					   AUDIT_ARCH_S390X };
	struct seccomp_data d = { .nr = 0 };
	uint32_t x, y;

	for (int i = 0; i < 4 * 1200 * 4; i++) {
		d.arch = arches[i % 4];
		d.nr = i / 16 - 2;
		d.args[1] = (uint64_t)(i / 4 % 4) << 27;
		if (bpf_sim_run(a, n_a, &d, &x) < 0 || bpf_sim_run(b, n_b, &d, &y) < 0 || x != y)
			return false;
	}
	return true;
}

static void
test_reduce(void)
{
	static struct sock_filter big[BPF_MAXINSNS], small[BPF_MAXINSNS];
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM };
	size_t n_big = export_sample(big, NELEMS(big)), n_small = n_big;
	struct sock_filter odd[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
				     BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
				     BPF_STMT(BPF_RET | BPF_A, 0) };
	size_t n_odd = NELEMS(odd);

	memcpy(small, big, sizeof(big));
	reduce(small, &n_small, arches, NELEMS(arches));
	OK(n_small < n_big, "reduce: %zu instructions become %zu", n_big, n_small);
	OK(n_small < n_big && same_answers(big, n_big, small, n_small),
	   "reduce: the smaller program answers the same");
	reduce(odd, &n_odd, arches, NELEMS(arches));
	OK(n_odd == NELEMS(odd) && odd[1].k == 1, "reduce: what it does not know stays as it is");
	OK(seccomp_default_x86_64_len < 400 && seccomp_default_aarch64_len < 400,
	   "the default programs are small: %u and %u instructions", seccomp_default_x86_64_len,
	   seccomp_default_aarch64_len);
}

/* In the kernel */

#if defined(__x86_64__)
static long
int80(long nr, long a, long b)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}
#endif

static bool
fails_with(long r, int code)
{
	return r == -1 && errno == code;
}

/* Returns a bit for each call that was answered wrongly. */
static int
try_calls(void)
{
	int wrong = 0;

	wrong |= !fails_with(syscall(__NR_ioctl, 0, 0x5412 | HIGH, "x"), EPERM) << 0;
	wrong |= !fails_with(syscall(__NR_socket, 40 | HIGH, 1, 0), EAFNOSUPPORT) << 1;
	wrong |= !fails_with(syscall(__NR_clone3, NULL, 0), ENOSYS) << 2;
	wrong |= !fails_with(syscall(470, 0, 0, 0), ENOSYS) << 3;
	wrong |= !fails_with(syscall(__NR_unshare, 0x10000000), EPERM) << 4;
	wrong |= !fails_with(syscall(__NR_keyctl, 0, -3, 0), EPERM) << 5;
	wrong |= (syscall(__NR_getpid) != getpid()) << 6;
#if defined(__x86_64__)
	/* A kernel without the 32-bit ABI would kill for int 0x80 before any filter. */
	wrong |= (int80(54, 0, 0x5412) != -EPERM) << 7;
#endif
	return wrong;
}

static void
test_kernel(void)
{
	struct seccomp_program p = seccomp_default();
	struct sock_fprog prog = { .len = (unsigned short)p.n, .filter = NULL };
	int status = -1;
	pid_t pid;

	if (p.n == 0) {
		SKIP("no default policy for this machine", "the kernel takes the program");
		return;
	}
	memcpy(&prog.filter, &p.insns, sizeof(prog.filter));
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
			_exit(255);
		_exit(try_calls());
	}
	OK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	   "the kernel takes the program and answers as it says (status 0x%x)", status);
}

int
main(void)
{
	init_abis();
	test_rows();
	test_unknown();
	test_conditions();
	test_meaning();
	test_socketcall();
	test_bad();
	test_reduce();
	test_kernel();
	free(built);
	return tap_done();
}
