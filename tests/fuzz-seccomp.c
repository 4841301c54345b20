/*
 * fuzz-seccomp - bytes -> seccomp profile -> BPF program or error
 *
 * What compiles must be a program that the kernel would take, must answer every call, and must
 * never allow one through an architecture that it does not cover.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>

#include "bpf-sim.h"
#include "seccomp/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct sock_filter *insns, size_t n, uint32_t arch, bool covered)
{
	static const int calls[] = { 0, 1, 41, 54, 56, 102, 200, 470, 0x40000001, -1 };

	for (size_t i = 0; i < NELEMS(calls); i++) {
		struct seccomp_data d = { .nr = calls[i], .arch = arch, .args = { 1, 0x5412 } };
		uint32_t action;

		if (bpf_sim_run(insns, n, &d, &action) < 0)
			abort();
		if (!covered && action != (SECCOMP_RET_ERRNO | ENOSYS))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct profile_target target = { .arch = "x86_64", .caps = 0xa80425fbULL };
	struct sock_filter *insns;
	struct err e = ERR_INIT;
	size_t n;

	if (profile_compile((const char *)data, size, &target, &insns, &n, &e) < 0) {
		if (e.code == 0 || e.msg[0] == '\0')
			abort();
		return 0;
	}
	if (n == 0 || n > BPF_MAXINSNS)
		abort();
	check(insns, n, AUDIT_ARCH_X86_64, true);
	check(insns, n, AUDIT_ARCH_I386, true);
	check(insns, n, AUDIT_ARCH_AARCH64, false);
	free(insns);
	return 0;
}
