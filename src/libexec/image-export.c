/*
 * "export KIND CONTAINER ...": what an overlay of an image's layers would show, as one archive; of a
 * container, when CONTAINER is not "".
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "cmd/image.h"
#include "image/layers.h"
#include "image/pack.h"
#include "image/platform.h"
#include "libexec/image-kept.h"
#include "libexec/image.h"

/* --- where it goes --- */

struct target {
	int fd;               /* owned; -1: it is @file */
	int dir_fd;           /* owned; -1: there is no file to be made */
	char *name;           /* owned; of the file, in there */
	struct new_file file;
};
#define TARGET_INIT { .fd = -1, .dir_fd = -1, .file = NEW_FILE_INIT }

static void
target_close(struct target *t)
{
	new_file_close(&t->file);
	fd_closep(&t->fd);
	fd_closep(&t->dir_fd);
	free(t->name);
}
#define AUTO_TARGET CLEANUP(target_close) struct target

static int
check_terminal(int fd, struct err *e)
{
	if (!isatty(fd))
		return 0;
	(void)err_set(e, EINVAL, "export: an archive is not written to a terminal");
	return err_hint(e, "rootlet export --output FILE IMAGE");
}

/* A link is followed: it is what it names that is written. */
static int
open_target(const char *path, struct target *ret, struct err *e)
{
	AUTO_FREE char *real = path && strcmp(path, "-") != 0 ? realpath(path, NULL) : NULL;
	AUTO_FREE char *dir = NULL;
	const char *slash;
	struct stat st;

	if (!path || strcmp(path, "-") == 0) {
		ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return ret->fd < 0 ? err_sys(e, "standard output") : check_terminal(ret->fd, e);
	}
	if (real && stat(real, &st) == 0 && !S_ISREG(st.st_mode)) {
		ret->fd = open(real, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return ret->fd < 0 ? err_sys(e, "%s", path) : check_terminal(ret->fd, e);
	}
	path = real ? real : path;
	slash = strrchr(path, '/');
	dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	ret->name = xstrdup(slash ? slash + 1 : path);
	ret->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir_fd < 0)
		return err_sys(e, "%s", dir);
	return new_file_open(ret->dir_fd, &ret->file, e);
}

/* --- what goes there --- */

/* Nothing is owned. */
struct exported {
	const char *text;     /* an image, as the user wrote it */
	const char *kind;     /* of its layers */
	const char *platform; /* NULL: this machine's, where there are several */
	bool quiet;
};

static int
export_layers(const struct store *s, const char *kind, const int *layers, size_t n, int out,
	      struct err *e)
{
	const struct progress_work work = { .doing = "writing", .done = "written" };
	const struct pack_options o = { .from = PACK_MERGED,
					.mtime_max = -1,
					.recorded = strcmp(kind, "single") == 0,
					.recorded_devices = true,
					.lower = layers,
					.n_lower = n,
					.progress = s->progress };
	struct pack_result r;

	progress_begin(s->progress, &work);
	return pack_tree(-1, &o, out, &r, e);
}

static int
export_image(const struct store *s, const struct exported *x, int out, struct err *e)
{
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;
	AUTO_FREE int *layers = NULL;
	size_t n;
	int r;

	if (find_image(s, x->text, &digest, e) < 0 || oci_read(s, digest, x->platform, &im, e) < 0)
		return -e->code;
	n = im.n_layers;
	layers = xcalloc(n, sizeof(*layers));
	for (size_t i = 0; i < n; i++)
		layers[i] = -1;
	r = layers_unpack_all(s, x->kind, &im, e);
	if (r >= 0)
		r = layers_open_all(s, x->kind, &im, layers, e);
	if (r >= 0)
		r = export_layers(s, x->kind, layers, n, out, e);
	for (size_t i = 0; i < n; i++)
		fd_closep(&layers[i]);
	return r < 0 ? err_prefix(e, "export %s", x->text) : 0;
}

/* What it has written is on top of what it was made from. */
static int
export_kept(const struct kept *k, const struct store *s, int out, struct err *e)
{
	const struct kept_place *root = kept_root(k);
	AUTO_FREE int *layers = root ? xcalloc(root->n_upper + root->n_lower, sizeof(*layers)) : NULL;

	if (!root) {
		(void)err_set(e, EINVAL, "it is over the machine itself, which is no image");
		return err_hint(e, "rootlet diff shows what it has changed");
	}
	memcpy(layers, root->upper, root->n_upper * sizeof(*layers));
	memcpy(layers + root->n_upper, root->lower, root->n_lower * sizeof(*layers));
	return export_layers(s, k->c.record.kind, layers, root->n_upper + root->n_lower, out, e);
}

static int
open_and_export_kept(const char *name, const struct target *t, bool quiet, struct err *e)
{
	const struct confine_dir dir = { .fd = t->dir_fd, .write = true };
	AUTO_FREE char *data_dir = cmd_need_data_dir("containers", e);
	AUTO_PROGRESS progress = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_KEPT k = KEPT_INIT;

	if (!data_dir || kept_open(data_dir, name, CONTAINER_READ, &k, e) < 0 ||
	    kept_open_store(&k, t->dir_fd >= 0 ? &dir : NULL, &s, e) < 0)
		return -e->code;
	progress = new_progress(quiet);
	s.progress = progress;
	if (export_kept(&k, &s, t->fd >= 0 ? t->fd : t->file.fd, e) < 0)
		return err_prefix(e, "export %s", name);
	progress_hide(progress);
	return 0;
}

static int
open_and_export_image(const struct exported *x, const struct target *t, struct err *e)
{
	const struct confine_dir dir = { .fd = t->dir_fd, .write = true };
	AUTO_PROGRESS progress = NULL;
	AUTO_STORE s = STORE_INIT;

	if (open_store_and(false, &dir, t->dir_fd >= 0 ? 1 : 0, &s, e) < 0)
		return e->code == ENOENT ? (err_clear(e), no_image(x->text, e)) : -e->code;
	progress = new_progress(x->quiet);
	s.progress = progress;
	if (export_image(&s, x, t->fd >= 0 ? t->fd : t->file.fd, e) < 0)
		return -e->code;
	progress_hide(progress);
	return 0;
}

int
verb_export(int argc, char **argv, struct err *e)
{
	struct export_args a = { .output = NULL };
	const char *const kind = take_kind(&argc, &argv), *const container = take_kind(&argc, &argv);
	AUTO_TARGET t = TARGET_INIT;
	AUTO_FREE char *platform = NULL;
	int first = opt_parse(export_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "export: the name of an image or of a container is expected");
		return err_hint(e, "rootlet images and rootlet ps -a list them");
	}
	if (a.platform && *container)
		return err_set(e, EINVAL, "export: --platform is for images, %s is a container", container);
	if (a.platform && platform_parse(a.platform, &platform, e) < 0)
		return err_prefix(e, "--platform");
	if (open_target(a.output, &t, e) < 0 ||
	    (*container ? open_and_export_kept(container, &t, a.quiet, e)
			: open_and_export_image(&(struct exported){ argv[first], kind, platform, a.quiet },
						&t, e)) < 0)
		return -e->code;
	return t.dir_fd >= 0 ? new_file_name(&t.file, t.name, e) : 0;
}
