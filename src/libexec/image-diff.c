/*
 * "diff KIND CONTAINER [OPTIONS] [CONTAINER]": what a container changes of what it was made from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "image/text-diff.h"
#include "libexec/image-kept.h"
#include "libexec/image.h"

#define TEXT_MAX ((size_t)8 << 20) /* bytes */

struct show {
	const struct diff_args *args;
	const char *dst; /* of the place */
	bool is_image;   /* it is over the layers of one */
	bool json;
	size_t n;        /* entries so far */
	char path[2 * PATH_MAX]; /* of the entry, as it is printed */
};

/* --- one line each --- */

static void
print_json(struct show *s, const struct diff_entry *d)
{
	const char kind[] = { d->kind, '\0' }, type[] = { d->type, '\0' };
	json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "change", kind, "type", type, "size",
			      (json_int_t)d->size, "path", s->path);

	(void)printf(s->n ? ",\n " : "\n ");
	if (o)
		(void)json_dumpf(o, stdout, JSON_ENSURE_ASCII);
	json_decref(o);
}

/* --- text --- */

/* A patch that goes anywhere else has to be as it is. */
static void
print_text(void *arg, char mark, const char *line, size_t n)
{
	const bool has_end = n > 0 && line[n - 1] == '\n', *on_screen = arg;
	AUTO_FREE char *safe = *on_screen ? safe_line(line, n) : NULL;

	if (mark != '@')
		(void)putchar(mark);
	if (safe)
		(void)fputs(safe, stdout);
	else
		(void)fwrite(line, 1, n, stdout);
	if (!has_end)
		(void)printf(mark == '@' ? "\n" : "\n\\ No newline at end of file\n");
}

/* The contents of a file that is there, "" of one that is not.  Returns 1 when it is no text to show. */
static int
read_text(int fd, mode_t type, char **ret, size_t *ret_n, struct err *e)
{
	AUTO_FD again = -1;
	struct stat st;
	ssize_t n;

	*ret_n = 0;
	if (fd < 0) {
		*ret = xstrdup("");
		return 0;
	}
	if (type != S_IFREG || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > (off_t)TEXT_MAX)
		return 1;
	again = pack_open_again(fd, e);
	n = again < 0 ? again : fd_read_all(again, TEXT_MAX, ret, e);
	if (n < 0)
		return (int)n;
	*ret_n = (size_t)n;
	return !text_is_text(*ret, *ret_n);
}

static int
print_patch(const struct show *s, const struct diff_entry *d, struct err *e)
{
	AUTO_FREE char *old = NULL, *new = NULL;
	size_t n_old = 0, n_new = 0;
	bool on_screen = isatty(STDOUT_FILENO);
	int r = read_text(d->old_fd, d->old_type, &old, &n_old, e);

	if (r == 0)
		r = read_text(d->fd, d->fd < 0 ? 0 : S_IFREG, &new, &n_new, e);
	if (r < 0)
		return err_prefix(e, "%s", s->path);
	if (r > 0) {
		(void)printf("Binary files a%s and b%s differ\n", s->path, s->path);
		return 0;
	}
	if (!old || !new || (n_old == n_new && memcmp(old, new, n_old) == 0))
		return 0;
	(void)printf("--- %s%s\n+++ %s%s\n", d->old_fd < 0 ? "" : "a", d->old_fd < 0 ? "/dev/null" : s->path,
		     d->fd < 0 ? "" : "b", d->fd < 0 ? "/dev/null" : s->path);
	text_diff(old, n_old, new, n_new, print_text, &on_screen);
	return 0;
}

/* --- all of it --- */

/*
 * The top of the upper directory over one of this machine: where that is somebody else's, or closed to
 * us, it was made with other attributes, which is rootlet's doing.
 */
static bool
is_foreign_top(const struct show *s, const struct diff_entry *d)
{
	struct stat st;

	return !s->is_image && !d->path[0] &&
	       (d->old_fd < 0 || fstat(d->old_fd, &st) < 0 || st.st_uid != geteuid());
}

static int
show(void *arg, const struct diff_entry *d, struct err *e)
{
	struct show *s = arg;
	AUTO_FREE char *path = xasprintf("%s/%s", s->dst, d->path);
	int r = 0;

	if (is_foreign_top(s, d))
		return 0;
	(void)str_printable(s->path, sizeof(s->path), path, false);
	if (s->args->patch && d->type == 'f')
		r = print_patch(s, d, e);
	else if (s->args->patch)
		(void)printf("# %c %c %s\n", d->kind, d->type, s->path);
	else if (s->json)
		print_json(s, d);
	else
		(void)printf("%c %c %10llu %s\n", d->kind, d->type, (unsigned long long)d->size, s->path);
	s->n++;
	return r;
}

static int
diff(const char *name, const struct diff_args *a, struct err *e)
{
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);
	struct show s = { .args = a, .json = strcmp(a->format, "json") == 0 };
	AUTO_STORE store = STORE_INIT;
	AUTO_KEPT k = KEPT_INIT;
	int r = data_dir ? kept_open(data_dir, name, CONTAINER_LOOK, &k, e) : -e->code;

	if (r < 0 || kept_open_store(&k, NULL, &store, e) < 0)
		return -e->code;
	if (s.json)
		(void)printf("[");
	for (size_t i = 0; r >= 0 && i < k.n_places; i++) {
		const struct kept_place *p = &k.places[i];
		const struct pack_options o = kept_options(&k, p);

		s.dst = p->dst;
		s.is_image = p->is_image;
		r = p->n_upper ? diff_layer(p->upper[0], &o, show, &s, e) : 0;
	}
	if (s.json)
		(void)printf(s.n ? "\n]\n" : "]\n");
	return r < 0 ? err_prefix(e, "diff %s", name) : 0;
}

int
verb_diff(int argc, char **argv, struct err *e)
{
	struct diff_args a = { .format = "table" };
	const char *name;
	int first;

	(void)take_kind(&argc, &argv);
	name = take_kind(&argc, &argv);
	first = opt_parse(diff_opts, argc, argv, &a, e);
	if (first <= 0)
		return first == 0 ? 1 : first;
	if (!*name || argc - first != (a.last ? 0 : 1)) {
		(void)err_set(e, EINVAL, "diff: the name of a container is expected, or --last");
		return err_hint(e, "rootlet ps -a lists them");
	}
	if (strcmp(a.format, "table") != 0 && strcmp(a.format, "json") != 0)
		return err_set(e, EINVAL, "--format: '%.60s' is not table or json", a.format);
	if (a.patch && strcmp(a.format, "json") == 0)
		return err_set(e, EINVAL, "diff: --patch is text, not JSON");
	return diff(name, &a, e);
}
