#include "base/str.h"
#include "image/pack-internal.h"

struct diff {
	diff_fn *fn;
	void *arg;
};

static char
letter_of(mode_t type)
{
	switch (type) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return 'f';
	}
}

static char
kind_of(enum change change)
{
	switch (change) {
	case CHANGE_DELETED:
		return 'D';
	case CHANGE_ALTERED:
		return 'C';
	case CHANGE_ADDED:
	case CHANGE_SAME:
		break;
	}
	return 'A';
}

static int
visit(struct walk *w, const struct node *n, struct err *e)
{
	const struct diff *d = w->arg;
	AUTO_FREE char *path = NULL;
	struct diff_entry entry;

	if (n->change == CHANGE_SAME)
		return 0;
	path = xstrdup(n->path);
	entry = (struct diff_entry){
		.kind = kind_of(n->change),
		.type = letter_of(n->attr->type),
		.path = path,
		.size = S_ISREG(n->attr->type) ? (uint64_t)n->attr->st.st_size : 0,
		.fd = n->fd,
		.old_fd = n->was->fd,
		.old_type = n->was->fd < 0 ? 0 : n->was->attr.type,
	};
	return d->fn(d->arg, &entry, e);
}

int
pack_open_again(int fd, struct err *e)
{
	return open_again(fd, e);
}

int
diff_layer(int upper_fd, const struct pack_options *o, diff_fn *fn, void *arg, struct err *e)
{
	struct pack_options upper = *o;
	struct diff d = { .fn = fn, .arg = arg };
	struct walk w = { .o = &upper, .top_fd = upper_fd, .visit = visit, .arg = &d };

	upper.from = PACK_UPPER;
	w.tell_hidden = true;
	return walk_tree(&w, e);
}
