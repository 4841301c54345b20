/*
 * relay - between the caller's terminal and the pty of a sandbox
 *
 * The caller's terminal is raw while we are its foreground and the relay runs; relay_stop() gives it
 * back as it was.  In the background the terminal belongs to others: its settings are not touched and
 * nothing is read, but output goes on.  Nothing here waits.
 */
#ifndef ENGINE_RELAY_H
#define ENGINE_RELAY_H

#include <poll.h>
#include <termios.h>

#include "base/err.h"

struct relay_buffer {
	char data[4096];
	size_t from, to; /* what is to be written; equal: nothing */
};

struct relay {
	int master;            /* owned, -1: no terminal */
	int out;               /* owned: the caller's terminal in a description of our own, or stdout */
	bool raw;              /* saved is to be restored */
	bool input_done;       /* the caller's terminal hung up */
	bool output_done;      /* nobody has the other side of the pty open */
	struct termios saved;
	struct relay_buffer *in, *shown; /* owned, while there is a terminal */
};
#define RELAY_INIT { .master = -1, .out = -1 }
#define RELAY_POLL 3 /* entries of relay_poll() */

/* Take over @master (ownership moves): raw mode outside, window size inside. */
int relay_start(struct relay *r, int master, struct err *e);
/* Give the caller's terminal back, for a stop or for good.  May be called at any time. */
void relay_pause(struct relay *r);
/* After a stop, or when we may have become the foreground: raw mode, if we are. */
void relay_resume(struct relay *r);
/* Is there a terminal, but not ours at the moment? */
bool relay_in_background(const struct relay *r);
/* Fill @p with what to wait for, and act on what came. */
void relay_poll(const struct relay *r, struct pollfd p[RELAY_POLL]);
void relay_handle(struct relay *r, const struct pollfd p[RELAY_POLL]);
/* The program is gone: as relay_poll(), for output alone.  False when everything is written. */
bool relay_drain(struct relay *r, struct pollfd p[RELAY_POLL]);
/* The caller's window has changed its size. */
void relay_resize(const struct relay *r);
/* Restore the terminal, close the pty. */
void relay_stop(struct relay *r);

#endif
