/*
 * df: how much of the disk is whose.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/feed.h"
#include "image/garbage.h"
#include "image/usage.h"
#include "libexec/image.h"

/* What an image has alone, and together with others. */
struct part {
	uint64_t exclusive, shared; /* bytes of disk */
};

struct image {
	const char *name; /* borrowed from the index; NULL: none */
	const char *digest;
	struct reach reach;
	struct part blobs, layers;
};

enum total {
	TOTAL_BLOBS,
	TOTAL_LAYERS,
	TOTAL_CONTAINERS,
	TOTAL_RUNS,
	TOTAL_CACHE,
	TOTAL_PARTIAL,
	TOTAL_MAX_
};
static const char *const total_names[] = {
	[TOTAL_BLOBS] = "blobs",     [TOTAL_LAYERS] = "layers", [TOTAL_CONTAINERS] = "containers",
	[TOTAL_RUNS] = "runs",	     [TOTAL_CACHE] = "cache",   [TOTAL_PARTIAL] = "downloads",
};
static_assert(NELEMS(total_names) == TOTAL_MAX_, "total_names[] does not match enum total");

struct sums {
	uint64_t n, bytes, reclaimable;
};

struct df {
	const struct store *s;
	json_t *blobs, *layers;         /* owned; HEX: bytes */
	json_t *blob_users, *layer_users; /* owned; HEX: how many images */
	json_t *index;                  /* owned */
	struct image *images;           /* owned */
	size_t n;
	struct sums totals[TOTAL_MAX_];
};

static void
df_clear(struct df *d)
{
	for (size_t i = 0; i < d->n; i++)
		reach_clear(&d->images[i].reach);
	free(d->images);
	json_decref(d->blobs);
	json_decref(d->layers);
	json_decref(d->blob_users);
	json_decref(d->layer_users);
	json_decref(d->index);
}

static uint64_t
number(json_t *map, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(map, key));
}

static void
increase(json_t *map, const char *key, uint64_t by)
{
	(void)json_object_set_new(map, key, json_integer((json_int_t)number(map, key) + (json_int_t)by));
}

/* --- what there is --- */

/*
 * The size of each entry of @dir, into @total, and into @map unless that is NULL.  What has a dot in
 * front is not finished.
 */
static void
measure(struct df *d, const char *dir, enum total total, json_t *map)
{
	DIR *dp = store_open_dir(d->s, dir);

	if (!dp)
		return;
	for (const struct dirent *de; (de = readdir(dp));) {
		uint64_t bytes;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		bytes = usage_tree(dirfd(dp), de->d_name);
		d->totals[total].bytes += bytes;
		d->totals[total].n += de->d_name[0] != '.';
		if (map)
			increase(map, de->d_name, bytes);
	}
	(void)closedir(dp);
}

/* A layer may be there for several kinds of id maps: it counts once, with all its bytes. */
static void
measure_layers(struct df *d)
{
	static const char *const kinds[] = { "range", "root", "single" };

	for (size_t i = 0; i < NELEMS(kinds); i++) {
		AUTO_FREE char *dir = path_join("layers", kinds[i]);

		measure(d, dir, TOTAL_LAYERS, d->layers);
	}
	d->totals[TOTAL_LAYERS].n = json_object_size(d->layers);
}

static void
measure_all(struct df *d)
{
	measure(d, "blobs/sha256", TOTAL_BLOBS, d->blobs);
	measure_layers(d);
	measure(d, "containers", TOTAL_CONTAINERS, NULL);
	measure(d, "scratch", TOTAL_RUNS, NULL);
	measure(d, "trash", TOTAL_RUNS, NULL);
	measure(d, "cache", TOTAL_CACHE, NULL);
	measure(d, FEED_PARTIAL, TOTAL_PARTIAL, NULL);
}

/* --- whose it is --- */

static bool
is_known(const struct df *d, const char *digest)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->images[i].digest, digest) == 0)
			return true;
	return false;
}

static void
count_users(json_t *users, json_t *set)
{
	const char *hex;
	json_t *v;

	json_object_foreach(set, hex, v)
		increase(users, hex, 1);
}

/* Two names of one image share nothing: it is one. */
static int
add_image(struct df *d, json_t *entry, struct err *e)
{
	struct image *im = &d->images[d->n];
	const char *digest = json_string_value(json_object_get(entry, "digest"));
	const bool known = digest && is_known(d, digest);

	if (!digest)
		return 0;
	*im = (struct image){ .digest = digest };
	im->name = store_name_of(entry);
	reach_init(&im->reach);
	d->n++;
	if (reach_add(&im->reach, d->s, digest, e) < 0)
		return err_prefix(e, "image %s", im->name ? im->name : digest);
	if (!known) {
		count_users(d->blob_users, im->reach.blobs);
		count_users(d->layer_users, im->reach.layers);
	}
	return 0;
}

static struct part
split(json_t *set, json_t *sizes, json_t *users)
{
	struct part p = { .exclusive = 0 };
	const char *hex;
	json_t *v;

	json_object_foreach(set, hex, v)
		*(number(users, hex) > 1 ? &p.shared : &p.exclusive) += number(sizes, hex);
	return p;
}

static int
add_images(struct df *d, struct err *e)
{
	json_t *list, *entry;
	size_t i;

	d->index = store_read_index(d->s, e);
	if (!d->index)
		return -e->code;
	list = json_object_get(d->index, "manifests");
	d->images = xcalloc(json_array_size(list) + 1, sizeof(*d->images));
	json_array_foreach(list, i, entry)
		if (add_image(d, entry, e) < 0)
			return -e->code;
	for (i = 0; i < d->n; i++) {
		struct image *im = &d->images[i];

		im->blobs = split(im->reach.blobs, d->blobs, d->blob_users);
		im->layers = split(im->reach.layers, d->layers, d->layer_users);
	}
	return 0;
}

