/*
 * "save": images as an archive or a layout.  Where it goes is opened before anything is read, and a
 * file or a new directory is there at the end, or not at all.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/archive.h"
#include "libexec/image.h"

/* Where it goes. */
struct output {
	int parent_fd;        /* owned; the directory that it is in; -1: written as it is */
	char *name;           /* owned; in there */
	struct new_file file; /* to become that */
	int fd;               /* owned; what is open already, or the directory of a layout */
	bool is_layout;       /* and of that: */
	bool made, is_new;    /* the directory, and what is in it, were not there */
};
#define OUTPUT_INIT { .parent_fd = -1, .file = NEW_FILE_INIT, .fd = -1 }

static void
output_close(struct output *o)
{
	new_file_close(&o->file);
	fd_closep(&o->fd);
	if (o->made)
		(void)unlinkat(o->parent_fd, o->name, AT_REMOVEDIR);
	fd_closep(&o->parent_fd);
	free(o->name);
}
#define AUTO_OUTPUT CLEANUP(output_close) struct output

/* --- opening --- */

static int
check_terminal(int fd, struct err *e)
{
	if (!isatty(fd))
		return 0;
	(void)err_set(e, EINVAL, "save: an archive is not written to a terminal");
	return err_hint(e, "rootlet save --output FILE IMAGE, or rootlet save IMAGE | docker load");
}

static int
open_parent(const char *path, struct output *ret, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(path);
	char *slash;

	while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	slash = strrchr(copy, '/');
	ret->name = xstrdup(slash ? slash + 1 : copy);
	if (slash)
		slash[slash == copy] = '\0';
	ret->parent_fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->parent_fd < 0 ? err_sys(e, "%s", slash ? copy : ".") : 0;
}

/* A link is followed: it is what it names that is written. */
static int
open_file(const char *path, struct output *ret, struct err *e)
{
	AUTO_FREE char *real = realpath(path, NULL);
	struct stat st;

	if (real && stat(real, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)err_set(e, EISDIR, "%s is a directory", path);
		return err_hint(e, "--format oci-dir writes a layout into a directory");
	}
	if (real && stat(real, &st) == 0 && !S_ISREG(st.st_mode)) {
		ret->fd = open(real, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return ret->fd < 0 ? err_sys(e, "%s", path) : check_terminal(ret->fd, e);
	}
	if (open_parent(real ? real : path, ret, e) < 0 ||
	    new_file_open(ret->parent_fd, &ret->file, e) < 0)
		return err_prefix(e, "save: %s", path);
	return 0;
}

static bool
is_empty(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!d)
		return false;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n == 2;
}

