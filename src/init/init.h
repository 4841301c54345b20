/*
 * init - PID 1 of a sandbox
 *
 * Runs in the sandbox's namespaces with its root, all capabilities there, non-dumpable, all signals
 * blocked.  It starts the program, passes signals on, reaps what nobody else does, answers the
 * system calls of ownership emulation, and reports the end after the last process is gone.  When
 * the launcher dies, so does everything inside.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "engine/child.h"

void init_main(struct program *p) __attribute__((noreturn));

#endif
