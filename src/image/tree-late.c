#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "image/tree-internal.h"

/* What waits takes memory: a million of directories with names of usual length. */
#define LATE_MAX ((size_t)64 << 20)

static int
account(struct tree *t, size_t n, struct err *e)
{
	if (n > LATE_MAX - t->late_bytes)
		return err_set(e, E2BIG, "more directories and links than fit into memory");
	t->late_bytes += n;
	return 0;
}

static void *
grow(void *list, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return list;
	*room = *room ? *room * 2 : 64;
	return xrealloc_array(list, *room, size);
}

int
late_add_dir(struct tree *t, const char *path, const struct late_dir *d, const struct tar_xattr *acl,
	     struct err *e)
{
	struct late_dir *to;

	if (account(t, sizeof(*to) + strlen(path) + 1 + (acl ? acl->n : 0), e) < 0)
		return -e->code;
	t->dirs = grow(t->dirs, t->n_dirs, &t->room_dirs, sizeof(*t->dirs));
	to = &t->dirs[t->n_dirs];
	*to = *d;
	to->path = xstrdup(path);
	to->seq = t->n_dirs++;
	if (acl && acl->n > 0) {
		to->acl = xcalloc(acl->n, 1);
		memcpy(to->acl, acl->value, acl->n);
		to->n_acl = acl->n;
	}
	return 0;
}

int
late_add_link(struct tree *t, const char *name, const char *target, struct err *e)
{
	struct late_link *l;

	if (account(t, sizeof(*l) + strlen(name) + strlen(target) + 2, e) < 0)
		return -e->code;
	t->links = grow(t->links, t->n_links, &t->room_links, sizeof(*t->links));
	l = &t->links[t->n_links++];
	*l = (struct late_link){ .name = xstrdup(name), .target = xstrdup(target) };
	return 0;
}

/* --- links --- */

/* Returns 1 when it still has to wait.  What got the name since then keeps it. */
static int
try_link(struct tree *t, const struct late_link *l, struct err *e)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct place p = { .path = l->name };
	const char *dir;
	struct stat st;
	int r;

	memcpy(path, l->name, strlen(l->name) + 1);
	memcpy(target, l->target, strlen(l->target) + 1);
	p.name = name_split(path, &dir);
	if (dir_enter(t, dir, &p.dir, e) < 0)
		return err_prefix(e, "%s", l->name);
	if (fstatat(p.dir, p.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = link_make(t, &p, target, e);
	return r < 0 ? err_prefix(e, "%s", l->name) : r;
}

/* Forward, and the next time backward: a chain of links is in one order or the other. */
static int
links_pass(struct tree *t, bool forward, size_t *ret_left, struct err *e)
{
	size_t left = 0;

	for (size_t i = 0; i < t->n_links; i++) {
		struct late_link *l = &t->links[forward ? i : t->n_links - 1 - i];
		int r = l->done ? 0 : try_link(t, l, e);

		if (r < 0)
			return r;
		l->done = r == 0;
		left += r == 1;
	}
	*ret_left = left;
	return 0;
}

static int
missing(const struct tree *t, struct err *e)
{
	const struct late_link *l = t->links;

	while (l->done)
		l++;
	return err_set(e, ENOENT, "%s: a hard link to what is not in this layer: %s", l->name,
		       l->target);
}

/* Ever fewer are left; those who need many passes are not what anybody's tar makes. */
#define PASSES_MAX 32

static int
late_links(struct tree *t, struct err *e)
{
	size_t left = t->n_links, before;
	int pass = 0;

	if (left == 0)
		return 0;
	do {
		before = left;
		if (links_pass(t, pass % 2 == 0, &left, e) < 0)
			return -e->code;
		pass++;
		/* A pass in the other direction may still help. */
	} while (left > 0 && (left < before || pass < 2) && pass < PASSES_MAX);
	return left > 0 ? missing(t, e) : 0;
}

/* --- directories --- */

static int
compare_paths(const void *a, const void *b)
{
	const struct late_dir *x = a, *y = b;
	const int r = strcmp(x->path, y->path);

	return r != 0 ? r : x->seq < y->seq ? -1 : 1;
}

static int
compare_lengths(const void *a, const void *b)
{
	const struct late_dir *x = a, *y = b;
	const size_t lx = strlen(x->path), ly = strlen(y->path);

	return lx != ly ? (lx > ly ? -1 : 1) : compare_paths(a, b);
}

static int
late_error(const struct late_dir *d, const char *what, struct err *e)
{
	return err_sys(e, "%s: %s", d->path[0] ? d->path : ".", what);
}

/* @fd is open on a directory that has its name: perhaps another one, which replaced it. */
static int
late_dir(struct tree *t, const struct late_dir *d, int fd, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, d->mtime };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return late_error(d, "open it again", e);
	if (st.st_ino != d->ino)
		return 0;
	if (d->acl && fsetxattr(fd, ACL_DEFAULT, d->acl, d->n_acl, 0) < 0)
		attr_dropped(t, d->path, ACL_DEFAULT, strerrordesc_np(errno));
	if (fchmod(fd, d->mode) < 0 || futimens(fd, times) < 0)
		return late_error(d, "set its mode and time", e);
	return 0;
}

