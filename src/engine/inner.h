/*
 * inner - the namespaces below those that set the sandbox up (child phase C2)
 *
 * A user namespace that is made when all is mounted: its ids are the program's, and what it may no
 * longer do, the outer one has forbidden it.  And a pid namespace below one that was given.
 */
#ifndef ENGINE_INNER_H
#define ENGINE_INNER_H

#include "spec/spec.h"

/*
 * A new pid namespace below the one that the spec names: the process that goes on is a child, the
 * caller waits for it and ends as it does.  Nothing where the spec names none.
 */
int inner_pidns(const struct spec *s, int sock, struct err *e);

/* The host's /proc, while it can still be reached, when inner_userns() will need it; else -1. */
int inner_open_proc(const struct spec *s, int *ret_fd, struct err *e);

/* Make or enter the inner user namespace, and see to it that no more are made. */
int inner_userns(const struct spec *s, int proc_fd, struct err *e);

#endif
