#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "image/model.h"
#include "image/name.h"
#include "image/tree-internal.h"

#define LINKS_MAX 40 /* that a path leads through, as in the kernel */

struct waiting {
	char *name, *target; /* owned, clean */
	bool done;
};

struct model {
	enum unpack_owners how;
	struct content *content; /* borrowed */
	struct allowance *allowance; /* borrowed, or NULL */
	size_t taken; /* of it */
	struct model_node *root;
	uint64_t entries;
	struct waiting *waiting; /* hard links to what was not there yet */
	size_t n_waiting, room;
};

/* --- nodes --- */

static void node_drop(struct model_node *n);

static void
name_free(void *p)
{
	struct model_name *n = p;

	node_drop(n->node);
	free(n);
}

static void
xattrs_free(struct model_node *n)
{
	for (size_t i = 0; i < n->n_xattrs; i++) {
		free(n->xattrs[i].name);
		free(n->xattrs[i].value);
	}
	free(n->xattrs);
}

/* One name less. */
static void
node_drop(struct model_node *n)
{
	if (--n->names > 0)
		return;
	tdestroy(n->children, name_free);
	xattrs_free(n);
	free(n->target);
	free(n);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct model_name *)a)->name, ((const struct model_name *)b)->name);
}

static struct model_name *
name_new(const char *name)
{
	const size_t n = strlen(name) + 1;
	struct model_name *ret = xcalloc(1, sizeof(*ret) + n);

	memcpy(ret->name, name, n);
	return ret;
}

struct model_name *
model_find(struct model_node *dir, const char *name)
{
	AUTO_FREE struct model_name *key = name_new(name);
	void **found = tfind(key, &dir->children, by_name);

	return found ? *found : NULL;
}

static void
take_out(struct model_node *dir, struct model_name *n)
{
	(void)tdelete(n, &dir->children, by_name);
	name_free(n);
}

static void
put(struct model_node *dir, const char *name, struct model_node *node)
{
	struct model_name *n = model_find(dir, name);

	node->names++;
	if (n)
		take_out(dir, n);
	n = name_new(name);
	n->node = node;
	if (S_ISDIR(node->type))
		node->parent = dir;
	if (!tsearch(n, &dir->children, by_name))
		abort();
}

static struct model_node *
node_new(mode_t type)
{
	struct model_node *n = xcalloc(1, sizeof(*n));

	n->type = type;
	return n;
}

struct each {
	void (*fn)(void *arg, struct model_name *n);
	void *arg;
};

static void
each_action(const void *p, VISIT which, void *closure)
{
	const struct each *each = closure;

	if (which == postorder || which == leaf)
		each->fn(each->arg, *(struct model_name *const *)p);
}

void
model_each(struct model_node *dir, void (*fn)(void *arg, struct model_name *n), void *arg)
{
	struct each each = { .fn = fn, .arg = arg };

	twalk_r(dir->children, each_action, &each);
}

/* --- paths --- */

struct cursor {
	struct model_node *dir;
	char rest[PATH_MAX]; /* of the path, relative to it or absolute in the tree */
	unsigned int links;  /* left */
};

/* @target takes the place of the part before @rest. */
static int
follow(struct cursor *c, const char *target, const char *rest)
{
	AUTO_FREE char *path = xasprintf("%s/%s", target, rest);

	if (c->links-- == 0 || strlen(path) >= sizeof(c->rest))
		return -ELOOP;
	if (target[0] == '/')
		while (c->dir->parent)
			c->dir = c->dir->parent;
	memcpy(c->rest, path, strlen(path) + 1);
	return 0;
}

static int
step(struct cursor *c, const char *part, const char *rest)
{
	struct model_name *n;

	if (strcmp(part, ".") == 0 || part[0] == '\0')
		n = NULL;
	else if (strcmp(part, "..") == 0)
		c->dir = c->dir->parent ? c->dir->parent : c->dir;
	else if (!(n = model_find(c->dir, part)))
		return -ENOENT;
	else if (S_ISLNK(n->node->type))
		return follow(c, n->node->target, rest);
	else if (!S_ISDIR(n->node->type))
		return -ENOTDIR;
	else
		c->dir = n->node;
	memmove(c->rest, rest, strlen(rest) + 1);
	return 0;
}

/* The directory @path, links followed as if the tree were "/"; or -ENOENT, -ENOTDIR, -ELOOP. */
static int
resolve(struct model_node *root, const char *path, struct model_node **ret)
{
	struct cursor c = { .dir = root, .links = LINKS_MAX };
	char part[NAME_MAX + 1];

	memcpy(c.rest, path, strlen(path) + 1);
	while (c.rest[0] != '\0') {
		const size_t n = strcspn(c.rest, "/");
		int r;

		if (n >= sizeof(part))
			return -ENOENT;
		memcpy(part, c.rest, n);
		part[n] = '\0';
		r = step(&c, part, c.rest + n + (c.rest[n] == '/'));
		if (r < 0)
			return r;
	}
	*ret = c.dir;
	return 0;
}

