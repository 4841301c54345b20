#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "container/container.h"
#include "engine/ids.h"
#include "engine/launch.h"
#include "frontend/run.h"
#include "image/aliases.h"
#include "image/names.h"
#include "image/platform.h"
#include "image/ref.h"

#define HELPER     "rootlet-image"
#define RECORD_MAX ((size_t)8 << 20) /* bytes */

/* Between run_helper() and its child: the exit status of no helper. */
#define EXIT_NO_IDS   123
#define HELPER_NO_IDS 2

int
cmd_image(int argc, char **argv)
{
	(void)argc;
	return cmd_exec_helper(HELPER, argv);
}

/* --- what is there already --- */

/*
 * Who removes images takes this lock exclusively before he unlinks the record, and removes layers
 * afterwards: a record that still has its name under our lock keeps them.
 */
static int
lock_record(int fd)
{
	struct stat st;

	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return -errno;
	return fstat(fd, &st) < 0 || st.st_nlink == 0 ? -ENOENT : 0;
}

static int
read_record(int store_fd, const char *digest, struct image_record *ret, int *ret_lock_fd)
{
	AUTO_FREE char *path = xasprintf("cache/image-%s", digest + strlen("sha256:")), *data = NULL;
	AUTO_FD fd = openat(store_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	ssize_t n = fd < 0 || lock_record(fd) < 0 ? -1
						  : fd_read_all(fd, RECORD_MAX, &data, &ignored);

	if (n < 0 || image_record_decode(data, (size_t)n, ret) < 0 ||
	    strcmp(ret->digest, digest) != 0)
		return -ENOENT;
	*ret_lock_fd = TAKE_FD(fd);
	return 0;
}

static bool
is_above(char *const *ids, size_t i)
{
	for (char *const *above = ids + i + 1; *above; above++)
		if (strcmp(*above, ids[i]) == 0)
			return true;
	return false;
}

/*
 * The directories of the layers, topmost first; NULL when one is missing.  Overlayfs takes none
 * twice, and of two that are the same only the upper one is ever seen.
 */
static char **
find_layers(int store_fd, const char *data_dir, const char *kind, char *const *diff_ids)
{
	AUTO_FREE char *dir = xasprintf("%s/layers/%s", data_dir, kind);
	AUTO_FD fd = openat(store_fd, dir + strlen(data_dir) + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i = strv_len(diff_ids), n = 0;
	AUTO_STRV found = xcalloc(i + 1, sizeof(*found));

	while (i-- > 0) {
		if (is_above(diff_ids, i))
			continue;
		if (fd < 0 || faccessat(fd, diff_ids[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return NULL;
		found[n++] = path_join(dir, diff_ids[i]);
	}
	return TAKE_PTR(found);
}

/* Returns 1 when it is not all there. */
static int
look_up_digest(const struct image_query *q, int store_fd, const char *digest, struct found_image *ret)
{
	AUTO_FD lock = -1;

	if (read_record(store_fd, digest, &ret->record, &lock) < 0 ||
	    !(ret->layers = find_layers(store_fd, q->data_dir, cmd_kind_of(q->ids), ret->record.layers))) {
		image_record_clear(&ret->record);
		return 1;
	}
	ret->lock_fd = TAKE_FD(lock);
	return 0;
}

/* Is that image for what was asked for?  If not, the helper says so. */
static bool
has_platform(const struct image_query *q, const struct image_record *r)
{
	return !q->platform || (r->platform && platform_fits(q->platform, r->platform));
}

/* @digest: what a name stands for: an image, or an index of several, one for each platform */
static int
look_up(const struct image_query *q, int store_fd, const char *digest, struct found_image *ret)
{
	AUTO_FREE char *own = NULL, *chosen = NULL;

	if (look_up_digest(q, store_fd, digest, ret) == 0) {
		if (has_platform(q, &ret->record))
			return 0;
		cmd_found_image_clear(ret);
		return 1;
	}
	own = platform_own();
	chosen = names_find_platform(store_fd, digest, q->platform ? q->platform : own);
	return chosen ? look_up_digest(q, store_fd, chosen, ret) : 1;
}

/* The digest of the image that has the name @text.  Owned, or NULL. */
static char *
find_text(int store_fd, const char *text)
{
	struct image_ref ref = IMAGE_REF_INIT;
	struct err ignored = ERR_INIT;
	AUTO_FREE char *name = NULL;

	if (image_ref_parse(text, &ref, &ignored) < 0)
		return NULL;
	name = ref.digest ? NULL : image_ref_name(&ref);
	image_ref_clear(&ref);
	return name ? names_find(store_fd, name) : NULL;
}

static char *
find_alias(int store_fd, const char *text)
{
	CLEANUP(aliases_clear) struct aliases a = ALIASES_INIT;
	AUTO_FREE char *target = NULL;

	cmd_read_aliases(&a);
	target = aliases_resolve(&a, text);
	return target ? find_text(store_fd, target) : NULL;
}

/* Where @text itself is no name: an alias, or one that podman has given.  Owned, or NULL. */
static char *
find_short(int store_fd, const char *text)
{
	AUTO_FREE char *local = aliases_localhost(text);
	char *digest;

	/* It may be the beginning of a digest, which the helper looks for first. */
	if (text[strspn(text, "0123456789abcdef")] == '\0')
		return NULL;
	digest = find_alias(store_fd, text);
	return digest || !local ? digest : find_text(store_fd, local);
}

/* Returns 1 when the name is not known, or it is not all there. */
static int
look_up_name(const struct image_query *q, const char *name, struct found_image *ret)
{
	AUTO_FD store = open(q->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *digest = store < 0 ? NULL : names_find(store, name);

	if (!digest && store >= 0)
		digest = find_short(store, q->name);
	return digest ? look_up(q, store, digest, ret) : 1;
}

/* --- what the helper makes of it --- */

/* The machine as it is, with the caller's subordinate ids as users of a namespace. */
int
cmd_range_spec(char *const *argv, struct spec **ret, struct err *e)
{
	AUTO_SPEC s = spec_new();
	const struct run_host h = { .uid = (uid_t)getauxval(AT_EUID),
				    .gid = (gid_t)getauxval(AT_EGID) };
	struct mount_step *m;
	char buf[PATH_MAX];
	const char *cwd = cmd_absolute(getcwd(buf, sizeof(buf)));

	(void)spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup("/"));
	m = spec_add_mount(s, MOUNT_BIND, xstrdup("/"));
	m->src = xstrdup("/");
	m->trusted = m->devices = true;
	s->ns = SPEC_NS_USER | SPEC_NS_MOUNT;
	s->layer = SPEC_LAYER_RAM;
	s->mounts_as_given = s->caller_signals = true;
	s->landlock = s->new_keyring = false;
	s->caps = ~0ULL;
	s->argv = strv_copy(argv);
	s->env = strv_copy(environ);
	s->cwd = xstrdup(cwd ? cwd : "/");
	s->umask = 077;
	s->init = false;
	if (run_fill_idmap(s, "range", &h, e) < 0 || spec_validate(s, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(s);
	return 0;
}

/* In a child.  Returns the exit status. */
static int
run_in_range(char *const *argv, bool may_be_refused)
{
	const struct launch_hooks none = { .ctx = NULL };
	struct launch_result res = { .exit_status = EXIT_ROOTLET };
	struct err e = ERR_INIT;
	AUTO_SPEC s = NULL;

	if (fd_fill_stdio(&e) < 0 || cmd_range_spec(argv, &s, &e) < 0 || !s ||
	    !(s->exe = cmd_find_helper(HELPER)) || launch_run(s, NULL, &none, &res, &e) < 0) {
		if (res.ids_refused && may_be_refused)
			return EXIT_NO_IDS;
		(void)err_prefix(&e, "%s", argv[0]);
		return cmd_fail(&e);
	}
	return res.exit_status;
}

/* After a launch signals are blocked, and standard descriptors given away. */
static int
child(const char *kind, char **argv, bool may_be_refused, int in_fd, int out_fd)
{
	struct err ignored = ERR_INIT;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if ((out_fd >= 0 && dup2(out_fd, STDOUT_FILENO) < 0) ||
	    (in_fd >= 0 && dup2(in_fd, STDIN_FILENO) < 0))
		return EXIT_ROOTLET;
	if (strcmp(kind, "range") == 0)
		return run_in_range(argv, may_be_refused);
	/* Where that is not to be had, what the caller's own modes forbid him is an error later. */
	if (strcmp(kind, "single") == 0)
		(void)ids_enter_own(&ignored);
	return cmd_exec_helper(HELPER, argv);
}

static int
wait_for(pid_t pid, struct err *e)
{
	const int r = cmd_wait_helper(pid, HELPER, e);

	if (r == EXIT_NO_IDS)
		return HELPER_NO_IDS;
	return r > 1 ? cmd_said(e) : r;
}

/* The first line that it prints, without its end; the rest is not read. */
static void
read_line(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && ((n = read(fd, buf + len, size - 1 - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/*
 * Run the helper as whom the files of @kind belong to, and wait.  When it fails it has said why:
 * then there is an error without a message.  Returns 1 when that is its exit status, which is no
 * failure of the helper; HELPER_NO_IDS when it could not be started.
 *
 * @may_be_refused: that the ids of a range are refused is not said, but returned
 * @in_fd: its standard input; -1: ours
 * @ret_line: NULL: it has our standard output
 */
static int
run_helper(const char *kind, char **argv, bool may_be_refused, int in_fd, char *ret_line,
	   size_t line_size, struct err *e)
{
	AUTO_FD out = -1, in = -1;
	int pipe_fds[2];
	pid_t pid;

	if (ret_line && pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	in = ret_line ? pipe_fds[0] : -1;
	out = ret_line ? pipe_fds[1] : -1;
	cmd_expect_children();
	pid = fork();
	if (pid == 0)
		_exit(child(kind, argv, may_be_refused, in_fd, out));
	if (pid < 0)
		return err_sys(e, "start " HELPER);
	fd_closep(&out);
	if (ret_line)
		read_line(in, ret_line, line_size);
	return wait_for(pid, e);
}

/* @ret_digest: of the image that the name had then */
static int
prepare(const struct image_query *q, char *ret_digest, size_t size, struct err *e)
{
	const char *const kind = cmd_kind_of(q->ids);
	AUTO_STRV argv = NULL;

	strv_take(&argv, xstrdup("prepare"));
	strv_take(&argv, xstrdup(kind));
	strv_take(&argv, xstrdup(q->name));
	strv_take(&argv, xstrdup(q->platform ? q->platform : ""));
	if (q->quiet)
		strv_take(&argv, xstrdup("quiet"));
	if (q->may_miss)
		strv_take(&argv, xstrdup("may-miss"));
	return run_helper(kind, argv, q->ids->idmap_auto, -1, ret_digest, size, e);
}

int
cmd_commit_layer(const char *kind, const char *upper, const char *digest, const char *name,
		 bool quiet, struct err *e)
{
	AUTO_STRV argv = NULL;

	strv_take(&argv, xstrdup("commit-layer"));
	strv_take(&argv, xstrdup(kind));
	strv_take(&argv, xstrdup(upper));
	strv_take(&argv, xstrdup(digest));
	strv_take(&argv, xstrdup(name));
	if (quiet)
		strv_take(&argv, xstrdup("quiet"));
	return run_helper(kind, argv, false, -1, NULL, 0, e);
}

int
cmd_receive_image(const struct spec *ids, int feed_fd, bool quiet, struct err *e)
{
	const char *const kind = cmd_kind_of(ids);
	AUTO_STRV argv = NULL;
	int r;

	strv_take(&argv, xstrdup("receive"));
	strv_take(&argv, xstrdup(kind));
	if (quiet)
		strv_take(&argv, xstrdup("quiet"));
	r = run_helper(kind, argv, ids->idmap_auto, feed_fd, NULL, 0, e);
	return r == HELPER_NO_IDS ? 1 : r > 0 ? cmd_said(e) : r;
}

void
cmd_found_image_clear(struct found_image *f)
{
	image_record_clear(&f->record);
	strv_freep(&f->layers);
	fd_closep(&f->lock_fd);
}

/* After the helper has made all of it. */
static int
look_up_prepared(const struct image_query *q, const char *digest, struct found_image *ret)
{
	AUTO_FD store = open(q->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return image_digest_is_valid(digest) && store >= 0 ? look_up_digest(q, store, digest, ret) : 1;
}

int
cmd_find_image(const struct image_query *q, struct found_image *ret, struct err *e)
{
	struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *full = NULL;
	char digest[128];
	int r;

	if (!q->data_dir)
		return err_set(e, ENXIO, "there is no place for images: HOME is not set");
	if (image_ref_parse(q->name, &ref, e) < 0)
		return -e->code;
	full = ref.digest ? NULL : image_ref_name(&ref);
	image_ref_clear(&ref);
	if (full && look_up_name(q, full, ret) == 0)
		return 0;
	r = prepare(q, digest, sizeof(digest), e);
	if (r != 0)
		return r == HELPER_NO_IDS ? 1 : r > 0 ? FOUND_NONE : r;
	if (look_up_prepared(q, digest, ret) != 0)
		return err_set(e, ENOENT, "image '%s' is not there any more", q->name);
	return 0;
}

int
cmd_end_changes(const char *kind, char **words, struct err *e)
{
	return run_helper(kind, words, false, -1, NULL, 0, e);
}

int
cmd_find_layers(const struct image_record *r, const char *kind, const char *data_dir,
		char ***ret_layers, int *ret_lock_fd, struct err *e)
{
	AUTO_FD store = data_dir ? open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_IMAGE_RECORD now = IMAGE_RECORD_INIT;
	int lock_fd = -1;

	if (store >= 0)
		(void)read_record(store, r->digest, &now, &lock_fd);
	*ret_layers = store >= 0 ? find_layers(store, data_dir, kind, r->layers) : NULL;
	if (!*ret_layers) {
		fd_closep(&lock_fd);
		return err_set(e, ENOENT, "the unpacked layers of image %.19s are gone", r->digest);
	}
	*ret_lock_fd = lock_fd;
	return 0;
}

int
cmd_help_in_kind(const char *kind, char **argv, struct err *e)
{
	return run_helper(kind, argv, false, -1, NULL, 0, e);
}

int
cmd_choose_ids(const char *idmap, const struct run_host *h, struct spec **ret, struct err *e)
{
	AUTO_SPEC s = spec_new();
	const int r = run_fill_idmap(s, idmap, h, e);

	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

const char *
cmd_kind_of(const struct spec *ids)
{
	return ids->idmap == SPEC_IDMAP_RANGE  ? "range"
	       : ids->idmap == SPEC_IDMAP_ROOT ? "root"
					       : "single";
}

/* Each directory of layers, as it is called in the other kind. */
static void
change_layers(struct spec *s, const char *data_dir)
{
	AUTO_FREE char *range = path_join(data_dir, "layers/range/");
	const size_t n = strlen(range);

	for (size_t i = 0; i < s->n_mounts; i++)
		for (char **p = s->mounts[i].trusted ? s->mounts[i].lowers : NULL; p && *p; p++) {
			char *other;

			if (strncmp(*p, range, n) != 0)
				continue;
			other = xasprintf("%s/layers/single/%s", data_dir, *p + n);
			free(*p);
			*p = other;
		}
}

int
cmd_take_layers_of_single(struct run_plan *plan, struct err *e)
{
	CLEANUP(cmd_found_image_clear) struct found_image found = FOUND_IMAGE_INIT;
	AUTO_FREE char *data_dir = cmd_find_data_dir();
	const struct image_query q = { .name = plan->base,
				       .ids = plan->spec,
				       .platform = plan->platform,
				       .data_dir = data_dir,
				       .quiet = plan->quiet };

	if (cmd_find_image(&q, &found, e) < 0)
		return -e->code;
	if (strcmp(found.record.digest, plan->image) != 0)
		return err_set(e, ESTALE, "image '%s' is another one now", plan->base);
	change_layers(plan->spec, data_dir);
	plan->kind = "single";
	fd_closep(&plan->lock_fd);
	plan->lock_fd = found.lock_fd;
	found.lock_fd = -1;
	return 0;
}

static int
run_in_kind(int argc, char *const *argv, const struct spec *ids, struct err *e)
{
	const char *const kind = cmd_kind_of(ids);
	AUTO_STRV words = NULL;

	strv_take(&words, xstrdup(argv[0]));
	strv_take(&words, xstrdup(kind));
	for (int i = 1; i < argc; i++)
		strv_take(&words, xstrdup(argv[i]));
	return run_helper(kind, words, ids->idmap_auto, -1, NULL, 0, e);
}

int
cmd_image_in_kind(int argc, char **argv)
{
	const struct run_host h = { .uid = (uid_t)getauxval(AT_EUID),
				    .gid = (gid_t)getauxval(AT_EGID) };
	struct err e = ERR_INIT;
	AUTO_SPEC ids = NULL;
	int r;

	if (cmd_choose_ids(NULL, &h, &ids, &e) < 0)
		return cmd_fail(&e);
	r = run_in_kind(argc, argv, ids, &e);
	if (r == HELPER_NO_IDS) {
		(void)run_idmap_again(ids);
		r = run_in_kind(argc, argv, ids, &e);
	}
	return r < 0 ? cmd_fail(&e) : r;
}

/* The words with one more behind the first: no container. */
static int
export_image(int argc, char **argv)
{
	AUTO_STRV words = NULL;

	strv_take(&words, xstrdup(argv[0]));
	strv_take(&words, xstrdup(""));
	for (int i = 1; i < argc; i++)
		strv_take(&words, xstrdup(argv[i]));
	return cmd_image_in_kind(argc + 1, words);
}

int
cmd_export(int argc, char **argv)
{
	struct export_args a = { .output = NULL };
	struct err e = ERR_INIT, ignored = ERR_INIT;
	int first = opt_parse(export_opts, argc, argv, &a, &ignored);
	AUTO_CONTAINER c = CONTAINER_INIT;
	AUTO_FREE char *data_dir = cmd_find_data_dir();
	AUTO_STRV words = NULL;
	int r;

	err_clear(&ignored);
	/* What else is wrong the helper says. */
	if (first <= 0 || argc - first != 1 || !data_dir ||
	    container_open(data_dir, argv[first], CONTAINER_LOOK, &c, &ignored) < 0)
		return export_image(argc, argv);
	strv_take(&words, xstrdup(argv[0]));
	strv_take(&words, xstrdup(c.record.kind));
	strv_take(&words, xstrdup(c.name));
	for (int i = 1; i < argc; i++)
		strv_take(&words, xstrdup(argv[i]));
	container_close(&c);
	r = cmd_help_in_kind(words[1], words, &e);
	return r < 0 ? cmd_fail(&e) : r;
}
