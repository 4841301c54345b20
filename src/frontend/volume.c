/*
 * volume - host folders, devices and tmpfs of the command line
 */
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "frontend/run.h"

/* An absolute host path; a relative one must be recognisable as a path. */
static int
host_path(const char *text, const struct run_host *h, char **ret, struct err *e)
{
	AUTO_FREE char *joined = NULL;

	if (text[0] == '/') {
		*ret = xstrdup(text);
		return 0;
	}
	if (!strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0) {
		(void)err_set(e, EINVAL, "'%s' is not a path", text);
		return err_hint(e, "there are no named volumes yet; for a folder here write ./%.200s",
				text);
	}
	if (!h->cwd)
		return err_set(e, ENOENT, "'%s': the current directory is gone", text);
	joined = path_join(h->cwd, text);
	*ret = TAKE_PTR(joined);
	return 0;
}

static int
container_path(const char *text, char **ret, struct err *e)
{
	char *clean = path_clean(text);

	if (!clean)
		return err_set(e, EINVAL, "destination '%s' is not an absolute path", text);
	if (strcmp(clean, "/") == 0) {
		free(clean);
		return err_set(e, EINVAL, "destination '/' is the base itself");
	}
	*ret = clean;
	return 0;
}

struct volume_opts {
	bool read_only, layer;
};

static int
volume_opts(const char *text, struct volume_opts *o, struct err *e)
{
	AUTO_STRV words = str_split_escaped(text, ',');

	for (char **w = words; w && *w; w++) {
		if (strcmp(*w, "ro") == 0)
			o->read_only = true;
		else if (strcmp(*w, "layer") == 0)
			o->layer = true;
		else if (strcmp(*w, "rw") != 0 && strcmp(*w, "z") != 0 && strcmp(*w, "Z") != 0)
			return err_set(e, EINVAL, "unknown option '%s' (known: ro, rw, layer)", *w);
	}
	return 0;
}

static int
add_volume(struct spec *s, const char *text, const struct run_host *h, struct err *e)
{
	AUTO_STRV part = str_split_escaped(text, ':');
	AUTO_FREE char *src = NULL, *dst = NULL;
	struct volume_opts o = { .read_only = false };
	struct mount_step *m;
	size_t n = strv_len(part);

	if (n < 2 || n > 3 || !part[0][0])
		return err_set(e, EINVAL, "expected SRC:DST[:ro|layer]; a colon in a path is "
					  "written \\:");
	if (host_path(part[0], h, &src, e) < 0 || container_path(part[1], &dst, e) < 0 ||
	    (n == 3 && volume_opts(part[2], &o, e) < 0))
		return -e->code;
	if (o.layer && o.read_only)
		return err_set(e, EINVAL, "ro and layer exclude each other");
	if (o.layer)
		return run_add_mirror(s, src, dst, e);
	m = spec_add_mount(s, MOUNT_BIND, TAKE_PTR(dst));
	m->src = TAKE_PTR(src);
	m->read_only = o.read_only;
	return 0;
}

int
run_add_volume(struct spec *s, const char *text, const struct run_host *h, struct err *e)
{
	return add_volume(s, text, h, e) < 0 ? err_prefix(e, "volume '%s'", text) : 0;
}

static int
add_tmpfs(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV part = str_split_escaped(text, ':');
	AUTO_FREE char *dst = NULL;
	uint64_t size = 0;
	size_t n = strv_len(part);
	struct mount_step *m;
	const char *number;

	if (n < 1 || n > 2)
		return err_set(e, EINVAL, "expected DST[:SIZE]");
	if (container_path(part[0], &dst, e) < 0)
		return -e->code;
	if (n == 2) {
		number = strncmp(part[1], "size=", 5) == 0 ? part[1] + 5 : part[1];
		if (parse_size(number, &size, e) < 0)
			return -e->code;
		if (size == 0)
			return err_set(e, EINVAL, "size 0 would mean no limit");
	}
	m = spec_add_mount(s, MOUNT_TMPFS, TAKE_PTR(dst));
	m->size = size;
	m->mode = 01777;
	return 0;
}

int
run_add_tmpfs(struct spec *s, const char *text, struct err *e)
{
	return add_tmpfs(s, text, e) < 0 ? err_prefix(e, "tmpfs '%s'", text) : 0;
}

static int
add_device(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV part = str_split_escaped(text, ':');
	AUTO_FREE char *dst = NULL;
	size_t n = strv_len(part);

	if (n < 1 || n > 3 || part[0][0] != '/' ||
	    (n == 3 && (!part[2][0] || part[2][strspn(part[2], "rwm")])))
		return err_set(e, EINVAL, "expected /dev/NAME[:DST[:rwm]]");
	if (n == 3 && (!strchr(part[2], 'r') || !strchr(part[2], 'w')))
		return err_set(e, ENOTSUP, "access can only be rw: what is less the kernel does not "
					   "enforce here");
	if (container_path(n > 1 ? part[1] : part[0], &dst, e) < 0)
		return -e->code;
	spec_add_mount(s, MOUNT_DEVICE, TAKE_PTR(dst))->src = xstrdup(part[0]);
	return 0;
}

int
run_add_device(struct spec *s, const char *text, struct err *e)
{
	return add_device(s, text, e) < 0 ? err_prefix(e, "device '%s'", text) : 0;
}
