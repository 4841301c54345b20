#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/record.h"
#include "base/str.h"
#include "image/tree-internal.h"

void
attr_dropped(struct tree *t, const char *path, const char *what, const char *why)
{
	if (t->count.n_dropped++ == 0)
		(void)snprintf(t->count.dropped, sizeof(t->count.dropped), "%.80s: %s: %s", path,
			       what, why);
}

/* --- owners --- */

static int
owner_error(const struct tar_entry *x, struct err *e)
{
	if (errno != EINVAL)
		return err_sys(e, "give it to %u:%u", x->uid, x->gid);
	(void)err_set(e, EINVAL, "its owner %u:%u has no place in the id map", x->uid, x->gid);
	return err_hint(e, "more subordinate ids in /etc/subuid and /etc/subgid, "
			   "or --idmap=single, which records owners");
}

static int
record(int fd, const struct tar_entry *x, const char *type, struct err *e)
{
	struct record rec = { .uid = x->uid, .gid = x->gid, .mode = x->mode };
	char value[RECORD_VALUE_SIZE];

	(void)snprintf(rec.type, sizeof(rec.type), "%s", type);
	if (fsetxattr(fd, RECORD_ATTRIBUTE, value, record_format(&rec, value), 0) < 0)
		return err_sys(e, "record its owner in an extended attribute");
	return 0;
}

/* @known: what it belongs to now is the tree's own id, as always with new files. */
static int
set_owner(const struct tree *t, int fd, const struct tar_entry *x, bool known, struct err *e)
{
	if (known && x->uid == t->uid && x->gid == t->gid)
		return 0;
	return fchown(fd, x->uid, x->gid) < 0 ? owner_error(x, e) : 0;
}

/* Who makes files without capabilities is root of the sandbox: see emulate-owner.c. */
static int
set_or_record(const struct tree *t, int fd, const struct tar_entry *x, const char *type, bool old,
	      struct err *e)
{
	const char *kind = type ? type : x->kind == TAR_DIR ? "dir" : "file";

	if (t->how == UNPACK_OWNERS_REAL && set_owner(t, fd, x, !old, e) < 0)
		return -e->code;
	if (type || (t->how == UNPACK_OWNERS_RECORDED && (old || x->uid != 0 || x->gid != 0)))
		return record(fd, x, kind, e);
	return 0;
}

/* --- extended attributes --- */

/*
 * What directs overlayfs, and what records owners, is for us to say.  Labels and signatures are
 * those of the machine that the archive was made on.
 */
static bool
is_ours(const char *name)
{
	static const char *const prefixes[] = { "user.overlay.", "trusted.overlay.",
						"user.containers.", "user.fuseoverlayfs.",
						"user.rootlet." };

	for (size_t i = 0; i < NELEMS(prefixes); i++)
		if (str_begins(name, prefixes[i]))
			return true;
	return str_begins(name, "security.") && strcmp(name, "security.capability") != 0;
}

/*
 * Without owners, capabilities and access lists would be those of other people of this machine:
 * their numbers are not what the archive means.
 */
bool
attr_is_wanted(enum unpack_owners how, const char *name)
{
	return !is_ours(name) && (how == UNPACK_OWNERS_REAL || str_begins(name, "user."));
}

/* A default access list waits until the end. */
static bool
is_wanted(const struct tree *t, const struct tar_entry *x, const char *name)
{
	if (x->kind == TAR_DIR && strcmp(name, ACL_DEFAULT) == 0)
		return false;
	return attr_is_wanted(t->how, name);
}

static void
set_xattrs(struct tree *t, int fd, const struct tar_entry *x)
{
	for (size_t i = 0; i < x->n_xattrs; i++) {
		const struct tar_xattr *a = &x->xattrs[i];

		if (is_wanted(t, x, a->name) && fsetxattr(fd, a->name, a->value, a->n, 0) < 0)
			attr_dropped(t, x->name, a->name, strerrordesc_np(errno));
	}
	if (x->lost)
		attr_dropped(t, x->name, x->lost, "cannot be understood");
}

