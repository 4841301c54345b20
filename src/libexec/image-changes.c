#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/text-diff.h"
#include "libexec/image-apply.h"
#include "libexec/image.h"

#define PATH_COLUMNS 66		/* of 80: two blanks, a letter, a blank, the path, the size */
#define DIFF_MAX     (8U << 20) /* bytes of a file whose differences are shown */
#define FOLDED	     10		/* more new files than this in a new directory are counted only */

/* --- the list --- */

/* Everything of a name that a terminal would obey is escaped.  Owned. */
static char *
safe_path(const struct apply_change *c)
{
	AUTO_FREE char *path = apply_shown_path(c);
	const size_t size = strlen(path) * 4 + 1;
	char *safe = xcalloc(size, 1);

	(void)str_printable(safe, size, path, false);
	return safe;
}

static void
print_one(FILE *to, const struct apply_change *c, bool colours, size_t folded, uint64_t bytes)
{
	const char *colour = c->kind == 'A' ? "32" : c->kind == 'C' ? "33" : "31";
	AUTO_FREE char *path = safe_path(c);

	if (colours)
		(void)fprintf(to, "  \033[%sm%c\033[0m ", colour, c->kind);
	else
		(void)fprintf(to, "  %c ", c->kind);
	if (c->why) {
		char why[512];

		(void)str_printable(why, sizeof(why), c->why, false);
		(void)fprintf(to, "%s: %s\n", path, why);
		return;
	}
	(void)fprintf(to, "%s", path);
	if (folded)
		(void)fprintf(to, " and %zu in it", folded);
	if ((c->type == 'f' && c->kind != 'D') || folded) {
		const size_t n = strlen(path) + (folded ? strlen(" and  in it") + 3 : 0);

		char size[16];

		(void)fprintf(to, "%*s %7s", n < PATH_COLUMNS ? (int)(PATH_COLUMNS - n) : 0, "",
			      human_size(folded ? bytes : c->size, size));
	}
	(void)fputc('\n', to);
}

/* How many changes after @i are in the new directory that it is. */
static size_t
count_inside(const struct apply_list *l, size_t i, uint64_t *ret_bytes)
{
	const struct apply_change *dir = &l->v[i];
	size_t n = 0;

	*ret_bytes = 0;
	if (dir->type != 'd' || dir->kind != 'A' || dir->why)
		return 0;
	for (size_t j = i + 1; j < l->n && l->v[j].root == dir->root; j++) {
		if (!path_is_below(l->v[j].path, dir->path))
			break;
		if (!l->v[j].selected || l->v[j].why)
			return 0;
		*ret_bytes += l->v[j].size;
		n++;
	}
	return n;
}

enum part { PART_HERE, PART_ELSEWHERE, PART_BLOCKED, PART_MAX_ };

static enum part
part_of(const struct apply_change *c)
{
	return c->why ? PART_BLOCKED : c->root == APPLY_HERE ? PART_HERE : PART_ELSEWHERE;
}

static void
print_title(FILE *to, enum part part, const char *dir)
{
	static const char *const titles[] = { "Changes in ",
					      "Elsewhere on this machine:", "Cannot be applied:" };
	static_assert(NELEMS(titles) == PART_MAX_, "titles[] does not match enum part");
	char safe[PATH_MAX];

	(void)str_printable(safe, sizeof(safe), dir, false);
	(void)fprintf(to, part == PART_HERE ? "%s%s:\n" : "%s\n", titles[part], safe);
}

void
changes_print(FILE *to, const struct apply_list *l, const char *dir)
{
	const bool colours = cmd_has_colours(to), fold = isatty(fileno(to));

	for (int part = 0; part < PART_MAX_; part++) {
		bool titled = false;

		for (size_t i = 0; i < l->n; i++) {
			uint64_t bytes = 0;
			size_t inside;

			if (!l->v[i].selected || part_of(&l->v[i]) != (enum part)part)
				continue;
			if (!titled)
				print_title(to, (enum part)part, dir);
			titled = true;
			inside = fold ? count_inside(l, i, &bytes) : 0;
			if (inside <= FOLDED)
				inside = 0;
			print_one(to, &l->v[i], colours, inside, bytes);
			i += inside;
		}
	}
	if (l->n_foreign)
		(void)fprintf(to,
			      "Owners that files got inside are not applied: they become yours.\n");
	if (l->n_sockets)
		(void)fprintf(to, "Sockets are left out.\n");
}

/* --- differences --- */

