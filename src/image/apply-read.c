/*
 * Who made the file is not known, so nothing in it is believed: each name is below one of the two
 * roots, each parent is a directory, each further name of a file has its contents in the same file.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"
#include "image/digest.h"
#include "image/tar.h"

#define CHANGES_MAX 4000000
#define BELOW_MAX   400 /* bytes of a stamp */

struct reader {
	struct apply_list *l;
	char **links; /* owned strv-like: for each change the name of its contents, or NULL */
	size_t room;
};

/* --- the first entry --- */

static int
check_digest(int fd, const char *want, struct err *e)
{
	enum { BLOCK = 65536 };
	AUTO_FREE char *buf = xcalloc(1, BLOCK);
	struct digest *d = digest_new();
	off_t at = SAVED_HEAD;
	char hex[65];
	ssize_t n;
	int r;

	while ((n = pread(fd, buf, BLOCK, at)) > 0 || (n < 0 && errno == EINTR)) {
		digest_add(d, buf, n > 0 ? (size_t)n : 0);
		at += n > 0 ? n : 0;
	}
	r = n < 0 ? err_sys(e, "read") : digest_end(d, hex, e);
	digest_freep(&d);
	if (r == 0 && strcmp(hex, want) != 0)
		return err_set(e, EBADMSG, "it is damaged: its digest is another");
	return r;
}

static int
read_head(int fd, struct apply_list *l, struct err *e)
{
	const size_t magic = strlen(SAVED_MAGIC);
	char head[SAVED_HEAD + 1] = "", *text = head + SAVED_HEAD / 2;
	const ssize_t n = pread(fd, head, SAVED_HEAD, 0);

	if (n < 0)
		return err_sys(e, "read");
	if (n < SAVED_HEAD || strcmp(head, SAVED_NAME) != 0 ||
	    strncmp(text, SAVED_MAGIC, magic) != 0 || strlen(text) < magic + 65)
		return err_set(e, EBADMSG, "not a file of saved changes");
	l->real_owners = strcmp(text + magic + 64, "\nowners real\n") == 0;
	text[magic + 64] = '\0';
	return check_digest(fd, text + magic, e);
}

/* --- entries --- */

static bool
is_plain_path(const char *path)
{
	while (*path) {
		const size_t n = strcspn(path, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
		if (*path == '/' && *++path == '\0')
			return false;
	}
	return true;
}

/* Which root an entry is below, and its path there, owned. */
static int
split_name(const char *name, enum apply_root *ret_root, char **ret, struct err *e)
{
	static const char *const roots[] = { SAVED_HERE, SAVED_ELSE };
	AUTO_FREE char *path = NULL;
	size_t n;

	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		if (strncmp(name, roots[i], strlen(roots[i])) != 0)
			continue;
		path = xstrdup(name + strlen(roots[i]));
		*ret_root = (enum apply_root)i;
	}
	n = path ? strlen(path) : 0;
	if (n > 0 && path[n - 1] == '/')
		path[n - 1] = '\0';
	if (!path || !is_plain_path(path))
		return err_set(e, EINVAL, "a name that leads out of the directory");
	*ret = TAKE_PTR(path);
	return 0;
}

/* ".wh.NAME" is NAME, removed. */
static int
take_whiteout(struct apply_change *c, struct err *e)
{
	char *slash = strrchr(c->path, '/'), *name = slash ? slash + 1 : c->path;

	if (strncmp(name, ".wh.", 4) != 0)
		return 0;
	if (c->type != 'f' || c->size || strcmp(name + 4, "") == 0 || strcmp(name + 4, ".") == 0 ||
	    strcmp(name + 4, "..") == 0 || strncmp(name, ".wh..wh.", 8) == 0)
		return err_set(e, EINVAL, "a removal of nothing");
	memmove(name, name + 4, strlen(name + 4) + 1);
	c->kind = 'D';
	return 0;
}

static int
take_xattrs(const struct tar_entry *t, struct apply_change *c, struct err *e)
{
	for (size_t i = 0; i < t->n_xattrs; i++) {
		const struct tar_xattr *x = &t->xattrs[i];

		if (strcmp(x->name, ATTR_BELOW) != 0) {
			if (!apply_takes_xattr(x->name))
				return err_set(e, EINVAL, "attribute %s in it", x->name);
			continue;
		}
		if (c->below || x->n == 0 || x->n > BELOW_MAX || memchr(x->value, '\0', x->n))
			return err_set(e, EINVAL, "what was below it makes no sense");
		c->below = xstrndup(x->value, x->n);
	}
	return c->below ? 0 : err_set(e, EINVAL, "it does not say what was below it");
}

static int
take_type(const struct tar_entry *t, struct apply_change *c, struct err *e)
{
	switch (t->kind) {
	case TAR_FILE:
	case TAR_HARDLINK:
		c->type = 'f';
		break;
	case TAR_DIR:
		c->type = 'd';
		break;
	case TAR_SYMLINK:
		c->type = 'l';
		break;
	case TAR_FIFO:
		c->type = 'p';
		break;
	case TAR_CHAR:
	case TAR_BLOCK:
		return err_set(e, EINVAL, "a device");
	}
	c->size = t->size;
	return 0;
}