/* --- modes --- */

/*
 * Not when something is done to it that takes set-id bits away, or changes the mode, or needs one that
 * lets the owner write.
 */
static bool
is_plain(const struct tree *t, const struct tar_entry *x)
{
	return t->exact_modes && (x->mode & ~(mode_t)0777) == 0 && x->n_xattrs == 0;
}

mode_t
attr_file_mode(const struct tree *t, const struct tar_entry *x)
{
	const bool recorded = t->how == UNPACK_OWNERS_RECORDED && (x->uid != 0 || x->gid != 0);

	return is_plain(t, x) && !recorded ? x->mode : MODE_FILE;
}

mode_t
attr_dir_mode(const struct tree *t, const struct tar_entry *x)
{
	return is_plain(t, x) && is_open_mode(x->mode) ? x->mode : MODE_PRIVATE;
}

/* --- by kind --- */

/*
 * In this order: a change of owner takes set-id bits and capabilities away, an access list changes
 * the mode, and without capabilities a mode may forbid what comes before it here.
 */
int
attr_set_file(struct tree *t, int fd, const struct tar_entry *x, const char *type, mode_t made,
	      struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };

	if (set_or_record(t, fd, x, type, false, e) < 0)
		return -e->code;
	set_xattrs(t, fd, x);
	if (!(made == x->mode && is_plain(t, x)) && fchmod(fd, x->mode) < 0)
		return err_sys(e, "set its mode");
	return futimens(fd, times) < 0 ? err_sys(e, "set its time") : 0;
}

int
attr_set_dir(struct tree *t, int fd, const struct tar_entry *x, bool old, struct err *e)
{
	if (set_or_record(t, fd, x, NULL, old, e) < 0)
		return -e->code;
	set_xattrs(t, fd, x);
	return 0;
}

/*
 * The kernel keeps no user attribute of a link or FIFO: the directory has it.  What had the name before
 * may have left a record there.
 */
static void
record_name(struct tree *t, const struct place *p, const struct tar_entry *x)
{
	char dir[32];
	int r;

	if (t->how != UNPACK_OWNERS_RECORDED || (x->uid == 0 && x->gid == 0 && !t->cleared))
		return;
	(void)snprintf(dir, sizeof(dir), "/proc/self/fd/%d", p->dir);
	r = record_name_write(dir, p->name, x->uid, x->gid);
	if (r < 0)
		attr_dropped(t, x->name, "its owner", strerrordesc_np(-r));
}

int
attr_set_symlink(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };

	if (t->how == UNPACK_OWNERS_REAL && (x->uid != t->uid || x->gid != t->gid) &&
	    fchownat(p->dir, p->name, x->uid, x->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return owner_error(x, e);
	record_name(t, p, x);
	if (utimensat(p->dir, p->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its time");
	for (size_t i = 0; i < x->n_xattrs; i++)
		if (is_wanted(t, x, x->xattrs[i].name))
			attr_dropped(t, x->name, x->xattrs[i].name, "an attribute of a link");
	return 0;
}

/* A device or FIFO must not be opened, and is reached through procfs by what is no link there. */
int
attr_set_node(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	AUTO_FD fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, x->mtime };
	char path[32];

	if (fd < 0)
		return err_sys(e, "open it");
	if (t->how == UNPACK_OWNERS_REAL &&
	    fchownat(fd, "", x->uid, x->gid, AT_EMPTY_PATH) < 0)
		return owner_error(x, e);
	record_name(t, p, x);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, x->mode) < 0)
		return err_sys(e, "set its mode");
	return utimensat(p->dir, p->name, times, AT_SYMLINK_NOFOLLOW) < 0
		       ? err_sys(e, "set its time")
		       : 0;
}
