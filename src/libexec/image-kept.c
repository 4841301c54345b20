#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/layers.h"
#include "libexec/image-kept.h"
#include "libexec/image.h"

static void
close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_closep(&fds[i]);
	free(fds);
}

void
kept_close(struct kept *k)
{
	for (size_t i = 0; i < k->n_places; i++) {
		free(k->places[i].dst);
		close_all(k->places[i].upper, k->places[i].n_upper);
		close_all(k->places[i].lower, k->places[i].n_lower);
	}
	free(k->places);
	container_close(&k->c);
}

static void
add_fd(int **fds, size_t *n, int fd)
{
	*fds = xrealloc_array(*fds, *n + 1, sizeof(**fds));
	(*fds)[(*n)++] = fd;
}

/* "u0" is the root, "u%2fa", "u1%2fa" are /a.  Owned. */
static char *
place_of(const char *name, size_t n)
{
	const char *end = name + n, *p = name + 1 + strspn(name + 1, "0123456789");
	char *dst = xcalloc(n + 1, 1), *to = dst;
	unsigned int c;

	while (p < end) {
		if (end - p >= 3 && sscanf(p, "%%%2x", &c) == 1) {
			*to++ = (char)c;
			p += 3;
		} else {
			*to++ = *p++;
		}
	}
	return dst;
}

/* What is not there has taken no writes. */
static int
open_uppers(const struct container *c, const char *name, size_t len, struct kept_place *p,
	    struct err *e)
{
	char *dir;

	for (size_t i = 0; (dir = container_layer(c, i)); i++) {
		AUTO_FREE char *layer = dir;
		AUTO_FREE char *path = xasprintf("%s/%.*s", layer, (int)len, name);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 && errno != ENOENT)
			return err_sys(e, "open the layer %s", path);
		if (fd >= 0)
			add_fd(&p->upper, &p->n_upper, fd);
	}
	return 0;
}

/* A directory of this machine that is gone, or closed to us, has nothing to compare with. */
static void
open_lower(const char *path, struct kept_place *p)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		add_fd(&p->lower, &p->n_lower, fd);
}

static struct kept_place *
find_place(struct kept *k, const char *dst)
{
	for (size_t i = 0; i < k->n_places; i++)
		if (strcmp(k->places[i].dst, dst) == 0)
			return &k->places[i];
	return NULL;
}

/* "NAME=LOWER": one of several for the same place has one more directory below. */
static int
add_place(struct kept *k, const char *word, const char **last, struct err *e)
{
	const size_t n = strcspn(word, "=");
	struct kept_place *p;

	if (*last && strncmp(*last, word, n + 1) == 0) {
		open_lower(word + n + 1, &k->places[k->n_places - 1]);
		return 0;
	}
	*last = word;
	k->places = xrealloc_array(k->places, k->n_places + 1, sizeof(*k->places));
	p = &k->places[k->n_places++];
	*p = (struct kept_place){ .dst = place_of(word, n),
				  .is_mirror = word[0] == 'd',
				  .is_image = !word[n + 1] };
	if (!p->is_image)
		open_lower(word + n + 1, p);
	return open_uppers(&k->c, word, n, p, e);
}

int
kept_open(const char *data_dir, const char *name, enum container_lock lock, struct kept *ret,
	  struct err *e)
{
	const char *last = NULL;
	int r = container_open(data_dir, name, lock, &ret->c, e);

	for (char **w = r < 0 ? NULL : ret->c.record.places; r >= 0 && w && *w; w++)
		r = add_place(ret, *w, &last, e);
	return r;
}

static int
open_image_layers(const struct kept *k, const struct store *s, struct kept_place *p, struct err *e)
{
	char **layers = k->c.record.image.layers;

	for (size_t i = strv_len(layers); i-- > 0;) {
		int fd = layers_open(s, k->c.record.kind, layers[i]);

		if (fd < 0)
			return err_sys(e, "open layers/%s/%s in the store", k->c.record.kind, layers[i]);
		add_fd(&p->lower, &p->n_lower, fd);
	}
	return 0;
}

int
kept_open_store(struct kept *k, const struct confine_dir *extra, struct store *ret, struct err *e)
{
	AUTO_FREE struct confine_dir *more = NULL;
	struct kept_place *root = find_place(k, "");
	size_t n = 0;

	for (size_t i = 0; i < k->n_places; i++)
		for (size_t j = 0; j < k->places[i].n_lower; j++) {
			more = xrealloc_array(more, n + 1, sizeof(*more));
			more[n++] = (struct confine_dir){ .fd = k->places[i].lower[j] };
		}
	if (extra) {
		more = xrealloc_array(more, n + 1, sizeof(*more));
		more[n++] = *extra;
	}
	if (open_store_and(true, more, n, ret, e) < 0)
		return -e->code;
	return root && root->is_image ? open_image_layers(k, ret, root, e) : 0;
}

const struct kept_place *
kept_root(const struct kept *k)
{
	for (size_t i = 0; i < k->n_places; i++)
		if (k->places[i].dst[0] == '\0' && !k->places[i].is_mirror)
			return &k->places[i];
	return NULL;
}

struct pack_options
kept_options(const struct kept *k, const struct kept_place *p)
{
	return (struct pack_options){
		.from = PACK_UPPER,
		.mtime_max = -1,
		.recorded = strcmp(k->c.record.kind, "single") == 0,
		.recorded_devices = true,
		.lower = p->lower,
		.n_lower = p->n_lower,
		.earlier = p->n_upper ? p->upper + 1 : NULL,
		.n_earlier = p->n_upper ? p->n_upper - 1 : 0,
	};
}
