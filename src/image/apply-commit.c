/*
 * Which operations are done is not written down but seen: by what has the temporary name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/remove.h"
#include "image/apply-internal.h"

/* The inode at @name, 0 when there is none. */
static uint64_t
inode_at(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_ino;
}

static bool
is_done(const struct op *o, int dir)
{
	const uint64_t temp = inode_at(dir, o->temp);

	switch (o->kind) {
	case OP_NEW:
		return o->new_ino != 0 && temp == 0;
	case OP_REPLACE:
		return o->new_ino != 0 && temp != 0 && temp != o->new_ino;
	case OP_REMOVE:
		return temp != 0;
	case OP_ATTR: /* can be done twice */
	case OP_MAX_:
		break;
	}
	return false;
}

static int
changed(const struct op *o, struct err *e)
{
	return err_set(e, EAGAIN, "%s%s%s was changed just now", o->dir, o->dir[0] ? "/" : "",
		       o->name);
}

/* Nobody else has touched what the operation takes away. */
static int
check_old(const struct op *o, int dir, struct err *e)
{
	struct stat st;

	if (o->kind == OP_NEW)
		return 0;
	if (fstatat(dir, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != o->old_ino)
		return changed(o, e);
	if (o->kind == OP_ATTR)
		return (st.st_mode & 07777) == o->old_mode || (st.st_mode & 07777) == o->new_mode
			     ? 0
			     : changed(o, e);
	if (st.st_ctim.tv_sec != o->old_ctime.tv_sec || st.st_ctim.tv_nsec != o->old_ctime.tv_nsec)
		return changed(o, e);
	return 0;
}

static int
move(const struct op *o, int dir, const char *from, const char *to, unsigned int flags,
     struct err *e)
{
	if (renameat2(dir, from, dir, to, flags) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOENT)
		return changed(o, e);
	(void)err_sys(e, "rename %s%s%s", o->dir, o->dir[0] ? "/" : "", o->name);
	if (e->code == EINVAL || e->code == ENOSYS)
		return err_hint(e, "the file system there cannot exchange two names");
	return -e->code;
}

/* Give an open directory exactly these attributes, of those that changes carry. */
static int
set_attributes(int fd, const struct xattr *from, size_t n_from, const struct xattr *to, size_t n_to,
	       uint32_t mode, struct err *e)
{
	for (size_t i = 0; i < n_from; i++) {
		bool stays = false;

		for (size_t j = 0; j < n_to; j++)
			stays = stays || strcmp(from[i].name, to[j].name) == 0;
		if (!stays && fremovexattr(fd, from[i].name) < 0 && errno != ENODATA)
			return err_sys(e, "attribute %s", from[i].name);
	}
	for (size_t i = 0; i < n_to; i++)
		if (fsetxattr(fd, to[i].name, to[i].value, to[i].n, 0) < 0)
			return err_sys(e, "attribute %s", to[i].name);
	return fchmod(fd, mode) < 0 ? err_sys(e, "set the mode") : 0;
}

static int
do_attr(const struct op *o, int dir, bool back, struct err *e)
{
	/* A mode of 0 keeps us out as well; chmod(2) by the descriptor's name does not. */
	AUTO_FD fd = openat(dir, o->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, "open %s", o->name);
	/* The top of an upper directory has lost its attributes: see apply-collect.c. */
	if (strcmp(o->name, ".") == 0)
		return fchmod(fd, back ? o->old_mode : o->new_mode) < 0 ? err_sys(e, "set the mode")
									: 0;
	r = back ? set_attributes(fd, o->new_xattrs, o->n_new, o->old_xattrs, o->n_old, o->old_mode,
				  e)
		 : set_attributes(fd, o->old_xattrs, o->n_old, o->new_xattrs, o->n_new, o->new_mode,
				  e);
	return r < 0 ? err_prefix(e, "%s", o->name) : 0;
}

static int
do_one(const struct plan *p, const struct op *o, struct err *e)
{
	AUTO_FD dir = plan_open_dir(p, o, e);

	if (dir < 0)
		return dir;
	if (is_done(o, dir))
		return 0;
	if (check_old(o, dir, e) < 0)
		return -e->code;
	switch (o->kind) {
	case OP_NEW:
		return move(o, dir, o->temp, o->name, RENAME_NOREPLACE, e);
	case OP_REPLACE:
		if (move(o, dir, o->temp, o->name, RENAME_EXCHANGE, e) < 0)
			return -e->code;
		return inode_at(dir, o->temp) == o->old_ino ? 0 : changed(o, e);
	case OP_REMOVE:
		if (move(o, dir, o->name, o->temp, RENAME_NOREPLACE, e) < 0)
			return -e->code;
		return inode_at(dir, o->temp) == o->old_ino ? 0 : changed(o, e);
	case OP_ATTR:
		return do_attr(o, dir, false, e);
	case OP_MAX_:
		break;
	}
	return 0;
}

static int
undo_one(const struct plan *p, const struct op *o, struct err *e)
{
	AUTO_FD dir = plan_open_dir(p, o, e);

	if (dir < 0)
		return dir;
	if (o->kind == OP_ATTR)
		return inode_at(dir, o->name) == o->old_ino ? do_attr(o, dir, true, e) : 0;
	if (!is_done(o, dir))
		return 0;
	/* What somebody else has put there since is his. */
	if (o->kind == OP_NEW)
		return inode_at(dir, o->name) == o->new_ino
			     ? move(o, dir, o->name, o->temp, RENAME_NOREPLACE, e)
			     : 0;
	if (o->kind == OP_REPLACE && inode_at(dir, o->name) != o->new_ino)
		return changed(o, e);
	if (o->kind == OP_REPLACE)
		return move(o, dir, o->temp, o->name, RENAME_EXCHANGE, e);
	return move(o, dir, o->temp, o->name, RENAME_NOREPLACE, e);
}

/* Modes of directories that stay come last: with them others might not be reached. */
int
plan_do(const struct plan *p, struct err *e)
{
	for (int attr = 0; attr < 2; attr++)
		for (size_t i = 0; i < p->n; i++)
			if ((p->ops[i].kind == OP_ATTR) == (attr == 1) &&
			    do_one(p, &p->ops[i], e) < 0)
				return -e->code;
	return 0;
}

int
plan_undo(const struct plan *p, struct err *e)
{
	struct err first = ERR_INIT;

	for (int attr = 1; attr >= 0; attr--) {
		for (size_t i = p->n; i-- > 0;) {
			struct err one = ERR_INIT;

			if ((p->ops[i].kind == OP_ATTR) != (attr == 1) ||
			    undo_one(p, &p->ops[i], &one) >= 0)
				continue;
			if (!first.code)
				first = one;
		}
	}
	if (!first.code)
		return 0;
	*e = first;
	return -e->code;
}

void
plan_clean(const struct plan *p, bool keep_old)
{
	for (size_t i = 0; i < p->n; i++) {
		struct err ignored = ERR_INIT;
		AUTO_FD dir = plan_open_dir(p, &p->ops[i], &ignored);

		if (dir < 0 || p->ops[i].kind == OP_ATTR || (keep_old && is_done(&p->ops[i], dir)))
			continue;
		if (unlinkat(dir, p->ops[i].temp, 0) < 0 && errno != ENOENT)
			remove_tree(dir, p->ops[i].temp);
	}
}
