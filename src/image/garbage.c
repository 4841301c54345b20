#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "image/feed.h"
#include "image/garbage.h"
#include "image/limits.h"
#include "image/ref.h"
#include "image/usage.h"

#define BLOBS  "blobs/sha256"
#define RECORD "image-" /* cache/image-HEX, or -HEX-MORE: see cache.c */

void
garbage_clear(struct garbage *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->items[i].path);
	free(g->items);
	json_decref(g->entries);
	*g = (struct garbage)GARBAGE_INIT;
}

/* @path: owned from now on */
static void
add_item(struct garbage *g, enum garbage_kind kind, char *path, uint64_t bytes)
{
	g->items = xrealloc_array(g->items, g->n + 1, sizeof(*g->items));
	g->items[g->n++] = (struct garbage_item){ .kind = kind, .path = path, .bytes = bytes };
}

static bool
is_hex(const char *name)
{
	return strlen(name) == IMAGE_DIGEST_HEX &&
	       strspn(name, "0123456789abcdef") == IMAGE_DIGEST_HEX;
}

static bool
is_temp(const char *name)
{
	return str_begins(name, TEMP_PREFIX);
}

struct search {
	const struct store *s;
	const struct garbage_options *o;
	struct garbage *g;
	struct reach used; /* by containers and runs */
	struct reach kept; /* and by what stays in the index */
};

/*
 * Call @visit for each entry of directory @dir until it fails.  A store need not have all
 * directories.
 */
static int
for_each(struct search *x, const char *dir,
	 int (*visit)(struct search *x, const char *dir, const char *name, struct err *e),
	 struct err *e)
{
	DIR *d = store_open_dir(x->s, dir);
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "store: open %s", dir);
	for (const struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = visit(x, dir, de->d_name, e);
	(void)closedir(d);
	return r;
}

static void
found(struct search *x, enum garbage_kind kind, const char *dir, const char *name)
{
	char *path = strcmp(dir, ".") == 0 ? xstrdup(name) : path_join(dir, name);

	add_item(x->g, kind, path, usage_tree(x->s->fd, path));
}

/* --- runs --- */

/* The digest of the image whose record @name is.  Returns false for other files. */
static bool
digest_of_record(const char *name, char ret[sizeof("sha256:") + IMAGE_DIGEST_HEX])
{
	const char *hex = name + strlen(RECORD);

	if (strncmp(name, RECORD, strlen(RECORD)) != 0 || strlen(hex) < IMAGE_DIGEST_HEX ||
	    (hex[IMAGE_DIGEST_HEX] != '\0' && hex[IMAGE_DIGEST_HEX] != '-'))
		return false;
	memcpy(ret, "sha256:", strlen("sha256:"));
	memcpy(ret + strlen("sha256:"), hex, IMAGE_DIGEST_HEX);
	ret[strlen("sha256:") + IMAGE_DIGEST_HEX] = '\0';
	return image_digest_is_valid(ret);
}

/* A descriptor with the lock of the file, or -1: who uses it has that.  A file that is gone is locked. */
static int
lock_file(const struct store *s, const char *path)
{
	AUTO_FD fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return TAKE_FD(fd);
}

static int
add_if_running(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);
	char digest[sizeof("sha256:") + IMAGE_DIGEST_HEX];
	AUTO_FD fd = -1;

	if (!digest_of_record(name, digest))
		return 0;
	fd = lock_file(x->s, path);
	return fd < 0 ? reach_add(&x->used, x->s, digest, e) : 0;
}

/*
 * Records of images that nobody needs go, and so do those that were set aside.  A run that has got
 * the lock meanwhile keeps its image.
 */
static int
drop_record(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);
	char digest[sizeof("sha256:") + IMAGE_DIGEST_HEX];
	AUTO_FD fd = -1;

	if (!digest_of_record(name, digest) ||
	    (strlen(name) == strlen(RECORD) + IMAGE_DIGEST_HEX &&
	     reach_has(x->kept.documents, digest + strlen("sha256:"))))
		return 0;
	fd = lock_file(x->s, path);
	if (fd < 0)
		return reach_add(&x->kept, x->s, digest, e);
	found(x, GARBAGE_CACHE, dir, name);
	if (x->o->for_removal && unlinkat(x->s->fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, "store: remove %s", path);
	return 0;
}

