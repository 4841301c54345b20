#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/name.h"
#include "image/pack-internal.h"
#include "image/progress.h"

struct pack {
	struct sink *sink;
	struct links *links;
	struct pack_result r;
};

/* What @a is at @path; links and sizes are still to come. */
static struct pax_entry
entry_of(const struct walk *w, const struct attr *a, const char *path)
{
	const int64_t max = w->o->mtime_max;
	struct pax_entry t = {
		.path = path,
		.mode = a->mode,
		.uid = w->o->owner ? w->o->owner->uid : a->uid,
		.gid = w->o->owner ? w->o->owner->gid : a->gid,
		.mtime = a->st.st_mtim,
		.xattrs = a->xattrs,
		.n_xattrs = a->n_xattrs,
	};

	if (max >= 0 && t.mtime.tv_sec >= max)
		t.mtime = (struct timespec){ .tv_sec = (time_t)max };
	return t;
}

/* What is written can be unpacked again. */
static int
put_header(struct pack *p, const struct pax_entry *t, struct err *e)
{
	const size_t n = strlen(t->path);

	if (n > NAME_PATH_MAX && (n > NAME_PATH_MAX + 1 || t->path[n - 1] != '/'))
		return err_set(e, ENAMETOOLONG, "a path in an image has %d bytes at most",
			       NAME_PATH_MAX);
	p->r.entries++;
	return pax_header(p->sink, t, e);
}

static int
put_opaque(struct pack *p, const char *dir, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s%s.wh..wh..opq", dir, dir[0] ? "/" : "");

	return put_header(p, &(struct pax_entry){ .path = path, .type = '0', .mode = 0600 }, e);
}

/* A whiteout has no owner and no time: overlayfs makes one file serve for all of them. */
static int
put_whiteout(struct pack *p, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	AUTO_FREE char *hidden = xasprintf("%.*s.wh.%s", (int)(name - path), path, name);

	return put_header(p, &(struct pax_entry){ .path = hidden, .type = '0', .mode = 0600 }, e);
}

static int
put_directory(struct walk *w, const struct frame *f, const char *path, struct err *e)
{
	AUTO_FREE char *name = xasprintf("%s/", path[0] ? path : ".");
	struct pax_entry t = entry_of(w, &f->attr, name);

	t.type = '5';
	return put_header(w->arg, &t, e);
}

/* The directories that the walk is in, as far as they have not been written. */
static int
put_parents(struct walk *w, struct err *e)
{
	size_t i = w->depth;

	/* Those that are not written are the last ones. */
	while (i > 0 && !w->frames[i - 1].written)
		i--;
	for (; i < w->depth; i++) {
		AUTO_FREE char *path = walk_frame_path(w, i);

		if (put_directory(w, &w->frames[i], path, e) < 0)
			return -e->code;
		w->frames[i].written = true;
	}
	return 0;
}

