/*
 * A hash table of the files that have more names than were met so far; one that has been met by all
 * of its names leaves, so that the table is small unless many links lead out of the tree.
 */
#include <string.h>

#include "base/str.h"
#include "image/pack-internal.h"

struct link {
	dev_t dev;
	ino_t ino;
	nlink_t left; /* names not met yet; 0: the place was used and is free */
	char *path;   /* owned; NULL: the place was never used */
};

struct links {
	struct link *table;
	size_t size, used; /* used: places that are not NULL */
	char *last;	   /* the path returned last, of a file that left */
};

static size_t
place_of(const struct links *l, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino ^ ((uint64_t)dev << 40)) * 0x9e3779b97f4a7c15U;

	return (size_t)(h >> 20) & (l->size - 1);
}

/* The place of the file, or the one where it is to be put. */
static struct link *
find(const struct links *l, dev_t dev, ino_t ino)
{
	size_t i = place_of(l, dev, ino);

	while (l->table[i].path &&
	       (l->table[i].left == 0 || l->table[i].dev != dev || l->table[i].ino != ino))
		i = (i + 1) & (l->size - 1);
	return &l->table[i];
}

static void
forget(struct link *k)
{
	free(k->path);
	k->path = NULL;
}

/* Half of the table was used: a new one with what is still looked for, a quarter of it at most. */
static void
rehash(struct links *l)
{
	struct link *old = l->table;
	const size_t old_size = l->size;
	size_t live = 0;

	for (size_t i = 0; i < old_size; i++)
		live += old[i].path && old[i].left > 0;
	while (l->size < live * 4)
		l->size *= 2;
	l->table = xcalloc(l->size, sizeof(*l->table));
	l->used = live;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].path && old[i].left > 0)
			*find(l, old[i].dev, old[i].ino) = old[i];
		else
			forget(&old[i]);
	}
	free(old);
}

struct links *
links_new(void)
{
	struct links *l = xcalloc(1, sizeof(*l));

	l->size = 64;
	l->table = xcalloc(l->size, sizeof(*l->table));
	return l;
}

void
links_freep(struct links **l)
{
	for (size_t i = 0; *l && i < (*l)->size; i++)
		forget(&(*l)->table[i]);
	if (*l) {
		free((*l)->table);
		free((*l)->last);
	}
	free(*l);
	*l = NULL;
}

const char *
links_seen(struct links *l, const struct stat *st, const char *path)
{
	struct link *k;

	if (st->st_nlink < 2)
		return NULL;
	k = find(l, st->st_dev, st->st_ino);
	if (!k->path) {
		*k = (struct link){ st->st_dev, st->st_ino, st->st_nlink - 1, xstrdup(path) };
		if (++l->used * 2 > l->size)
			rehash(l);
		return NULL;
	}
	if (--k->left > 0)
		return k->path;
	free(l->last);
	l->last = k->path;
	k->path = xstrdup("");
	return l->last;
}
