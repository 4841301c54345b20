/*
 * New directories are made first, closed to others, so that contents can go into any of them; their own
 * modes, times and attributes come last, the innermost first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"
#include "image/stream.h"
#include "image/tar.h"

/* What a directory is to become at the end. */
struct late {
	uint32_t mode, uid, gid;
	struct timespec mtime;
	struct xattr *xattrs;
	size_t n;
	bool known;
};

struct stage {
	const struct apply_list *l;
	const ssize_t *ops;
	struct plan *p;
	size_t *first;	   /* owned; for contents: the first change that wants them, or l->n */
	struct late *late; /* owned */
};

/* --- places --- */

/* The temporary name of a change, below the directory of its operation.  Owned. */
static char *
temp_path(const struct stage *s, size_t i)
{
	const struct op *o = &s->p->ops[s->ops[i]];
	const size_t n = strlen(o->dir) + (o->dir[0] ? 1 : 0) + strlen(o->name);

	return xasprintf("%s%s", o->temp, s->l->v[i].path + n);
}

/*
 * The directory where change @i is staged.
 *
 * @ret_name: owned; its name in there
 */
static int
open_place(const struct stage *s, size_t i, char **ret_name, struct err *e)
{
	AUTO_FREE char *path = temp_path(s, i);
	AUTO_FD dir = plan_open_dir(s->p, &s->p->ops[s->ops[i]], e);
	char *slash = strrchr(path, '/');
	int fd;

	if (dir < 0)
		return dir;
	*ret_name = xstrdup(slash ? slash + 1 : path);
	if (!slash)
		return TAKE_FD(dir);
	*slash = '\0';
	fd = open_below(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, e);
	if (fd < 0 && !e->code)
		(void)err_set(e, ENOENT, "%s went away", path);
	if (fd < 0)
		util_freep(ret_name);
	return fd;
}

static bool
is_staged(const struct stage *s, size_t i)
{
	return s->l->v[i].selected && s->l->v[i].kind != 'D' &&
	       s->p->ops[s->ops[i]].kind != OP_ATTR;
}

/* --- directories --- */

static int
make_dirs(const struct stage *s, struct err *e)
{
	for (size_t i = 0; i < s->l->n; i++) {
		AUTO_FREE char *name = NULL;
		AUTO_FD dir = -1;

		if (!is_staged(s, i) || s->l->v[i].type != 'd')
			continue;
		dir = open_place(s, i, &name, e);
		if (dir < 0)
			return dir;
		if (mkdirat(dir, name, 0700) < 0)
			return err_sys(e, "%s", s->l->v[i].path);
	}
	return 0;
}

static int
set_xattrs(int fd, const struct xattr *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (apply_takes_xattr(v[i].name) &&
		    fsetxattr(fd, v[i].name, v[i].value, v[i].n, 0) < 0)
			return err_sys(e, "attribute %s", v[i].name);
	return 0;
}

static int
finish_dir(const struct stage *s, size_t i, struct err *e)
{
	const struct late *d = &s->late[i];
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, d->mtime };
	AUTO_FREE char *name = NULL;
	AUTO_FD dir = open_place(s, i, &name, e), fd = -1;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open");
	if (s->l->real_owners && geteuid() == 0 && fchown(fd, d->uid, d->gid) < 0)
		return err_sys(e, "set the owner");
	if (set_xattrs(fd, d->xattrs, d->n, e) < 0)
		return -e->code;
	if (fchmod(fd, d->mode & 03777) < 0 || futimens(fd, times) < 0)
		return err_sys(e, "set mode and time");
	return 0;
}

static int
finish_dirs(const struct stage *s, struct err *e)
{
	for (size_t i = s->l->n; i-- > 0;)
		if (is_staged(s, i) && s->l->v[i].type == 'd' && finish_dir(s, i, e) < 0)
			return err_prefix(e, "%s", s->l->v[i].path);
	return 0;
}

/* The xattrs of a tar's entry as ours. */
static void
copy_xattrs(const struct tar_entry *t, struct xattr **ret, size_t *ret_n)
{
	AUTO_FREE struct xattr *v = xcalloc(t->n_xattrs + 1, sizeof(*v));

	for (size_t i = 0; i < t->n_xattrs; i++)
		v[i] = (struct xattr){ (char *)(uintptr_t)t->xattrs[i].name,
				       (char *)(uintptr_t)t->xattrs[i].value, t->xattrs[i].n };
	plan_copy_xattrs(v, t->n_xattrs, ret, ret_n);
}

