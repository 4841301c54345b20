/*
 * program - from a finished root to the program's first instruction (child phase C3)
 *
 * Runs in the process that becomes the program.  Under init that is a vfork child: it shares the
 * memory and the descriptor table of init, which sleeps until execve.  So it only closes what is
 * its own, allocates nothing, and leaves with execve() or _exit().
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include <signal.h>

#include "spec/spec.h"

struct program {
	const struct spec *spec;
	int sock;                   /* to the launcher */
	int tty_fd;                 /* the slave of the pty, or -1 */
	struct spec_filter notify;  /* of ownership emulation; n == 0: none, or in the spec */
	bool announce;              /* say SYNC_STARTED before execve */
	bool in_cwd;                /* one of spec->cwd_else, or cwd before them, has been entered */
	uint64_t ignored;           /* signals that the caller left ignored */
	sigset_t mask;              /* signals that the caller blocks */
	int listener;               /* result: the notify listener, or -1 */
	int exit_status;            /* result on failure: 125, 126 or 127 */
	struct err err;             /* result on failure */
};

/*
 * For those who stay beside the program, once it has them: close the standard descriptors up to
 * @last (but not those of a terminal, which are in use) and what is passed.  A pipe that the program
 * closes must be at its end, whoever still runs.
 */
void program_drop_fds(const struct spec *s, int last);

/* Returns only on failure, with p->err and p->exit_status set. */
void program_exec(struct program *p);

#endif
