/*
 * launch-internal - what the parent shares between its start and end (launch) and the time in which
 * the sandbox runs (serve)
 */
#ifndef ENGINE_LAUNCH_INTERNAL_H
#define ENGINE_LAUNCH_INTERNAL_H

#include "engine/launch.h"
#include "engine/layer.h"
#include "engine/relay.h"

struct launch {
	const struct spec *spec;
	const struct launch_hooks *hooks;
	struct source *sources; /* owned; one for each mount of the spec */
	struct layer layer;
	struct relay relay;
	int sock;
	int signal_fd;
	uint64_t ignored; /* signals that the caller ignores, a bit for each */
	sigset_t mask;    /* signals that the caller blocks */
	int userns_fd; /* RANGE: to remove files of other owners afterwards; else -1 */
	pid_t child;
	uint64_t deadline_ms; /* monotonic; 0: none */
	bool timed_out, over, ids_refused;
	bool may_have_run; /* the program */
	bool hurry; /* somebody wants the end: do not wait for a terminal that takes no output */
	int wait_status;
	int exit_status; /* of rootlet itself, on failure */
};

/* P3: until the program has ended; messages, signals, the terminal, the time limit. */
int serve(struct launch *l, struct err *e);
/* What the program has printed is still to be shown, as long as nobody wants the end. */
void serve_rest_of_output(struct launch *l);

#endif