static void
take_dir(struct stage *s, size_t i, const struct tar_entry *t)
{
	struct op *o = &s->p->ops[s->ops[i]];
	struct late *d = &s->late[i];

	if (o->kind == OP_ATTR) {
		o->new_mode = t->mode;
		copy_xattrs(t, &o->new_xattrs, &o->n_new);
		return;
	}
	d->mode = t->mode;
	d->uid = t->uid;
	d->gid = t->gid;
	d->mtime = t->mtime;
	copy_xattrs(t, &d->xattrs, &d->n);
}

/* --- files --- */

static int
write_at(int fd, const char *data, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		ssize_t done = pwrite(fd, data, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, "write");
		data += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

static int
write_data(int fd, struct tar *tar, uint64_t size, struct err *e)
{
	const void *data;
	uint64_t at;
	ssize_t n;

	while ((n = tar_data(tar, &data, &at, e)) > 0)
		if (write_at(fd, data, (size_t)n, at, e) < 0)
			return -e->code;
	if (n < 0)
		return (int)n;
	return ftruncate(fd, (off_t)size) < 0 ? err_sys(e, "set the size") : 0;
}

/*
 * Who may run a file as the caller is his own to say: the bits for that only stay where the file had
 * them before.
 */
static mode_t
file_mode(const struct stage *s, size_t i, const struct tar_entry *t)
{
	const struct op *o = &s->p->ops[s->ops[i]];
	const uint32_t had = o->kind == OP_REPLACE && s->l->v[i].below[0] == 'f' ? o->old_mode : 0;

	return t->mode & (01777 | (had & 06000));
}

static int
finish_file(const struct stage *s, size_t i, int fd, const struct tar_entry *t, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, t->mtime };
	const struct op *o = &s->p->ops[s->ops[i]];
	struct xattr *v;
	size_t n;
	int r;

	if (s->l->real_owners && geteuid() == 0) {
		if (fchown(fd, t->uid, t->gid) < 0)
			return err_sys(e, "set the owner");
	} else if (o->kind == OP_REPLACE) {
		IGNORE(fchown(fd, (uid_t)-1, o->old_gid));
	}
	copy_xattrs(t, &v, &n);
	r = set_xattrs(fd, v, n, e);
	plan_free_xattrs(v, n);
	if (r < 0)
		return r;
	if (fchmod(fd, file_mode(s, i, t)) < 0 || futimens(fd, times) < 0)
		return err_sys(e, "set mode and time");
	return 0;
}

static int
stage_file(const struct stage *s, size_t i, struct tar *tar, const struct tar_entry *t,
	   struct err *e)
{
	AUTO_FREE char *name = NULL;
	AUTO_FD dir = open_place(s, i, &name, e), fd = -1;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "make a file");
	if (write_data(fd, tar, t->size, e) < 0)
		return -e->code;
	return finish_file(s, i, fd, t, e);
}

/* A further name of what has been staged. */
static int
stage_link(const struct stage *s, size_t i, size_t first, struct err *e)
{
	AUTO_FREE char *name = NULL, *from_name = NULL;
	AUTO_FD dir = open_place(s, i, &name, e), from = -1;

	if (dir < 0 || (from = open_place(s, first, &from_name, e)) < 0)
		return -e->code;
	return linkat(from, from_name, dir, name, 0) < 0 ? err_sys(e, "link") : 0;
}

/*
 * Whoever may write the directory could have put a link in its place, which chmod(2) would follow; the
 * name in /proc of a descriptor leads nowhere else.
 */
static int
make_fifo(int dir, const char *name, mode_t mode)
{
	char path[40];
	AUTO_FD fd = -1;
	struct stat st;

	if (mkfifoat(dir, name, 0600) < 0)
		return -1;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISFIFO(st.st_mode)) {
		errno = EAGAIN;
		return -1;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode);
}

