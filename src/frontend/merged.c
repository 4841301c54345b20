#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "frontend/merged.h"
#include "kernel/sys.h"

#define LINKS_MAX 40 /* the kernel's own limit */

enum kind { KIND_NONE, KIND_DIR, KIND_OTHER };

/* A place in the tree. */
struct place {
	char *const *layers;
	char *path;   /* owned; clean, without links; "" is the topmost directory */
	size_t *dirs; /* owned; the layers that have a part of it, when it is a directory */
	size_t n_dirs;
	enum kind kind;
};

static void
place_clear(struct place *p)
{
	free(p->path);
	free(p->dirs);
}

static void
go_to_top(struct place *p)
{
	free(p->path);
	p->path = xstrdup("");
	p->kind = KIND_DIR;
	p->n_dirs = strv_len(p->layers);
	for (size_t i = 0; i < p->n_dirs; i++)
		p->dirs[i] = i;
}

/* @path in layer @layer itself, where no component may be a link but the last. */
static int
open_in_layer(const char *layer, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	AUTO_FD top = sys_openat(AT_FDCWD, layer, O_PATH | O_DIRECTORY, 0);

	return top < 0 ? -1 : sys_openat2(top, path, &how);
}

static bool
is_opaque(int fd)
{
	char name[32], value;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return getxattr(name, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* What the I-th of the parts of the parent has at p->path.  Returns 1 when those below are hidden. */
static int
look_into(struct place *p, size_t layer, struct err *e)
{
	AUTO_FD fd = open_in_layer(p->layers[layer], p->path, O_PATH);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)err_sys(e, "image: look at /%s", p->path);
		return err_needs(e, "openat2(2), Linux 5.6");
	}
	if (S_ISDIR(st.st_mode)) {
		p->kind = KIND_DIR;
		p->dirs[p->n_dirs++] = layer;
		return is_opaque(fd);
	}
	if (p->kind == KIND_NONE && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))) {
		p->kind = KIND_OTHER;
		p->dirs[p->n_dirs++] = layer;
	}
	return 1;
}

/* One component down. */
static int
step(struct place *p, const char *name, size_t n, struct err *e)
{
	const size_t n_parents = p->n_dirs;
	char *path = xasprintf("%s%s%.*s", p->path, *p->path ? "/" : "", (int)n, name);

	free(p->path);
	p->path = path;
	p->kind = KIND_NONE;
	p->n_dirs = 0;
	/* In place: what has been read is not before what is written. */
	for (size_t i = 0; i < n_parents; i++) {
		const int hidden = look_into(p, p->dirs[i], e);

		if (hidden < 0)
			return hidden;
		if (hidden)
			break;
	}
	return 0;
}

/* The text of the link that @p is, owned; NULL when it is none. */
static char *
read_link(const struct place *p)
{
	AUTO_FD fd = p->kind == KIND_OTHER
			     ? open_in_layer(p->layers[p->dirs[0]], p->path, O_PATH)
			     : -1;
	char text[PATH_MAX];
	const ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", text, sizeof(text) - 1);

	return n < 0 ? NULL : xstrndup(text, (size_t)n);
}

/* From the top again: to where the link at @p leads, or, without a link, to the parent of @p. */
static void
start_again(struct place *p, const char *link, const char *rest, char **todo)
{
	char *slash = strrchr(p->path, '/');
	char *path;

	if (slash)
		*slash = '\0';
	path = link && *link == '/' ? xasprintf("%s/%s", link, rest)
				    : xasprintf("%s/%s/%s", slash ? p->path : "", link ? link : "", rest);
	free(*todo);
	*todo = path;
	go_to_top(p);
}

/* Go on by one component of *todo at *at.  Returns 1 when that was all, or leads nowhere. */
static int
walk_on(struct place *p, char **todo, size_t *at, int *n_links, struct err *e)
{
	const char *name = *todo + *at + strspn(*todo + *at, "/"), *rest;
	const size_t n = strcspn(name, "/");
	AUTO_FREE char *link = NULL;
	bool up = n == 2 && strncmp(name, "..", 2) == 0;

	if (n == 0 || p->kind != KIND_DIR)
		return 1;
	rest = name + n;
	*at = (size_t)(rest - *todo);
	if (n == 1 && *name == '.')
		return 0;
	if (!up) {
		if (step(p, name, n, e) < 0)
			return -e->code;
		link = read_link(p);
	}
	if (!up && !link)
		return 0;
	if (++*n_links > LINKS_MAX || strlen(*todo) > PATH_MAX)
		return err_set(e, ELOOP, "image: too many links on the way to /%s", p->path);
	start_again(p, link, rest, todo);
	*at = 0;
	return 0;
}

/* @ret_rest: owned; what of the path is not there */
static int
walk(struct place *p, const char *path, char **ret_rest, struct err *e)
{
	AUTO_FREE char *todo = xstrdup(path);
	int n_links = 0, r;
	size_t at = 0;

	p->dirs = xcalloc(strv_len(p->layers) + 1, sizeof(*p->dirs));
	go_to_top(p);
	do
		r = walk_on(p, &todo, &at, &n_links, e);
	while (r == 0);
	if (r > 0 && todo[at + strspn(todo + at, "/")] && p->kind == KIND_OTHER)
		return err_set(e, ENOTDIR, "image: /%s is not a directory", p->path);
	if (r < 0)
		return r;
	*ret_rest = xstrdup(todo + at);
	return 0;
}

int
merged_open(char *const *layers, const char *path, struct err *e)
{
	CLEANUP(place_clear) struct place p = { .layers = layers };
	AUTO_FREE char *rest = NULL;
	int fd;

	if (walk(&p, path, &rest, e) < 0)
		return -e->code;
	if (p.kind == KIND_NONE)
		return err_set(e, ENOENT, "the image has no %s", path);
	fd = open_in_layer(layers[p.dirs[0]], *p.path ? p.path : ".",
			   O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? err_sys(e, "image: open /%s", p.path) : fd;
}

int
merged_find_dir(char *const *layers, const char *path, char **ret_path, char ***ret_dirs,
		struct err *e)
{
	CLEANUP(place_clear) struct place p = { .layers = layers };
	AUTO_FREE char *rest = NULL, *full = NULL;
	char **dirs = NULL;

	if (walk(&p, path, &rest, e) < 0)
		return -e->code;
	if (p.kind == KIND_OTHER)
		return err_set(e, ENOTDIR, "image: /%s is not a directory", p.path);
	for (size_t i = 0; p.kind == KIND_DIR && i < p.n_dirs; i++)
		strv_take(&dirs, path_join(layers[p.dirs[i]], p.path));
	full = xasprintf("/%s/%s", p.path, rest);
	*ret_path = path_clean(full);
	*ret_dirs = dirs;
	return 0;
}