static int
put_data(struct walk *w, int fd, const struct attr *a, struct err *e)
{
	uint64_t left = (uint64_t)a->st.st_size;
	struct pack *p = w->arg;

	while (left > 0) {
		size_t room;
		ssize_t n;
		char *to;

		if (sink_room(p->sink, &to, &room, e) < 0)
			return -e->code;
		n = read(fd, to, room < left ? room : (size_t)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return err_set(e, EAGAIN, "became shorter while it was read");
		sink_advance(p->sink, (size_t)n);
		progress_add(w->o->progress, (uint64_t)n);
		left -= (uint64_t)n;
	}
	return pax_pad(p->sink, (uint64_t)a->st.st_size, e);
}

/* Before a file is read: one that is all hole may have a size that nothing could hold. */
static int
check_size(const struct walk *w, uint64_t size, struct err *e)
{
	const uint64_t max = w->o->max_bytes, so_far = sink_bytes_in(((struct pack *)w->arg)->sink);

	if (max == 0 || (size <= max && so_far <= max - size))
		return 0;
	return err_set(e, EFBIG, "with its %llu bytes there are more than the %llu of the limit",
		       (unsigned long long)size, (unsigned long long)max);
}

static int
put_file(struct walk *w, const struct node *n, struct pax_entry *t, struct err *e)
{
	AUTO_FD fd = open_again(n->fd, e);
	struct stat st;

	if (fd < 0)
		return -e->code;
	t->size = (uint64_t)n->attr->st.st_size;
	if (check_size(w, t->size, e) < 0 || put_header(w->arg, t, e) < 0 ||
	    put_data(w, fd, n->attr, e) < 0)
		return -e->code;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	return attr_still(n->attr, &st) ? 0 : err_set(e, EAGAIN, "changed while it was read");
}

static int
put_symlink(struct pack *p, const struct node *n, const struct pax_entry *t, struct err *e)
{
	struct pax_entry link = *t;
	char target[PATH_MAX];

	if (read_link(n->fd, target, e) < 0)
		return -e->code;
	link.target = target;
	return put_header(p, &link, e);
}

static char
type_of(mode_t type)
{
	switch (type) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static int
put_leaf(struct walk *w, const struct node *n, struct err *e)
{
	struct pack *p = w->arg;
	struct pax_entry t = entry_of(w, n->attr, n->path);
	const char *first = links_seen(p->links, &n->attr->st, n->path);

	t.type = type_of(n->attr->type);
	if (first) {
		t.type = '1';
		t.target = first;
		t.n_xattrs = 0;
		return put_header(p, &t, e);
	}
	if (S_ISREG(n->attr->type))
		return put_file(w, n, &t, e);
	if (S_ISLNK(n->attr->type))
		return put_symlink(p, n, &t, e);
	t.major = n->attr->major;
	t.minor = n->attr->minor;
	return put_header(p, &t, e);
}

static int
visit(struct walk *w, const struct node *n, struct err *e)
{
	struct pack *p = w->arg;
	const bool deleted = n->change == CHANGE_DELETED;

	if (deleted && (!n->hides || n->cut_off))
		return 0;
	if (n->change == CHANGE_SAME && !n->cut_off && !n->hides)
		return 0;
	if (!deleted && S_ISSOCK(n->attr->type)) {
		p->r.sockets++;
		return 0;
	}
	if (w->o->known_owners && !deleted && !attr_owner_is_known(n->fd, n->attr))
		return err_set(e, EOVERFLOW, "its owner has no number in the id map");
	if (put_parents(w, e) < 0)
		return -e->code;
	if (deleted)
		return put_whiteout(p, n->path, e);
	if (S_ISDIR(n->attr->type))
		return n->hides ? put_opaque(p, n->path, e) : 0;
	return put_leaf(w, n, e);
}

static int
pack_into(struct sink *sink, int dir_fd, const struct pack_options *o, struct pack_result *ret,
	  struct err *e)
{
	AUTO_LINKS links = links_new();
	struct pack p = { .sink = sink, .links = links };
	struct walk w = { .o = o, .top_fd = dir_fd, .visit = visit, .arg = &p };

	if (walk_tree(&w, e) < 0 || pax_end(sink, e) < 0 || sink_finish(sink, e) < 0)
		return -e->code;
	p.r.bytes = sink_bytes_in(sink);
	sink_digest_in(sink, p.r.diff_id);
	*ret = p.r;
	return 0;
}

int
pack_tree(int dir_fd, const struct pack_options *o, int out_fd, struct pack_result *ret,
	  struct err *e)
{
	AUTO_SINK sink = sink_new(out_fd, PACK_NONE);

	return pack_into(sink, dir_fd, o, ret, e);
}

int
pack_blob(int dir_fd, const struct pack_options *o, enum pack_compression compression, int out_fd,
	  struct pack_result *ret, char ret_digest[PACK_DIGEST_SIZE], uint64_t *ret_size,
	  struct err *e)
{
	AUTO_SINK sink = sink_new(out_fd, compression);

	if (pack_into(sink, dir_fd, o, ret, e) < 0)
		return -e->code;
	sink_digest_out(sink, ret_digest);
	*ret_size = sink_bytes_out(sink);
	return 0;
}
