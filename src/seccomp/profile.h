/*
 * profile - an OCI (docker, podman) seccomp profile, compiled to a BPF program
 *
 * The profile is foreign data: its size, the number of its rules and the length of the program are
 * bounded, a key that is not known is an error (a mistyped "args" would widen a rule), and every
 * error names the place in the document.
 *
 * Meaning, where the format leaves it open:
 *  - A system call name that libseccomp does not know is skipped: it gets the default action.
 *  - Several rules for one call: a rule with "args" that matches comes before the rule without;
 *    when several match, or several have no "args", the strictest action wins, in the kernel's order.
 *  - Two conditions on the same argument in one rule mean "or", as in runc.
 *  - The target's own ABI is always covered, the others that it can run only where the profile
 *    lists them.  Calls through an ABI that is not covered get ENOSYS.
 *  - "flags" are checked and left to the loader; SCMP_ACT_NOTIFY and "listenerPath" are refused.
 */
#ifndef SECCOMP_PROFILE_H
#define SECCOMP_PROFILE_H

#include <linux/filter.h>

#include "base/err.h"

#define PROFILE_SIZE_MAX (1024 * 1024)

/* What the profile is compiled for; "includes" and "excludes" are decided by it. */
struct profile_target {
	const char *arch;    /* "x86_64" or "aarch64" */
	uint64_t caps;       /* bit 1 << CAP_...: the sandbox keeps it */
	unsigned int kernel; /* KERNEL_VERSION(major, minor, 0); 0: newer than any "minKernel" */
};

/*
 * Compile @len bytes at @json.
 *
 * *ret_insns is a new array of *ret_n instructions, released with free().
 * Returns 0, or -errno with a message that says where in the document the fault is.
 */
int profile_compile(const char *json, size_t len, const struct profile_target *target,
		    struct sock_filter **ret_insns, size_t *ret_n, struct err *e);

#endif