/* Directories on the way are made when they are missing. */
static int
enter(struct model *m, const char *path, struct model_node **ret, struct err *e)
{
	char so_far[PATH_MAX];
	struct model_node *dir = m->root;

	for (size_t begin = 0, end; path[begin] != '\0'; begin = end + (path[end] == '/')) {
		struct model_node *next;
		int r;

		end = begin + strcspn(path + begin, "/");
		memcpy(so_far, path, end);
		so_far[end] = '\0';
		r = resolve(m->root, so_far, &next);
		if (r == -ENOENT && !model_find(dir, so_far + begin)) {
			next = node_new(S_IFDIR);
			next->implied = true;
			put(dir, so_far + begin, next);
		} else if (r < 0) {
			return err_set(e, -r, "its directory cannot be reached");
		}
		dir = next;
	}
	*ret = dir;
	return 0;
}

/* --- entries --- */

static void
set_xattr(struct model_node *n, const struct tar_xattr *x)
{
	struct model_xattr *a = NULL;

	for (size_t i = 0; i < n->n_xattrs && !a; i++)
		if (strcmp(n->xattrs[i].name, x->name) == 0)
			a = &n->xattrs[i];
	if (!a) {
		n->xattrs = xrealloc_array(n->xattrs, n->n_xattrs + 1, sizeof(*n->xattrs));
		a = &n->xattrs[n->n_xattrs++];
		*a = (struct model_xattr){ .name = xstrdup(x->name) };
	}
	free(a->value);
	a->value = xcalloc(x->n + 1, 1);
	memcpy(a->value, x->value, x->n);
	a->n = x->n;
}

static void
set_attributes(const struct model *m, struct model_node *n, const struct tar_entry *x)
{
	n->mode = x->mode;
	n->uid = x->uid;
	n->gid = x->gid;
	n->mtime = x->mtime;
	n->size = x->kind == TAR_FILE ? x->size : 0;
	for (size_t i = 0; i < x->n_xattrs; i++)
		if (attr_is_wanted(m->how, x->xattrs[i].name))
			set_xattr(n, &x->xattrs[i]);
}

static int
add_file(struct content *c, struct model_node *n, const struct tar_entry *x, struct tar *data,
	 struct err *e)
{
	const void *piece;
	uint64_t offset;
	ssize_t len = 0;

	while (x->size > 0 && (len = tar_data(data, &piece, &offset, e)) > 0)
		content_add(c, offset, piece, (size_t)len);
	return len < 0 ? (int)len : content_end(c, n->content, e);
}

static void
add_dir(struct model *m, struct model_node *dir, const char *name, const struct tar_entry *x)
{
	struct model_name *old = model_find(dir, name);
	struct model_node *n;

	if (old && S_ISDIR(old->node->type)) {
		n = old->node;
		n->implied = false;
	} else {
		n = node_new(S_IFDIR);
		n->opaque = old && old->node->whiteout;
		put(dir, name, n);
	}
	set_attributes(m, n, x);
}

static void
put_link(struct model_node *dir, const char *name, struct model_node *target)
{
	const struct model_name *old = model_find(dir, name);

	if (!old || old->node != target)
		put(dir, name, target);
}

/* Returns 1 when the target is not there (yet). */
static int
link_to(struct model *m, struct model_node *dir, const char *name, const char *target)
{
	char path[PATH_MAX];
	const char *dir_path, *last;
	struct model_node *from;
	const struct model_name *n;

	memcpy(path, target, strlen(target) + 1);
	last = name_split(path, &dir_path);
	if (resolve(m->root, dir_path, &from) < 0 || !(n = model_find(from, last)))
		return 1;
	if (!S_ISDIR(n->node->type))
		put_link(dir, name, n->node);
	return 0;
}

static int
add_hardlink(struct model *m, struct model_node *dir, const char *name, const char *path,
	     const struct tar_entry *x, struct err *e)
{
	char target[PATH_MAX];
	struct model_name *old;

	if (name_clean(x->link, unpack_limits_default.depth, target, e) < 0)
		return -e->code;
	if (link_to(m, dir, name, target) == 0)
		return 0;
	old = model_find(dir, name);
	if (old)
		take_out(dir, old);
	if (m->n_waiting == m->room) {
		m->room = m->room * 2 + 64;
		m->waiting = xrealloc_array(m->waiting, m->room, sizeof(*m->waiting));
	}
	m->waiting[m->n_waiting++] =
		(struct waiting){ .name = xstrdup(path), .target = xstrdup(target) };
	return 0;
}

static mode_t
type_of(enum tar_kind kind)
{
	static const mode_t types[] = {
		[TAR_FILE] = S_IFREG, [TAR_DIR] = S_IFDIR,   [TAR_SYMLINK] = S_IFLNK,
		[TAR_FIFO] = S_IFIFO, [TAR_CHAR] = S_IFCHR, [TAR_BLOCK] = S_IFBLK,
	};

	return types[kind];
}

/* Neither a directory nor a hard link. */
static int
add_new(struct model *m, struct model_node *dir, const char *name, const struct tar_entry *x,
	struct tar *data, struct err *e)
{
	struct model_node *n;

