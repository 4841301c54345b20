/*
 * child - what happens between clone and init (or the program)
 *
 * Runs in the new process only: with the caller's ids until its map is written, then with all
 * capabilities in its own user namespace and none outside.  Where the spec keeps the caller's user
 * namespace, the caller is root, and it stays that.  Single-threaded; no malloc, no stdio; the only
 * way out is _exit() or execve(), the only way to complain sync_fail().
 */
#ifndef ENGINE_CHILD_H
#define ENGINE_CHILD_H

#include <signal.h>

#include "engine/program.h"
#include "engine/source.h"

/*
 * The first process of the sandbox: start p's program, serve it, report its end on p->sock.  Never
 * returns.  Provided by init/, which the engine does not know.
 */
typedef void child_init_fn(struct program *p);

struct child_args {
	const struct spec *spec;
	int sock;
	const char *layer_path; /* or NULL */
	const struct source *sources; /* one for each mount of the spec */
	child_init_fn *init;
	char *cmdline; /* to be blanked by init: paths of the host, and what -e says */
	size_t cmdline_len;
	bool announce; /* somebody wants to know the program's pid */
	bool hold;     /* wait for SYNC_GO: the launcher has something to do first */
	uint64_t ignored; /* signals that are ignored, and are not to be for the program */
	sigset_t mask; /* signals that the caller blocks */
};

void child_main(const struct child_args *a) __attribute__((noreturn));

#endif
