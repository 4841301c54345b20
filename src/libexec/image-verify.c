#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/oci.h"
#include "image/verify.h"
#include "libexec/image.h"

/* What is printed, in this order. */
struct line {
	char *name;  /* owned; of the image, safe; NULL: a blob alone */
	char *fault; /* owned; of its documents, safe; NULL: @item is what it is about */
	size_t item, layer;
};

struct checking {
	const struct store *store;
	const char *kind;
	struct verify_item *items; /* owned */
	size_t n_items, room_items;
	struct line *lines; /* owned */
	size_t n_lines, room_lines;
	uint64_t bytes, trees, faults;
};

static void
checking_clear(struct checking *c)
{
	for (size_t i = 0; i < c->n_items; i++)
		verify_item_clear(&c->items[i]);
	for (size_t i = 0; i < c->n_lines; i++) {
		free(c->lines[i].name);
		free(c->lines[i].fault);
	}
	free(c->items);
	free(c->lines);
}

static char *
safe(const char *text)
{
	const size_t size = strlen(text) * 4 + 1;
	char *ret = xcalloc(size, 1);

	(void)str_printable(ret, size, text, false);
	return ret;
}

/* --- what there is to look at --- */

static struct line *
add_line(struct checking *c)
{
	if (c->n_lines == c->room_lines) {
		c->room_lines = c->room_lines * 2 + 16;
		c->lines = xrealloc_array(c->lines, c->room_lines, sizeof(*c->lines));
	}
	c->lines[c->n_lines] = (struct line){ .name = NULL };
	return &c->lines[c->n_lines++];
}

/* @diff_id: NULL: whatever it is */
static bool
is_added(const struct checking *c, const char *digest, const char *diff_id)
{
	for (size_t i = 0; i < c->n_items; i++) {
		const struct oci_layer *l = &c->items[i].what;

		if (strcmp(l->digest, digest) == 0 && (!diff_id || strcmp(l->diff_id, diff_id) == 0))
			return true;
	}
	return false;
}

/* @what: what it owns is the item's from now on, and so is @name */
static void
add_item(struct checking *c, const struct oci_layer *what, char *name, size_t layer)
{
	struct line *l = add_line(c);

	if (c->n_items == c->room_items) {
		c->room_items = c->room_items * 2 + 16;
		c->items = xrealloc_array(c->items, c->room_items, sizeof(*c->items));
	}
	*l = (struct line){ .name = name, .item = c->n_items, .layer = layer };
	c->items[c->n_items++] = (struct verify_item){ .what = *what };
}