static bool
is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
}

static int
late_dir_at(struct tree *t, const struct late_dir *d, int parent, const char *name, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, d->mtime };
	AUTO_FD fd = -1;

	if (d->has_mode && !d->acl && !t->cleared)
		return utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0
			       ? late_error(d, "set its time", e)
			       : 0;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return is_gone() ? 0 : late_error(d, "open it again", e);
	return late_dir(t, d, fd, e);
}

static int
do_by_parent(struct tree *t, const struct late_dir *d, struct err *e)
{
	char path[PATH_MAX];
	const char *dir, *name;
	int parent, r;

	if (!d->path[0])
		return late_dir(t, d, t->root, e);
	memcpy(path, d->path, strlen(d->path) + 1);
	name = name_split(path, &dir);
	r = dir_find(t, dir, &parent, e);
	if (r < 0)
		return err_prefix(e, "%s", d->path);
	return r > 0 ? 0 : late_dir_at(t, d, parent, name, e);
}

static int
do_by_path(struct tree *t, const struct late_dir *d, struct err *e)
{
	AUTO_FD fd = dir_open(t, d->path, O_RDONLY);

	if (fd < 0)
		return is_gone() ? 0 : late_error(d, "open it again", e);
	return late_dir(t, d, fd, e);
}

/*
 * Those with a mode that hides, without capabilities, what is below come last, the longest path first.
 * Of several entries for one directory, the last counts.  Returns how many are left.
 */
static int
late_open_dirs(struct tree *t, size_t *ret_left, struct err *e)
{
	*ret_left = 0;
	if (t->n_dirs > 1)
		qsort(t->dirs, t->n_dirs, sizeof(*t->dirs), compare_paths);
	for (size_t i = 0; i < t->n_dirs; i++) {
		struct late_dir *d = &t->dirs[i];
		const bool counts = i + 1 == t->n_dirs || strcmp(d->path, d[1].path) != 0;

		d->done = !counts || is_open_mode(d->mode);
		*ret_left += !d->done;
		if (counts && d->done && do_by_parent(t, d, e) < 0)
			return -e->code;
	}
	return 0;
}

static int
late_dirs(struct tree *t, struct err *e)
{
	size_t left;

	if (late_open_dirs(t, &left, e) < 0)
		return -e->code;
	dir_leave(t);
	if (left > 0)
		qsort(t->dirs, t->n_dirs, sizeof(*t->dirs), compare_lengths);
	for (size_t i = 0; left > 0 && i < t->n_dirs; i++)
		if (!t->dirs[i].done && do_by_path(t, &t->dirs[i], e) < 0)
			return -e->code;
	return 0;
}

int
late_do(struct tree *t, struct err *e)
{
	return late_links(t, e) < 0 ? -e->code : late_dirs(t, e);
}

void
late_free(struct tree *t)
{
	for (size_t i = 0; i < t->n_dirs; i++) {
		free(t->dirs[i].path);
		free(t->dirs[i].acl);
	}
	for (size_t i = 0; i < t->n_links; i++) {
		free(t->links[i].name);
		free(t->links[i].target);
	}
	free(t->dirs);
	free(t->links);
}
