/*
 * The side of the image: what comes is in files of the store's partial/, whose bytes are compared by whoever
 * reads them, through a pipe while there are more to come.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/feed-internal.h"
#include "image/oci.h"
#include "image/ref.h"
#include "image/spool.h"

struct coming {
	char digest[sizeof("sha256:") + 64];
	int file_fd;  /* owned; -1: it has not been asked for, or not to the end */
	bool open;    /* somebody reads it */
	bool trusted;
};

struct feed {
	const struct store *store;
	int fd;                    /* owned; -1: there is nobody any more */
	struct feed_message first; /* what image borrows from */
	struct feed_image image;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t closed;
	struct coming **v; /* owned */
	size_t n;
	bool asked, well; /* how it is over there */
};

/* --- the first message --- */

static int
read_first(struct feed *f, struct err *e)
{
	const char *const *w = f->first.words;
	AUTO_FREE char *platform = NULL;

	if (!feed_says(&f->first, "image", 6))
		return err_set(e, EPROTO, "no image came from rootlet-registry");
	f->image = (struct feed_image){ .name = *w[1] ? w[1] : NULL,
					.digest = w[2],
					.media_type = w[3],
					.platform = *w[5] ? w[5] : NULL };
	if (!image_digest_is_valid(w[2]))
		return err_set(e, EPROTO, "'%s' is not a digest", w[2]);
	if (!oci_is_manifest_type(w[3]) && !oci_is_index_type(w[3]))
		return err_set(e, EPROTO, "'%s' is neither an image nor an index", w[3]);
	if (parse_u64(w[4], INT64_MAX, &f->image.size, e) < 0)
		return err_prefix(e, "size of an image");
	if (*w[5] && strcmp(w[5], FEED_ALL) != 0 && platform_parse(w[5], &platform, e) < 0)
		return -e->code;
	return 0;
}

int
feed_begin(int fd, const struct store *s, struct feed **ret, struct err *e)
{
	AUTO_FEED f = xcalloc(1, sizeof(*f));

	f->store = s;
	f->fd = fd;
	f->well = true;
	spool_raise_descriptors();
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->closed, NULL);
	if (feed_receive(fd, 0, &f->first, e) < 0 || read_first(f, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(f);
	return 0;
}

void
feed_freep(struct feed **p)
{
	struct feed *f = *p;

	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		fd_closep(&f->v[i]->file_fd);
		free(f->v[i]);
	}
	free(f->v);
	fd_closep(&f->fd);
	feed_message_clear(&f->first);
	(void)pthread_cond_destroy(&f->closed);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
	*p = NULL;
}

const struct feed_image *
feed_image(const struct feed *f)
{
	return &f->image;
}

/* --- requests, under the lock --- */

/* Nothing more is asked: there is nothing more to be had, and who is there learns that. */
static void
hang_up(struct feed *f, bool well)
{
	f->asked = true;
	f->well = well;
	fd_closep(&f->fd);
}

/* Returns 1 for "no", which nobody being there is, too. */
static int
ask(struct feed *f, const char *const *words, size_t n, struct feed_message *m, struct err *e)
{
	int r = 1;

	*m = (struct feed_message){ .n_words = 0 };
	if (f->fd < 0)
		return 1;
	r = feed_send(f->fd, words, n, NULL, 0, e);
	if (r == 0)
		r = feed_receive(f->fd, 0, m, e);
	if (r != 0 || m->end || feed_says(m, "no", 1)) {
		if (r >= 0)
			hang_up(f, false);
		return r < 0 ? r : 1;
	}
	return feed_says(m, "ok", 1) ? 0 : err_set(e, EPROTO, "an answer of rootlet-registry is not understood");
}

static bool
is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Our blobs are linked to their names: what is not of partial/ is nobody's to be linked there. */
static bool
is_partial(const struct store *s, const char *digest, int fd)
{
	AUTO_FREE char *path = path_join(FEED_PARTIAL, digest + strlen("sha256:"));
	struct stat st, named;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (st.st_nlink == 0)
		return true;
	return fstatat(s->fd, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_dev == st.st_dev &&
	       named.st_ino == st.st_ino;
}

static bool
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* @ret_pipe: -1: it is whole */
static int
ask_for_blob(struct feed *f, struct coming *c, int *ret_pipe, struct err *e)
{
	const char *const words[] = { "blob", c->digest };
	CLEANUP(feed_message_clear) struct feed_message m;
	const int r = ask(f, words, NELEMS(words), &m, e);

	if (r > 0)
		return err_set(e, ENODATA, "blob %s is not to be had", c->digest);
	if (r < 0)
		return r;
	if (m.n_fds == 0 || !is_partial(f->store, c->digest, m.fds[0]) ||
	    (m.n_fds > 1 && !is_pipe(m.fds[1])))
		return err_set(e, EPROTO, "blob %s came as no file of the store", c->digest);
	c->file_fd = TAKE_FD(m.fds[0]);
	*ret_pipe = m.n_fds > 1 ? TAKE_FD(m.fds[1]) : -1;
	return 0;
}

/* --- blobs --- */

static struct coming *
find(struct feed *f, const char *digest)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i]->digest, digest) == 0)
			return f->v[i];
	return NULL;
}

