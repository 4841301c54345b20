/*
 * "load KIND": all that an archive has is read, compared with its digests and unpacked before any of
 * it has a name in the store.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/archive.h"
#include "image/layers.h"
#include "image/ref.h"
#include "image/unpack.h"
#include "libexec/image.h"

/* What index.json is to have. */
struct entries {
	struct store_entry *v; /* owned; the names too, the rest is of the images */
	size_t n;
};

static void
entries_clear(struct entries *x)
{
	for (size_t i = 0; i < x->n; i++)
		free((char *)(uintptr_t)x->v[i].name);
	free(x->v);
}
#define AUTO_ENTRIES CLEANUP(entries_clear) struct entries

static int
open_input(const char *input, struct err *e)
{
	AUTO_FD fd = !input || strcmp(input, "-") == 0
			     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			     : open(input, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", input ? input : "standard input");
	if (isatty(fd)) {
		(void)err_set(e, EINVAL, "load: an archive is not read from a terminal");
		return err_hint(e, "docker save IMAGE | rootlet load, or rootlet load --input FILE");
	}
	return TAKE_FD(fd);
}

/* 0: not known. */
static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static bool
is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- names --- */

static void
add_entry(struct entries *to, const struct archive_image *im, char *name)
{
	to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
	to->v[to->n++] = (struct store_entry){ .name = name,
					       .digest = im->digest,
					       .media_type = im->media_type,
					       .size = im->size };
}

/* One name cannot be two images. */
static int
check_name(const struct entries *x, const char *name, const char *digest, struct err *e)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].name && strcmp(x->v[i].name, name) == 0 &&
		    strcmp(x->v[i].digest, digest) != 0)
			return err_set(e, EBADMSG, "the archive has two images named %s", name);
	return 0;
}

/* What the user wants to call it, instead. */
static int
rename_only(struct archive_images *images, const char *name, struct err *e)
{
	if (images->n != 1) {
		(void)err_set(e, EINVAL, "the archive has %zu images: --name is for one", images->n);
		return err_hint(e, "without --name they get the names that they have there");
	}
	strv_freep(&images->v[0].names);
	strv_take(&images->v[0].names, xstrdup(name));
	return 0;
}

static int
list_entries(const struct archive_images *images, struct entries *ret, struct err *e)
{
	for (size_t i = 0; i < images->n; i++) {
		const struct archive_image *im = &images->v[i];

		if (i == ARCHIVE_NAMES_MAX)
			return err_set(e, E2BIG, "more than %d images", ARCHIVE_NAMES_MAX);
		if (!im->names)
			add_entry(ret, im, NULL);
		for (char **n = im->names; n && *n; n++) {
			AUTO_FREE char *name = NULL;

			if (ret->n == ARCHIVE_NAMES_MAX)
				return err_set(e, E2BIG, "more than %d names", ARCHIVE_NAMES_MAX);
			if (image_ref_new_name(*n, &name, e) < 0 ||
			    check_name(ret, name, im->digest, e) < 0)
				return err_prefix(e, "a name in the archive");
			add_entry(ret, im, TAKE_PTR(name));
		}
	}
	return ret->n > 0 ? 0 : err_set(e, EBADMSG, "there are no images in the archive");
}

/* --- unpacking --- */

/* Returns 1 when an index has nothing for this machine: there is nothing to look at. */
static int
read_image(const struct store *s, const struct archive_image *im, struct oci_image *ret,
	   struct err *e)
{
	int r = oci_read(s, im->digest, NULL, ret, e);

	if (r == -ENOENT && oci_is_index_type(im->media_type)) {
		err_clear(e);
		return 1;
	}
	return r < 0 && im->names ? err_prefix(e, "image %s", im->names[0]) : r;
}

static int
check_image(const struct store *s, const char *kind, const struct archive_image *im, bool unpacked,
	    struct err *e)
{
	AUTO_OCI_IMAGE read = OCI_IMAGE_INIT;
	int r = read_image(s, im, &read, e);

	if (r != 0 || !unpacked)
		return r;
	if (layers_unpack_all(s, kind, &read, e) < 0)
		return im->names ? err_prefix(e, "image %s", im->names[0]) : -e->code;
	return 0;
}

/* For the first run, which would make it otherwise. */
static int
write_record(const struct store *s, const struct archive_image *im, struct err *e)
{
	AUTO_OCI_IMAGE read = OCI_IMAGE_INIT;
	int r = read_image(s, im, &read, e);

	return r == 0 ? layers_write_cache(s, &read, im->digest, NULL, e) : r;
}

/* --- all of it --- */

static void
print_entries(const struct entries *x)
{
	char safe[512];

	for (size_t i = 0; i < x->n; i++) {
		(void)str_printable(safe, sizeof(safe),
				    x->v[i].name ? x->v[i].name : x->v[i].digest, false);
		(void)printf("Loaded image%s: %s\n", x->v[i].name ? "" : " ID", safe);
	}
}

static int
load(struct store *s, const char *kind, int fd, const struct load_args *args, struct err *e)
{
	AUTO_SPOOL spool = spool_new(s);
	AUTO_ARCHIVE a = NULL;
	AUTO_ARCHIVE_IMAGES images = ARCHIVE_IMAGES_INIT;
	AUTO_ENTRIES entries = { .v = NULL };
	const struct progress_work work = { .doing = "reading", .total = size_of(fd) };
	const bool unpacked = !args->no_unpack;

	progress_begin(s->progress, &work);
	if (archive_open(fd, spool, s, &a, e) < 0 || archive_find_images(a, &images, e) < 0 ||
	    (args->name && rename_only(&images, args->name, e) < 0) ||
	    list_entries(&images, &entries, e) < 0)
		return err_prefix(e, "archive");
	s->spool = spool;
	for (size_t i = 0; i < images.n; i++)
		if (check_image(s, kind, &images.v[i], unpacked, e) < 0)
			return -e->code;
	if (spool_keep(spool, e) < 0 || store_add_entries(s, entries.v, entries.n, e) < 0 ||
	    layers_write_names(s, e) < 0)
		return -e->code;
	for (size_t i = 0; unpacked && i < images.n; i++)
		if (write_record(s, &images.v[i], e) < 0)
			return -e->code;
	progress_hide(s->progress);
	print_entries(&entries);
	s->spool = NULL;
	return 0;
}

int
verb_load(int argc, char **argv, struct err *e)
{
	struct load_args a = { .input = NULL };
	struct unpack_limits limits;
	const char *const kind = take_kind(&argc, &argv);
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	AUTO_FREE char *name = NULL;
	AUTO_FD fd = -1;
	int first = opt_parse(load_opts, argc, argv, &a, e);

	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (first < argc) {
		(void)err_set(e, EINVAL, "load: '%s': no argument is expected", argv[first]);
		return err_hint(e, "rootlet load --input FILE");
	}
	if (a.name && image_ref_new_name(a.name, &name, e) < 0)
		return err_prefix(e, "--name");
	if (take_limits(&a.limits, &limits, e) < 0)
		return -e->code;
	fd = open_input(a.input, e);
	if (fd < 0)
		return fd;
	if (open_store_and(true, &(struct confine_dir){ .fd = fd }, is_directory(fd), &s, e) < 0)
		return -e->code;
	progress = new_progress(a.quiet);
	s.limits = &limits;
	s.progress = progress;
	return load(&s, kind, fd, &a, e);
}