/* Others who add to it wait. */
static int
open_layout(const char *path, struct output *ret, struct err *e)
{
	ret->is_layout = true;
	if (open_parent(path, ret, e) < 0)
		return -e->code;
	if (mkdirat(ret->parent_fd, ret->name, 0777) == 0)
		ret->made = true;
	else if (errno != EEXIST)
		return err_sys(e, "make %s", path);
	ret->fd = openat(ret->parent_fd, ret->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return err_sys(e, "%s", path);
	while (flock(ret->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock %s", path);
	ret->is_new = is_empty(ret->fd);
	if (ret->is_new || faccessat(ret->fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	(void)err_set(e, ENOTEMPTY, "%s is neither empty nor an OCI layout", path);
	return err_hint(e, "name a directory that does not exist");
}

static int
open_output(const char *path, enum archive_format format, struct output *ret, struct err *e)
{
	const bool is_stdout = !path || strcmp(path, "-") == 0;

	if (format == ARCHIVE_OCI_DIR && is_stdout)
		return err_set(e, EINVAL, "save: --format oci-dir needs --output DIR");
	if (!is_stdout)
		return format == ARCHIVE_OCI_DIR ? open_layout(path, ret, e)
						 : open_file(path, ret, e);
	ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return ret->fd < 0 ? err_sys(e, "standard output") : check_terminal(ret->fd, e);
}

/* --- what goes there --- */

/* In the order of enum archive_format. */
static const char *const formats[] = { "oci-archive", "oci-dir", "docker-archive" };
static const char *const compressions[] = {
	[PACK_NONE] = "none",
	[PACK_GZIP] = "gzip",
	[PACK_ZSTD] = "zstd",
};
static_assert(NELEMS(formats) == ARCHIVE_DOCKER + 1, "a name for each format");
static_assert(NELEMS(compressions) == PACK_COMPRESSION_MAX_, "a name for each compression");

/* The index of @word in the list. */
static int
find_word(const char *option, const char *word, const char *const *list, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return (int)i;
	(void)err_set(e, EINVAL, "save: --%s: '%s' is not known", option, word);
	return err_hint(e, "%s, %s or %s", list[0], list[1], list[2]);
}

/* Before anything is made. */
static int
check_options(const struct save_args *a, enum archive_format *ret_format, int *ret_compression,
	      struct err *e)
{
	const int format = find_word("format", a->format, formats, NELEMS(formats), e);
	int to = -1;

	if (format < 0)
		return format;
	if (a->compression &&
	    (to = find_word("compression", a->compression, compressions, NELEMS(compressions), e)) < 0)
		return to;
	if (format == ARCHIVE_DOCKER && to > PACK_NONE) {
		(void)err_set(e, EINVAL, "save: layers in a docker-archive are not compressed");
		return err_hint(e, "the whole can be: rootlet save --format docker-archive IMAGE | gzip");
	}
	*ret_format = (enum archive_format)format;
	*ret_compression = to;
	return 0;
}

static int
add_image(struct archive_save *sv, const char *text, struct err *e)
{
	AUTO_FREE char *digest = NULL, *name = NULL;

	if (find_image_named(sv->store, text, &digest, &name, e) < 0)
		return -e->code;
	return archive_save_add(sv, digest, name, e) < 0 ? err_prefix(e, "save: %s", text) : 0;
}

static int
write_output(const struct archive_save *sv, struct output *o, struct err *e)
{
	const bool is_file = o->file.fd >= 0;

	if (sv->format == ARCHIVE_OCI_DIR) {
		if (archive_save_dir(sv, o->fd, o->is_new, e) < 0)
			return -e->code;
		o->made = false;
		return 0;
	}
	if (archive_save_tar(sv, is_file ? o->file.fd : o->fd, e) < 0)
		return -e->code;
	return is_file ? new_file_name(&o->file, o->name, e) : 0;
}

/* @to: of layers; -1: as they are */
static int
save(struct store *s, enum archive_format format, int to, char **images, struct output *o,
     struct err *e)
{
	AUTO_SPOOL spool = spool_new(s);
	AUTO_ARCHIVE_SAVE sv;

	archive_save_init(&sv, s, spool);
	s->spool = spool;
	sv.format = format;
	sv.recompress = to >= 0;
	if (sv.recompress)
		sv.compression = (enum pack_compression)to;
	for (; *images; images++)
		if (add_image(&sv, *images, e) < 0)
			return -e->code;
	return write_output(&sv, o, e) < 0 ? err_prefix(e, "save") : 0;
}

/* With the store, where it goes is all that can be opened from now on. */
static int
open_both(const char *first, const struct output *o, struct store *ret, struct err *e)
{
	struct confine_dir dirs[2];
	size_t n = 0;

	if (o->file.fd >= 0 || o->made)
		dirs[n++] = (struct confine_dir){ .fd = o->parent_fd, .write = true };
	if (o->is_layout)
		dirs[n++] = (struct confine_dir){ .fd = o->fd, .write = true };
	if (open_store_and(false, dirs, n, ret, e) == 0)
		return 0;
	return e->code == ENOENT ? no_image(first, e) : -e->code;
}

int
verb_save(int argc, char **argv, struct err *e)
{
	struct save_args a = { .format = formats[ARCHIVE_OCI] };
	enum archive_format format = ARCHIVE_OCI;
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	AUTO_OUTPUT o = OUTPUT_INIT;
	int to = -1, first = opt_parse(save_opts, argc, argv, &a, e);

	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (first == argc) {
		(void)err_set(e, EINVAL, "save: the name of an image is expected");
		return err_hint(e, "rootlet images lists them");
	}
	if (check_options(&a, &format, &to, e) < 0 || open_output(a.output, format, &o, e) < 0 ||
	    open_both(argv[first], &o, &s, e) < 0)
		return -e->code;
	progress = new_progress(a.quiet);
	s.progress = progress;
	return save(&s, format, to, argv + first, &o, e);
}
