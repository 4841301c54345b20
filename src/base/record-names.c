/*
 * Owners of what takes no attributes itself: see record.h.  Init of a sandbox uses this, which has no
 * memory to allocate: all is on the stack.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/record.h"

struct list {
	size_t n;
	char data[RECORD_NAMES_SIZE + 1]; /* a NUL after what is odd */
};

/* What is there; nothing when it cannot be had. */
static void
list_read(const char *dir, struct list *l)
{
	ssize_t n = getxattr(dir, RECORD_NAMES_ATTRIBUTE, l->data, RECORD_NAMES_SIZE);

	l->n = n > 0 ? (size_t)n : 0;
	l->data[l->n] = '\0';
	if (l->n > 0 && l->data[l->n - 1])
		l->n++;
}

/* The entry for @name, or NULL; what makes no sense is for none. */
static char *
list_find(struct list *l, const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	for (char *p = l->data; p < l->data + l->n; p += strlen(p) + 1) {
		uint32_t uid, gid;
		int at = 0;

		if (sscanf(p, "%u:%u:%n", &uid, &gid, &at) != 2 || !at || strcmp(p + at, name) != 0)
			continue;
		*ret_uid = uid;
		*ret_gid = gid;
		return p;
	}
	return NULL;
}

bool
record_name_read(const char *dir, const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	struct list l;

	*ret_uid = *ret_gid = 0;
	list_read(dir, &l);
	return list_find(&l, name, ret_uid, ret_gid) != NULL;
}

int
record_name_write(const char *dir, const char *name, uint32_t uid, uint32_t gid)
{
	struct list l;
	uint32_t old_uid = 0, old_gid = 0;
	char *old;
	int n;

	list_read(dir, &l);
	old = list_find(&l, name, &old_uid, &old_gid);
	if (old_uid == uid && old_gid == gid)
		return 0;
	if (old) {
		const size_t len = strlen(old) + 1;

		memmove(old, old + len, (size_t)(l.data + l.n - (old + len)));
		l.n -= len;
	}
	if (uid != 0 || gid != 0) {
		const size_t room = l.n < RECORD_NAMES_SIZE ? RECORD_NAMES_SIZE - l.n : 0;

		n = snprintf(l.data + l.n, room, "%u:%u:%s", uid, gid, name);
		if (n < 0 || (size_t)n >= room)
			return -ENOSPC;
		l.n += (size_t)n + 1;
	}
	return setxattr(dir, RECORD_NAMES_ATTRIBUTE, l.data, l.n, 0) < 0 ? -errno : 0;
}
