#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "init/emulate-internal.h"

#define ATTRIBUTE "user.containers.override_stat"

/*
 * The value is UID:GID:MODE:TYPE, ids in decimal, the mode in octal with at least four digits, TYPE
 * one of file, dir, symlink, pipe, socket, block-MAJOR-MINOR, char-MAJOR-MINOR; no NUL at the end.
 * Older writers leave out ":TYPE".
 */
#define VALUE_SIZE 96

/* Extended attributes cannot be reached through an O_PATH descriptor itself.  Relative to /proc. */
struct fd_path {
	char s[32];
};

static struct fd_path
path_of(int fd)
{
	struct fd_path p;

	(void)snprintf(p.s, sizeof(p.s), "self/fd/%d", fd);
	return p;
}

bool
record_possible(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

void
record_default(mode_t mode, struct record *ret)
{
	*ret = (struct record){ .uid = 0, .gid = 0, .mode = mode & 07777 };
	(void)snprintf(ret->type, sizeof(ret->type), "%s", S_ISDIR(mode) ? "dir" : "file");
}

bool
record_read(int fd, struct record *ret)
{
	char value[VALUE_SIZE];
	ssize_t n = getxattr(path_of(fd).s, ATTRIBUTE, value, sizeof(value) - 1);
	struct record r = { .uid = 0 };

	if (n < 0)
		return false;
	value[n] = '\0';
	if (sscanf(value, "%u:%u:%o:%31s", &r.uid, &r.gid, &r.mode, r.type) < 3)
		return false;
	r.mode &= 07777;
	*ret = r;
	return true;
}

int
record_write(int fd, const struct record *rec)
{
	char value[VALUE_SIZE];
	int n = snprintf(value, sizeof(value), "%u:%u:%04o%s%s", rec->uid, rec->gid, rec->mode,
			 rec->type[0] ? ":" : "", rec->type);

	if (setxattr(path_of(fd).s, ATTRIBUTE, value, (size_t)n, 0) < 0)
		return -errno;
	return 0;
}
