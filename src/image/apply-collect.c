#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"

struct collect {
	const struct apply_place *place;
	size_t i_place;
	const char *dir;
	const struct timespec *start;
	bool real_owners;
	struct apply_list *l;
};

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/*
 * Of a directory only what can be applied counts: mode and attributes.  The time of one changes with
 * what is in it, and the top of an upper directory has been made by rootlet, for anybody's.
 */
static bool
directory_changed(const struct collect *c, const struct node *n, const struct attr *host)
{
	struct attr now = *n->attr;

	if (!n->path[0]) {
		if (host->st.st_uid != geteuid())
			return false;
	}
	if (!n->path[0] || c->place->mirror) {
		now.xattrs = host->xattrs;
		now.n_xattrs = host->n_xattrs;
	}
	if (!c->real_owners || !n->path[0]) {
		now.uid = host->uid;
		now.gid = host->gid;
	}
	return !attr_same(&now, host);
}

static void
set_path(const struct collect *c, const char *path, struct apply_change *to)
{
	AUTO_FREE char *full = path_join(c->place->path, path);
	size_t n = strlen(full);

	while (n > 1 && full[n - 1] == '/')
		full[--n] = '\0';
	if (path_is_below(full, c->dir)) {
		const char *rel = full + (c->dir[1] ? strlen(c->dir) : 0);

		to->root = APPLY_HERE;
		to->path = xstrdup(rel + strspn(rel, "/"));
	} else {
		to->root = APPLY_MACHINE;
		to->path = xstrdup(full + 1);
	}
	to->layer_path = xstrdup(path);
}

/* May the caller make and remove names where @path is? */
static bool
is_closed(const struct collect *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	struct err ignored = ERR_INIT;
	AUTO_FD fd = open_below(c->place->lower_fd, parent, O_PATH | O_DIRECTORY, &ignored);
	char link[32];

	/* One that is not there yet is judged by its own parent. */
	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return faccessat(AT_FDCWD, link, W_OK | X_OK, AT_EACCESS) < 0;
}

static const char *
why_never(const struct collect *c, const struct apply_change *d, const struct node *n,
	  const struct timespec *newest, bool was_there)
{
	if (!was_there && n->fd >= 0 && n->attr->copied_up)
		return "it was removed here during the run";
	if (was_there && !is_before(newest, c->start))
		return "it was changed here during the run";
	if (d->kind != 'D' && !strchr("fdlp", d->type))
		return "a device is not made on this machine";
	return NULL;
}

static void
block_for_ever(struct apply_change *to, const char *why)
{
	free(to->below);
	to->below = xasprintf("%c%c%s", APPLY_NEVER, to->kind, why);
	to->why = xstrdup(why);
}

/* The stamp of what is on the machine there, and why that must not be touched. */
static void
look_below(const struct collect *c, const struct node *n, int host_fd, struct apply_change *to)
{
	struct timespec newest = { .tv_sec = 0 };
	struct err unread = ERR_INIT;
	const char *why;

	if (apply_stamp(host_fd, apply_needs_deep(to), &newest, &to->below, &unread) < 0) {
		block_for_ever(to, unread.msg);
		return;
	}
	why = why_never(c, to, n, &newest, host_fd >= 0);
	if (why)
		block_for_ever(to, why);
	/* At the top of all only attributes change. */
	else if (n->path[0] && is_closed(c, n->path))
		to->why = xstrdup("its directory is not yours to write");
}

static char
letter_of(const struct attr *a)
{
	return S_ISREG(a->type)	 ? 'f'
	     : S_ISDIR(a->type)	 ? 'd'
	     : S_ISLNK(a->type)	 ? 'l'
	     : S_ISFIFO(a->type) ? 'p'
	     : S_ISCHR(a->type)	 ? 'c'
				 : 'b';
}

static void
count_owner(const struct collect *c, const struct attr *a)
{
	c->l->n_foreign += !c->real_owners && (a->uid || a->gid);
}

