/*
 * "images": what is there, the newest first.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/ref.h"
#include "libexec/image.h"

#define NAME_WIDTH_MIN 20
#define NAME_WIDTH_MAX 44 /* so that a line has 80 columns; longer names move what follows */

struct row {
	char *name;    /* owned; NULL: none */
	char *digest;  /* owned */
	char *created; /* owned; or NULL */
	uint64_t size; /* bytes of the layers' blobs */
};

struct rows {
	struct row *v; /* owned */
	size_t n;
};

static void
rows_clear(struct rows *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].digest);
		free(l->v[i].created);
	}
	free(l->v);
}

/* --- what there is --- */

static uint64_t
size_of(const struct oci_image *im)
{
	uint64_t size = 0;

	for (size_t i = 0; i < im->n_layers; i++)
		size += im->layers[i].size;
	return size;
}

/* What is for other machines only is shown by the first that there is. */
static int
read_any(const struct store *s, const char *digest, struct oci_image *ret)
{
	struct err ignored = ERR_INIT;
	json_t *index, *d;
	int r = oci_read(s, digest, NULL, ret, &ignored);
	size_t i;

	if (r == 0)
		return 0;
	err_clear(&ignored);
	index = store_get_json(s, digest, &ignored);
	for (i = 0; r < 0 && index && oci_is_index(index) &&
		    (d = json_array_get(json_object_get(index, "manifests"), i)); i++) {
		const char *one = json_string_value(json_object_get(d, "digest"));

		err_clear(&ignored);
		oci_image_clear(ret);
		r = one ? oci_read(s, one, NULL, ret, &ignored) : r;
	}
	json_decref(index);
	return r;
}

/* @pattern: a name as it is for other commands, with or without a tag, or with "*" and "?" */
static bool
is_wanted(const char *name, const char *pattern)
{
	AUTO_FREE char *full = NULL, *local = NULL, *plain = NULL;
	const char *colon;

	if (!pattern)
		return true;
	if (!name)
		return false;
	colon = strrchr(name, ':');
	plain = colon ? xstrndup(name, (size_t)(colon - name)) : xstrdup(name);
	full = image_ref_full_name(name);
	local = xasprintf("localhost/%s", pattern);
	return fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, plain, 0) == 0 ||
	       fnmatch(pattern, full, 0) == 0 || fnmatch(local, name, 0) == 0 ||
	       fnmatch(local, plain, 0) == 0;
}

static void
add_row(struct rows *l, const struct store *s, json_t *d, const char *pattern)
{
	const char *name = store_name_of(d), *made,
		   *digest = json_string_value(json_object_get(d, "digest"));
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;

	if (!digest || !is_wanted(name, pattern) || read_any(s, digest, &im) < 0)
		return;
	made = json_string_value(json_object_get(im.config, "created"));
	l->v = xrealloc_array(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct row){ .name = name ? xstrdup(name) : NULL,
				     .digest = xstrdup(digest),
				     .created = made ? xstrdup(made) : NULL,
				     .size = size_of(&im) };
}

static int
read_rows(struct rows *l, const struct store *s, const char *pattern, struct err *e)
{
	json_t *index = store_read_index(s, e), *d;
	size_t i;

	if (!index)
		return -e->code;
	json_array_foreach(json_object_get(index, "manifests"), i, d)
		add_row(l, s, d, pattern);
	json_decref(index);
	return 0;
}

/* The newest first; what is of the same time by name. */
static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const int r = strcmp(y->created ? y->created : "", x->created ? x->created : "");

	return r ? r : strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

/* --- how it is shown --- */

/* "3 days ago"; a date that is not understood, and one to come, as it is. */
static const char *
ago(const char *created, char buf[48])
{
	static const struct {
		const char *name;
		long long seconds;
	} units[] = {
		{ "year", 365LL * 86400 }, { "month", 30 * 86400 }, { "week", 7 * 86400 },
		{ "day", 86400 },	   { "hour", 3600 },	     { "minute", 60 },
		{ "second", 1 },
	};
	struct tm tm = { .tm_year = 0 };
	const char *rest = created ? strptime(created, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	const long long age = rest ? (long long)(time(NULL) - timegm(&tm)) : -1;
	size_t i = 0;

	if (age < 0) {
		AUTO_FREE char *day = created ? xstrndup(created, 10) : xstrdup("-");

		(void)str_printable(buf, 48, day, false);
		return buf;
	}
	/* Two of a unit at least: fourteen days say more than two weeks would of thirteen. */
	while (i + 1 < NELEMS(units) && age < 2 * units[i].seconds)
		i++;
	(void)snprintf(buf, 48, "%lld %s%s ago", age / units[i].seconds, units[i].name,
		       age / units[i].seconds == 1 ? "" : "s");
	return buf;
}

static void
print_table(const struct rows *l)
{
	size_t width = NAME_WIDTH_MIN;
	char safe[512], size[16], when[48];

	for (size_t i = 0; i < l->n; i++) {
		(void)str_printable(safe, sizeof(safe), l->v[i].name ? l->v[i].name : "-", false);
		if (strlen(safe) > width)
			width = strlen(safe);
	}
	if (width > NAME_WIDTH_MAX)
		width = NAME_WIDTH_MAX;
	(void)printf("%-*s  %-12s  %-14s  %6s\n", (int)width, "NAME", "DIGEST", "CREATED", "SIZE");
	for (size_t i = 0; i < l->n; i++) {
		const struct row *r = &l->v[i];

		(void)str_printable(safe, sizeof(safe), r->name ? r->name : "-", false);
		/* The columns stay where they are: they stand in a line of their own then. */
		if (strlen(safe) > width)
			(void)printf("%s\n%*s", safe, (int)width, "");
		else
			(void)printf("%-*s", (int)width, safe);
		(void)printf("  %.12s  %-14s  %6s\n", r->digest + strlen("sha256:"),
			     ago(r->created, when), human_size(r->size, size));
	}
}

static void
print_json(const struct rows *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s*, s:s, s:s*, s:I}", "name", l->v[i].name, "digest",
					l->v[i].digest, "created", l->v[i].created, "size",
					(json_int_t)l->v[i].size));
	(void)json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(list);
}

static void
print_column(const struct rows *l, bool digests)
{
	for (size_t i = 0; i < l->n; i++) {
		char safe[512];

		(void)str_printable(safe, sizeof(safe), l->v[i].name ? l->v[i].name : "-", false);
		(void)printf("%s\n", digests ? l->v[i].digest : safe);
	}
}

static void
print_rows(const struct rows *l, const char *format)
{
	if (strcmp(format, "json") == 0)
		print_json(l);
	else if (strcmp(format, "names") == 0 || strcmp(format, "digests") == 0)
		print_column(l, *format == 'd');
	else
		print_table(l);
}

int
verb_images(int argc, char **argv, struct err *e)
{
	struct images_args a = { .format = "table" };
	CLEANUP(rows_clear) struct rows l = { .n = 0 };
	AUTO_STORE s = STORE_INIT;
	int first = opt_parse(images_opts, argc, argv, &a, e), r;

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first > 1)
		return err_set(e, EINVAL, "images: '%s': one name is expected", argv[first + 1]);
	r = open_store(false, &s, e);
	if (r == -ENOENT) {
		/* No store: no images. */
		err_clear(e);
	} else if (r < 0 || read_rows(&l, &s, argv[first], e) < 0) {
		return -e->code;
	}
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	print_rows(&l, a.quiet ? "digests" : a.format);
	return 0;
}
