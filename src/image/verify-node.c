#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "image/verify-internal.h"

void
verify_fault(struct verifying *v, const char *path, const char *format, ...)
{
	char what[2 * PATH_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	v->faults++;
	v->fn(v->arg, path, what);
}

static const char *
type_name(mode_t type)
{
	return S_ISREG(type)	? "a file"
	       : S_ISDIR(type)	? "a directory"
	       : S_ISLNK(type)	? "a symbolic link"
	       : S_ISFIFO(type) ? "a FIFO"
	       : S_ISCHR(type)	? "a character device"
	       : S_ISBLK(type)	? "a block device"
				: "of another kind";
}

/* What has its owner in the directory may be without, for want of room there. */
static bool
has_owner(const struct verifying *v, const struct attr *is, const struct model_node *should)
{
	return v->how == UNPACK_OWNERS_REAL || !(S_ISLNK(should->type) || S_ISFIFO(should->type)) ||
	       is->uid != 0 || is->gid != 0;
}

static void
compare_status(struct verifying *v, const char *path, const struct attr *is,
	       const struct model_node *should)
{
	const struct timespec *t = &is->st.st_mtim, *u = &should->mtime;

	if (!S_ISLNK(is->type) && is->mode != should->mode)
		verify_fault(v, path, "its mode is %04o, not %04o", is->mode, should->mode);
	if (has_owner(v, is, should) && (is->uid != should->uid || is->gid != should->gid))
		verify_fault(v, path, "its owner is %u:%u, not %u:%u", is->uid, is->gid, should->uid,
			     should->gid);
	if (t->tv_sec != u->tv_sec || t->tv_nsec != u->tv_nsec)
		verify_fault(v, path, "its time is %lld.%09ld, not %lld.%09ld", (long long)t->tv_sec,
			     t->tv_nsec, (long long)u->tv_sec, u->tv_nsec);
	if ((S_ISCHR(is->type) || S_ISBLK(is->type)) &&
	    (is->major != should->major || is->minor != should->minor))
		verify_fault(v, path, "it is device %u:%u, not %u:%u", is->major, is->minor,
			     should->major, should->minor);
}

/* --- attributes --- */

/*
 * A list of the three entries that every file has is its mode, and the kernel keeps none.  Of a
 * longer one, three entries follow the mode.
 */
#define ACL_HEADER  4u
#define ACL_ENTRY   8u
#define ACL_MINIMAL (ACL_HEADER + 3 * ACL_ENTRY)

enum { ACL_USER_OBJ = 0x01, ACL_GROUP_OBJ = 0x04, ACL_MASK = 0x10, ACL_OTHER = 0x20 };

static bool
is_access_list(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0;
}

/* The bits that say no more than the mode does are set to zero in @list. */
static void
blank_acl(uint8_t *list, size_t n)
{
	bool mask = false;

	for (size_t i = ACL_HEADER; i + ACL_ENTRY <= n; i += ACL_ENTRY)
		mask |= list[i] == ACL_MASK;
	for (size_t i = ACL_HEADER; i + ACL_ENTRY <= n; i += ACL_ENTRY)
		if (list[i] == ACL_USER_OBJ || list[i] == ACL_OTHER ||
		    list[i] == (mask ? ACL_MASK : ACL_GROUP_OBJ))
			list[i + 2] = 0;
}

static bool
same_acl(const struct xattr *is, const struct model_xattr *should)
{
	AUTO_FREE uint8_t *a = xcalloc(is->n + 1, 1), *b = xcalloc(should->n + 1, 1);

	memcpy(a, is->value, is->n);
	memcpy(b, should->value, should->n);
	blank_acl(a, is->n);
	blank_acl(b, should->n);
	return is->n == should->n && memcmp(a, b, is->n) == 0;
}

static bool
same_value(const struct xattr *is, const struct model_xattr *should)
{
	if (is_access_list(is->name))
		return same_acl(is, should);
	return is->n == should->n && memcmp(is->value, should->value, is->n) == 0;
}

static const struct xattr *
find_xattr(const struct attr *is, const char *name)
{
	for (size_t i = 0; i < is->n_xattrs; i++)
		if (strcmp(is->xattrs[i].name, name) == 0)
			return &is->xattrs[i];
	return NULL;
}

static const struct model_xattr *
find_model_xattr(const struct model_node *should, const char *name)
{
	for (size_t i = 0; i < should->n_xattrs; i++)
		if (strcmp(should->xattrs[i].name, name) == 0)
			return &should->xattrs[i];
	return NULL;
}

static bool
may_be_missing(const struct model_node *should, const struct model_xattr *x)
{
	return S_ISLNK(should->type) || !attr_is_content(x->name) ||
	       (is_access_list(x->name) && x->n <= ACL_MINIMAL);
}

static void
compare_xattrs(struct verifying *v, const char *path, const struct attr *is,
	       const struct model_node *should)
{
	for (size_t i = 0; i < should->n_xattrs; i++) {
		const struct model_xattr *x = &should->xattrs[i];
		const struct xattr *y = find_xattr(is, x->name);

		if (y && !same_value(y, x))
			verify_fault(v, path, "its attribute %s has another value", x->name);
		else if (!y && !may_be_missing(should, x))
			verify_fault(v, path, "its attribute %s is missing", x->name);
	}
	for (size_t i = 0; i < is->n_xattrs; i++)
		if (!find_model_xattr(should, is->xattrs[i].name))
			verify_fault(v, path, "it has an attribute %s that is not its own",
				     is->xattrs[i].name);
}

/* --- what is in it --- */

static int
compare_content(struct verifying *v, const char *path, int fd, const struct attr *is,
		const struct model_node *should, struct err *e)
{
	uint8_t content[CONTENT_SIZE];
	AUTO_FD again = -1;

	if ((uint64_t)is->st.st_size != should->size) {
		verify_fault(v, path, "it has %lld bytes, not %llu", (long long)is->st.st_size,
			     (unsigned long long)should->size);
		return 0;
	}
	again = open_again(fd, e);
	if (again < 0 || content_of(v->content, again, content, e) < 0)
		return err_prefix(e, "%s", path);
	if (memcmp(content, should->content, CONTENT_SIZE) != 0)
		verify_fault(v, path, "its contents are not what they were");
	return 0;
}

static int
compare_target(struct verifying *v, const char *path, int fd, const struct model_node *should,
	       struct err *e)
{
	char target[PATH_MAX];

	if (read_link(fd, target, e) < 0)
		return err_prefix(e, "%s", path);
	if (!should->target || strcmp(target, should->target) != 0)
		verify_fault(v, path, "it leads to %s, not %s", target,
			     should->target ? should->target : "");
	return 0;
}

/* Is it the same file as under its other names?  Returns true when it has been looked at before. */
static bool
compare_names(struct verifying *v, const char *path, const struct attr *is,
	      struct model_node *should)
{
	const bool before = should->ino != 0;

	if (before && should->ino != is->st.st_ino) {
		verify_fault(v, path, "it is not the file that its other names are links to");
		return false;
	}
	should->ino = is->st.st_ino;
	if (!before && is->st.st_nlink != should->names)
		verify_fault(v, path, "it has %lu names, not %u", (unsigned long)is->st.st_nlink,
			     should->names);
	return before;
}

/* Where a device could not be made there is a file with a record. */
static int
recorded_device(int fd, const struct attr *is, const struct model_node *should, struct attr *ret,
		struct err *e)
{
	if (!(S_ISCHR(should->type) || S_ISBLK(should->type)) || !S_ISREG(is->type))
		return 0;
	return attr_read(fd, ATTR_RECORDS_ALL, ret, e);
}

int
verify_node(struct verifying *v, const char *path, int fd, const struct attr *is,
	    struct model_node *should, struct err *e)
{
	AUTO_ATTR recorded = { .type = 0 };

	if (recorded_device(fd, is, should, &recorded, e) < 0)
		return err_prefix(e, "%s", path);
	if (recorded.type)
		is = &recorded;
	if (is->type != should->type || should->whiteout) {
		verify_fault(v, path, "it is %s, not %s", type_name(is->type),
			     should->whiteout ? "a mark of what is removed" : type_name(should->type));
		return 0;
	}
	if (S_ISDIR(is->type) && is->opaque != should->opaque)
		verify_fault(v, path, should->opaque ? "it lost its mark of being opaque"
						     : "it is marked as opaque");
	if (should->implied)
		return 0;
	if (!S_ISDIR(is->type) && compare_names(v, path, is, should))
		return 0;
	compare_status(v, path, is, should);
	compare_xattrs(v, path, is, should);
	return S_ISREG(is->type)   ? compare_content(v, path, fd, is, should, e)
	       : S_ISLNK(is->type) ? compare_target(v, path, fd, should, e)
				   : 0;
}
