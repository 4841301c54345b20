/*
 * ids - writing the id maps of a new user namespace
 *
 * The maps are in the spec; who may write them depends on the kind: a single id is written by the
 * child itself (user_namespaces(7)), everything else by the parent, directly when it has the
 * capabilities (root) or by newuidmap(1) and newgidmap(1) (range).
 */
#ifndef ENGINE_IDS_H
#define ENGINE_IDS_H

#include "spec/spec.h"

/* In the child. */
int ids_write_single(const struct spec *s, struct err *e);
/* In the child: the one id of the spec, in a namespace below the first.  @proc_fd: the host's /proc */
int ids_write_inner(const struct spec *s, int proc_fd, struct err *e);
/*
 * The caller becomes root of a user namespace of his own in which nobody else has an id: so he may
 * read and change what is his whatever its mode says.  He is single-threaded.
 */
int ids_enter_own(struct err *e);
/* In the parent, for child @pid. */
int ids_write_for(const struct spec *s, pid_t pid, struct err *e);

#endif
