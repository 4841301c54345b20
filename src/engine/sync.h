/*
 * sync - what the parent and the child of a launch say to each other
 *
 *   parent (launch.c)                    child (child.c, then init or the program)
 *   ----------------------------------   -------------------------------------------
 *   P1 lock a layer, enter what
 *      namespaces were given, clone
 *                                        C1 own the id map (single: writes it itself)
 *   P2 write the id maps (range, root),
 *      or tell who asked to write them
 *                  - SYNC_GO --------->     unless there is nothing to wait for
 *                                        C2 pid namespace below a given one, mounts,
 *                                           pivot, inner user namespace
 *                  <- SYNC_TERMINAL ---     with the pty's master, when there is one
 *                                        C3 init starts the program by vfork
 *                                           caps, seccomp, execve
 *                  <- SYNC_STARTED ----     sent by the program itself, so that the
 *                                           kernel translates its pid (init only)
 *   P3 relay terminal and signals
 *                  - SYNC_SIGNAL ----->     init passes it on
 *                  - SYNC_STOP ------->     the same, to the program alone
 *                  <- SYNC_STOPPED ----     the program was stopped (^Z)
 *                  <- SYNC_EXITED -----     nothing is left inside but init; or, when init
 *                                           lingers, the program has ended
 *
 * At any point before SYNC_EXITED the child may send SYNC_FAILED with its struct err instead.
 * End of file before the expected message means the peer died: an error.  Without init the socket
 * closes when execve worked, and the parent waits for the program itself.
 */
#ifndef ENGINE_SYNC_H
#define ENGINE_SYNC_H

#include <sys/types.h>

#include "base/err.h"

enum sync_point {
	SYNC_FAILED, /* value: exit status, 125...127 */
	SYNC_GO,
	SYNC_TERMINAL,
	SYNC_STARTED,
	SYNC_SIGNAL,  /* value: signal number */
	SYNC_STOP,    /* value: signal number */
	SYNC_STOPPED, /* value: signal number */
	SYNC_EXITED,  /* value: wait status */
	SYNC_MAX_
};

struct sync_msg {
	enum sync_point point;
	int value;
	struct err err; /* SYNC_FAILED only; the other messages end before it */
};

/* A connected pair, SEQPACKET, close-on-exec. */
int sync_pair(int ret_socks[2], struct err *e);

/* Send @point; SYNC_FAILED goes through sync_fail(). A peer that has gone is -EPIPE. */
int sync_send(int sock, enum sync_point point, int value, struct err *e);
/* The same by write(2), for a process whose filter may allow little else; SIGPIPE is ignored there. */
void sync_write(int sock, enum sync_point point, int value);
/* The same with a descriptor. */
int sync_send_fd(int sock, enum sync_point point, int fd, struct err *e);
/* Report a failure; nothing can be done if this fails. */
void sync_fail(int sock, int exit_status, const struct err *failure);

/*
 * Receive one message.  @ret_fd and @ret_pid (the sender's pid, when SO_PASSCRED is set on @sock)
 * may be NULL.  Returns 1 with a message, 0 at end of file, -errno.
 */
int sync_recv(int sock, struct sync_msg *ret, int *ret_fd, pid_t *ret_pid, struct err *e);

/* Wait for @point; anything else, end of file included, is an error that names both. */
int sync_wait(int sock, enum sync_point point, struct err *e);

#endif
