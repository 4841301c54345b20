#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/record.h"
#include "base/str.h"
#include "image/pack-internal.h"
#include "kernel/sys.h"

#define LIST_MAX  65536 /* the kernel's XATTR_LIST_MAX, and XATTR_SIZE_MAX */
#define LIST_ROOM 1024

#define OVERLAY	  "user.overlay."

#define NOBODY	  65534 /* the kernel's /proc/sys/kernel/overflowuid, unless somebody changed it */

/* An O_PATH descriptor gives neither attributes nor data; its name in /proc does. */
struct fd_path {
	char s[40];
};

static struct fd_path
path_of(int fd)
{
	struct fd_path p;

	(void)snprintf(p.s, sizeof(p.s), "/proc/self/fd/%d", fd);
	return p;
}

int
open_again(int fd, struct err *e)
{
	const struct fd_path p = path_of(fd);
	int again = sys_openat(AT_FDCWD, p.s, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME, 0);

	if (again < 0 && errno == EPERM)
		again = sys_openat(AT_FDCWD, p.s, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	return again < 0 ? err_sys(e, "open") : again;
}

int
read_link(int fd, char ret[PATH_MAX], struct err *e)
{
	ssize_t n = readlinkat(fd, "", ret, PATH_MAX);

	if (n < 0)
		return err_sys(e, "read link");
	if (n == PATH_MAX)
		return err_set(e, ENAMETOOLONG, "its target is too long");
	ret[n] = '\0';
	return 0;
}

/*
 * Labels and signatures in security.* are the machine's, trusted.* only real root sees, and what we
 * keep for ourselves is no content.  @name is none of the kernel's for overlays.
 */
bool
attr_is_content(const char *name)
{
	if (str_begins(name, "user."))
		return strcmp(name, RECORD_ATTRIBUTE) != 0 && strcmp(name, RECORD_NAMES_ATTRIBUTE) != 0;
	return strcmp(name, "security.capability") == 0 ||
	       strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

static void
add_xattr(struct attr *a, const char *name, char *value, size_t n)
{
	a->xattrs = xrealloc_array(a->xattrs, a->n_xattrs + 1, sizeof(*a->xattrs));
	a->xattrs[a->n_xattrs++] = (struct xattr){ .name = xstrdup(name), .value = value, .n = n };
}

static void
take_overlay(struct attr *a, const char *name, const char *value, size_t n)
{
	if (strcmp(name, "opaque") == 0) {
		a->opaque = n == 1 && value[0] == 'y';
		a->marks_whiteouts = n == 1 && value[0] == 'x';
	} else if (strcmp(name, "whiteout") == 0) {
		a->marked_whiteout = true;
	} else if (strcmp(name, "metacopy") == 0 || strcmp(name, "redirect") == 0) {
		a->elsewhere = true;
	} else if (strcmp(name, "origin") == 0) {
		a->copied_up = true;
	}
}

static void
take_device(struct attr *a, const char *type)
{
	const bool is_char = str_begins(type, "char-");
	unsigned int major, minor;

	if (sscanf(type + (is_char ? 5 : 6), "%u-%u", &major, &minor) != 2)
		return;
	a->type = is_char ? S_IFCHR : S_IFBLK;
	a->major = major;
	a->minor = minor;
}

/* A record that makes no sense is none; one of another kind of file still tells owner and mode. */
static void
take_record(struct attr *a, const char *value, bool all)
{
	struct record r;

	if (!record_parse(value, &r))
		return;
	if (all) {
		a->uid = r.uid;
		a->gid = r.gid;
		a->mode = r.mode;
	}
	if (!S_ISREG(a->st.st_mode))
		return;
	if (str_begins(r.type, "char-") || str_begins(r.type, "block-"))
		take_device(a, r.type);
	else if (all && strcmp(r.type, "pipe") == 0)
		a->type = S_IFIFO;
	else if (all && strcmp(r.type, "socket") == 0)
		a->type = S_IFSOCK;
}

/* A new buffer with the value, and a NUL after it; NULL when it went away. */
static int
read_value(const char *path, const char *name, char **ret, size_t *ret_n, struct err *e)
{
	for (;;) {
		ssize_t size = getxattr(path, name, NULL, 0), n;
		AUTO_FREE char *value = size < 0 ? NULL : xcalloc((size_t)size + 1, 1);

		n = size < 0 ? size : size == 0 ? 0 : getxattr(path, name, value, (size_t)size);
		if (n < 0 && errno == ERANGE)
			continue;
		if (n < 0 && errno != ENODATA)
			return err_sys(e, "read attribute %s", name);
		*ret_n = n < 0 ? 0 : (size_t)n;
		*ret = n < 0 ? NULL : TAKE_PTR(value);
		return 0;
	}
}

static int
take_xattr(const char *path, const char *name, enum attr_records records, struct attr *a,
	   struct err *e)
{
	const bool is_overlay = str_begins(name, OVERLAY);
	const bool is_record = records != ATTR_RECORDS_NONE && strcmp(name, RECORD_ATTRIBUTE) == 0;
	AUTO_FREE char *value = NULL;
	size_t n;

	if (!is_overlay && !is_record && !attr_is_content(name))
		return 0;
	if (read_value(path, name, &value, &n, e) < 0)
		return -e->code;
	if (!value)
		return 0;
	if (is_overlay)
		take_overlay(a, name + strlen(OVERLAY), value, n);
	else if (is_record)
		take_record(a, value, records == ATTR_RECORDS_ALL);
	else
		add_xattr(a, name, TAKE_PTR(value), n);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static int
take_xattrs(const char *path, enum attr_records records, struct attr *a, struct err *e)
{
	char small[LIST_ROOM];
	AUTO_FREE char *large = NULL;
	const char *list = small;
	ssize_t n = listxattr(path, small, sizeof(small));

	if (n < 0 && errno == ERANGE) {
		list = large = xcalloc(LIST_MAX, 1);
		n = listxattr(path, large, LIST_MAX);
	}
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : err_sys(e, "list attributes");
	for (const char *name = list; name < list + n; name += strlen(name) + 1)
		if (take_xattr(path, name, records, a, e) < 0)
			return -e->code;
	if (a->n_xattrs > 1)
		qsort(a->xattrs, a->n_xattrs, sizeof(*a->xattrs), by_name);
	return 0;
}

int
attr_read(int fd, enum attr_records records, struct attr *ret, struct err *e)
{
	AUTO_ATTR a = { .xattrs = NULL };
	bool mine;

	if (fstat(fd, &a.st) < 0)
		return err_sys(e, "stat");
	mine = records == ATTR_RECORDS_ALL && a.st.st_uid == geteuid();
	a.type = a.st.st_mode & S_IFMT;
	a.mode = a.st.st_mode & 07777;
	a.uid = mine ? 0 : a.st.st_uid;
	a.gid = mine ? 0 : a.st.st_gid;
	a.major = major(a.st.st_rdev);
	a.minor = minor(a.st.st_rdev);
	if (take_xattrs(path_of(fd).s, records, &a, e) < 0)
		return -e->code;
	*ret = a;
	a = (struct attr){ .xattrs = NULL };
	return 0;
}

void
attr_take_name(int dir_fd, const char *name, enum attr_records records, struct attr *a)
{
	uint32_t uid, gid;

	if (records != ATTR_RECORDS_ALL || S_ISREG(a->st.st_mode) || S_ISDIR(a->st.st_mode) ||
	    !record_name_read(path_of(dir_fd).s, name, &uid, &gid))
		return;
	a->uid = uid;
	a->gid = gid;
}

/*
 * Who has no number appears as NOBODY, a number that an image may well use.  Root of a namespace may
 * do with a file of a mapped owner what else only the owner may: leave its time of access alone.
 */
bool
attr_owner_is_known(int fd, const struct attr *a)
{
	const struct fd_path p = path_of(fd);
	AUTO_FD again = -1;

	if (a->st.st_uid != NOBODY || (!S_ISREG(a->st.st_mode) && !S_ISDIR(a->st.st_mode)))
		return true;
	again = sys_openat(AT_FDCWD, p.s, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME, 0);
	return again >= 0 || (errno != EPERM && errno != EACCES);
}

void
attr_free(struct attr *a)
{
	for (size_t i = 0; i < a->n_xattrs; i++) {
		free(a->xattrs[i].name);
		free(a->xattrs[i].value);
	}
	free(a->xattrs);
	a->xattrs = NULL;
	a->n_xattrs = 0;
}

static bool
same_xattrs(const struct attr *a, const struct attr *b)
{
	if (a->n_xattrs != b->n_xattrs)
		return false;
	for (size_t i = 0; i < a->n_xattrs; i++) {
		const struct xattr *x = &a->xattrs[i], *y = &b->xattrs[i];

		if (x->n != y->n || strcmp(x->name, y->name) != 0 ||
		    memcmp(x->value, y->value, x->n) != 0)
			return false;
	}
	return true;
}

bool
attr_same(const struct attr *a, const struct attr *b)
{
	const bool is_device = S_ISCHR(a->type) || S_ISBLK(a->type);

	return a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       (!is_device || (a->major == b->major && a->minor == b->minor)) &&
	       (!S_ISREG(a->type) || a->st.st_size == b->st.st_size) && same_xattrs(a, b);
}

bool
attr_is_whiteout(const struct attr *a, bool in_marked)
{
	if (S_ISCHR(a->st.st_mode))
		return a->st.st_rdev == 0;
	return in_marked && a->marked_whiteout && S_ISREG(a->st.st_mode) && a->st.st_size == 0;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
attr_still(const struct attr *a, const struct stat *st)
{
	return a->st.st_size == st->st_size && same_time(&a->st.st_mtim, &st->st_mtim) &&
	       same_time(&a->st.st_ctim, &st->st_ctim);
}
