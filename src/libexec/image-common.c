#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/aliases.h"
#include "image/ref.h"
#include "libexec/image.h"

int
open_store(bool create, struct store *ret, struct err *e)
{
	return open_store_and(create, NULL, 0, ret, e);
}

int
open_store_and(bool create, const struct confine_dir *more, size_t n, struct store *ret,
	       struct err *e)
{
	AUTO_FREE char *dir = cmd_need_data_dir("images", e);

	if (!dir || store_open(dir, create, ret, e) < 0)
		return -e->code;
	ret->aliases = xcalloc(1, sizeof(*ret->aliases));
	cmd_read_aliases(ret->aliases);
	return image_confine_files(ret, more, n, e);
}

static int
take_number(const char *option, const char *text, uint64_t max, uint64_t *ret, struct err *e)
{
	uint64_t v;

	if (parse_u64(text, max, &v, e) < 0)
		return err_prefix(e, "--limit-%s", option);
	if (v == 0)
		return err_set(e, EINVAL, "--limit-%s: 0 allows nothing", option);
	*ret = v;
	return 0;
}

int
take_limits(const struct limit_args *a, struct unpack_limits *ret, struct err *e)
{
	struct unpack_limits l = unpack_limits_default;
	uint64_t ratio = l.ratio;

	if (a->bytes && parse_size(a->bytes, &l.bytes, e) < 0)
		return err_prefix(e, "--limit-bytes");
	if ((a->entries && take_number("entries", a->entries, UINT64_MAX, &l.entries, e) < 0) ||
	    (a->ratio && take_number("ratio", a->ratio, UINT_MAX, &ratio, e) < 0))
		return -e->code;
	l.ratio = (unsigned int)ratio;
	*ret = l;
	return 0;
}

int
no_image(const char *text, struct err *e)
{
	(void)err_set(e, ENOENT, "no image '%s'", text);
	return err_hint(e, "rootlet images lists them; a directory is written ./%.200s", text);
}

/* The same; that names may be missing because a file of aliases has not been understood is said. */
static int
no_image_in(const struct store *s, const char *text, struct err *e)
{
	if (!s->aliases || !s->aliases->why.code)
		return no_image(text, e);
	(void)err_set(e, ENOENT, "no image '%s'", text);
	return err_hint(e, "%s", s->aliases->why.msg);
}

int
open_store_for(const char *text, struct store *ret, struct err *e)
{
	int r = open_store(false, ret, e);

	return r == -ENOENT ? no_image(text, e) : r;
}

/* The beginning of a digest, of which people write twelve digits. */
static bool
is_digits(const char *hex)
{
	const size_t n = strlen(hex);

	return n >= 6 && n <= IMAGE_DIGEST_HEX && strspn(hex, "0123456789abcdef") == n;
}

/*
 * By name, by digest, or by the first digits of one.  NULL: there is none, or an error.
 *
 * @ret_name: owned; what it has been found by; untouched where that is a digest
 */
static json_t *
find_as_it_is(json_t *index, const char *text, char **ret_name, struct err *e)
{
	const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *name = NULL;
	bool ambiguous = false;
	json_t *found;

	if (image_ref_parse(text, &ref, e) < 0)
		return NULL;
	name = ref.digest ? NULL : image_ref_name(&ref);
	found = name ? store_find(index, name) : NULL;
	if (found)
		*ret_name = TAKE_PTR(name);
	if (!found && ref.digest)
		found = store_find_digest(index, ref.digest + strlen("sha256:"), &ambiguous);
	if (!found && is_digits(hex))
		found = store_find_digest(index, hex, &ambiguous);
	image_ref_clear(&ref);
	if (!ambiguous)
		return found;
	(void)err_set(e, EEXIST, "'%s' is the beginning of several images", text);
	return NULL;
}

static json_t *
find_by_alias(const struct store *s, json_t *index, const char *text, char **ret_name, struct err *e)
{
	AUTO_FREE char *target = s->aliases ? aliases_resolve(s->aliases, text) : NULL;

	return target ? find_as_it_is(index, target, ret_name, e) : NULL;
}

static json_t *
find_local(json_t *index, const char *text, char **ret_name)
{
	AUTO_FREE char *local = aliases_localhost(text);
	struct err ignored = ERR_INIT;

	return local ? find_as_it_is(index, local, ret_name, &ignored) : NULL;
}

int
find_image(const struct store *s, const char *text, char **ret, struct err *e)
{
	AUTO_FREE char *name = NULL;

	return find_image_named(s, text, ret, &name, e);
}

int
find_image_named(const struct store *s, const char *text, char **ret, char **ret_name, struct err *e)
{
	json_t *index = store_read_index(s, e), *found;

	if (!index)
		return -e->code;
	found = find_as_it_is(index, text, ret_name, e);
	if (!found && !e->code)
		found = find_by_alias(s, index, text, ret_name, e);
	if (!found && !e->code)
		found = find_local(index, text, ret_name);
	if (found)
		*ret = xstrdup(json_string_value(json_object_get(found, "digest")));
	else if (!e->code)
		(void)no_image_in(s, text, e);
	json_decref(index);
	return found ? 0 : -e->code;
}

struct progress *
new_progress(bool quiet)
{
	return progress_new(STDERR_FILENO, quiet		      ? PROGRESS_NONE
					   : cmd_stderr_is_screen() ? PROGRESS_BAR
								      : PROGRESS_LINES);
}

const char *
human_size(uint64_t bytes, char buf[16])
{
	static const char units[] = "BKMGT";
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.5 && units[u + 1]) {
		v /= 1000;
		u++;
	}
	(void)snprintf(buf, 16, u && v < 99.95 ? "%.1f%c" : "%.0f%c", v, units[u]);
	return buf;
}

const char *
created(char buf[32])
{
	const int64_t epoch = cmd_source_date_epoch();
	const time_t t = epoch >= 0 ? (time_t)epoch : time(NULL);
	struct tm tm;

	(void)strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return buf;
}

static bool
write_file(const char *path, const char *text)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Without it some file may not be read, which is said then. */
void
take_override(void)
{
	AUTO_FREE char *uids = xasprintf("0 %u 1", geteuid()), *gids = xasprintf("0 %u 1", getegid());

	if (geteuid() == 0 || unshare(CLONE_NEWUSER) < 0)
		return;
	(void)write_file("/proc/self/setgroups", "deny");
	(void)(write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids));
}

const char *
take_kind(int *argc, char ***argv)
{
	const char *kind;

	if (*argc < 2)
		return "";
	kind = (*argv)[1];
	(*argv)[1] = (*argv)[0];
	(*argv)++;
	(*argc)--;
	return kind;
}

char *
safe_line(const char *line, size_t n)
{
	AUTO_FREE char *copy = xstrndup(line, n);
	char *safe = xcalloc(n * 4 + 1, 1);

	for (char *p = copy; *p; p++)
		if (*p == '\t')
			*p = ' ';
	(void)str_printable(safe, n * 4 + 1, copy, true);
	return safe;
}
