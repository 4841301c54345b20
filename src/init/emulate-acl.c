#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "init/emulate-internal.h"

/* A list is at most this long in an answer of ours; longer ones are the kernel's. */
#define ENTRIES_MAX 256

struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[ENTRIES_MAX];
};

static bool
is_acl_name(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

/* Does it name a user or group that the id map lacks?  Fields are little-endian, as we are. */
static bool
names_unmapped(const struct emulate *m, const struct acl *acl, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct posix_acl_xattr_entry *e = &acl->entries[i];

		if ((e->e_tag == ACL_USER && e->e_id != m->base.u.r) ||
		    (e->e_tag == ACL_GROUP && e->e_id != m->base.g.r))
			return true;
	}
	return false;
}

/* Is this an access list that the kernel would refuse for nothing but its ids? */
static bool
is_unmapped_acl(const struct emulate *m, const struct request *rq)
{
	const uint64_t size = rq->args[3];
	struct acl acl;
	char name[32];

	if (mem_read_string(rq->pid, rq->args[1], name, sizeof(name)) < 0 || !is_acl_name(name))
		return false;
	if (size < sizeof(acl.header) || size > sizeof(acl) ||
	    (size - sizeof(acl.header)) % sizeof(acl.entries[0]) != 0)
		return false;
	if (mem_read(rq->pid, rq->args[2], &acl, size) < 0 ||
	    acl.header.a_version != POSIX_ACL_XATTR_VERSION)
		return false;
	return names_unmapped(m, &acl, (size - sizeof(acl.header)) / sizeof(acl.entries[0]));
}

static int
set_acl_path(struct emulate *m, const struct request *rq, int flags)
{
	AUTO_FD fd = -1;

	if (!is_unmapped_acl(m, rq))
		return ANSWER_NATIVE;
	return path_open_arg(m, rq, AT_FDCWD, rq->args[0], flags, &fd);
}

int
do_setxattr(struct emulate *m, struct request *rq)
{
	return set_acl_path(m, rq, 0);
}

int
do_lsetxattr(struct emulate *m, struct request *rq)
{
	return set_acl_path(m, rq, AT_SYMLINK_NOFOLLOW);
}

int
do_fsetxattr(struct emulate *m, struct request *rq)
{
	AUTO_FD fd = -1;

	if (!is_unmapped_acl(m, rq))
		return ANSWER_NATIVE;
	if ((int)rq->args[0] < 0)
		return -EBADF;
	return path_open(m, rq, (int)rq->args[0], "", false, &fd);
}
