/*
 * condition - "includes" and "excludes" of an entry of a profile: does it apply to this target?
 */
#ifndef SECCOMP_CONDITION_H
#define SECCOMP_CONDITION_H

#include <jansson.h>

#include "seccomp/profile.h"

/*
 * Returns 1 when @entry applies to @target, 0 when it does not, or -errno.
 *
 * "includes" wants all of its "caps", one of its "arches" and the kernel; "excludes" takes the
 * entry out when any one of its "caps" or "arches", or the kernel, is there.
 */
int condition_applies(const json_t *entry, const struct profile_target *target, struct err *e);

#endif
