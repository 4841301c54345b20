#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/pack-internal.h"
#include "kernel/sys.h"

static int
open_piece(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = sys_openat2(dir, path, &how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : fd;
}

static int
fail_open(int r, struct err *e)
{
	if (r == -ENOENT || r == -ENOTDIR)
		return r;
	errno = -r;
	(void)err_sys(e, "open");
	return err_needs(e, "openat2(2), Linux 5.6");
}

/* How much of @path one system call takes: all, or whole components. */
static size_t
piece_length(const char *path)
{
	const size_t n = strnlen(path, PATH_MAX);
	const char *slash = n < PATH_MAX ? NULL : memrchr(path, '/', PATH_MAX - 1);

	return slash ? (size_t)(slash - path) : n;
}

int
open_below(int root, const char *path, int flags, struct err *e)
{
	AUTO_FD dir = -1;
	size_t n;
	int r;

	while (path[n = piece_length(path)] != '\0') {
		AUTO_FREE char *piece = xstrndup(path, n);

		r = open_piece(dir < 0 ? root : dir, piece, O_PATH | O_DIRECTORY | O_NOFOLLOW);
		if (r < 0)
			return fail_open(r, e);
		fd_closep(&dir);
		dir = r;
		path += n + 1;
	}
	r = open_piece(dir < 0 ? root : dir, path[0] ? path : ".", flags);
	return r < 0 ? fail_open(r, e) : r;
}

void
lower_hit_free(struct lower_hit *h)
{
	fd_closep(&h->fd);
	attr_free(&h->attr);
	free(h->dirs);
	h->dirs = NULL;
}

/* What the directory that it lies in has recorded of it. */
static int
take_name(const struct pack_options *o, int root, const char *path, struct attr *a, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = NULL;
	AUTO_FD dir = -1;

	if (!o->recorded || S_ISREG(a->st.st_mode) || S_ISDIR(a->st.st_mode))
		return 0;
	parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	dir = open_below(root, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW, e);
	if (dir < 0)
		return e->code ? -e->code : err_set(e, ENOENT, "changed while it was read");
	attr_take_name(dir, slash ? slash + 1 : path, attr_records_of(o), a);
	return 0;
}

/* Is @path seen in lower directory @i, and what is it?  0 when not, 1 when so. */
static int
look(const struct pack_options *o, size_t i, const char *path, int *ret_fd, struct attr *ret,
     bool *ret_whiteout, struct err *e)
{
	AUTO_FD fd = open_below(o->lower[i], path, O_PATH | O_NOFOLLOW, e);

	*ret_whiteout = false;
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0 || attr_read(fd, attr_records_of(o), ret, e) < 0 ||
	    take_name(o, o->lower[i], path, ret, e) < 0)
		return -e->code;
	/* Nobody but a whiteout has the mark: that of the directory need not be looked for. */
	*ret_whiteout = attr_is_whiteout(ret, true);
	*ret_fd = TAKE_FD(fd);
	return 1;
}

int
lower_find(const struct pack_options *o, const size_t *dirs, size_t n_dirs, const char *path,
	   struct lower_hit *ret, struct err *e)
{
	bool end = false;

	for (size_t i = 0; i < n_dirs && !end; i++) {
		AUTO_ATTR a = { .xattrs = NULL };
		AUTO_FD fd = -1;
		bool whiteout;
		int r = look(o, dirs[i], path, &fd, &a, &whiteout, e);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		/* Also after a whiteout, which is no directory. */
		end = ret->closed = a.opaque || !S_ISDIR(a.st.st_mode);
		ret->whiteout = ret->fd < 0 && whiteout;
		if (S_ISDIR(a.st.st_mode)) {
			if (!ret->dirs)
				ret->dirs = xcalloc(n_dirs, sizeof(*ret->dirs));
			ret->dirs[ret->n_dirs++] = dirs[i];
		}
		if (ret->fd < 0 && !whiteout) {
			ret->fd = TAKE_FD(fd);
			ret->attr = a;
			a = (struct attr){ .xattrs = NULL };
		}
	}
	return 0;
}

/* Fill @buf from @at on; less than @n only at the end. */
static ssize_t
read_block(int fd, char *buf, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, buf + done, n - done, at + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int
same_contents(int a, int b, bool *ret, struct err *e)
{
	enum { BLOCK = 65536 };
	AUTO_FREE char *buf = xcalloc(2, BLOCK);
	AUTO_FD fa = open_again(a, e), fb = -1;
	ssize_t na, nb;

	if (fa < 0 || (fb = open_again(b, e)) < 0)
		return -e->code;
	for (off_t at = 0;; at += BLOCK) {
		na = read_block(fa, buf, BLOCK, at);
		nb = na < 0 ? na : read_block(fb, buf + BLOCK, BLOCK, at);
		if (na < 0 || nb < 0)
			return err_sys(e, "read");
		*ret = na == nb && memcmp(buf, buf + BLOCK, (size_t)na) == 0;
		if (!*ret || na < BLOCK)
			return 0;
	}
}

static int
same_target(int a, int b, bool *ret, struct err *e)
{
	char ta[PATH_MAX], tb[PATH_MAX];

	if (read_link(a, ta, e) < 0 || read_link(b, tb, e) < 0)
		return -e->code;
	*ret = strcmp(ta, tb) == 0;
	return 0;
}

int
lower_same_file(int fd, const struct attr *a, const struct lower_hit *h, bool *ret, struct err *e)
{
	const struct attr *b = &h->attr;

	/* A name that is, or was, one of several: what is linked with what has changed. */
	*ret = attr_same(a, b) && a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
	       a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec && a->st.st_nlink == 1 &&
	       b->st.st_nlink == 1;
	if (*ret && S_ISREG(a->type))
		return same_contents(fd, h->fd, ret, e);
	if (*ret && S_ISLNK(a->type))
		return same_target(fd, h->fd, ret, e);
	return 0;
}
