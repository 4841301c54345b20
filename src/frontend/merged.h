/*
 * merged - look into the layers of an image as an overlay of them would show it
 *
 * What decides how a sandbox is made (its users, what its volumes begin with) is read before anything
 * is mounted.  The layers are ours and never written again; what is in them is hostile: links are
 * followed here, within the tree, and never by the kernel.
 */
#ifndef FRONTEND_MERGED_H
#define FRONTEND_MERGED_H

#include "base/err.h"

/*
 * Open regular file @path for reading.
 *
 * @layers: directories, topmost first
 *
 * Returns a descriptor, or -errno: -ENOENT when the tree has no such file.
 */
int merged_open(char *const *layers, const char *path, struct err *e);

/*
 * The directories that @path, a directory, consists of.
 *
 * @ret_path: owned; the place that links lead to, clean and absolute, there or not
 * @ret_dirs: owned strv, topmost first; NULL when there is no such directory in the tree
 *
 * 0, or -errno: -ENOTDIR when it is something else.
 */
int merged_find_dir(char *const *layers, const char *path, char **ret_path, char ***ret_dirs,
		    struct err *e);

#endif
