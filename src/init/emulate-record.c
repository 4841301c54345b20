#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "init/emulate-internal.h"

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
	char value[RECORD_VALUE_SIZE];
	ssize_t n = getxattr(path_of(fd).s, RECORD_ATTRIBUTE, value, sizeof(value) - 1);

	if (n < 0)
		return false;
	value[n] = '\0';
	return record_parse(value, ret);
}

int
record_write(int fd, const struct record *rec)
{
	char value[RECORD_VALUE_SIZE];
	size_t n = record_format(rec, value);

	if (setxattr(path_of(fd).s, RECORD_ATTRIBUTE, value, n, 0) < 0)
		return -errno;
	return 0;
}

void
record_read_name(int dir, const char *name, struct record *ret)
{
	(void)record_name_read(path_of(dir).s, name, &ret->uid, &ret->gid);
}

int
record_write_name(int dir, const char *name, const struct record *rec)
{
	return record_name_write(path_of(dir).s, name, rec->uid, rec->gid);
}
