/*
 * A stamp tells whether what is at a place is still what it was: "f 0644 SIZE SHA256" of a file,
 * "l SHA256" of a link, "d 0755" of a directory, and of one with all that is in it a digest of
 * names, types, modes, sizes, times and links.  Contents of a whole tree would take long to read, and
 * who changes a file without its time changing means it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"
#include "image/digest.h"

struct tree {
	struct digest *digest;
	struct timespec *newest;
};

static void
take_newer(struct timespec *newest, const struct timespec *t)
{
	if (t->tv_sec > newest->tv_sec ||
	    (t->tv_sec == newest->tv_sec && t->tv_nsec > newest->tv_nsec))
		*newest = *t;
}

static int
visit(struct walk *w, const struct node *n, struct err *e)
{
	const struct tree *t = w->arg;
	const struct stat *st = &n->attr->st;
	const bool is_dir = S_ISDIR(st->st_mode);
	char line[128], target[PATH_MAX] = "";

	if (S_ISLNK(st->st_mode) && read_link(n->fd, target, e) < 0)
		return -e->code;
	(void)snprintf(line, sizeof(line), "%o %llu %lld.%09ld", st->st_mode,
		       is_dir ? 0ULL : (unsigned long long)st->st_size,
		       is_dir ? 0LL : (long long)st->st_mtim.tv_sec,
		       is_dir ? 0L : st->st_mtim.tv_nsec);
	digest_add(t->digest, n->path, strlen(n->path) + 1);
	digest_add(t->digest, line, strlen(line) + 1);
	digest_add(t->digest, target, strlen(target) + 1);
	take_newer(t->newest, &st->st_ctim);
	return 0;
}

static int
stamp_tree(int fd, struct timespec *newest, char hex[65], struct err *e)
{
	struct digest *d = digest_new();
	struct tree t = { .digest = d, .newest = newest };
	const struct pack_options o = { .from = PACK_TREE, .mtime_max = -1 };
	struct walk w = { .o = &o, .top_fd = fd, .visit = visit, .arg = &t };
	int r = walk_tree(&w, e);

	if (r == 0)
		r = digest_end(d, hex, e);
	digest_freep(&d);
	return r;
}

static int
stamp_file(int fd, char hex[65], struct err *e)
{
	enum { BLOCK = 65536 };
	AUTO_FREE char *buf = xcalloc(1, BLOCK);
	AUTO_FD in = open_again(fd, e);
	struct digest *d;
	ssize_t n = 0;
	int r;

	if (in < 0)
		return in;
	d = digest_new();
	while ((n = read(in, buf, BLOCK)) > 0 || (n < 0 && errno == EINTR))
		digest_add(d, buf, n > 0 ? (size_t)n : 0);
	r = n < 0 ? err_sys(e, "read") : digest_end(d, hex, e);
	digest_freep(&d);
	return r;
}

static int
stamp_link(int fd, char hex[65], struct err *e)
{
	char target[PATH_MAX];
	struct digest *d;
	int r;

	if (read_link(fd, target, e) < 0)
		return -e->code;
	d = digest_new();
	digest_add(d, target, strlen(target));
	r = digest_end(d, hex, e);
	digest_freep(&d);
	return r;
}

static char
letter_of(mode_t mode)
{
	return S_ISREG(mode)  ? 'f'
	     : S_ISDIR(mode)  ? 'd'
	     : S_ISLNK(mode)  ? 'l'
	     : S_ISFIFO(mode) ? 'p'
			      : 'x';
}

int
apply_stamp(int fd, bool deep, struct timespec *newest, char **ret, struct err *e)
{
	struct timespec ignored = { .tv_sec = 0 };
	char hex[65] = "";
	struct stat st;
	int r = 0;

	if (fd < 0) {
		*ret = xstrdup(APPLY_NOTHING);
		return 0;
	}
	if (!newest)
		newest = &ignored;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	take_newer(newest, &st.st_ctim);
	if (S_ISREG(st.st_mode))
		r = stamp_file(fd, hex, e);
	else if (S_ISLNK(st.st_mode))
		r = stamp_link(fd, hex, e);
	else if (S_ISDIR(st.st_mode) && deep)
		r = stamp_tree(fd, newest, hex, e);
	if (r < 0)
		return r;
	*ret = xasprintf("%c %04o %llu %s", letter_of(st.st_mode), st.st_mode & 07777,
			 S_ISREG(st.st_mode) ? (unsigned long long)st.st_size : 0ULL, hex);
	return 0;
}

int
apply_open_file(int root_fd, const char *path, struct err *e)
{
	AUTO_FD fd = open_below(root_fd, path, O_PATH | O_NOFOLLOW, e);
	struct stat st;

	if (fd < 0)
		return e->code ? -e->code : err_set(e, ENOENT, "%s: it is not there", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	return open_again(fd, e);
}
