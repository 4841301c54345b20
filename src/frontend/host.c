/*
 * host - a tree of this machine under the writable layer
 *
 * overlayfs refuses a lower directory that has mounts below it (in a new user namespace all of them
 * are locked), so the tree is mirrored: an overlay for every directory with no mount below, a plain
 * directory of the layer on the way to each mount, with its few files copied.  The result is only a
 * list of steps; mountinfo and directory listings are the input.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "frontend/run.h"

#define COPY_MAX ((off_t)1 << 20) /* larger files on the way to a mount are bound read-only */

struct mirror {
	struct spec *spec;
	char **points; /* owned strv: mount points of this machine */
	char **pseudo; /* owned strv: those of file systems with nothing to copy */
};

/* What the kernel shows there belongs to this machine, and has no content of its own. */
static bool
is_pseudo(const char *type)
{
	static const char *const types[] = {
		"autofs",     "binfmt_misc", "bpf",	"cgroup",  "cgroup2", "configfs",
		"debugfs",    "devpts",	     "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
		"mqueue",     "nsfs",	     "proc",	"pstore",  "rpc_pipefs",
		"securityfs", "selinuxfs",   "sysfs",	"tracefs",
	};

	for (size_t i = 0; i < NELEMS(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* mountinfo writes blanks and such as \ooo. */
static char *
unescape_octal(const char *s, size_t n)
{
	char *out = xcalloc(n + 1, 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 3 < n && s[i + 1] >= '0' && s[i + 1] <= '3') {
			*o++ = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 |
				      (s[i + 3] - '0'));
			i += 3;
		} else {
			*o++ = s[i];
		}
	}
	return out;
}

/* "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE OPTIONS", proc(5). */
static void
take_line(struct mirror *m, const char *line)
{
	const char *point = line, *dash = strstr(line, " - "), *type;
	char *path, *name;

	for (int i = 0; i < 4 && point; i++)
		if ((point = strchr(point, ' ')))
			point++;
	if (!point || !dash)
		return;
	type = dash + 3;
	path = unescape_octal(point, strcspn(point, " "));
	name = xstrndup(type, strcspn(type, " "));
	strv_take(is_pseudo(name) ? &m->pseudo : &m->points, path);
	free(name);
}

static int
read_mounts(struct mirror *m, struct err *e)
{
	AUTO_FD fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	char *save, *line;

	if (fd < 0)
		return err_sys(e, "open /proc/self/mountinfo");
	if (fd_read_all(fd, (size_t)16 << 20, &text, e) < 0)
		return err_prefix(e, "/proc/self/mountinfo");
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(m, line);
	return 0;
}

static bool
any_below(char *const *points, const char *dir)
{
	for (; points && *points; points++)
		if (path_is_below(*points, dir) && strcmp(*points, dir) != 0)
			return true;
	return false;
}

static bool
has_entry(char *const *points, const char *path)
{
	for (; points && *points; points++)
		if (strcmp(*points, path) == 0)
			return true;
	return false;
}

static int mirror_dir(struct mirror *m, const char *src, const char *dst, struct err *e);

static void
mirror_file(struct mirror *m, const char *src, const char *dst, const struct stat *st)
{
	const bool copy = st->st_size <= COPY_MAX && access(src, R_OK) == 0;
	struct mount_step *step = spec_add_mount(m->spec, copy ? MOUNT_COPY : MOUNT_BIND,
						 xstrdup(dst));

	step->src = xstrdup(src);
	step->read_only = !copy;
	step->optional = true;
	step->trusted = true;
	step->mirror = true;
}

static void
mirror_link(struct mirror *m, const char *src, const char *dst)
{
	struct mount_step *step;
	char text[PATH_MAX];
	ssize_t n = readlink(src, text, sizeof(text) - 1);

	if (n < 0)
		return;
	text[n] = '\0';
	step = spec_add_mount(m->spec, MOUNT_SYMLINK, xstrdup(dst));
	step->src = xstrdup(text);
	step->mirror = true;
}

/* Sockets, pipes and devices are not mirrored: they are ways out. */
static int
mirror_entry(struct mirror *m, const char *src, const char *dst, struct err *e)
{
	struct stat st;

	if (lstat(src, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return mirror_dir(m, src, dst, e);
	if (S_ISLNK(st.st_mode))
		mirror_link(m, src, dst);
	else if (S_ISREG(st.st_mode))
		mirror_file(m, src, dst, &st);
	return 0;
}

static int
mirror_entries(struct mirror *m, const char *src, const char *dst, struct err *e)
{
	DIR *d = opendir(src);
	int r = 0;

	if (!d)
		return 0; /* not readable: an empty directory says as much */
	for (const struct dirent *de; r == 0 && (de = readdir(d));) {
		AUTO_FREE char *from = NULL, *to = NULL;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		from = path_join(src, de->d_name);
		to = path_join(dst, de->d_name);
		r = mirror_entry(m, from, to, e);
	}
	(void)closedir(d);
	return r;
}

static void
add_overlay(struct spec *s, const char *src, const char *dst)
{
	struct mount_step *step = spec_add_mount(s, MOUNT_OVERLAY, xstrdup(dst));

	strv_take(&step->lowers, xstrdup(src));
	step->src = xstrdup(src); /* bound read-only where no overlay is possible */
	step->read_only = s->read_only;
	step->optional = true;
	step->mirror = true;
}

/* A directory of the layer, to which the steps of its entries are added next. */
static void
add_mirror_root(struct spec *s, const char *src, const char *dst)
{
	struct mount_step *step = spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup(dst));

	step->src = xstrdup(src);
	step->read_only = s->read_only;
	step->mirror = true;
}

/* rootlet's own directories: what it mounts there itself comes later in the plan. */
static bool
is_ours(const char *path)
{
	static const char *const ours[] = { "/proc", "/sys", "/dev", "/tmp" };

	for (size_t i = 0; i < NELEMS(ours); i++)
		if (strcmp(ours[i], path) == 0)
			return true;
	return false;
}

static int
mirror_dir(struct mirror *m, const char *src, const char *dst, struct err *e)
{
	struct mount_step *step;
	struct stat st;

	if (stat(src, &st) < 0)
		return 0;
	if (!is_ours(dst) && !has_entry(m->pseudo, src)) {
		if (!any_below(m->points, src) && !any_below(m->pseudo, src)) {
			add_overlay(m->spec, src, dst);
			return 0;
		}
	}
	step = spec_add_mount(m->spec, MOUNT_DIR, xstrdup(dst));
	step->src = xstrdup(src);
	step->mode = st.st_mode & 07777;
	step->mirror = true;
	if (is_ours(dst) || has_entry(m->pseudo, src))
		return 0;
	return mirror_entries(m, src, dst, e);
}

int
run_add_mirror(struct spec *s, const char *src, const char *dst, struct err *e)
{
	struct mirror m = { .spec = s };
	AUTO_FREE char *clean = path_clean(src);
	struct mount_step *step;
	int r = read_mounts(&m, e);

	if (r == 0 && !any_below(m.points, clean) && !any_below(m.pseudo, clean)) {
		step = spec_add_mount(s, MOUNT_OVERLAY, xstrdup(dst));
		strv_take(&step->lowers, TAKE_PTR(clean));
		step->read_only = s->read_only;
	} else if (r == 0) {
		add_mirror_root(s, clean, dst);
		r = mirror_entries(&m, clean, dst, e);
	}
	strv_freep(&m.points);
	strv_freep(&m.pseudo);
	return r;
}

/*
 * A directory of the caller's below one that is not his cannot be changed through the overlay
 * above: the kernel would have to copy the foreign directory, whose owner has no id inside
 * (EOVERFLOW).  An overlay of its own helps.
 */
static int
add_own_overlay(struct spec *s, const char *path, const struct run_host *h, struct err *e)
{
	char part[PATH_MAX];
	bool foreign = false;
	int depth = 0;
	struct stat st;

	for (const char *p = path; *p; depth++) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		if ((size_t)(p - path) >= sizeof(part))
			return err_set(e, ENAMETOOLONG, "%.100s...: name too long", path);
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if (lstat(part, &st) < 0 || !S_ISDIR(st.st_mode))
			return 0;
		if (st.st_uid == h->uid && foreign)
			return run_add_mirror(s, part, part, e);
		if (depth > 0)
			foreign = foreign || st.st_uid != h->uid;
	}
	return 0;
}

/* Everybody's to write, although below a directory that is not: see add_own_overlay(). */
static int
add_var_tmp(struct spec *s, struct err *e)
{
	struct stat st;

	if (s->idmap == SPEC_IDMAP_ROOT || lstat("/var/tmp", &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return run_add_mirror(s, "/var/tmp", "/var/tmp", e);
}

/* The home directory by its real name: links on the way to it are there inside, too. */
static int
add_home(struct spec *s, const char *how, const struct run_host *h, struct err *e)
{
	AUTO_FREE char *home = h->home ? realpath(h->home, NULL) : NULL;

	if (!home || strcmp(home, "/") == 0) {
		if (!how || strcmp(how, "layer") == 0)
			return 0;
		return err_set(e, ENOENT, "--home=%s: HOME does not name a directory of yours", how);
	}
	if (how && strcmp(how, "share") == 0)
		spec_add_mount(s, MOUNT_BIND, xstrdup(home))->src = xstrdup(home);
	else if (how && strcmp(how, "hide") == 0)
		spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup(home))->mode = 0700;
	else if (s->idmap != SPEC_IDMAP_ROOT)
		return add_own_overlay(s, home, h, e);
	return 0;
}

/*
 * The current directory is kept, also where the plan so far covers it.  Before the home directory:
 * what is mounted for one that lies elsewhere may be a parent of home.
 */
static int
add_cwd(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	if (!h->cwd || a->here || a->workdir)
		return 0;
	if (path_is_below(h->cwd, "/tmp") && strcmp(h->cwd, "/tmp") != 0)
		return run_add_mirror(s, h->cwd, h->cwd, e);
	if (s->idmap != SPEC_IDMAP_ROOT && !(h->home && path_is_below(h->cwd, h->home)))
		return add_own_overlay(s, h->cwd, h, e);
	return 0;
}

int
run_add_host_root(struct spec *s, const struct run_args *a, const struct run_host *h,
		  struct err *e)
{
	struct mirror m = { .spec = s };
	int r;

	add_mirror_root(s, "/", "/");
	r = read_mounts(&m, e);
	if (r == 0)
		r = mirror_entries(&m, "/", "/", e);
	strv_freep(&m.points);
	strv_freep(&m.pseudo);
	if (r < 0)
		return r;
	spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup("/tmp"))->mode = 01777;
	if (add_var_tmp(s, e) < 0)
		return -e->code;
	if (add_cwd(s, a, h, e) < 0 || add_home(s, a->home, h, e) < 0)
		return -e->code;
	return 0;
}
