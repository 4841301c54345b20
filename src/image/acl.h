/* acl - access lists: from the text that archives have to the bytes that the kernel takes */
#ifndef IMAGE_ACL_H
#define IMAGE_ACL_H

#include <stddef.h>
#include <stdint.h>

#define ACL_ENTRIES_MAX 256

struct archive_entry;

struct acl {
	uint8_t value[4 + 8 * ACL_ENTRIES_MAX];
	size_t n; /* bytes; 0: there is no list */
};

/*
 * @type:  ARCHIVE_ENTRY_ACL_TYPE_ACCESS or _DEFAULT
 *
 * 0, or -EINVAL for a list that names somebody without a number, or has too many entries.
 */
int acl_from_archive(struct archive_entry *entry, int type, struct acl *ret);

#endif