static void
add_image(struct checking *c, const char *name, const char *digest)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err why = ERR_INIT;

	/* Its documents are compared with their digests as they are read. */
	if (oci_read(c->store, digest, NULL, &im, &why) < 0) {
		*add_line(c) = (struct line){ .name = safe(name), .fault = safe(why.msg) };
		return;
	}
	for (size_t i = 0; i < im.n_layers; i++) {
		const struct oci_layer *l = &im.layers[i];
		struct oci_layer what;

		if (is_added(c, l->digest, l->diff_id))
			continue;
		what = (struct oci_layer){ .digest = xstrdup(l->digest),
					   .diff_id = xstrdup(l->diff_id),
					   .size = l->size };
		add_item(c, &what, safe(name), i + 1);
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list_blobs(const struct store *s, char ***ret, struct err *e)
{
	DIR *d = store_open_dir(s, "blobs/sha256");

	if (!d)
		return err_sys(e, "open blobs/sha256 in the store");
	for (const struct dirent *de; (de = readdir(d));)
		if (strlen(de->d_name) == 64)
			strv_take(ret, xasprintf("sha256:%s", de->d_name));
	(void)closedir(d);
	return 0;
}

/* What the images for other machines have, and what nobody refers to. */
static int
add_blobs(struct checking *c, struct err *e)
{
	AUTO_STRV blobs = NULL;
	struct stat st;

	if (list_blobs(c->store, &blobs, e) < 0)
		return -e->code;
	if (blobs)
		qsort(blobs, strv_len(blobs), sizeof(*blobs), by_name);
	for (char **p = blobs; p && *p; p++) {
		AUTO_FREE char *path = xasprintf("blobs/sha256/%s", *p + strlen("sha256:"));

		if (is_added(c, *p, NULL) || fstatat(c->store->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		add_item(c, &(struct oci_layer){ .digest = xstrdup(*p), .size = (uint64_t)st.st_size },
			 NULL, 0);
	}
	return 0;
}

static int
add_all(struct checking *c, struct err *e)
{
	json_t *index = store_read_index(c->store, e), *d;
	size_t i;

	if (!index)
		return -e->code;
	json_array_foreach(json_object_get(index, "manifests"), i, d) {
		const char *digest = json_string_value(json_object_get(d, "digest"));
		const char *name = store_name_of(d);

		if (digest)
			add_image(c, name ? name : digest, digest);
	}
	json_decref(index);
	return add_blobs(c, e);
}

static int
add_named(struct checking *c, char *const *names, struct err *e)
{
	for (; *names; names++) {
		AUTO_FREE char *digest = NULL;

		if (find_image(c->store, *names, &digest, e) < 0)
			return -e->code;
		add_image(c, *names, digest);
	}
	return 0;
}

/* --- what came out --- */

struct where {
	struct checking *c;
	const struct oci_layer *what;
};

static void
print_fault(void *arg, const char *path, const char *what)
{
	const struct where *w = arg;
	AUTO_FREE char *text = path ? xasprintf("/%s: %s", path, what) : xstrdup(what);
	AUTO_FREE char *line = safe(text);

	w->c->faults++;
	if (path)
		(void)printf("layer %.12s (%s): %s\n", w->what->diff_id + strlen("sha256:"),
			     w->c->kind, line);
	else
		(void)printf("blob %.12s: %s\n", w->what->digest + strlen("sha256:"), line);
}

static int
print_line(struct checking *c, const struct line *l, struct err *e)
{
	struct verify_item *it = &c->items[l->item];
	struct where w = { .c = c, .what = &it->what };
	const uint64_t before = c->faults;
	struct verify_result r;

	if (verify_tell(c->store, c->kind, it, print_fault, &w, &r, e) < 0)
		return l->name ? err_prefix(e, "image %s: layer %.12s", l->name,
					    it->what.diff_id + strlen("sha256:"))
			       : -e->code;
	c->bytes += r.bytes;
	c->trees += r.tree;
	if (l->name && c->faults > before)
		(void)printf("%s: its layer %zu is not what it should be\n", l->name, l->layer);
	return 0;
}

static int
print_all(struct checking *c, struct err *e)
{
	int r = 0;

	for (const struct line *l = c->lines; r == 0 && l < c->lines + c->n_lines; l++) {
		if (!l->fault) {
			r = print_line(c, l, e);
			continue;
		}
		c->faults++;
		(void)printf("%s: %s\n", l->name, l->fault);
	}
	return r;
}

int
verb_verify(int argc, char **argv, struct err *e)
{
	struct verify_args a = { .quiet = false };
	const char *const kind = take_kind(&argc, &argv);
	AUTO_PROGRESS progress = NULL;
	AUTO_STORE s = STORE_INIT;
	CLEANUP(checking_clear) struct checking c = { .store = &s, .kind = kind };
	int first = opt_parse(verify_opts, argc, argv, &a, e), r;

	if (first <= 0)
		return first == 0 ? 1 : first;
	r = first < argc ? open_store_for(argv[first], &s, e) : open_store(true, &s, e);
	if (r == 0)
		r = first < argc ? add_named(&c, argv + first, e) : add_all(&c, e);
	if (r < 0)
		return r;
	s.progress = progress = new_progress(a.quiet);
	verify_all(&s, kind, c.items, c.n_items);
	if (print_all(&c, e) < 0)
		return -e->code;
	if (!a.quiet)
		(void)printf("%llu MB read, %llu unpacked layers compared (%s): %llu differences\n",
			     (unsigned long long)(c.bytes / 1000000), (unsigned long long)c.trees, kind,
			     (unsigned long long)c.faults);
	return c.faults ? VERB_FAULTS : 0;
}
