/*
 * record - whose a file is where the kernel cannot be told
 *
 * The value of the extended attribute RECORD_ATTRIBUTE: UID:GID:MODE:TYPE, ids in decimal, the mode
 * in octal with at least four digits, TYPE one of file, dir, symlink, pipe, socket,
 * block-MAJOR-MINOR, char-MAJOR-MINOR; no NUL at the end.  Older writers leave out ":TYPE".  It is
 * the one that fuse-overlayfs and containers/storage use.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_ATTRIBUTE "user.containers.override_stat"
#define RECORD_TYPE_SIZE 32
#define RECORD_VALUE_SIZE 96

struct record {
	uint32_t uid, gid;
	uint32_t mode;               /* permission bits, 07777 */
	char type[RECORD_TYPE_SIZE]; /* "file", "dir", "block-8-1" ... */
};

/* The value of the attribute; returns its length. */
size_t record_format(const struct record *rec, char ret[RECORD_VALUE_SIZE]);
/* What @value, NUL-terminated, says: false when that makes no sense. */
bool record_parse(const char *value, struct record *ret);

#endif
