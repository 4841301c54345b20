/*
 * rlimits - resource limits by the names that ulimit(1) and docker use
 */
#ifndef KERNEL_RLIMITS_H
#define KERNEL_RLIMITS_H

#include <stddef.h>

/* RLIMIT_... of the @len bytes at @name, such as "nofile"; -1: there is none. */
int rlimit_from_name(const char *name, size_t len);
/* The name of a limit; "?" when it has none. */
const char *rlimit_name(int resource);

#endif
