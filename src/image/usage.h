/*
 * usage - how much of the disk a tree takes
 */
#ifndef IMAGE_USAGE_H
#define IMAGE_USAGE_H

#include <stdint.h>

/*
 * Bytes of disk of @name below @dir_fd, with all that is in it if it is a directory; what cannot be
 * read counts as nothing.  A file of several names counts by the share of those that are found.
 *
 * The tree may be of any depth.  Nothing is followed out of it, also when somebody moves its
 * directories meanwhile: then the result is too small.
 */
uint64_t usage_tree(int dir_fd, const char *name);

#endif
