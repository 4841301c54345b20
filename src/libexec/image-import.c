/*
 * "import KIND": a root file system from outside, an archive or a directory, as an image of one layer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/change.h"
#include "image/layers.h"
#include "image/limits.h"
#include "image/platform.h"
#include "image/ref.h"
#include "libexec/image.h"

struct import {
	const struct store *s;
	const struct import_args *a;
	const char *kind;
	const char *from; /* as the user wrote it */
	int fd;           /* owned */
	bool is_dir;
	bool has_owner;
	struct pack_owner owner;
	bool recompress;
	enum pack_compression compression;
};

/* --- what the user wants --- */

static int
parse_compression(struct import *im, struct err *e)
{
	static const char *const names[] = { "none", "gzip", "zstd" };

	static_assert(NELEMS(names) == PACK_COMPRESSION_MAX_, "each compression has a name");
	im->compression = PACK_GZIP;
	im->recompress = im->a->compression;
	if (!im->recompress)
		return 0;
	for (size_t i = 0; i < NELEMS(names); i++)
		if (strcmp(im->a->compression, names[i]) == 0) {
			im->compression = (enum pack_compression)i;
			return 0;
		}
	return err_set(e, EINVAL, "--compression=%s: gzip, zstd or none is expected",
		       im->a->compression);
}

static int
parse_owner(struct import *im, struct err *e)
{
	const char *colon = im->a->owner ? strchr(im->a->owner, ':') : NULL;
	AUTO_FREE char *user = colon ? xstrndup(im->a->owner, (size_t)(colon - im->a->owner)) : NULL;

	im->has_owner = im->a->owner;
	if (!im->has_owner)
		return 0;
	if (!colon)
		return err_set(e, EINVAL, "--owner=%s: UID:GID is expected", im->a->owner);
	if (parse_id(user, &im->owner.uid, e) < 0 || parse_id(colon + 1, &im->owner.gid, e) < 0)
		return err_prefix(e, "--owner");
	return 0;
}

static bool
is_url(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0 ||
	       strncasecmp(text, "ftp://", 6) == 0;
}

static int
check_source(struct import *im, struct err *e)
{
	struct stat st;

	if (fstat(im->fd, &st) < 0)
		return err_sys(e, "%s", im->from);
	im->is_dir = S_ISDIR(st.st_mode);
	if (isatty(im->fd)) {
		(void)err_set(e, EINVAL, "import: an archive is not read from a terminal");
		return err_hint(e, "mmdebstrap bookworm - | rootlet import - debian:12");
	}
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return err_set(e, EINVAL, "%s is a device, not an archive", im->from);
	if (!im->is_dir && (im->a->owner || im->a->exclude.n))
		return err_set(e, EINVAL, "%s: --owner and --exclude are for directories, this is none",
			       im->from);
	return 0;
}