static int
take_entry(struct reader *r, const struct tar_entry *t, struct err *e)
{
	struct apply_change *c;

	if (r->l->n >= CHANGES_MAX)
		return err_set(e, E2BIG, "more than %d changes", CHANGES_MAX);
	if (r->l->n == r->room) {
		r->room = r->room * 2 + 16;
		r->links = xrealloc_array(r->links, r->room, sizeof(*r->links));
	}
	r->links[r->l->n] = t->kind == TAR_HARDLINK ? xstrdup(t->link) : NULL;
	c = apply_list_add(r->l);
	if (split_name(t->name, &c->root, &c->path, e) < 0 || take_type(t, c, e) < 0 ||
	    take_whiteout(c, e) < 0 || take_xattrs(t, c, e) < 0)
		return -e->code;
	if (!c->path[0] && (c->type != 'd' || !strchr("d?", c->below[0])))
		return err_set(e, EINVAL, "the directory itself is replaced");
	if (c->kind == 'D' && strcmp(c->below, APPLY_NOTHING) == 0)
		return err_set(e, EINVAL, "a removal of nothing");
	if (c->kind == 'D')
		c->type = c->below[0];
	if (c->below[0] == APPLY_NEVER) {
		c->kind = c->below[1] == 'A' || c->below[1] == 'D' ? c->below[1] : 'C';
		c->why = xstrdup(c->below[1] ? c->below + 2 : "it cannot be applied");
	} else if (c->kind != 'D') {
		c->kind = strcmp(c->below, APPLY_NOTHING) == 0 ? 'A' : 'C';
	}
	c->selected = true;
	r->l->n_foreign += !r->l->real_owners && c->kind != 'D' && (t->uid || t->gid);
	return 0;
}

/* --- all together --- */

static int
find_links(struct reader *r, const struct apply_index *x, struct err *e)
{
	for (size_t i = 0; i < r->l->n; i++) {
		AUTO_FREE char *path = NULL;
		const struct apply_change *to;
		enum apply_root root = APPLY_HERE;

		if (!r->links[i])
			continue;
		if (split_name(r->links[i], &root, &path, e) < 0)
			return err_prefix(e, "%s: link", r->l->v[i].path);
		to = apply_index_find(x, root, path, strlen(path));
		if (!to || to >= &r->l->v[i] || to->kind == 'D' || to->type != 'f' ||
		    r->links[to - r->l->v])
			return err_set(e, EINVAL, "%s: a link to what is not in the file",
				       r->l->v[i].path);
		r->l->v[i].link_to = to - r->l->v;
		r->l->v[i].size = to->size;
	}
	return 0;
}

static int
check_tree(const struct apply_list *l, const struct apply_index *x, struct err *e)
{
	const struct apply_change *twice = apply_index_double(x);

	if (twice)
		return err_set(e, EINVAL, "%s: it is there twice", twice->path);
	for (size_t i = 0; i < l->n; i++) {
		const struct apply_change *above = apply_index_above(x, &l->v[i]);

		if (!above)
			continue;
		if (above->kind == 'D' || above->type != 'd' || above > &l->v[i])
			return err_set(e, EINVAL, "%s: what it is in is no directory",
				       l->v[i].path);
		/* In a directory that is new nothing was before. */
		if (!strchr("d?", above->below[0]) && l->v[i].kind != 'A')
			return err_set(e, EINVAL, "%s: it was not there before", l->v[i].path);
	}
	return 0;
}

static int
read_directory(struct tar *t, struct apply_list *l, struct err *e)
{
	struct tar_entry entry;
	int r = tar_next(t, &entry, e);

	if (r < 0)
		return r;
	if (r == 0 || strcmp(entry.name, SAVED_DIR) != 0 || entry.n_xattrs != 1 ||
	    strcmp(entry.xattrs[0].name, ATTR_DIR) != 0)
		return err_set(e, EBADMSG, "not a file of saved changes");
	l->dir = xstrndup(entry.xattrs[0].value, entry.xattrs[0].n);
	return 0;
}

static int
read_entries(struct reader *r, struct tar *t, struct err *e)
{
	struct tar_entry entry;
	int n;

	if (read_directory(t, r->l, e) < 0)
		return -e->code;
	while ((n = tar_next(t, &entry, e)) > 0)
		if (take_entry(r, &entry, e) < 0)
			return err_prefix(e, "%s", entry.name);
	return n;
}

int
apply_open_entries(int fd, struct stream **ret_stream, struct tar **ret, struct err *e)
{
	const struct stream_limits limits = { .bytes = UINT64_MAX, .ratio = UINT32_MAX };

	if (lseek(fd, SAVED_HEAD, SEEK_SET) < 0)
		return err_sys(e, "seek");
	if (stream_open(fd, &limits, ret_stream, e) < 0)
		return -e->code;
	return tar_open(*ret_stream, ret, e);
}

int
apply_read(int fd, struct apply_list *ret, struct err *e)
{
	AUTO_APPLY_LIST l = { .v = NULL };
	struct reader r = { .l = &l };
	AUTO_STREAM s = NULL;
	AUTO_TAR t = NULL;
	int n = read_head(fd, &l, e);

	if (n == 0)
		n = apply_open_entries(fd, &s, &t, e);
	if (n == 0)
		n = read_entries(&r, t, e);
	if (n == 0) {
		AUTO_APPLY_INDEX x = apply_index_new(&l);

		n = check_tree(&l, x, e) < 0 || find_links(&r, x, e) < 0 ? -e->code : 0;
	}
	for (size_t i = 0; i < l.n; i++)
		free(r.links[i]);
	free(r.links);
	if (n < 0)
		return n;
	*ret = l;
	l = (struct apply_list){ .v = NULL };
	return 0;
}