static int
stage_other(const struct stage *s, size_t i, const struct tar_entry *t, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, t->mtime };
	AUTO_FREE char *name = NULL;
	AUTO_FD dir = open_place(s, i, &name, e);

	if (dir < 0)
		return dir;
	if ((t->kind == TAR_SYMLINK ? symlinkat(t->link, dir, name)
				    : make_fifo(dir, name, t->mode & 0777)) < 0)
		return err_sys(e, "make it");
	if (s->l->real_owners && geteuid() == 0 &&
	    fchownat(dir, name, t->uid, t->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the owner");
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(e, "set its time")
								    : 0;
}

/* The file may have become another since it was looked at. */
static bool
is_same_kind(const struct apply_change *c, const struct tar_entry *t)
{
	switch (t->kind) {
	case TAR_FILE:
		return c->kind == 'D' || (c->type == 'f' && c->link_to < 0);
	case TAR_HARDLINK:
		return c->type == 'f' && c->link_to >= 0;
	case TAR_DIR:
		return c->type == 'd';
	case TAR_SYMLINK:
		return c->type == 'l';
	case TAR_FIFO:
		return c->type == 'p';
	case TAR_CHAR:
	case TAR_BLOCK:
		break;
	}
	return false;
}

static int
stage_entry(struct stage *s, size_t i, struct tar *tar, const struct tar_entry *t, struct err *e)
{
	const struct apply_change *c = &s->l->v[i];
	size_t first;

	if (!is_same_kind(c, t))
		return err_set(e, EAGAIN, "the file of changes became another");
	if (c->kind == 'D')
		return 0;
	if (c->type == 'f' && c->link_to < 0)
		return s->first[i] < s->l->n ? stage_file(s, s->first[i], tar, t, e) : 0;
	if (!c->selected)
		return 0;
	if (c->type == 'd') {
		take_dir(s, i, t);
		return 0;
	}
	if (c->type != 'f')
		return stage_other(s, i, t, e);
	first = s->first[c->link_to];
	return first == i ? 0 : stage_link(s, i, first, e);
}

static void
find_first(const struct stage *s)
{
	for (size_t i = 0; i < s->l->n; i++)
		s->first[i] = s->l->n;
	for (size_t i = s->l->n; i-- > 0;) {
		const struct apply_change *c = &s->l->v[i];

		if (c->selected)
			s->first[c->link_to < 0 ? i : (size_t)c->link_to] = i;
	}
}

static int
read_all(struct stage *s, int fd, struct err *e)
{
	AUTO_STREAM stream = NULL;
	AUTO_TAR tar = NULL;
	struct tar_entry t;
	int r;

	if (apply_open_entries(fd, &stream, &tar, e) < 0)
		return -e->code;
	r = tar_next(tar, &t, e);
	for (size_t i = 0; r > 0 && i < s->l->n; i++) {
		r = tar_next(tar, &t, e);
		if (r == 0)
			r = err_set(e, EBADMSG, "the file became shorter");
		if (r > 0 && stage_entry(s, i, tar, &t, e) < 0)
			return err_prefix(e, "%s", s->l->v[i].path);
	}
	return r < 0 ? r : 0;
}

/* What is to be renamed must be on the disk before, or a power cut leaves empty files. */
static int
note_and_sync(struct plan *p, struct err *e)
{
	dev_t synced = 0;
	struct stat st;

	for (size_t i = 0; i < p->n; i++) {
		struct op *o = &p->ops[i];
		AUTO_FD dir = -1;

		if (o->kind != OP_NEW && o->kind != OP_REPLACE)
			continue;
		dir = plan_open_dir(p, o, e);
		if (dir < 0)
			return dir;
		if (fstatat(dir, o->temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "%s", o->temp);
		o->new_ino = st.st_ino;
		if (st.st_dev != synced && syncfs(dir) < 0)
			return err_sys(e, "write %s/%s to the disk", o->dir, o->name);
		synced = st.st_dev;
	}
	return 0;
}

int
stage_all(const struct apply_list *l, const ssize_t *ops, struct plan *p, int fd, struct err *e)
{
	struct stage s = { .l = l, .ops = ops, .p = p };
	int r;

	s.first = xcalloc(l->n + 1, sizeof(*s.first));
	s.late = xcalloc(l->n + 1, sizeof(*s.late));
	find_first(&s);
	r = make_dirs(&s, e);
	if (r >= 0)
		r = read_all(&s, fd, e);
	if (r >= 0)
		r = finish_dirs(&s, e);
	if (r >= 0)
		r = note_and_sync(p, e);
	for (size_t i = 0; i < l->n; i++)
		plan_free_xattrs(s.late[i].xattrs, s.late[i].n);
	free(s.late);
	free(s.first);
	return r;
}
