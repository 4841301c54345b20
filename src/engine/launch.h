/*
 * launch - run what a spec says and wait for its end (parent phases)
 *
 * The caller is single-threaded, and stays so.  All signals are blocked from here on and come
 * through a descriptor; under spec.caller_signals only SIGCHLD.  sync.h draws who does what.
 */
#ifndef ENGINE_LAUNCH_H
#define ENGINE_LAUNCH_H

#include "engine/child.h"

struct launch_result {
	int exit_status; /* what rootlet should exit with: the program's own, 128+N, 124 */
	int signal;      /* that ended the program, or 0 */
	bool timed_out;  /* spec.timeout_ms ran out */
	bool not_started; /* failure: the program has not run */
	bool ids_refused; /* failure: the id map could not be had; nothing was started */
};

struct launch_hooks {
	/* Each may be NULL. @pid is the program's in the caller's pid namespace. */
	void (*started)(void *ctx, pid_t pid);
	/*
	 * @pid is that of the first process of the sandbox, which waits until this returns: its
	 * id map may be written here.  0 or -errno, which ends the start.
	 */
	int (*cloned)(void *ctx, pid_t pid, struct err *e);
	/*
	 * The program has ended, @layer is the directory that took its writes, and will be removed
	 * when this returns.  Returns an exit status for rootlet itself, or -1 for the program's.
	 */
	int (*ended)(void *ctx, const char *layer, const struct launch_result *res);
	void *ctx;
	/* Our own command line, which init would show inside; it is blanked there. */
	char *cmdline;
	size_t cmdline_len;
};

/*
 * Returns 0 when the program ran.  On failure ret->exit_status is set all the same: 125, or 126 /
 * 127 when the program could not be executed / found.  Everything that was made is undone; the
 * removal of the layer goes on in the background.  Under spec.linger what the program left behind
 * goes on as well.
 */
int launch_run(const struct spec *s, child_init_fn *init, const struct launch_hooks *hooks,
	       struct launch_result *ret, struct err *e);

#endif