/* A side of a change as text: false when there is too much of it, or it is not text.  @ret is owned. */
static bool
read_side(int root, const char *path, char **ret, size_t *ret_n)
{
	struct err ignored = ERR_INIT;
	AUTO_FD fd = path ? apply_open_file(root, path, &ignored) : -1;
	ssize_t n = 0;

	if (fd >= 0)
		n = fd_read_all(fd, DIFF_MAX, ret, &ignored);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n >= 0 && text_is_text(*ret, *ret_n);
}

static void
print_line(void *arg, char mark, const char *line, size_t n)
{
	const bool *colours = arg;
	const char *colour = mark == '+' ? "32" : mark == '-' ? "31" : "36";
	const bool ends = n > 0 && line[n - 1] == '\n';
	AUTO_FREE char *safe = safe_line(line, n - ends);

	if (*colours && mark != ' ')
		(void)fprintf(stderr, "\033[%sm", colour);
	if (mark != '@')
		(void)fputc(mark, stderr);
	(void)fprintf(stderr, "%s%s\n", safe, *colours && mark != ' ' ? "\033[0m" : "");
	if (mark != '@' && !ends)
		(void)fputs("\\ No newline at end of file\n", stderr);
}

static void
print_diff(const struct apply_change *c, const struct apply_place *p)
{
	bool colours = cmd_has_colours(stderr);
	AUTO_FREE char *path = safe_path(c), *a = NULL, *b = NULL;
	size_t n_a, n_b;

	if (!read_side(p->lower_fd, c->kind == 'A' ? NULL : c->layer_path, &a, &n_a) ||
	    !read_side(p->upper_fd, c->kind == 'D' ? NULL : c->layer_path, &b, &n_b)) {
		(void)fprintf(stderr, "%s: not text, or more than %u MiB\n", path, DIFF_MAX >> 20);
		return;
	}
	(void)fprintf(stderr, "--- a/%s\n+++ b/%s\n", path, path);
	text_diff(a ? a : "", n_a, b ? b : "", n_b, print_line, &colours);
}

void
changes_print_diffs(const struct apply_list *l, const struct apply_place *places)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].selected && l->v[i].type == 'f')
			print_diff(&l->v[i], &places[l->v[i].place]);
}

/* --- the question --- */

/* A line of standard input, without its end; NULL at the end of it.  Owned. */
static char *
read_answer(const char *question)
{
	char *line = NULL;
	size_t room = 0;

	(void)fprintf(stderr, "%s ", question);
	(void)fflush(stderr);
	if (getline(&line, &room, stdin) < 0) {
		free(line);
		(void)fputc('\n', stderr);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* What cannot be applied is not offered. */
static void
drop_blocked(struct apply_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].selected = l->v[i].selected && !l->v[i].why;
}

/* Returns whether something else is selected now. */
static bool
choose(struct apply_list *l)
{
	AUTO_FREE char *line = read_answer("Paths or patterns, with blanks between them:");
	AUTO_STRV all = line ? str_split_escaped(line, ' ') : NULL;
	AUTO_STRV words = NULL;
	struct err e = ERR_INIT;

	for (char **w = all; w && *w; w++)
		if (**w)
			strv_take(&words, xstrdup(*w));
	if (!words)
		return false;
	if (apply_select(l, words, true, &e) == 0)
		return true;
	(void)cmd_fail(&e);
	(void)apply_select(l, NULL, true, &e);
	return false;
}

enum answer
changes_ask(struct apply_list *l, const struct apply_place *places, char **ret_word)
{
	bool some = false;

	drop_blocked(l);
	for (;;) {
		AUTO_FREE char *answer = read_answer(
			some ? "Apply these (y), choose (c), show differences (d), save all (s), "
			       "none (n)?"
			     : "Apply all (y), choose (c), show differences (d), save (s), none "
			       "(n)?");

		if (!answer || strcmp(answer, "n") == 0)
			return ANSWER_NONE;
		if (strcmp(answer, "y") == 0 && apply_count(l, NULL) > 0)
			return ANSWER_APPLY;
		if (strcmp(answer, "d") == 0)
			changes_print_diffs(l, places);
		if (strcmp(answer, "c") == 0) {
			some = choose(l);
			drop_blocked(l);
			if (some)
				changes_print(stderr, l, l->dir);
		}
		if (strcmp(answer, "s") == 0) {
			*ret_word = read_answer("File:");
			if (*ret_word && (*ret_word)[0])
				return ANSWER_SAVE;
			util_freep(ret_word);
		}
	}
}