/* --- what prune would free --- */

static enum total
place_of(const struct garbage_item *item)
{
	switch (item->kind) {
	case GARBAGE_LAYER:
		return TOTAL_LAYERS;
	case GARBAGE_RUN:
		return strncmp(item->path, "containers/", strlen("containers/")) == 0 ? TOTAL_CONTAINERS
										      : TOTAL_RUNS;
	case GARBAGE_TEMP:
		return strncmp(item->path, "layers/", strlen("layers/")) == 0 ? TOTAL_LAYERS
		       : strncmp(item->path, "blobs/", strlen("blobs/")) == 0 ? TOTAL_BLOBS
									      : TOTAL_CACHE;
	case GARBAGE_CACHE:
		return TOTAL_CACHE;
	case GARBAGE_PARTIAL:
		return TOTAL_PARTIAL;
	case GARBAGE_NAME:
	case GARBAGE_BLOB:
	case GARBAGE_MAX_:
		return TOTAL_BLOBS;
	}
	return TOTAL_BLOBS;
}

static int
add_reclaimable(struct df *d, struct err *e)
{
	const struct garbage_options o = { .all = false };
	AUTO_GARBAGE g = GARBAGE_INIT;

	if (garbage_find(d->s, &o, &g, e) < 0)
		return -e->code;
	for (size_t i = 0; i < g.n; i++)
		d->totals[place_of(&g.items[i])].reclaimable += g.items[i].bytes;
	return 0;
}

/* --- printing --- */

static struct sums
grand_total(const struct df *d)
{
	struct sums all = { .n = 0 };

	for (enum total t = 0; t < TOTAL_MAX_; t++) {
		all.bytes += d->totals[t].bytes;
		all.reclaimable += d->totals[t].reclaimable;
	}
	return all;
}

static void
print_table(const struct df *d)
{
	const struct sums all = grand_total(d);
	char a[16], b[16], c[16], f[16];

	(void)printf("%-36s %-12s  %9s %7s  %9s %7s\n", "IMAGE", "DIGEST", "BLOBS", "SHARED",
		     "UNPACKED", "SHARED");
	for (size_t i = 0; i < d->n; i++) {
		const struct image *im = &d->images[i];
		char safe[512];

		(void)str_printable(safe, sizeof(safe), im->name ? im->name : "-", false);
		(void)printf("%-36s %.12s  %9s %7s  %9s %7s\n", safe,
			     im->digest + strcspn(im->digest, ":") + 1,
			     human_size(im->blobs.exclusive, a), human_size(im->blobs.shared, b),
			     human_size(im->layers.exclusive, c), human_size(im->layers.shared, f));
	}
	(void)printf("\n%-12s %7s  %9s  %11s\n", "TOTAL", "COUNT", "SIZE", "RECLAIMABLE");
	for (enum total t = 0; t < TOTAL_MAX_; t++)
		(void)printf("%-12s %7llu  %9s  %11s\n", total_names[t],
			     (unsigned long long)d->totals[t].n, human_size(d->totals[t].bytes, a),
			     human_size(d->totals[t].reclaimable, b));
	(void)printf("%-12s %7s  %9s  %11s\n", "all", "", human_size(all.bytes, a),
		     human_size(all.reclaimable, b));
}

static json_t *
json_part(const struct part *p)
{
	return json_pack("{s:I, s:I}", "exclusive", (json_int_t)p->exclusive, "shared",
			 (json_int_t)p->shared);
}

static json_t *
json_sums(const struct sums *s)
{
	return json_pack("{s:I, s:I, s:I}", "count", (json_int_t)s->n, "bytes", (json_int_t)s->bytes,
			 "reclaimable", (json_int_t)s->reclaimable);
}

static void
print_json(const struct df *d)
{
	json_t *images = json_array(), *total = json_object(), *doc;

	for (size_t i = 0; i < d->n; i++) {
		const struct image *im = &d->images[i];

		(void)json_array_append_new(
			images, json_pack("{s:s*, s:s, s:o, s:o}", "name", im->name, "digest",
					  im->digest, "blobs", json_part(&im->blobs), "layers",
					  json_part(&im->layers)));
	}
	for (enum total t = 0; t < TOTAL_MAX_; t++)
		(void)json_object_set_new(total, total_names[t], json_sums(&d->totals[t]));
	doc = json_pack("{s:o, s:o}", "images", images, "total", total);
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(doc);
}

int
verb_df(int argc, char **argv, struct err *e)
{
	struct df_args a = { .format = NULL };
	AUTO_STORE s = STORE_INIT;
	CLEANUP(df_clear) struct df d = { .s = &s };
	int first;

	(void)take_kind(&argc, &argv);
	first = opt_parse(df_opts, argc, argv, &a, e);
	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (first < argc)
		return err_set(e, EINVAL, "df: '%s': no argument is expected", argv[first]);
	if (open_store(true, &s, e) < 0)
		return -e->code;
	d.blobs = json_object();
	d.layers = json_object();
	d.blob_users = json_object();
	d.layer_users = json_object();
	measure_all(&d);
	if (add_images(&d, e) < 0 || add_reclaimable(&d, e) < 0)
		return -e->code;
	if (a.format && strcmp(a.format, "json") == 0)
		print_json(&d);
	else
		print_table(&d);
	return 0;
}
