/*
 * init - PID 1 of a sandbox
 *
 * Runs in the sandbox's namespaces with its root, all capabilities there, non-dumpable, all signals
 * blocked.  It starts the program, passes signals on, reaps what nobody else does, answers the
 * system calls of ownership emulation, and reports the end after the last process is gone.  When
 * the launcher dies, so does everything inside.
 *
 * Where the spec says `linger` it does less: it holds the lock files and reaps, confined as the
 * program is and without privileges, reports the end of the program, and goes when its last child
 * has gone.  Signals are not its business then, nor is it PID 1 without a pid namespace.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "engine/child.h"

void init_main(struct program *p) __attribute__((noreturn));

#endif
