#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/remove.h"
#include "base/str.h"
#include "image/garbage.h"
#include "image/layers.h"

/* The index first: what is removed afterwards has no name. */
static int
remove_entries(const struct store *s, json_t *entries, struct err *e)
{
	json_t *index, *list;
	int r;

	if (json_array_size(entries) == 0)
		return 0;
	index = store_read_index(s, e);
	if (!index)
		return -e->code;
	list = json_object_get(index, "manifests");
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *entry;
		size_t k;

		json_array_foreach(entries, k, entry) {
			if (json_equal(json_array_get(list, i), entry)) {
				(void)json_array_remove(list, i);
				break;
			}
		}
	}
	r = store_write_index(s, index, e);
	json_decref(index);
	return r < 0 ? r : layers_write_names(s, e);
}

/* Each of these returns true when it is gone. */

static bool
is_gone(const struct store *s, const char *path)
{
	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Under its own name it is whole, or not there. */
static bool
remove_layer(const struct store *s, const char *path)
{
	AUTO_FREE char *kind = xstrndup(path, (size_t)(strrchr(path, '/') - path)), *temp = NULL;
	char name[TEMP_NAME_SIZE];

	random_name(name, sizeof(name), TEMP_PREFIX);
	temp = path_join(kind, name);
	if (renameat(s->fd, path, s->fd, temp) < 0)
		return is_gone(s, path);
	remove_tree(s->fd, temp);
	return is_gone(s, temp);
}

static bool
remove_run(const struct store *s, const char *path)
{
	AUTO_FD fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return is_gone(s, path);
	/* The end of another run has found it, too. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return true;
	remove_contents(fd);
	(void)unlinkat(s->fd, path, AT_REMOVEDIR);
	return is_gone(s, path);
}

static bool
remove_item(const struct store *s, const struct garbage_item *item)
{
	switch (item->kind) {
	case GARBAGE_LAYER:
		return remove_layer(s, item->path);
	case GARBAGE_RUN:
		return remove_run(s, item->path);
	case GARBAGE_BLOB:
	case GARBAGE_CACHE:
	case GARBAGE_PARTIAL:
	case GARBAGE_TEMP:
		remove_tree(s->fd, item->path);
		return is_gone(s, item->path);
	case GARBAGE_NAME:
	case GARBAGE_MAX_:
		return true;
	}
	return true;
}

int
garbage_remove(const struct store *s, struct garbage *g, struct err *e)
{
	size_t n = 0;

	if (remove_entries(s, g->entries, e) < 0)
		return -e->code;
	for (size_t i = 0; i < g->n; i++) {
		struct garbage_item *item = &g->items[i];

		if (remove_item(s, item)) {
			g->items[n++] = *item;
			continue;
		}
		if (!e->code) {
			(void)err_set(e, EACCES, "%s could not be removed", item->path);
			(void)err_hint(e, "files of another id map are removed where it is in force");
		}
		free(item->path);
	}
	g->n = n;
	return e->code ? -e->code : 0;
}
