/*
 * relay - between the caller's terminal and the pty of a sandbox
 *
 * The caller's terminal is raw while the relay runs; relay_stop() gives it back as it was.
 */
#ifndef ENGINE_RELAY_H
#define ENGINE_RELAY_H

#include <termios.h>

#include "base/err.h"

struct relay {
	int master;            /* owned, -1: no terminal */
	bool raw;              /* saved is to be restored */
	bool input_done;       /* the caller's terminal hung up */
	struct termios saved;
};
#define RELAY_INIT { .master = -1 }

/* Take over @master (ownership moves): raw mode outside, window size inside. */
int relay_start(struct relay *r, int master, struct err *e);
/* Give the caller's terminal back, for a stop or for good.  May be called at any time. */
void relay_pause(struct relay *r);
/* Raw mode again after relay_pause(). */
void relay_resume(struct relay *r);
/* Copy what is readable on the caller's terminal / on the pty.  False at the end of the pty. */
void relay_input(struct relay *r);
bool relay_output(struct relay *r);
/* The caller's window has changed its size. */
void relay_resize(const struct relay *r);
/* Copy what is left, restore the terminal, close the pty. */
void relay_stop(struct relay *r);

#endif
