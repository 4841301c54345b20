/*
 * "history": the steps that the configuration tells of, beside the layers that are there.  Neither
 * needs to be true: what has no layer, and layers that no step is told for, are shown as such.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "libexec/image.h"

#define BY_WIDTH 42

struct step {
	const char *created, *by, *comment; /* borrowed; NULL: not told */
	const struct oci_layer *layer;      /* borrowed; NULL: it has none */
};

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* As many as there are entries and layers at most; the oldest first. */
static size_t
list_steps(const struct oci_image *im, struct step *ret)
{
	json_t *history = json_object_get(im->config, "history"), *h;
	size_t n = 0, layer = 0, i;

	json_array_foreach(history, i, h) {
		const bool empty = json_is_true(json_object_get(h, "empty_layer"));

		ret[n] = (struct step){ .created = text(h, "created"),
					.by = text(h, "created_by"),
					.comment = text(h, "comment") };
		if (!empty && layer < im->n_layers)
			ret[n].layer = &im->layers[layer++];
		n++;
	}
	for (; layer < im->n_layers; layer++)
		ret[n++] = (struct step){ .layer = &im->layers[layer] };
	return n;
}

static json_t *
to_json(const struct step *t)
{
	return json_pack("{s:s*, s:s*, s:s*, s:I, s:s?}", "created", t->created, "created_by", t->by,
			 "comment", t->comment, "size", t->layer ? (json_int_t)t->layer->size : 0,
			 "layer", t->layer ? t->layer->digest : NULL);
}

static void
print_json(const struct step *steps, size_t n)
{
	json_t *list = json_array();

	while (n > 0)
		(void)json_array_append_new(list, to_json(&steps[--n]));
	(void)json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(list);
}

/* Harmless for a terminal, and cut to @width characters at most; 0: whole.  Owned. */
static char *
shown(const char *s, size_t width)
{
	const size_t size = s ? 4 * strlen(s) + 1 : 1;
	char *safe = xcalloc(size, 1);
	size_t n, at = 0;

	if (s)
		(void)str_printable(safe, size, s, false);
	for (n = 0; safe[at] && (width == 0 || n < width - 3); n++)
		do
			at++;
		while ((safe[at] & 0xc0) == 0x80);
	if (safe[at] && strlen(safe + at) > 3)
		memcpy(safe + at, "...", 4);
	return safe;
}

static void
print_row(const struct step *t, bool whole)
{
	AUTO_FREE char *created = shown(t->created, whole ? 0 : 22), *comment = shown(t->comment, 0);
	AUTO_FREE char *by = shown(t->by ? t->by : "(not told)", whole ? 0 : BY_WIDTH);
	char size[16];

	(void)human_size(t->layer ? t->layer->size : 0, size);
	(void)printf("%-10.10s  %6s  %-*s%s%s\n", created, size, comment[0] ? BY_WIDTH : 0, by,
		     comment[0] ? "  " : "", comment);
}

static int
print_steps(const struct step *steps, size_t n, const struct history_args *a, struct err *e)
{
	if (strcmp(a->format, "json") != 0 && strcmp(a->format, "table") != 0)
		return err_set(e, EINVAL, "history: --format=%s: table or json is expected", a->format);
	if (strcmp(a->format, "json") == 0) {
		print_json(steps, n);
		return 0;
	}
	if (!a->quiet)
		(void)printf("%-10s  %6s  %-*s  %s\n", "CREATED", "SIZE", BY_WIDTH, "CREATED BY",
			     "COMMENT");
	while (n-- > 0)
		if (!a->quiet)
			print_row(&steps[n], a->no_trunc);
		else if (steps[n].layer)
			(void)printf("%s\n", steps[n].layer->digest);
	return 0;
}

int
verb_history(int argc, char **argv, struct err *e)
{
	struct history_args a = { .format = "table" };
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE struct step *steps = NULL;
	AUTO_FREE char *digest = NULL;
	AUTO_STORE s = STORE_INIT;
	int first = opt_parse(history_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "history: the name of an image is expected");
		return err_hint(e, "rootlet images lists them");
	}
	if (open_store_for(argv[first], &s, e) < 0 || find_image(&s, argv[first], &digest, e) < 0 ||
	    oci_read(&s, digest, NULL, &im, e) < 0)
		return -e->code;
	steps = xcalloc(json_array_size(json_object_get(im.config, "history")) + im.n_layers,
			sizeof(*steps));
	return print_steps(steps, list_steps(&im, steps), &a, e);
}
