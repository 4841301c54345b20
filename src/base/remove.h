/*
 * remove - take away directories of any shape: hostile depth, modes that keep us out, links
 */
#ifndef BASE_REMOVE_H
#define BASE_REMOVE_H

/* Remove what is in @top_fd until nothing more can be. */
void remove_contents(int top_fd);
/* Remove @name below @dir_fd with all that is in it. */
void remove_tree(int dir_fd, const char *name);

#endif
