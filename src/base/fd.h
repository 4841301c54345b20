/*
 * fd - descriptors: ownership, and look-ups that cannot be led astray
 *
 * Every descriptor made here is close-on-exec.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <limits.h>
#include <sys/types.h>

#include "base/err.h"

void fd_closep(int *fd); /* keeps errno, resets to -1 */
#define AUTO_FD CLEANUP(fd_closep) int

/*
 * Open @path below @root_fd as if @root_fd were "/": neither "..", nor an
 * absolute symlink, nor a /proc magic link leads out.
 *
 * @flags:   open(2) flags; O_CLOEXEC is implied
 *
 * Returns a descriptor, or -errno.  There is no fallback to a path walk that
 * can be raced: a kernel without openat2(2) gets -ENOSYS and a message.
 */
int fd_open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *e);

/*
 * The name of what @fd is open on, as seen from our root: without links and "..".  Who opens it again
 * must look whether it is still the same.  0, or -errno.
 */
int fd_path(int fd, char ret[PATH_MAX]);

/*
 * Read at most @max bytes of a regular file into a new NUL-terminated buffer.
 * @fd must have been opened with O_NONBLOCK: a FIFO is refused, never waited
 * for.  Returns the length, or -errno.
 */
ssize_t fd_read_all(int fd, size_t max, char **ret_data, struct err *e);

/*
 * Close every descriptor from 3 on that is not in @keep; those become close-on-exec.  What a caller
 * left open by mistake must not reach a sandbox.
 */
int fd_close_others(const int *keep, size_t n, struct err *e);

/* What the caller has left open for us and our children, from 3 on.  The list is owned. */
int fd_list_inherited(int **ret, size_t *ret_n, struct err *e);

/* Make sure that 0, 1 and 2 are open: on /dev/null where they were closed. */
int fd_fill_stdio(struct err *e);
/* An error when 0, 1 or 2 is a directory. */
int fd_check_stdio(struct err *e);

/* Write everything, going on after short writes and EINTR. */
int fd_write_all(int fd, const void *data, size_t n, struct err *e);

#endif
