/*
 * oom - has the kernel killed a process for want of memory?
 *
 * The control group of a process counts such kills: cgroup v2 in memory.events, v1 in
 * memory.oom_control.  Who compares the count before and after knows that it happened in this group,
 * which the caller may share with others.
 */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include <stdint.h>

/* Kills so far in the control group of this process; -1 where the kernel does not tell. */
int64_t oom_count(void);

#endif