	/* It would be a whiteout, and is left out. */
	if (x->kind == TAR_CHAR && x->major == 0 && x->minor == 0)
		return 0;
	n = node_new(type_of(x->kind));
	n->major = (uint32_t)x->major;
	n->minor = (uint32_t)x->minor;
	n->target = x->kind == TAR_SYMLINK && x->link ? xstrdup(x->link) : NULL;
	set_attributes(m, n, x);
	put(dir, name, n);
	return x->kind == TAR_FILE ? add_file(m->content, n, x, data, e) : 0;
}

static int
add_plain(struct model *m, struct model_node *dir, const char *name, const char *path,
	  const struct tar_entry *x, struct tar *data, struct err *e)
{
	if (x->kind == TAR_DIR) {
		add_dir(m, dir, name, x);
		return 0;
	}
	return x->kind == TAR_HARDLINK ? add_hardlink(m, dir, name, path, x, e)
				       : add_new(m, dir, name, x, data, e);
}

static int
add_named(struct model *m, const char *path, const struct tar_entry *x, struct tar *data,
	  struct err *e)
{
	char buf[PATH_MAX];
	enum name_class class;
	struct model_node *dir = m->root, *n;
	const char *dir_path, *name;

	memcpy(buf, path, strlen(path) + 1);
	if (name_classify(path, &class, e) < 0)
		return -e->code;
	if (class == NAME_AUFS)
		return 0;
	name = name_split(buf, &dir_path);
	if (enter(m, dir_path, &dir, e) < 0)
		return -e->code;
	if (class == NAME_OPAQUE) {
		dir->opaque = true;
	} else if (class == NAME_WHITEOUT) {
		n = node_new(S_IFCHR);
		n->whiteout = true;
		put(dir, name + WHITEOUT_PREFIX_LEN, n);
	} else {
		return add_plain(m, dir, name, path, x, data, e);
	}
	return 0;
}

/* About what an entry takes: two or three allocations, and what they hold. */
static void
take_memory(struct model *m, const struct tar_entry *x, const char *path)
{
	size_t n = sizeof(struct model_node) + sizeof(struct model_name) + 128 + strlen(path) +
		   (x->link ? strlen(x->link) : 0);

	for (size_t i = 0; i < x->n_xattrs; i++)
		n += sizeof(struct model_xattr) + 64 + x->xattrs[i].n;
	if (m->allowance)
		allowance_take(m->allowance, m, n);
	m->taken += n;
}

int
model_add(struct model *m, const struct tar_entry *x, struct tar *data, struct err *e)
{
	char path[PATH_MAX];

	if (++m->entries > unpack_limits_default.entries)
		return err_set(e, E2BIG, "more entries than a layer may have");
	if (name_clean(x->name, unpack_limits_default.depth, path, e) < 0)
		return err_prefix(e, "%s", x->name);
	take_memory(m, x, path);
	if (path[0] == '\0') {
		m->root->implied = false;
		set_attributes(m, m->root, x);
		return 0;
	}
	return add_named(m, path, x, data, e) < 0 ? err_prefix(e, "%s", x->name) : 0;
}

/* Returns how many still wait. */
static size_t
try_waiting(struct model *m, bool forward)
{
	size_t left = 0;

	for (size_t i = 0; i < m->n_waiting; i++) {
		struct waiting *w = &m->waiting[forward ? i : m->n_waiting - 1 - i];
		char path[PATH_MAX];
		const char *dir_path, *name;
		struct model_node *dir = NULL;

		if (w->done)
			continue;
		memcpy(path, w->name, strlen(w->name) + 1);
		name = name_split(path, &dir_path);
		w->done = resolve(m->root, dir_path, &dir) == 0 &&
			  (model_find(dir, name) || link_to(m, dir, name, w->target) == 0);
		left += !w->done;
	}
	return left;
}

int
model_finish(struct model *m, struct err *e)
{
	size_t left = m->n_waiting;

	for (unsigned int pass = 0; left > 0 && pass < 32; pass++)
		left = try_waiting(m, pass % 2 == 0);
	return left > 0 ? err_set(e, ENOENT, "a hard link to what is not in the layer") : 0;
}

struct model_node *
model_root(struct model *m)
{
	return m->root;
}

/* The root may have no entry of its own. */
struct model *
model_new(enum unpack_owners how, struct content *c, struct allowance *a)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->how = how;
	m->content = c;
	m->allowance = a;
	m->root = node_new(S_IFDIR);
	m->root->names = 1;
	m->root->implied = true;
	return m;
}

void
model_freep(struct model **m)
{
	if (*m) {
		node_drop((*m)->root);
		for (size_t i = 0; i < (*m)->n_waiting; i++) {
			free((*m)->waiting[i].name);
			free((*m)->waiting[i].target);
		}
		free((*m)->waiting);
		if ((*m)->allowance)
			allowance_return((*m)->allowance, *m, (*m)->taken);
	}
	free(*m);
	*m = NULL;
}
