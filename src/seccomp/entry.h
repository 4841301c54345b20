/*
 * entry - one entry of "syscalls": its action, its conditions, its calls
 */
#ifndef SECCOMP_ENTRY_H
#define SECCOMP_ENTRY_H

#include <jansson.h>

#include "seccomp/profile.h"
#include "seccomp/rules.h"

/*
 * Read the action that @key of @obj names, with the error number (or what a tracer is told) from
 * @number_key, or @name_key by its name.  The error is EPERM where none is given.
 */
int entry_read_action(const json_t *obj, const char *key, const char *number_key,
		      const char *name_key, uint32_t *ret, struct err *e);

/* Append what @entry says for @target to @rules. */
int entry_read(const json_t *entry, const struct profile_target *target, struct rules *rules,
	       struct err *e);

#endif