static void
add(const struct collect *c, const struct node *n, int host_fd)
{
	const bool deleted = n->change == CHANGE_DELETED;
	struct apply_change *to = apply_list_add(c->l);

	to->kind = deleted ? 'D' : host_fd >= 0 ? 'C' : 'A';
	to->type = letter_of(n->attr);
	to->size = S_ISREG(n->attr->type) ? (uint64_t)n->attr->st.st_size : 0;
	to->place = c->i_place;
	set_path(c, n->path, to);
	if (!deleted)
		count_owner(c, n->attr);
	if (!c->place->closed) {
		look_below(c, n, host_fd, to);
		return;
	}
	block_for_ever(to, "its directory is not yours to write");
}

static int
visit(struct walk *w, const struct node *n, struct err *e)
{
	const struct collect *c = w->arg;
	AUTO_FD host = -1;

	if (n->change == CHANGE_SAME || (c->place->closed && !n->path[0]))
		return 0;
	if (S_ISSOCK(n->attr->type) && n->change != CHANGE_DELETED) {
		c->l->n_sockets++;
		return 0;
	}
	if (c->place->closed) {
		add(c, n, -1);
		return 0;
	}
	host = open_below(c->place->lower_fd, n->path, O_PATH | O_NOFOLLOW, e);
	/* Below a link, which a directory has replaced, there was nothing. */
	if (host < 0 && e->code != 0 && e->code != ELOOP)
		return -e->code;
	err_clear(e);
	if (n->change == CHANGE_ALTERED && S_ISDIR(n->attr->type)) {
		AUTO_ATTR a = { .xattrs = NULL };

		if (host >= 0 && attr_read(host, attr_records_of(w->o), &a, e) < 0)
			return -e->code;
		if (host >= 0 && S_ISDIR(a.type) && !directory_changed(c, n, &a))
			return 0;
	}
	add(c, n, host);
	return 0;
}

/* What is here first, else in the order of the places. */
static void
here_first(const struct apply_list *l)
{
	struct apply_change *sorted = xcalloc(l->n + 1, sizeof(*sorted));
	size_t n = 0;

	for (int root = 0; root < APPLY_ROOT_MAX_; root++)
		for (size_t i = 0; i < l->n; i++)
			if (l->v[i].root == (enum apply_root)root)
				sorted[n++] = l->v[i];
	if (n > 0)
		memcpy(l->v, sorted, n * sizeof(*sorted));
	free(sorted);
}

/* What is in a new directory that cannot be made cannot either. */
static void
pass_on_reasons(const struct apply_list *l)
{
	AUTO_APPLY_INDEX x = apply_index_new(l);

	for (size_t i = 0; i < l->n; i++) {
		const struct apply_change *above = apply_index_above(x, &l->v[i]);

		if (above && above->why && !l->v[i].why && above->kind == 'A')
			l->v[i].why = xstrdup(above->why);
	}
}

int
apply_collect(const struct apply_place *places, size_t n_places, const char *dir,
	      const struct timespec *start, bool recorded, struct apply_list *l, struct err *e)
{
	l->dir = xstrdup(dir);
	l->real_owners = !recorded;
	for (size_t i = 0; i < n_places; i++) {
		const struct pack_options o = { .from = PACK_UPPER,
						.mtime_max = -1,
						.recorded = recorded,
						.lower = &places[i].lower_fd,
						.n_lower = places[i].closed ? 0 : 1 };
		struct collect c = { &places[i], i, dir, start, !recorded, l };
		struct walk w = { .o = &o,
				  .top_fd = places[i].upper_fd,
				  .tell_hidden = true,
				  .visit = visit,
				  .arg = &c };

		if (walk_tree(&w, e) < 0)
			return err_prefix(e, "%s", places[i].path);
	}
	here_first(l);
	pass_on_reasons(l);
	return 0;
}
