#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/newfile.h"
#include "base/str.h"
#include "image/apply-internal.h"
#include "kernel/sys.h"

void
plan_free_xattrs(struct xattr *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].value);
	}
	free(v);
}

void
plan_copy_xattrs(const struct xattr *from, size_t n, struct xattr **ret, size_t *ret_n)
{
	struct xattr *v = xcalloc(n + 1, sizeof(*v));
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (!apply_takes_xattr(from[i].name))
			continue;
		v[used] = (struct xattr){ xstrdup(from[i].name), xcalloc(from[i].n + 1, 1),
					  from[i].n };
		if (from[i].n)
			memcpy(v[used].value, from[i].value, from[i].n);
		used++;
	}
	*ret = v;
	*ret_n = used;
}

void
plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].dir);
		free(p->ops[i].name);
		free(p->ops[i].temp);
		plan_free_xattrs(p->ops[i].old_xattrs, p->ops[i].n_old);
		plan_free_xattrs(p->ops[i].new_xattrs, p->ops[i].n_new);
	}
	free(p->ops);
	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		free(p->root_path[i]);
		fd_closep(&p->root_fd[i]);
	}
	*p = (struct plan)PLAN_INIT;
}

struct op *
plan_add(struct plan *p)
{
	p->ops = xrealloc_array(p->ops, p->n + 1, sizeof(*p->ops));
	p->ops[p->n] = (struct op){ .kind = OP_NEW };
	return &p->ops[p->n++];
}

int
plan_open_dir(const struct plan *p, const struct op *o, struct err *e)
{
	int fd = open_below(p->root_fd[o->root], o->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, e);

	if (fd < 0)
		return e->code ? err_prefix(e, "%s", o->dir)
			       : err_set(e, ENOENT, "%s: it is not there any more", o->dir);
	return fd;
}

/* What the operation finds, which it must find again when its turn comes. */
static int
look_at_old(const struct plan *p, struct op *o, struct err *e)
{
	AUTO_FD dir = plan_open_dir(p, o, e), fd = -1;
	AUTO_ATTR a = { .xattrs = NULL };

	if (dir < 0)
		return dir;
	if (o->kind == OP_NEW)
		return 0;
	fd = sys_openat(dir, o->name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || attr_read(fd, ATTR_RECORDS_NONE, &a, e) < 0)
		return fd < 0 ? err_sys(e, "%s/%s", o->dir, o->name) : -e->code;
	o->old_ino = a.st.st_ino;
	o->old_ctime = a.st.st_ctim;
	o->old_mode = a.st.st_mode & 07777;
	o->old_gid = a.st.st_gid;
	if (o->kind == OP_ATTR)
		plan_copy_xattrs(a.xattrs, a.n_xattrs, &o->old_xattrs, &o->n_old);
	return 0;
}

static int
add_op(struct plan *p, const struct apply_change *c, struct err *e)
{
	const char *slash = strrchr(c->path, '/');
	struct op *o = plan_add(p);

	o->kind = c->kind == 'D'		       ? OP_REMOVE
		: strcmp(c->below, APPLY_NOTHING) == 0 ? OP_NEW
		: c->type == 'd' && c->below[0] == 'd' ? OP_ATTR
						       : OP_REPLACE;
	o->root = c->root;
	o->dir = xstrndup(c->path, slash ? (size_t)(slash - c->path) : 0);
	o->name = xstrdup(!c->path[0] ? "." : slash ? slash + 1 : c->path);
	o->temp = xasprintf(".rootlet-%s-%zu", p->id, p->n - 1);
	return look_at_old(p, o, e);
}

static int
open_roots(const struct apply_target *t, struct plan *p, struct err *e)
{
	struct stat st;

	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		p->root_path[i] = xstrdup(t->root_path[i]);
		p->root_fd[i] = fcntl(t->root_fd[i], F_DUPFD_CLOEXEC, 3);
		if (p->root_fd[i] < 0 || fstat(p->root_fd[i], &st) < 0)
			return err_sys(e, "open %s", t->root_path[i]);
		p->root_ino[i] = st.st_ino;
	}
	return 0;
}

int
plan_make(const struct apply_list *l, const struct apply_target *t, struct plan *p,
	  ssize_t **ret_op, struct err *e)
{
	AUTO_APPLY_INDEX x = apply_index_new(l);
	AUTO_FREE ssize_t *ops = xcalloc(l->n + 1, sizeof(*ops));

	random_name(p->id, sizeof(p->id), "");
	if (open_roots(t, p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < l->n; i++) {
		const struct apply_change *c = &l->v[i], *above = apply_index_above(x, c);

		ops[i] = -1;
		if (!c->selected)
			continue;
		if (above && apply_makes_dir(above)) {
			ops[i] = ops[above - l->v];
			continue;
		}
		if (add_op(p, c, e) < 0)
			return -e->code;
		ops[i] = (ssize_t)p->n - 1;
	}
	*ret_op = TAKE_PTR(ops);
	return 0;
}
