#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/reach.h"
#include "image/ref.h"

#define CONTAINER_FORMAT     "rootlet container "
#define CONTAINER_RECORD_MAX ((size_t)8 << 20) /* bytes */

void
reach_init(struct reach *r)
{
	*r = (struct reach){ .documents = json_object(),
			     .blobs = json_object(),
			     .layers = json_object() };
}

void
reach_clear(struct reach *r)
{
	json_decref(r->documents);
	json_decref(r->blobs);
	json_decref(r->layers);
	*r = (struct reach)REACH_INIT;
}

bool
reach_has(json_t *set, const char *hex)
{
	return json_object_get(set, hex) != NULL;
}

/* False when it has been there. */
static bool
add(json_t *set, const char *digest)
{
	const char *hex = digest + strlen("sha256:");

	return !reach_has(set, hex) && json_object_set_new(set, hex, json_true()) == 0;
}

static const char *
digest_of(json_t *descriptor)
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));

	return digest && image_digest_is_valid(digest) ? digest : NULL;
}

/* @todo: for what has to be read itself; NULL: that has not */
static void
add_descriptor(struct reach *r, json_t *descriptor, json_t *todo)
{
	const char *digest = digest_of(descriptor);

	if (!digest)
		return;
	(void)add(r->blobs, digest);
	if (todo && add(r->documents, digest))
		(void)json_array_append_new(todo, json_string(digest));
}

/* Nothing unpacked is missed much: it can be unpacked again. */
static void
add_config(struct reach *r, const struct store *s, json_t *descriptor)
{
	const char *digest = digest_of(descriptor);
	struct err ignored = ERR_INIT;
	json_t *config = digest ? store_get_json(s, digest, &ignored) : NULL, *id;
	size_t i;

	add_descriptor(r, descriptor, NULL);
	json_array_foreach(json_object_get(json_object_get(config, "rootfs"), "diff_ids"), i, id) {
		const char *diff_id = json_string_value(id);

		if (diff_id && image_digest_is_valid(diff_id))
			(void)add(r->layers, diff_id);
	}
	json_decref(config);
}

static void
follow(struct reach *r, const struct store *s, json_t *doc, json_t *todo)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(doc, "manifests"), i, d)
		add_descriptor(r, d, todo);
	add_descriptor(r, json_object_get(doc, "subject"), todo);
	json_array_foreach(json_object_get(doc, "layers"), i, d)
		add_descriptor(r, d, NULL);
	json_array_foreach(json_object_get(doc, "blobs"), i, d)
		add_descriptor(r, d, NULL);
	if (json_object_get(doc, "config"))
		add_config(r, s, json_object_get(doc, "config"));
}

static int
add_all(struct reach *r, const struct store *s, json_t *todo, struct err *e)
{
	for (size_t i = 0; i < json_array_size(todo); i++) {
		const char *digest = json_string_value(json_array_get(todo, i));
		json_t *doc;

		if (!store_has_blob(s, digest))
			continue;
		doc = store_get_json(s, digest, e);
		if (!doc)
			return -e->code;
		follow(r, s, doc, todo);
		json_decref(doc);
	}
	return 0;
}

int
reach_add(struct reach *r, const struct store *s, const char *digest, struct err *e)
{
	json_t *todo;
	int ret;

	if (!image_digest_is_valid(digest))
		return 0;
	(void)add(r->blobs, digest);
	if (!add(r->documents, digest))
		return 0;
	todo = json_pack("[s]", digest);
	ret = add_all(r, s, todo, e);
	json_decref(todo);
	return ret;
}

/* --- containers --- */

static int
add_words(struct reach *r, const struct store *s, const char *data, size_t len, struct err *e)
{
	static const char digest[] = "digest=", layer[] = "layer=";

	if (len == 0 || data[len - 1] != '\0' ||
	    strncmp(data, CONTAINER_FORMAT, strlen(CONTAINER_FORMAT)) != 0)
		return err_set(e, EBADMSG, "its record is not one");
	for (const char *p = data; p < data + len; p += strlen(p) + 1) {
		if (strncmp(p, digest, strlen(digest)) == 0 &&
		    reach_add(r, s, p + strlen(digest), e) < 0)
			return -e->code;
		if (strncmp(p, layer, strlen(layer)) == 0)
			(void)json_object_set_new(r->layers, p + strlen(layer), json_true());
	}
	return 0;
}

/* One that has no record has not become a container yet, or is none any more. */
static int
add_container(struct reach *r, const struct store *s, const char *name, struct err *e)
{
	AUTO_FREE char *path = xasprintf("containers/%s/record", name), *data = NULL;
	AUTO_FD fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "store: open %s", path);
	n = fd_read_all(fd, CONTAINER_RECORD_MAX, &data, e);
	if (n >= 0 && add_words(r, s, data, (size_t)n, e) == 0)
		return 0;
	return err_prefix(e, "container %s", name);
}

int
reach_add_containers(struct reach *r, const struct store *s, struct err *e)
{
	DIR *d = store_open_dir(s, "containers");
	int ret = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "store: open containers");
	for (const struct dirent *de; ret == 0 && (de = readdir(d));)
		if (de->d_name[0] != '.')
			ret = add_container(r, s, de->d_name, e);
	(void)closedir(d);
	return ret;
}