static struct coming *
find_or_add(struct feed *f, const char *digest)
{
	struct coming *c = find(f, digest);

	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	(void)snprintf(c->digest, sizeof(c->digest), "%s", digest);
	c->file_fd = -1;
	f->v = xrealloc_array(f->v, f->n + 1, sizeof(struct coming *));
	f->v[f->n++] = c;
	return c;
}

/* Not a duplicate: that would share the place where it is read. */
static int
open_file(const struct coming *c, struct err *e)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c->file_fd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open blob %s again", c->digest) : fd;
}

/* Under the lock. */
static int
open_coming(struct feed *f, struct coming *c, struct err *e)
{
	int fd = -1;

	if (!c->trusted && ask_for_blob(f, c, &fd, e) < 0)
		return -e->code;
	return fd < 0 ? open_file(c, e) : fd;
}

/* Under the lock. */
static void
close_coming(struct feed *f, struct coming *c)
{
	c->open = false;
	if (!c->trusted)
		fd_closep(&c->file_fd);
	(void)pthread_cond_broadcast(&f->closed);
}

int
feed_open_blob(struct feed *f, const char *digest, struct err *e)
{
	struct coming *c;
	int fd;

	(void)pthread_mutex_lock(&f->lock);
	c = find_or_add(f, digest);
	while (c->open)
		(void)pthread_cond_wait(&f->closed, &f->lock);
	c->open = true;
	fd = open_coming(f, c, e);
	if (fd < 0)
		close_coming(f, c);
	(void)pthread_mutex_unlock(&f->lock);
	return fd;
}

void
feed_close_blob(struct feed *f, const char *digest, bool trusted)
{
	struct coming *c;

	(void)pthread_mutex_lock(&f->lock);
	c = find(f, digest);
	if (c && c->open) {
		c->trusted = c->trusted || trusted;
		close_coming(f, c);
	}
	(void)pthread_mutex_unlock(&f->lock);
}

/* Until its other end is closed: then all of it is in the file. */
static int
drain(int fd, struct err *e)
{
	AUTO_FREE char *buf = xcalloc(1, FEED_MESSAGE_MAX);
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, buf, FEED_MESSAGE_MAX)) > 0 || (r < 0 && errno == EINTR)) {
		n += r > 0 ? (size_t)r : 0;
		if (n > STORE_JSON_MAX)
			return err_set(e, EFBIG, "more than %zu bytes", STORE_JSON_MAX);
	}
	return r < 0 ? err_sys(e, "read from rootlet-registry") : 0;
}

int
feed_open_document(struct feed *f, const char *digest, struct err *e)
{
	AUTO_FD fd = feed_open_blob(f, digest, e);
	int file = -1;

	if (fd < 0 || !is_pipe(fd))
		return TAKE_FD(fd);
	if (drain(fd, e) < 0)
		(void)err_prefix(e, "blob %s", digest);
	else {
		(void)pthread_mutex_lock(&f->lock);
		file = open_file(find(f, digest), e);
		(void)pthread_mutex_unlock(&f->lock);
	}
	if (file < 0)
		feed_close_blob(f, digest, false);
	return file < 0 ? -e->code : file;
}

/* --- the end --- */

bool
feed_is_well(struct feed *f)
{
	static const char *const words[] = { "well" };
	CLEANUP(feed_message_clear) struct feed_message m = { .n_words = 0 };
	struct err ignored = ERR_INIT;

	(void)pthread_mutex_lock(&f->lock);
	if (!f->asked)
		hang_up(f, ask(f, words, NELEMS(words), &m, &ignored) <= 0);
	(void)pthread_mutex_unlock(&f->lock);
	return f->well;
}

/* What has no name where it lies: somebody else downloads the same. */
static int
keep_copy(const struct store *s, const struct coming *c, struct err *e)
{
	AUTO_FD to = store_new_blob(s, e);
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	if (to < 0)
		return to;
	while ((n = pread(c->file_fd, buf, sizeof(buf), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "copy blob %s", c->digest);
		if (fd_write_all(to, buf, (size_t)n, e) < 0)
			return err_prefix(e, "copy blob %s", c->digest);
		at += n;
	}
	return store_keep_blob(s, to, c->digest, e);
}

/*
 * By its name in partial/: the descriptor may be of another mount of the same store, from which no link
 * leads here.  That name goes: nobody is to write to it any more.
 */
static int
keep(const struct store *s, const struct coming *c, struct err *e)
{
	AUTO_FREE char *path = path_join(FEED_PARTIAL, c->digest + strlen("sha256:"));
	AUTO_FD own = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (own < 0 || !is_same(own, c->file_fd))
		return keep_copy(s, c, e);
	r = store_keep_blob(s, own, c->digest, e);
	if (r == 0)
		(void)unlinkat(s->fd, path, 0);
	return r;
}

int
feed_keep(struct feed *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i]->trusted && keep(f->store, f->v[i], e) < 0)
			return -e->code;
	return 0;
}

int
feed_done(struct feed *f, struct err *e)
{
	static const char *const words[] = { "done" };
	const int r = f->fd < 0 ? 1 : feed_send(f->fd, words, NELEMS(words), NULL, 0, e);

	return r < 0 ? r : 0;
}
