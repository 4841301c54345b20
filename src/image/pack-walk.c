/*
 * How a tree of any depth is walked with few descriptors: the names in a directory are read when it
 * is entered, and only the directories nearest to where the walk is are kept open.  One that was
 * closed is opened again, by its path from the top and only when names are left in it, and must be
 * the same.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/pack-internal.h"
#include "kernel/sys.h"

#define KEPT_OPEN 32 /* directories */

static void
path_set(struct walk *w, size_t len, const char *name)
{
	const size_t n = strlen(name), need = len + n + 2;

	if (need > w->path_room) {
		w->path_room = need * 2 + 256;
		w->path = xrealloc_array(w->path, w->path_room, 1);
	}
	if (len > 0)
		w->path[len++] = '/';
	memcpy(w->path + len, name, n + 1);
}

char *
walk_frame_path(const struct walk *w, size_t i)
{
	return xstrndup(w->path, w->frames[i].path_len);
}

static void
frame_free(struct frame *f)
{
	fd_closep(&f->fd);
	names_free(&f->names);
	attr_free(&f->attr);
	free(f->dirs);
	free(f->ups);
}

static bool
is_excluded(const struct walk *w)
{
	for (const char *const *x = w->o->exclude; x && *x; x++) {
		const char *pattern = *x + strspn(*x, "/");

		if (strcmp(pattern, w->path) == 0 || fnmatch(pattern, w->path, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* The names that would show through into the directory if none above or it were opaque. */
static int
add_hidden_names(struct walk *w, struct frame *f, struct err *e)
{
	for (size_t i = 0; i < f->n_dirs; i++) {
		AUTO_FD fd = open_below(w->o->lower[f->dirs[i]], w->path,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW, e);

		if (fd < 0)
			return e->code ? -e->code : err_set(e, ENOENT, "changed while it was read");
		if (names_read(&f->names, fd, true, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Of directories that are merged, all but the first have theirs still to be read. */
static int
add_stacked_names(struct walk *w, struct frame *f, struct err *e)
{
	for (size_t i = 1; i < f->n_ups; i++) {
		AUTO_FD fd = open_below(w->uppers.lower[f->ups[i]], w->path,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW, e);

		if (fd < 0)
			return e->code ? -e->code : err_set(e, ENOENT, "changed while it was read");
		if (names_read(&f->names, fd, false, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Far from the end of the stack nothing is read soon. */
static void
push(struct walk *w, struct frame *f)
{
	if (w->depth == w->room) {
		w->room = w->room * 2 + 16;
		w->frames = xrealloc_array(w->frames, w->room, sizeof(*w->frames));
	}
	w->frames[w->depth++] = *f;
	*f = (struct frame){ .fd = -1 };
	if (w->depth > KEPT_OPEN)
		fd_closep(&w->frames[w->depth - 1 - KEPT_OPEN].fd);
}

static int
open_directory(int fd, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	int again = sys_openat(fd, ".", flags | O_NOATIME, 0);

	if (again < 0 && errno == EPERM)
		again = sys_openat(fd, ".", flags, 0);
	return again < 0 ? err_sys(e, "open") : again;
}

/* Enter the directory that @n is; its attributes and @hit's list go to the frame. */
static int
enter(struct walk *w, struct node *n, struct attr *a, struct lower_hit *hit, struct lower_hit *up,
      struct err *e)
{
	struct frame f = { .fd = open_directory(n->fd, e), .path_len = strlen(w->path) };
	const bool merged = w->o->from == PACK_MERGED;
	int r = f.fd;

	f.cut_off = n->cut_off || a->opaque;
	f.dirs = TAKE_PTR(hit->dirs);
	f.n_dirs = hit->n_dirs;
	f.ups = TAKE_PTR(up->dirs);
	f.n_ups = up->n_dirs;
	if (r >= 0 && !merged)
		r = names_read(&f.names, f.fd, false, e);
	if (r >= 0)
		r = add_stacked_names(w, &f, e);
	if (r >= 0 && (merged || (w->tell_hidden && f.cut_off)))
		r = add_hidden_names(w, &f, e);
	if (r < 0) {
		frame_free(&f);
		return r;
	}
	names_sort(&f.names);
	f.attr = *a;
	*a = (struct attr){ .xattrs = NULL };
	push(w, &f);
	n->attr = &w->frames[w->depth - 1].attr;
	return w->visit(w, n, e);
}

static int
compare(struct node *n, const struct lower_hit *hit, bool is_top, struct err *e)
{
	const struct timespec *now = &n->attr->st.st_mtim, *was = &hit->attr.st.st_mtim;
	bool same;

	if (hit->fd < 0) {
		n->change = CHANGE_ADDED;
		return 0;
	}
	if (S_ISDIR(n->attr->type))
		/* The time of an upper's top is when the layer began, which is nobody's doing. */
		same = attr_same(n->attr, &hit->attr) &&
		       (is_top || (now->tv_sec == was->tv_sec && now->tv_nsec == was->tv_nsec));
	else if (lower_same_file(n->fd, n->attr, hit, &same, e) < 0)
		return -e->code;
	n->change = same ? CHANGE_SAME : CHANGE_ALTERED;
	return 0;
}

/* A whiteout of @hit; where there is nothing to compare with, of whatever there may be. */
static int
visit_deleted(struct walk *w, struct node *n, const struct lower_hit *hit, struct err *e)
{
	n->fd = -1;
	n->change = CHANGE_DELETED;
	if (w->o->n_lower == 0)
		return w->visit(w, n, e);
	if (hit->fd < 0)
		return 0;
	n->attr = &hit->attr;
	return w->visit(w, n, e);
}

static int
check_possible(const struct walk *w, const char *name, const struct attr *a, struct err *e)
{
	if (w->o->from == PACK_UPPER && a->elsewhere)
		return err_set(e, EOPNOTSUPP,
			       "it is in another layer (overlay with metacopy or redirect_dir)");
	if (strncmp(name, ".wh.", 4) == 0)
		return err_set(e, EINVAL, "in a layer that name means that a file is removed");
	return 0;
}

static int
visit_open(struct walk *w, struct node *n, struct attr *a, struct lower_hit *hit, struct lower_hit *up,
	   const char *name, struct err *e)
{
	const bool is_upper = w->o->from == PACK_UPPER;
	const bool in_marked = w->depth > 0 && w->frames[w->depth - 1].attr.marks_whiteouts;

	n->attr = a;
	if (is_upper && attr_is_whiteout(a, in_marked)) {
		n->hides = true;
		return visit_deleted(w, n, hit, e);
	}
	if (check_possible(w, name, a, e) < 0 || compare(n, hit, w->depth == 0, e) < 0)
		return -e->code;
	a->opaque = a->opaque && is_upper;
	if (!S_ISDIR(a->st.st_mode))
		return w->visit(w, n, e);
	n->hides = a->opaque && !n->cut_off && (w->o->n_lower == 0 || hit->n_dirs > 0);
	return enter(w, n, a, hit, up, e);
}

/* What shows through at a path. */
static int
visit_merged(struct walk *w, struct node *n, struct lower_hit *hit, struct err *e)
{
	struct lower_hit none = LOWER_HIT_INIT;
	AUTO_ATTR a = { .xattrs = NULL };
	int r;

	if (hit->fd < 0)
		return 0;
	if (hit->attr.elsewhere)
		return err_set(e, EOPNOTSUPP,
			       "it is in another layer (overlay with metacopy or redirect_dir)");
	a = hit->attr;
	hit->attr = (struct attr){ .xattrs = NULL };
	a.opaque = false;
	n->fd = hit->fd;
	n->attr = &a;
	r = S_ISDIR(a.st.st_mode) ? enter(w, n, &a, hit, &none, e) : w->visit(w, n, e);
	n->attr = NULL;
	return r;
}

/* A path of several uppers: @up is what they have there. */
static int
visit_stacked(struct walk *w, struct node *n, struct lower_hit *hit, struct lower_hit *up,
	     const char *name, struct err *e)
{
	if (up->fd < 0 && !up->whiteout)
		return err_set(e, ENOENT, "changed while it was read");
	if (up->whiteout) {
		n->hides = true;
		return visit_deleted(w, n, hit, e);
	}
	n->fd = up->fd;
	up->attr.opaque = up->closed;
	return visit_open(w, n, &up->attr, hit, up, name, e);
}

/*
 * Visit what the path of @w is in directory @dir_fd, where it is @name.
 *
 * @f: the frame of that directory; at the top one that has only what is to be compared
 */
static int
visit_name(struct walk *w, int dir_fd, const char *name, bool lower_only, const struct frame *f,
	   struct err *e)
{
	AUTO_FD fd = -1;
	AUTO_ATTR a = { .xattrs = NULL };
	AUTO_HIT hit = LOWER_HIT_INIT, up = LOWER_HIT_INIT;
	struct node n = { .path = w->path, .fd = -1, .cut_off = f->cut_off, .was = &hit };

	if (lower_find(w->o, f->dirs, f->n_dirs, w->path, &hit, e) < 0)
		return -e->code;
	if (w->o->from == PACK_MERGED)
		return visit_merged(w, &n, &hit, e);
	if (lower_only)
		return visit_deleted(w, &n, &hit, e);
	if (f->n_ups > 0)
		return lower_find(&w->uppers, f->ups, f->n_ups, w->path, &up, e) < 0
			       ? -e->code
			       : visit_stacked(w, &n, &hit, &up, name, e);
	fd = sys_openat(dir_fd, name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_sys(e, "open");
	n.fd = fd;
	if (attr_read(fd, attr_records_of(w->o), &a, e) < 0)
		return -e->code;
	attr_take_name(dir_fd, name, attr_records_of(w->o), &a);
	return visit_open(w, &n, &a, &hit, &up, name, e);
}

static int
frame_reopen(struct walk *w, struct frame *f, struct err *e)
{
	AUTO_FREE char *path = xstrndup(w->path, f->path_len);
	const int top = f->n_ups > 0 ? w->uppers.lower[f->ups[0]] : w->top_fd;
	AUTO_FD fd = open_below(top, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, e);
	struct stat st;

	if (fd < 0 && e->code)
		return -e->code;
	if (fd >= 0 && fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (fd < 0 || st.st_ino != f->attr.st.st_ino || st.st_dev != f->attr.st.st_dev)
		return err_set(e, EAGAIN, "changed while it was read");
	f->fd = TAKE_FD(fd);
	return 0;
}

/* The next name of the directory that the walk is in. */
static int
step(struct walk *w, struct err *e)
{
	struct frame *f = &w->frames[w->depth - 1];
	const struct frame around = { .dirs = f->dirs,
				      .n_dirs = f->n_dirs,
				      .ups = f->ups,
				      .n_ups = f->n_ups,
				      .cut_off = f->cut_off };
	const char *name;

	if (f->next == f->names.n) {
		frame_free(f);
		w->depth--;
		return 0;
	}
	w->path[f->path_len] = '\0';
	if (f->fd < 0 && w->o->from != PACK_MERGED && frame_reopen(w, f, e) < 0)
		return -e->code;
	name = f->names.sorted[f->next++];
	path_set(w, f->path_len, name);
	return is_excluded(w) ? 0 : visit_name(w, f->fd, name, name_is_lower(name), &around, e);
}

static size_t *
all_of(size_t n)
{
	size_t *v = xcalloc(n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = i;
	return v;
}

static int
start(struct walk *w, struct err *e)
{
	const bool is_upper = w->o->from == PACK_UPPER;
	CLEANUP(frame_free) struct frame all = { .fd = -1 };

	path_set(w, 0, "");
	all.n_dirs = w->o->from == PACK_TREE ? 0 : w->o->n_lower;
	all.dirs = all_of(all.n_dirs);
	if (is_upper && w->o->n_earlier > 0) {
		all.n_ups = w->uppers.n_lower;
		all.ups = all_of(all.n_ups);
	}
	return visit_name(w, w->top_fd, ".", false, &all, e);
}

int
walk_tree(struct walk *w, struct err *e)
{
	AUTO_FREE int *uppers = xcalloc(w->o->n_earlier + 1, sizeof(*uppers));
	int r;

	uppers[0] = w->top_fd;
	for (size_t i = 0; i < w->o->n_earlier; i++)
		uppers[i + 1] = w->o->earlier[i];
	w->uppers = (struct pack_options){ .recorded = w->o->recorded,
					   .recorded_devices = w->o->recorded_devices,
					   .lower = uppers,
					   .n_lower = w->o->n_earlier + 1 };
	r = start(w, e);

	while (r >= 0 && w->depth > 0)
		r = step(w, e);
	if (r < 0 && w->path[0])
		(void)err_prefix(e, "%s", w->path);
	while (w->depth > 0)
		frame_free(&w->frames[--w->depth]);
	free(w->frames);
	free(w->path);
	return r < 0 ? r : 0;
}
