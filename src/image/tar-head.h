/* tar-head - the headers of an entry as bytes, for what a library does not tell */
#ifndef IMAGE_TAR_HEAD_H
#define IMAGE_TAR_HEAD_H

#include <stddef.h>

#include "base/err.h"

/*
 * @data are the headers of one entry, and perhaps what follows them.  A record of an extended header
 * that is not whole, or has a NUL where text is expected, is refused, and so is a long name of GNU tar
 * with one inside: one reader would end the text there, and another go on, so that they see other
 * files.
 */
int tar_head_check(const char *data, size_t n, struct err *e);

#endif