/* --- names --- */

static bool
is_listed(json_t *list, json_t *entry)
{
	json_t *other;
	size_t i;

	json_array_foreach(list, i, other)
		if (json_equal(other, entry))
			return true;
	return false;
}

/* Does a run or a container use the image, or one of its platforms? */
static int
is_used(const struct search *x, const char *digest, bool *ret, struct err *e)
{
	AUTO_REACH r = REACH_INIT;
	const char *hex;
	json_t *v;

	reach_init(&r);
	if (reach_add(&r, x->s, digest, e) < 0)
		return -e->code;
	*ret = false;
	json_object_foreach(r.documents, hex, v)
		*ret = *ret || reach_has(x->used.documents, hex);
	return 0;
}

/* Sets *ret: nothing speaks against letting the entry go. */
static int
may_go(const struct search *x, json_t *entry, const char *digest, bool *ret, struct err *e)
{
	bool used = true;

	*ret = false;
	if ((store_name_of(entry) && !x->o->all) || (x->o->only && !is_listed(x->o->only, entry)))
		return 0;
	if (is_used(x, digest, &used, e) < 0)
		return -e->code;
	*ret = !used;
	return 0;
}

static int
sort_entry(struct search *x, json_t *entry, struct err *e)
{
	const char *digest = json_string_value(json_object_get(entry, "digest")),
		   *name = store_name_of(entry) ? store_name_of(entry) : digest;
	bool goes = false;

	if (!digest)
		return 0;
	if (may_go(x, entry, digest, &goes, e) < 0 ||
	    (!goes && reach_add(&x->kept, x->s, digest, e) < 0)) {
		(void)err_prefix(e, "image %s", name);
		return err_hint(e, "after rootlet rmi nothing of it is kept");
	}
	if (!goes)
		return 0;
	add_item(x->g, GARBAGE_NAME, xstrdup(name), 0);
	(void)json_array_append(x->g->entries, entry);
	return 0;
}

static int
sort_index(struct search *x, struct err *e)
{
	json_t *index = store_read_index(x->s, e), *entry;
	size_t i;
	int r = 0;

	if (!index)
		return -e->code;
	json_array_foreach(json_object_get(index, "manifests"), i, entry)
		if (r == 0)
			r = sort_entry(x, entry, e);
	json_decref(index);
	return r;
}

/* --- files --- */

static int
check_blob(struct search *x, const char *dir, const char *name, struct err *e)
{
	(void)e;
	if (is_temp(name))
		found(x, GARBAGE_TEMP, dir, name);
	else if (is_hex(name) && !reach_has(x->kept.blobs, name))
		found(x, GARBAGE_BLOB, dir, name);
	return 0;
}

static int
check_layer(struct search *x, const char *dir, const char *name, struct err *e)
{
	(void)e;
	if (is_temp(name))
		found(x, GARBAGE_TEMP, dir, name);
	else if (is_hex(name) && !reach_has(x->kept.layers, name))
		found(x, GARBAGE_LAYER, dir, name);
	return 0;
}

static int
check_kind(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);

	return name[0] == '.' ? 0 : for_each(x, path, check_layer, e);
}

/* What an index has for a platform, of one that is not kept. */
static bool
is_old_platform(const struct search *x, const char *name)
{
	static const char platform[] = "platform-";
	AUTO_FREE char *hex = NULL;

	if (!str_begins(name, platform))
		return false;
	name += strlen(platform);
	hex = xstrndup(name, strcspn(name, "-"));
	return is_hex(hex) && !reach_has(x->kept.documents, hex);
}

/* What a blob was allowed that is not kept. */
static bool
is_old_limits(const struct search *x, const char *name)
{
	const char *hex = name + strlen(LIMITS_PREFIX);

	return str_begins(name, LIMITS_PREFIX) && is_hex(hex) &&
	       !reach_has(x->kept.blobs, hex);
}

