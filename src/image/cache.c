/*
 * What a start reads of images: cache/image-HEX, cache/platform-HEX-OS-ARCHITECTURE and cache/names.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/layers.h"
#include "image/names.h"
#include "image/platform.h"

#define RECORD_MAX ((size_t)8 << 20) /* bytes */

/* Is that what the file has?  Then it stays: whoever runs the image has locked this very file. */
static bool
is_recorded(int fd, const char *data, size_t len)
{
	struct err ignored = ERR_INIT;
	AUTO_FREE char *old = NULL;

	return fd_read_all(fd, RECORD_MAX, &old, &ignored) == (ssize_t)len &&
	       memcmp(old, data, len) == 0;
}

/*
 * A record of another form, of another version of this program, may be locked by a run.  It keeps a
 * name beside the new one, where prune sees the lock.
 */
static int
set_aside(const struct store *s, int fd, const char *name, struct err *e)
{
	AUTO_FREE char *old = NULL;
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || fstat(fd, &st) < 0)
		return 0;
	old = xasprintf("%s-%llx", name, (unsigned long long)st.st_ino);
	return linkat(s->fd, name, s->fd, old, 0) < 0 && errno != EEXIST && errno != ENOENT
		       ? err_sys(e, "store: keep %s", name)
		       : 0;
}

static bool
is_opaque(const struct store *s, const char *kind, const char *diff_id)
{
	AUTO_FD fd = layers_open(s, kind, diff_id);
	char y = 0;

	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &y, 1) == 1 && y == 'y';
}

/*
 * overlayfs does not look whether the topmost directory of a layer hides those below: they are left
 * out.  Each kind of the layer tells the same.
 */
static void
cut_hidden(const struct store *s, char **layers)
{
	size_t n = strv_len(layers), i = n;

	while (i > 0 && !is_opaque(s, "range", layers[i - 1]) &&
	       !is_opaque(s, "root", layers[i - 1]) && !is_opaque(s, "single", layers[i - 1]))
		i--;
	if (i < 2)
		return;
	for (size_t k = 0; k < i - 1; k++)
		free(layers[k]);
	memmove(layers, layers + i - 1, (n - i + 2) * sizeof(*layers));
}

int
layers_write_record(const struct store *s, const struct oci_image *im, struct err *e)
{
	AUTO_IMAGE_RECORD r = IMAGE_RECORD_INIT;
	AUTO_FREE char *data = NULL, *name = NULL;
	AUTO_FD fd = -1;
	size_t len;

	if (oci_fill_record(im, &r, e) < 0)
		return -e->code;
	cut_hidden(s, r.layers);
	data = image_record_encode(&r, &len);
	name = xasprintf("cache/image-%s", im->digest + strlen("sha256:"));
	fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && is_recorded(fd, data, len))
		return 0;
	if (fd >= 0 && set_aside(s, fd, name, e) < 0)
		return -e->code;
	return store_replace(s, name, data, len, e);
}

int
layers_write_platform(const struct store *s, const char *index, const char *platform,
		      const char *digest, struct err *e)
{
	AUTO_FREE char *own = platform_own(),
		       *name = names_platform_path(index, platform ? platform : own);

	return store_replace(s, name, digest, strlen(digest), e);
}

static void
add_name(char **data, size_t *len, json_t *d)
{
	const char *name = store_name_of(d), *digest = json_string_value(json_object_get(d, "digest"));
	AUTO_FREE char *word = NULL;
	size_t n;

	if (!name || !digest || strchr(name, '='))
		return;
	word = xasprintf("%s=%s", name, digest);
	n = strlen(word) + 1;
	*data = xrealloc_array(*data, *len + n, 1);
	memcpy(*data + *len, word, n);
	*len += n;
}

/* The stamp is taken first: when the index changes meanwhile, the cache is stale from the start. */
int
layers_write_names(const struct store *s, struct err *e)
{
	char stamp[NAMES_STAMP_SIZE];
	AUTO_FREE char *data = NULL;
	json_t *index, *d;
	size_t len, i;

	if (names_stamp(s->fd, stamp) < 0)
		return err_sys(e, "store: index.json");
	index = store_read_index(s, e);
	if (!index)
		return -e->code;
	data = xstrdup(stamp);
	len = strlen(stamp) + 1;
	for (i = 0; (d = json_array_get(json_object_get(index, "manifests"), i)); i++)
		add_name(&data, &len, d);
	json_decref(index);
	return store_replace(s, "cache/names", data, len, e);
}

int
layers_write_cache(const struct store *s, const struct oci_image *im, const char *digest,
		   const char *platform, struct err *e)
{
	if (layers_write_record(s, im, e) < 0 || layers_write_names(s, e) < 0)
		return -e->code;
	return strcmp(im->digest, digest) != 0
		       ? layers_write_platform(s, digest, platform, im->digest, e)
		       : 0;
}
