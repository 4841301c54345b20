/*
 * source - the files and directories of the host that a plan names
 *
 * The user typed a path; somebody may have put a symbolic link there since he last looked: a sandbox,
 * in a folder that was shared with it, to have the next one mount what the link leads to.  So links
 * on the way are not followed, unless they are root's and we are not root: /var/run and a symlinked
 * /home keep working.
 *
 * Whose a link is, only the launcher can see: in the new user namespace root and everybody else who
 * has no id there look alike.  And only the launcher can go up with "..": in the child the stage lies
 * over "/", and ".." would climb onto it.  So the launcher looks first, and says for each source with
 * a link or ".." where it led; the child opens that, without following anything, and takes nothing
 * else.
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include <sys/types.h>

#include "spec/spec.h"

/* What a path with links or ".." led to. */
struct source {
	char *real; /* owned; NULL: the path says it itself, or leads nowhere */
	dev_t dev;
	ino_t ino;
};

/* In the launcher: look at @path.  0, or -ELOOP with a hint that names the link's target. */
int source_vet(const char *path, struct source *ret, struct err *e);

/*
 * In the child: an O_PATH descriptor of @path.
 *
 * @vetted: what the launcher found there
 */
int source_open(const char *path, const struct source *vetted, struct err *e);

#endif
