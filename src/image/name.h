/* name - the names that archives give to files */
#ifndef IMAGE_NAME_H
#define IMAGE_NAME_H

#include "base/err.h"

/* What an entry is by its name: https://github.com/opencontainers/image-spec, layer.md. */
enum name_class {
	NAME_PLAIN,
	NAME_WHITEOUT, /* ".wh.x": x of the layers below is not there */
	NAME_OPAQUE,   /* ".wh..wh..opq": nothing of the directory in the layers below is there */
	NAME_AUFS,     /* of the bookkeeping of a file system that some layers were made with */
};

/*
 * @raw without empty parts and ".", relative; "" for the topmost directory.  "..", too many
 * directories and too many bytes are refused.
 */
int name_clean(const char *raw, unsigned int max_depth, char ret[PATH_MAX], struct err *e);
/* What a clean name is.  Names that look like a whiteout and make no sense as one are refused. */
int name_classify(const char *name, enum name_class *ret, struct err *e);
/*
 * Cut a clean name that is not "" in two: the directory, "" when it is the topmost, and what
 * follows its last slash, which is returned.
 */
const char *name_split(char *name, const char **ret_dir);

/*
 * Directories in one another: as many as fit into a path that the kernel takes.  Who writes archives
 * keeps to the length of the path, NAME_PATH_MAX, so that they can be read again.
 */
#define NAME_DEPTH_MAX (PATH_MAX / 2 - 1)
#define NAME_PATH_MAX  (PATH_MAX - 1)

#define WHITEOUT_PREFIX     ".wh."
#define WHITEOUT_PREFIX_LEN 4

#endif
