/*
 * names - the words of an OCI seccomp profile, as libseccomp's numbers
 *
 * Pure look-ups.  Each returns true and sets *ret_*, or false for a word that is not known.
 */
#ifndef SECCOMP_NAMES_H
#define SECCOMP_NAMES_H

#include <seccomp.h>

#include "base/util.h"

/* SCMP_ACT_...; the data part (errno, trace message) is 0. */
bool name_action(const char *s, uint32_t *ret);
/* SCMP_CMP_... */
bool name_compare(const char *s, enum scmp_compare *ret);
/* SCMP_ARCH_..., and also the native ("aarch64") and the Go ("arm64") name of the machine. */
bool name_arch(const char *s, uint32_t *ret);
/* SECCOMP_FILTER_FLAG_...: is it one that loaders of profiles know? */
bool name_is_flag(const char *s);
/* CAP_...: the bit; a capability newer than this list is 0, so that nobody has it. */
bool name_cap(const char *s, uint64_t *ret_mask);
/* "ENOSYS": 38 */
bool name_errno(const char *s, uint32_t *ret);

#endif
