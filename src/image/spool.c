#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/spool.h"

#define SMALL_MAX ((uint64_t)64 << 10) /* bytes of what shares a file */

struct spooled {
	struct blob blob;
	int fd;          /* owned; -1: in the shared file */
	uint64_t offset; /* there */
	bool wanted;
};

struct spool {
	const struct store *store;
	void *by_digest; /* tsearch(3): struct spooled, owned */
	int small_fd;    /* owned; -1: not needed yet */
	uint64_t small_end;

	struct spooled *now;   /* owned; being written, or NULL */
	struct digest *digest; /* owned; of that */
	uint64_t left;         /* bytes that are to come */
};

static int
compare(const void *a, const void *b)
{
	const struct spooled *x = a, *y = b;

	return strcmp(x->blob.digest, y->blob.digest);
}

static void
spooled_free(void *arg)
{
	struct spooled *x = arg;

	if (x)
		fd_closep(&x->fd);
	free(x);
}

void
spool_raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= SPOOL_FILES_MAX)
		return;
	r.rlim_cur = r.rlim_max < SPOOL_FILES_MAX ? r.rlim_max : SPOOL_FILES_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

struct spool *
spool_new(const struct store *s)
{
	struct spool *p = xcalloc(1, sizeof(*p));

	p->store = s;
	p->small_fd = -1;
	spool_raise_descriptors();
	return p;
}

void
spool_freep(struct spool **p)
{
	if (*p) {
		tdestroy((*p)->by_digest, spooled_free);
		spooled_free((*p)->now);
		digest_freep(&(*p)->digest);
		fd_closep(&(*p)->small_fd);
	}
	free(*p);
	*p = NULL;
}

/* --- writing --- */

static int
new_file(const struct spool *p, struct err *e)
{
	int fd = store_new_blob(p->store, e);

	if (fd == -EMFILE)
		(void)err_hint(e, "ulimit -Hn tells how many large files an archive may have here");
	return fd;
}

int
spool_begin(struct spool *p, uint64_t size, struct err *e)
{
	const bool small = size <= SMALL_MAX;
	int fd = small ? p->small_fd : -1;

	if (fd < 0 && (fd = new_file(p, e)) < 0)
		return fd;
	if (small)
		p->small_fd = fd;
	p->now = xcalloc(1, sizeof(*p->now));
	p->now->fd = small ? -1 : fd;
	p->now->offset = small ? p->small_end : 0;
	p->now->blob.size = size;
	p->left = size;
	p->digest = digest_new();
	return 0;
}

int
spool_write(struct spool *p, const void *data, size_t n, struct err *e)
{
	if (n > p->left)
		return err_set(e, EBADMSG, "there is more of it than its size");
	digest_add(p->digest, data, n);
	p->left -= n;
	if (p->now->fd < 0)
		p->small_end += n;
	return fd_write_all(p->now->fd < 0 ? p->small_fd : p->now->fd, data, n, e);
}

static int
take(struct spool *p, struct spooled *x, struct err *e)
{
	struct spooled **there = tsearch(x, &p->by_digest, compare);

	if (!there || *there != x)
		spooled_free(x);
	return there ? 0 : err_set(e, ENOMEM, "out of memory");
}

int
spool_end(struct spool *p, struct blob *ret, struct err *e)
{
	struct spooled *x = p->now;
	char hex[65];
	int r;

	if (p->left > 0)
		return err_set(e, EBADMSG, "there is less of it than its size");
	r = digest_end(p->digest, hex, e);
	digest_freep(&p->digest);
	if (r < 0)
		return r;
	(void)snprintf(x->blob.digest, sizeof(x->blob.digest), "sha256:%s", hex);
	*ret = x->blob;
	p->now = NULL;
	return take(p, x, e);
}

int
spool_adopt(struct spool *p, int fd, const struct blob *b, struct err *e)
{
	struct spooled *x = xcalloc(1, sizeof(*x));

	x->fd = fd;
	x->blob = *b;
	return take(p, x, e);
}

int
spool_put_json(struct spool *p, json_t *json, struct blob *ret, struct err *e)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return err_set(e, EINVAL, "a document cannot be written");
	if (spool_begin(p, strlen(text), e) < 0 || spool_write(p, text, strlen(text), e) < 0)
		return -e->code;
	return spool_end(p, ret, e);
}

/* --- reading --- */

static struct spooled *
find(const struct spool *p, const char *digest)
{
	struct spooled key = { .fd = -1 }, **x;

	(void)snprintf(key.blob.digest, sizeof(key.blob.digest), "%s", digest);
	x = tfind(&key, &p->by_digest, compare);
	return x && strcmp(digest, key.blob.digest) == 0 ? *x : NULL;
}

bool
spool_has(const struct spool *p, const char *digest, uint64_t *ret_size)
{
	const struct spooled *x = find(p, digest);

	if (x)
		*ret_size = x->blob.size;
	return x != NULL;
}

/* Write what shares a file to @fd. */
static int
copy_small(const struct spool *p, const struct spooled *x, int fd, struct err *e)
{
	AUTO_FREE char *buf = xcalloc(SMALL_MAX, 1);
	uint64_t n = 0;

	while (n < x->blob.size) {
		ssize_t r = pread(p->small_fd, buf, (size_t)(x->blob.size - n),
				  (off_t)(x->offset + n));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? err_sys(e, "read a blob") : err_set(e, EIO, "a blob was cut");
		if (fd_write_all(fd, buf, (size_t)r, e) < 0)
			return -e->code;
		n += (uint64_t)r;
	}
	return 0;
}

/* Not a duplicate: that would share the place where it is read. */
static int
open_again(int fd, struct err *e)
{
	char path[32];
	int again;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? err_sys(e, "open a blob again") : again;
}

int
spool_open(const struct spool *p, const char *digest, struct err *e)
{
	const struct spooled *x = find(p, digest);
	AUTO_FD fd = -1;

	if (!x)
		return -ENOENT;
	if (x->fd >= 0)
		return open_again(x->fd, e);
	fd = new_file(p, e);
	if (fd < 0 || copy_small(p, x, fd, e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read a blob");
	return TAKE_FD(fd);
}

/* --- names --- */

bool
spool_want(struct spool *p, const char *digest)
{
	struct spooled *x = find(p, digest);
	const bool first = x && !x->wanted;

	if (x)
		x->wanted = true;
	return first;
}

static int
keep(const struct spool *p, const struct spooled *x, struct err *e)
{
	AUTO_FD fd = -1;

	/* Some of them are layers. */
	if (p->store->limits && limits_write(p->store, x->blob.digest, p->store->limits, e) < 0)
		return -e->code;
	if (x->fd >= 0)
		return store_keep_blob(p->store, x->fd, x->blob.digest, e);
	fd = store_new_blob(p->store, e);
	if (fd < 0 || copy_small(p, x, fd, e) < 0)
		return -e->code;
	return store_keep_blob(p->store, fd, x->blob.digest, e);
}

struct keeping {
	const struct spool *spool;
	struct err *e;
};

static void
keep_wanted(const void *node, VISIT visit, void *arg)
{
	const struct spooled *x = *(struct spooled *const *)node;
	const struct keeping *k = arg;

	if ((visit == postorder || visit == leaf) && x->wanted && k->e->code == 0)
		(void)keep(k->spool, x, k->e);
}

int
spool_keep(struct spool *p, struct err *e)
{
	struct keeping k = { .spool = p, .e = e };

	twalk_r(p->by_digest, keep_wanted, &k);
	return -e->code;
}
