/*
 * prune: what nobody refers to any more is removed.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/garbage.h"
#include "libexec/image.h"

#define PATIENCE_MS 1000 /* before it is said what we wait for */
#define LISTED_MAX  20U  /* names in a question */

/* One, and several of them. */
static const char *const kinds[][2] = {
	[GARBAGE_NAME] = { "name", "names" },
	[GARBAGE_BLOB] = { "blob", "blobs" },
	[GARBAGE_LAYER] = { "layer", "layers" },
	[GARBAGE_CACHE] = { "cache file", "cache files" },
	[GARBAGE_RUN] = { "layer of a dead run", "layers of dead runs" },
	[GARBAGE_PARTIAL] = { "partial download", "partial downloads" },
	[GARBAGE_TEMP] = { "left-over", "left-overs" },
};
static_assert(NELEMS(kinds) == GARBAGE_MAX_, "kinds[] does not match enum garbage_kind");

static uint64_t
sum(const struct garbage *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->items[i].bytes;
	return n;
}

static size_t
count(const struct garbage *g, enum garbage_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->items[i].kind == kind;
	return n;
}

/* --- printing --- */

static void
print_item(const struct garbage_item *item)
{
	char safe[512], size[16];

	(void)str_printable(safe, sizeof(safe), item->path, false);
	(void)printf("%6s  %s %s\n", item->kind == GARBAGE_NAME ? "" : human_size(item->bytes, size),
		     kinds[item->kind][0], safe);
}

/* "freed 12.3M: 3 blobs, 2 layers" */
static void
print_summary(const struct garbage *g, bool dry_run)
{
	const char *between = ": ";
	char size[16];

	(void)printf("%s %s", dry_run ? "would free" : "freed", human_size(sum(g), size));
	for (enum garbage_kind k = 0; k < GARBAGE_MAX_; k++) {
		const size_t n = count(g, k);

		if (n == 0)
			continue;
		(void)printf("%s%zu %s", between, n, kinds[k][n > 1]);
		between = ", ";
	}
	(void)printf("\n");
}

static void
print_json(const struct garbage *g, bool dry_run)
{
	json_t *list = json_array(), *doc;

	for (size_t i = 0; i < g->n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:I}", "kind", kinds[g->items[i].kind][0], "name",
					g->items[i].path, "bytes", (json_int_t)g->items[i].bytes));
	doc = json_pack("{s:b, s:I, s:o}", "dryRun", dry_run, "freed", (json_int_t)sum(g), "removed",
			list);
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)printf("\n");
	json_decref(doc);
}

static void
print(const struct garbage *g, const struct prune_args *a)
{
	if (a->format && strcmp(a->format, "json") == 0) {
		print_json(g, a->dry_run);
		return;
	}
	for (size_t i = 0; i < g->n; i++)
		if (a->dry_run || g->items[i].kind == GARBAGE_NAME)
			print_item(&g->items[i]);
	print_summary(g, a->dry_run);
}

/* --- the question --- */

static void
list_names(const struct garbage *g)
{
	size_t n = 0;

	(void)fprintf(stderr, "Images that no container uses:\n");
	for (size_t i = 0; i < g->n; i++) {
		char safe[512];

		if (g->items[i].kind != GARBAGE_NAME || ++n > LISTED_MAX)
			continue;
		(void)str_printable(safe, sizeof(safe), g->items[i].path, false);
		(void)fprintf(stderr, "  %s\n", safe);
	}
	if (n > LISTED_MAX)
		(void)fprintf(stderr, "  and %zu more\n", n - LISTED_MAX);
}

/* Returns 1 for yes, and for no question. */
static int
ask(const struct garbage *g, struct err *e)
{
	char line[16] = "";

	if (count(g, GARBAGE_NAME) == 0)
		return 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)err_set(e, EINVAL, "prune --all removes images, and there is nobody to ask");
		return err_hint(e, "--force does it, --dry-run lists them");
	}
	list_names(g);
	(void)fprintf(stderr, "Remove them? [y/N] ");
	(void)fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* --- the work --- */

static int
lock(const struct store *s, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50L * 1000 * 1000 };
	int r = store_lock_alone(s, false, e);

	for (int ms = 0; r > 0 && ms < PATIENCE_MS; ms += 50) {
		(void)nanosleep(&pause, NULL);
		r = store_lock_alone(s, false, e);
	}
	if (r <= 0)
		return r;
	(void)fprintf(stderr, "rootlet: waiting for other commands that use the store\n");
	return store_lock_alone(s, true, e);
}

/* What is found is shown also when not all of it could be removed. */
static int
prune(const struct store *s, const struct prune_args *a, json_t *only, struct err *e)
{
	const struct garbage_options o = { .all = a->all, .only = only, .for_removal = true };
	AUTO_GARBAGE g = GARBAGE_INIT;
	int r;

	if (lock(s, e) < 0 || garbage_find(s, &o, &g, e) < 0)
		return -e->code;
	r = garbage_remove(s, &g, e);
	print(&g, a);
	return r;
}

/* Under the shared lock; nobody waits for an answer of the user. */
static int
look_and_prune(const struct store *s, const struct prune_args *a, struct err *e)
{
	const struct garbage_options o = { .all = a->all };
	AUTO_GARBAGE g = GARBAGE_INIT;
	int r = 1;

	if (!a->dry_run && (!a->all || a->force))
		return prune(s, a, NULL, e);
	if (garbage_find(s, &o, &g, e) < 0)
		return -e->code;
	if (a->dry_run)
		print(&g, a);
	else if ((r = ask(&g, e)) > 0)
		r = prune(s, a, g.entries, e);
	return r < 0 ? r : 0;
}

int
verb_prune(int argc, char **argv, struct err *e)
{
	struct prune_args a = { .format = NULL };
	AUTO_STORE s = STORE_INIT;
	int first, r;

	(void)take_kind(&argc, &argv);
	first = opt_parse(prune_opts, argc, argv, &a, e);
	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (first < argc)
		return err_set(e, EINVAL, "prune: '%s': no argument is expected", argv[first]);
	r = open_store(false, &s, e);
	if (r == -ENOENT) {
		const struct garbage none = GARBAGE_INIT;

		err_clear(e);
		print(&none, &a);
		return 0;
	}
	return r < 0 ? r : look_and_prune(&s, &a, e);
}