/* Filters of other versions; what was being written, and has not got its name. */
static int
check_cache(struct search *x, const char *dir, const char *name, struct err *e)
{
	static const char filter[] = "seccomp-", ours[] = "seccomp-" PACKAGE_VERSION "-";
	const char *end = strrchr(name, '.');

	(void)e;
	if (is_temp(name))
		found(x, GARBAGE_TEMP, dir, name);
	else if (is_old_platform(x, name) || is_old_limits(x, name))
		found(x, GARBAGE_CACHE, dir, name);
	else if (strncmp(name, filter, strlen(filter)) == 0 &&
		 (strncmp(name, ours, strlen(ours)) != 0 || !end || strcmp(end, ".bpf") != 0))
		found(x, GARBAGE_CACHE, dir, name);
	return 0;
}

static int
check_top(struct search *x, const char *dir, const char *name, struct err *e)
{
	(void)e;
	if (is_temp(name))
		found(x, GARBAGE_TEMP, dir, name);
	return 0;
}

static bool
is_dead(const struct store *s, const char *path)
{
	AUTO_FD fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* The launcher and the first process of a run hold its layer locked. */
static int
check_run(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);

	(void)e;
	if (name[0] != '.' && is_dead(x->s, path))
		found(x, GARBAGE_RUN, dir, name);
	return 0;
}

/* A container that was being made, or removed, is locked like a run. */
static int
check_container(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);

	(void)e;
	if ((strncmp(name, ".new-", 5) == 0 || strncmp(name, ".gone-", 6) == 0) &&
	    is_dead(x->s, path))
		found(x, GARBAGE_RUN, dir, name);
	return 0;
}

/* Of whoever downloads it, it is locked. */
static int
check_partial(struct search *x, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, name);
	AUTO_FD fd = lock_file(x->s, path);

	(void)e;
	if (fd >= 0)
		found(x, GARBAGE_PARTIAL, dir, name);
	return 0;
}

static int
find_files(struct search *x, struct err *e)
{
	static const struct {
		const char *dir;
		int (*visit)(struct search *x, const char *dir, const char *name, struct err *e);
	} places[] = {
		{ BLOBS, check_blob },	 { "layers", check_kind }, { "cache", check_cache },
		{ "scratch", check_run }, { "trash", check_run },   { ".", check_top },
		{ "containers", check_container }, { FEED_PARTIAL, check_partial },
	};

	for (size_t i = 0; i < NELEMS(places); i++)
		if (for_each(x, places[i].dir, places[i].visit, e) < 0)
			return -e->code;
	return 0;
}

/*
 * Containers are looked at after the runs: a run that has ended meanwhile may have left one.  And
 * before: that is what keeps a name.
 */
static int
search(struct search *x, struct err *e)
{
	if (reach_add_containers(&x->used, x->s, e) < 0 ||
	    for_each(x, "cache", add_if_running, e) < 0 ||
	    reach_add_containers(&x->used, x->s, e) < 0)
		return -e->code;
	json_object_update(x->kept.documents, x->used.documents);
	json_object_update(x->kept.blobs, x->used.blobs);
	json_object_update(x->kept.layers, x->used.layers);
	if (sort_index(x, e) < 0 || for_each(x, "cache", drop_record, e) < 0 ||
	    reach_add_containers(&x->kept, x->s, e) < 0)
		return -e->code;
	return find_files(x, e);
}

int
garbage_find(const struct store *s, const struct garbage_options *o, struct garbage *ret,
	     struct err *e)
{
	AUTO_GARBAGE g = { .entries = json_array() };
	struct search x = { .s = s, .o = o, .g = &g };
	int r;

	reach_init(&x.used);
	reach_init(&x.kept);
	r = search(&x, e);
	reach_clear(&x.used);
	reach_clear(&x.kept);
	if (r < 0)
		return r;
	*ret = g;
	g = (struct garbage)GARBAGE_INIT;
	return 0;
}