static int
open_source(struct import *im, struct err *e)
{
	if (!*im->from)
		return err_set(e, EINVAL, "import: the name of the archive is empty");
	if (is_url(im->from)) {
		(void)err_set(e, EOPNOTSUPP, "import: %s: nothing is fetched from a network", im->from);
		return err_hint(e, "curl -fsSL URL | rootlet import - NAME");
	}
	im->fd = strcmp(im->from, "-") == 0
			 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			 : open(im->from, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return im->fd < 0 ? err_sys(e, "%s", im->from) : check_source(im, e);
}

/* --- the configuration --- */

static int
set_platform(json_t *config, const char *text, struct err *e)
{
	static const char *const keys[] = { "os", "architecture", "variant" };
	AUTO_FREE char *platform = NULL;
	AUTO_STRV parts = NULL;

	if (platform_parse(text, &platform, e) < 0)
		return err_prefix(e, "--platform");
	parts = str_split_escaped(platform, '/');
	for (size_t i = 0; i < NELEMS(keys) && parts[i]; i++)
		(void)json_object_set_new(config, keys[i], json_string(parts[i]));
	return 0;
}

/* NULL after an error. */
static json_t *
new_config(const struct import_args *a, struct err *e)
{
	char buf[32];
	json_t *history = json_pack("{s:s, s:s, s:s*}", "created", created(buf), "created_by",
				    "rootlet import", "comment", a->message);
	json_t *config = json_pack("{s:s, s:s, s:s, s:{s:[s]}, s:[o]}", "created", buf,
				   "architecture", oci_architecture(), "os", "linux", "config", "Cmd",
				   "/bin/sh", "history", history);

	if (!config) {
		(void)err_set(e, EINVAL, "--message: the text is not UTF-8");
		return NULL;
	}
	if ((a->platform && set_platform(config, a->platform, e) < 0) ||
	    oci_change_all(config, a->changes.v, a->changes.n, e) < 0) {
		json_decref(config);
		return NULL;
	}
	return config;
}

/* --- the layer --- */

static bool
has(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What `docker save` or `skopeo copy` wrote is no root file system, and easily taken for one. */
static int
check_top(int dir, struct err *e)
{
	if (!has(dir, "oci-layout") && !(has(dir, "manifest.json") && !has(dir, "bin") &&
					 !has(dir, "usr") && !has(dir, "etc")))
		return 0;
	(void)err_set(e, EINVAL, "this is no root file system: images have been saved in it");
	return err_hint(e, "rootlet load --input FILE takes them as they are");
}

static int
check_unpacked(const struct import *im, const struct oci_layer *l, struct err *e)
{
	AUTO_FREE char *path = xasprintf("layers/%s/%s", im->kind, l->diff_id + strlen("sha256:"));
	AUTO_FD dir = openat(im->s->fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? err_sys(e, "open the layer") : check_top(dir, e);
}

static int
add_archive(const struct import *im, struct oci_layer *ret, struct err *e)
{
	if (layers_add(im->s, im->kind, im->fd, im->recompress ? &im->compression : NULL, ret, e) < 0)
		return -e->code;
	return check_unpacked(im, ret, e);
}

static int
pack_failed(const struct import *im, struct err *e)
{
	if (e->code == EOVERFLOW)
		(void)err_hint(e, "--owner=0:0 gives all files to root");
	if (e->code == EACCES || e->code == EPERM)
		(void)err_hint(e, "--exclude=PATTERN leaves it out; root can read all");
	return err_prefix(e, "import %s", im->from);
}

static int
add_directory(const struct import *im, struct oci_layer *ret, struct err *e)
{
	const struct progress_work work = { .doing = "packing", .done = "packed" };
	AUTO_FREE const char **exclude = xcalloc(im->a->exclude.n + 1, sizeof(*exclude));
	const struct pack_options o = { .from = PACK_TREE,
					.mtime_max = cmd_source_date_epoch(),
					.exclude = exclude,
					.recorded = strcmp(im->kind, "single") == 0,
					.owner = im->has_owner ? &im->owner : NULL,
					.known_owners = !im->has_owner,
					.max_bytes = im->s->limits->bytes,
					.progress = im->s->progress };
	AUTO_FD blob = store_new_blob(im->s, e);
	char digest[PACK_DIGEST_SIZE];
	struct pack_result r;

	if (im->a->exclude.n)
		memcpy(exclude, im->a->exclude.v, im->a->exclude.n * sizeof(*exclude));
	if (blob < 0 || check_top(im->fd, e) < 0)
		return -e->code;
	progress_begin(im->s->progress, &work);
	if (pack_blob(im->fd, &o, im->compression, blob, &r, digest, &ret->size, e) < 0)
		return pack_failed(im, e);
	ret->media_type = xstrdup(layers_compressed_type(im->compression));
	ret->digest = xasprintf("sha256:%s", digest);
	ret->diff_id = xasprintf("sha256:%s", r.diff_id);
	progress_part(im->s->progress, 1, r.bytes);
	return store_keep_blob(im->s, blob, ret->digest, e);
}

/* --- all of it --- */

static int
add_image(const struct import *im, json_t *config, const char *name, struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	struct blob manifest = { .size = 0 };
	int r = im->is_dir ? add_directory(im, &layer, e) : add_archive(im, &layer, e);

	if (r == 0)
		r = limits_write(im->s, layer.digest, im->s->limits, e);
	if (r == 0)
		r = oci_write(im->s, config, &layer, 1, NULL, &manifest, e);
	layers_clear(&layer);
	if (r < 0 || store_set_name(im->s, name, &manifest, e) < 0 || layers_write_names(im->s, e) < 0)
		return -e->code;
	progress_hide(im->s->progress);
	(void)printf("%s\n", manifest.digest);
	return 0;
}

/* Nothing is read before all that was asked for has been found to make sense. */
static int
run(struct import *im, const char *new_name, struct err *e)
{
	struct store s = STORE_INIT;
	AUTO_FREE char *name = NULL;
	AUTO_PROGRESS progress = NULL;
	json_t *config = NULL;
	struct unpack_limits limits;
	struct confine_dir source;
	int r = -EINVAL;

	if ((!new_name || image_ref_new_name(new_name, &name, e) == 0) && parse_owner(im, e) == 0 &&
	    parse_compression(im, e) == 0 && take_limits(&im->a->limits, &limits, e) == 0 &&
	    (config = new_config(im->a, e)))
		r = open_source(im, e);
	source = (struct confine_dir){ .fd = im->fd };
	if (r == 0)
		r = open_store_and(true, &source, im->is_dir ? 1 : 0, &s, e);
	if (r == 0) {
		s.limits = &limits;
		progress = new_progress(im->a->quiet);
		s.progress = progress;
		im->s = &s;
		r = add_image(im, config, name, e);
		im->s = NULL;
	}
	store_close(&s);
	json_decref(config);
	return r;
}

int
verb_import(int argc, char **argv, struct err *e)
{
	struct import_args a = { .message = NULL };
	struct import im = { .a = &a, .kind = take_kind(&argc, &argv), .fd = -1 };
	int first = opt_parse(import_opts, argc, argv, &a, e), r;

	if (first <= 0)
		return first == 0 ? 1 : first;
	im.from = argv[first];
	if (argc - first != 1 && argc - first != 2) {
		r = err_set(e, EINVAL, "import: a tar file, - or a directory, and a name are expected");
		(void)err_hint(e, "mmdebstrap bookworm - | rootlet import - debian:12");
	} else {
		r = run(&im, argv[first + 1], e);
	}
	fd_closep(&im.fd);
	free(a.changes.v);
	free(a.exclude.v);
	return r;
}
