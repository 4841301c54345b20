#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"

struct save {
	struct sink *sink;
	struct links *links;
	bool recorded;
	int fd; /* borrowed: where it goes */
};

/* The name of the entry; a whiteout's is an image layer's. */
static char *
entry_name(const struct apply_change *c)
{
	const char *root = c->root == APPLY_HERE ? SAVED_HERE : SAVED_ELSE;
	const char *slash = strrchr(c->path, '/'), *name = slash ? slash + 1 : c->path;

	if (c->kind == 'D')
		return xasprintf("%s%.*s.wh.%s", root, (int)(name - c->path), c->path, name);
	return xasprintf("%s%s%s", root, c->path, c->type == 'd' && c->path[0] ? "/" : "");
}

/* Those of @a that can be applied, and the stamp.  The vector is owned, its strings are not. */
static struct xattr *
entry_xattrs(const struct apply_change *c, const struct attr *a, size_t *ret_n)
{
	struct xattr *v = xcalloc(a->n_xattrs + 1, sizeof(*v));
	size_t n = 0;

	v[n++] = (struct xattr){ (char *)(uintptr_t)ATTR_BELOW, c->below, strlen(c->below) };
	for (size_t i = 0; i < a->n_xattrs; i++)
		if (apply_takes_xattr(a->xattrs[i].name))
			v[n++] = a->xattrs[i];
	*ret_n = n;
	return v;
}

static int
put_data(struct save *s, int fd, uint64_t left, struct err *e)
{
	const uint64_t size = left;

	while (left > 0) {
		size_t room;
		ssize_t n;
		char *to;

		if (sink_room(s->sink, &to, &room, e) < 0)
			return -e->code;
		n = read(fd, to, room < left ? room : (size_t)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, "read")
				     : err_set(e, EAGAIN, "became shorter while it was read");
		sink_advance(s->sink, (size_t)n);
		left -= (uint64_t)n;
	}
	return pax_pad(s->sink, size, e);
}

/* The layer is ours and will be removed: a mode that keeps us out can be lifted. */
static int
open_contents(int fd, const struct attr *a, struct err *e)
{
	char path[32];
	int in = open_again(fd, e);

	if (in >= 0 || e->code != EACCES)
		return in;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, a->st.st_mode | 0400) < 0)
		return -e->code;
	err_clear(e);
	return open_again(fd, e);
}

/* Holes are written out: a file that is nothing else would fill the disk first, and fail then. */
static int
check_room(const struct save *s, uint64_t size, struct err *e)
{
	struct statvfs st;
	uint64_t room;

	if (fstatvfs(s->fd, &st) < 0)
		return err_sys(e, "look at the file system");
	room = (uint64_t)st.f_bavail * st.f_frsize;
	return size <= room ? 0
			    : err_set(e, ENOSPC, "it has %llu bytes, and there is room for %llu",
				      (unsigned long long)size, (unsigned long long)room);
}

static int
put_file(struct save *s, int fd, const struct attr *a, struct pax_entry *t, struct err *e)
{
	AUTO_FD in = open_contents(fd, a, e);

	if (in < 0)
		return in;
	t->type = '0';
	t->size = (uint64_t)a->st.st_size;
	if (check_room(s, t->size, e) < 0 || pax_header(s->sink, t, e) < 0 ||
	    put_data(s, in, t->size, e) < 0)
		return -e->code;
	return 0;
}

static int
put_content(struct save *s, int fd, const struct attr *a, struct pax_entry *t, struct err *e)
{
	const char *first = S_ISDIR(a->type) ? NULL : links_seen(s->links, &a->st, t->path);
	char target[PATH_MAX];
	int r;

	if (first && S_ISREG(a->type)) {
		t->type = '1';
		t->target = first;
	} else if (S_ISREG(a->type)) {
		return put_file(s, fd, a, t, e);
	} else if (S_ISLNK(a->type)) {
		if (read_link(fd, target, e) < 0)
			return -e->code;
		t->type = '2';
		t->target = target;
	} else {
		t->type = S_ISDIR(a->type) ? '5' : '6';
	}
	r = pax_header(s->sink, t, e);
	t->target = NULL;
	return r;
}

static int
put_change(struct save *s, const struct apply_change *c, const struct apply_place *p, struct err *e)
{
	AUTO_FREE char *name = entry_name(c);
	AUTO_FREE struct xattr *xattrs = NULL;
	AUTO_ATTR a = { .xattrs = NULL };
	struct pax_entry t = { .path = name, .type = '0', .mode = 0600 };
	AUTO_FD fd = -1;

	if (c->kind == 'D') {
		xattrs = entry_xattrs(c, &a, &t.n_xattrs);
		t.xattrs = xattrs;
		return pax_header(s->sink, &t, e);
	}
	fd = open_below(p->upper_fd, c->layer_path, O_PATH | O_NOFOLLOW, e);
	if (fd < 0)
		return e->code ? -e->code : err_set(e, ENOENT, "it is not in the layer any more");
	if (attr_read(fd, s->recorded ? ATTR_RECORDS_ALL : ATTR_RECORDS_NONE, &a, e) < 0)
		return -e->code;
	t.mode = a.mode;
	t.uid = a.uid;
	t.gid = a.gid;
	t.mtime = a.st.st_mtim;
	xattrs = entry_xattrs(c, &a, &t.n_xattrs);
	t.xattrs = xattrs;
	return put_content(s, fd, &a, &t, e);
}

static int
put_directory_name(struct save *s, const char *dir, struct err *e)
{
	const struct xattr x = { (char *)(uintptr_t)ATTR_DIR, (char *)(uintptr_t)dir, strlen(dir) };
	const struct pax_entry t = {
		.path = SAVED_DIR, .type = '0', .mode = 0600, .xattrs = &x, .n_xattrs = 1
	};

	return pax_header(s->sink, &t, e);
}

/* The first entry, whose digest is of all that follows. */
static int
put_head(int fd, const char *hex, bool real_owners, struct err *e)
{
	AUTO_FREE char *text = xasprintf(SAVED_MAGIC "%s\nowners %s\n", hex,
					 real_owners ? "real" : "caller");
	AUTO_SINK sink = sink_new(fd, PACK_NONE);
	const size_t n = strlen(text);

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "seek");
	if (pax_header(
		    sink,
		    &(struct pax_entry){ .path = SAVED_NAME, .type = '0', .mode = 0600, .size = n },
		    e) < 0 ||
	    sink_write(sink, text, n, e) < 0 || pax_pad(sink, n, e) < 0)
		return -e->code;
	return sink_finish(sink, e);
}

int
apply_save(const struct apply_list *l, const struct apply_place *places, bool recorded, int fd,
	   struct err *e)
{
	AUTO_SINK sink = sink_new(fd, PACK_NONE);
	AUTO_LINKS links = links_new();
	struct save s = { .sink = sink, .links = links, .recorded = recorded, .fd = fd };
	char hex[PACK_DIGEST_SIZE];

	if (lseek(fd, SAVED_HEAD, SEEK_SET) < 0)
		return err_sys(e, "seek");
	if (put_directory_name(&s, l->dir, e) < 0)
		return -e->code;
	for (size_t i = 0; i < l->n; i++) {
		const struct apply_change *c = &l->v[i];

		if (c->selected && strchr("fdlp", c->type) &&
		    put_change(&s, c, &places[c->place], e) < 0)
			return err_prefix(e, "%s", c->path);
	}
	if (pax_end(sink, e) < 0 || sink_finish(sink, e) < 0)
		return -e->code;
	sink_digest_in(sink, hex);
	return put_head(fd, hex, l->real_owners, e);
}
