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

/*
 * Links, FIFOs and sockets take no user attributes.  Whose they are is in one of the directory that they
 * lie in: "UID:GID:NAME" and a NUL for each, in any order, root's left out.  An overlay copies it with the
 * directory, so it may name what is not there, or is something else by now: that is no owner of anything.
 */
#define RECORD_NAMES_ATTRIBUTE "user.rootlet.owners"
#define RECORD_NAMES_SIZE 2048 /* bytes: all attributes of a file share 4096 on ext4 */

/* The value of the attribute; returns its length. */
size_t record_format(const struct record *rec, char ret[RECORD_VALUE_SIZE]);
/* What @value, NUL-terminated, says: false when that makes no sense. */
bool record_parse(const char *value, struct record *ret);

/*
 * Whose @name in directory @dir (a path, links are followed) is, where that is recorded: false, and root's,
 * when it is not.
 */
bool record_name_read(const char *dir, const char *name, uint32_t *ret_uid, uint32_t *ret_gid);
/* Record it.  0, or -errno: -ENOSPC when there is no more room. */
int record_name_write(const char *dir, const char *name, uint32_t uid, uint32_t gid);

#endif
