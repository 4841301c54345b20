/*
 * image - an image as base: its layers, its volumes, its files
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "frontend/merged.h"
#include "frontend/run.h"

void
run_add_image_root(struct spec *s, const struct run_image *image)
{
	struct mount_step *m = spec_add_mount(s, MOUNT_OVERLAY, xstrdup("/"));

	m->trusted = true;
	m->lowers = strv_copy(image->layers);
}

/* One that we cannot look at stays a part of the root: a directory of it is closed to the caller. */
static int
find_content(const struct run_image *image, const char *path, char **ret_path, char ***ret_dirs,
	     struct err *e)
{
	if (merged_find_dir(image->layers, path, ret_path, ret_dirs, e) == 0)
		return 0;
	if (e->code != EACCES)
		return -e->code;
	err_clear(e);
	return 1;
}

static int
add_volume(struct spec *s, const struct run_image *image, const char *path, size_t first,
	   size_t n_user, struct err *e)
{
	AUTO_FREE char *clean = path_clean(path), *place = NULL;
	struct mount_step *m;
	char **dirs = NULL;
	int r;

	if (!clean || strcmp(clean, "/") == 0)
		return err_set(e, EINVAL, "not a path below /");
	if ((r = find_content(image, clean, &place, &dirs, e)) != 0)
		return r < 0 ? r : 0;
	for (size_t i = first; i < n_user; i++)
		if (path_is_below(place, s->mounts[i].dst) || path_is_below(clean, s->mounts[i].dst)) {
			strv_freep(&dirs);
			return 0;
		}
	m = spec_add_mount(s, dirs ? MOUNT_OVERLAY : MOUNT_LAYER_DIR, TAKE_PTR(place));
	m->trusted = true;
	m->lowers = dirs;
	return 0;
}

int
run_add_image_volume(struct spec *s, const struct run_image *image, const char *path, size_t first,
		     size_t n_user, struct err *e)
{
	return add_volume(s, image, path, first, n_user, e) < 0
		       ? err_prefix(e, "image '%s': volume '%s'", image->name, path)
		       : 0;
}

int
run_open_base_file(const struct run_host *h, int root_fd, const char *path, struct err *e)
{
	return h->image ? merged_open(h->image->layers, path, e)
			: fd_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
}
