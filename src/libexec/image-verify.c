#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/oci.h"
#include "image/verify.h"
#include "libexec/image.h"

/* What a run of the verb has seen. */
struct checked {
	const struct store *store;
	const char *kind;
	bool quiet;
	char **layers; /* owned strv: diff-ids and digests that are done */
	char **blobs;  /* owned strv: digests that are done */
	uint64_t bytes, trees, faults;
};

static void
checked_clear(struct checked *c)
{
	strv_freep(&c->layers);
	strv_freep(&c->blobs);
}

static bool
is_done(char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* Where a difference is. */
struct where {
	struct checked *c;
	const char *name; /* of the blob or tree */
};

static void
print_fault(void *arg, const char *path, const char *what)
{
	const struct where *w = arg;
	AUTO_FREE char *text = path ? xasprintf("/%s: %s", path, what) : xstrdup(what);
	const size_t size = strlen(text) * 4 + 1;
	AUTO_FREE char *safe = xcalloc(size, 1);

	w->c->faults++;
	(void)str_printable(safe, size, text, false);
	if (path)
		(void)printf("layer %.12s (%s): %s\n", w->name, w->c->kind, safe);
	else
		(void)printf("blob %.12s: %s\n", w->name, safe);
}

static int
check_layer(struct checked *c, const struct oci_layer *l, struct err *e)
{
	AUTO_FREE char *key = xasprintf("%s %s", l->diff_id, l->digest);
	struct where w = { .c = c, .name = l->diff_id + strlen("sha256:") };
	struct verify_result r;

	if (is_done(c->layers, key))
		return 0;
	if (verify_layer(c->store, c->kind, l, print_fault, &w, &r, e) < 0)
		return err_prefix(e, "layer %.12s", w.name);
	c->bytes += r.bytes;
	c->trees += r.tree;
	strv_take(&c->layers, TAKE_PTR(key));
	strv_take(&c->blobs, xstrdup(l->digest));
	return 0;
}

static void
fault(struct checked *c, const char *name, const char *what)
{
	char safe[1024];

	c->faults++;
	(void)str_printable(safe, sizeof(safe), what, false);
	(void)printf("%s: %s\n", name, safe);
}

static int
check_image(struct checked *c, const char *name, const char *digest, struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err why = ERR_INIT;
	char safe[512];

	(void)str_printable(safe, sizeof(safe), name, false);
	/* Its documents are compared with their digests as they are read. */
	if (oci_read(c->store, digest, NULL, &im, &why) < 0) {
		fault(c, safe, why.msg);
		return 0;
	}
	for (size_t i = 0; i < im.n_layers; i++) {
		const uint64_t before = c->faults;

		if (check_layer(c, &im.layers[i], e) < 0)
			return err_prefix(e, "image %s", name);
		if (c->faults > before)
			(void)printf("%s: its layer %zu is not what it should be\n", safe, i + 1);
	}
	return 0;
}

/* --- everything --- */

static int
check_blob(struct checked *c, const char *hex, struct err *e)
{
	AUTO_FREE char *digest = xasprintf("sha256:%s", hex), *name = xasprintf("blob %.12s", hex);
	uint64_t bytes;
	bool good;

	if (is_done(c->blobs, digest))
		return 0;
	if (verify_blob(c->store, digest, &good, &bytes, e) < 0)
		return -e->code;
	c->bytes += bytes;
	if (!good)
		fault(c, name, "its name is not the digest of what is in it");
	return 0;
}

/* What the images for other machines have, and what nobody refers to. */
static int
check_blobs(struct checked *c, struct err *e)
{
	int fd = openat(c->store->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		(void)err_sys(e, "open blobs/sha256 in the store");
		fd_closep(&fd);
		return -e->code;
	}
	for (const struct dirent *de; r == 0 && (de = readdir(d));)
		if (strlen(de->d_name) == 64)
			r = check_blob(c, de->d_name, e);
	(void)closedir(d);
	return r;
}

static int
check_all(struct checked *c, struct err *e)
{
	json_t *index = store_read_index(c->store, e), *d;
	size_t i;
	int r = index ? 0 : -e->code;

	for (i = 0; r == 0 && (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		const char *digest = json_string_value(json_object_get(d, "digest"));
		const char *name = store_name_of(d);

		if (digest)
			r = check_image(c, name ? name : digest, digest, e);
	}
	json_decref(index);
	return r == 0 ? check_blobs(c, e) : r;
}

static int
check_named(struct checked *c, const char *name, struct err *e)
{
	AUTO_FREE char *digest = NULL;

	return find_image(c->store, name, &digest, e) < 0 ? -e->code
							   : check_image(c, name, digest, e);
}

int
verb_verify(int argc, char **argv, struct err *e)
{
	struct verify_args a = { .quiet = false };
	const char *const kind = take_kind(&argc, &argv);
	AUTO_STORE s = STORE_INIT;
	CLEANUP(checked_clear) struct checked c = { .store = &s, .kind = kind };
	int first = opt_parse(verify_opts, argc, argv, &a, e), r;

	if (first <= 0)
		return first == 0 ? 1 : first;
	r = first < argc ? open_store_for(argv[first], &s, e) : open_store(true, &s, e);
	for (int i = first; r == 0 && i < argc; i++)
		r = check_named(&c, argv[i], e);
	if (r == 0 && first == argc)
		r = check_all(&c, e);
	if (r < 0)
		return r;
	if (!a.quiet)
		(void)printf("%llu MB read, %llu unpacked layers compared (%s): %llu differences\n",
			     (unsigned long long)(c.bytes / 1000000), (unsigned long long)c.trees, kind,
			     (unsigned long long)c.faults);
	return c.faults ? VERB_FAULTS : 0;
}
