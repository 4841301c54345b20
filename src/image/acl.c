#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdbool.h>
#include <stdlib.h>

#include "image/acl.h"

struct item {
	uint16_t tag, perm;
	uint32_t id;
};

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)v);
	put16(p + 2, (uint16_t)(v >> 16));
}

static bool
tag_of(int tag, uint16_t *ret)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		*ret = ACL_USER_OBJ;
		return true;
	case ARCHIVE_ENTRY_ACL_USER:
		*ret = ACL_USER;
		return true;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		*ret = ACL_GROUP_OBJ;
		return true;
	case ARCHIVE_ENTRY_ACL_GROUP:
		*ret = ACL_GROUP;
		return true;
	case ARCHIVE_ENTRY_ACL_MASK:
		*ret = ACL_MASK;
		return true;
	case ARCHIVE_ENTRY_ACL_OTHER:
		*ret = ACL_OTHER;
		return true;
	default:
		return false;
	}
}

/* The bits of ARCHIVE_ENTRY_ACL_EXECUTE, _WRITE and _READ are those of the kernel. */
static int
item_of(int permset, int tag, int id, struct item *ret)
{
	struct item i = { .perm = (uint16_t)(permset & 7), .id = (uint32_t)ACL_UNDEFINED_ID };

	if (!tag_of(tag, &i.tag))
		return -EINVAL;
	if (i.tag == ACL_USER || i.tag == ACL_GROUP) {
		if (id < 0)
			return -EINVAL;
		i.id = (uint32_t)id;
	}
	*ret = i;
	return 0;
}

/* The kernel wants the entries by tag, and by id within a tag. */
static int
compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return x->id == y->id ? 0 : x->id < y->id ? -1 : 1;
}

static void
serialize(const struct item *items, size_t n, struct acl *ret)
{
	put32(ret->value, POSIX_ACL_XATTR_VERSION);
	for (size_t i = 0; i < n; i++) {
		uint8_t *p = ret->value + 4 + 8 * i;

		put16(p, items[i].tag);
		put16(p + 2, items[i].perm);
		put32(p + 4, items[i].id);
	}
	ret->n = 4 + 8 * n;
}

int
acl_from_archive(struct archive_entry *entry, int type, struct acl *ret)
{
	struct item items[ACL_ENTRIES_MAX];
	int t, permset, tag, id;
	const char *name;
	size_t n = 0;

	ret->n = 0;
	if (!(archive_entry_acl_types(entry) & type))
		return 0;
	if (archive_entry_acl_reset(entry, type) == 0)
		return 0;
	while (archive_entry_acl_next(entry, type, &t, &permset, &tag, &id, &name) == ARCHIVE_OK)
		if (n == ACL_ENTRIES_MAX || item_of(permset, tag, id, &items[n++]) < 0)
			return -EINVAL;
	qsort(items, n, sizeof(items[0]), compare);
	serialize(items, n, ret);
	return 0;
}
