#include <string.h>

#include "base/str.h"
#include "spec/spec.h"
#include "tap.h"

/* A spec that is good. */
static struct spec *
good(void)
{
	struct spec *s = spec_new();

	s->ns = SPEC_NS_USER | SPEC_NS_MOUNT | SPEC_NS_PID;
	s->idmap = SPEC_IDMAP_SINGLE;
	s->uids[0] = s->gids[0] = (struct spec_id_range){ .inside = 0, .outside = 1, .count = 1 };
	s->n_uids = s->n_gids = 1;
	s->layer = SPEC_LAYER_RAM;
	strv_take(&spec_add_mount(s, MOUNT_OVERLAY, xstrdup("/"))->lowers, xstrdup("/base"));
	spec_add_mount(s, MOUNT_PROC, xstrdup("/proc"));
	strv_take(&s->argv, xstrdup("/bin/true"));
	s->cwd = xstrdup("/");
	return s;
}

static bool
valid(const struct spec *s)
{
	struct err e = ERR_INIT;

	if (spec_validate(s, &e) == 0 && e.code == 0 && e.msg[0] == '\0')
		return true;
	(void)printf("# %s\n", e.msg);
	return false;
}

/* Refused with a message that has @text. */
static bool
refused(const struct spec *s, const char *text)
{
	struct err e = ERR_INIT;
	int r = spec_validate(s, &e);

	if (r < 0 && r == -e.code && strstr(e.msg, text))
		return true;
	(void)printf("# %d: %s\n", r, e.msg);
	return false;
}

/* A step like those of -v. */
static struct mount_step *
add(struct spec *s, enum mount_op op, const char *dst)
{
	struct mount_step *m = spec_add_mount(s, op, xstrdup(dst));

	if (op == MOUNT_BIND || op == MOUNT_DEVICE || op == MOUNT_COPY || op == MOUNT_SYMLINK)
		m->src = xstrdup("/src");
	if (op == MOUNT_OVERLAY)
		strv_take(&m->lowers, xstrdup("/src"));
	return m;
}

static void
replace(char **field, const char *value)
{
	free(*field);
	*field = value ? xstrdup(value) : NULL;
}

static char *
name_of_length(size_t n)
{
	char *s = xcalloc(n + 1, 1);

	memset(s, 'n', n);
	return s;
}

static void
test_new(void)
{
	AUTO_SPEC s = spec_new();
	struct spec *none = NULL;

	OK(s->umask == 022 && s->init && s->no_new_privs && s->landlock,
	   "a new spec protects as far as it can");
	OK(s->caps == 0 && s->n_mounts == 0 && !s->emulate_owners && !s->tty,
	   "and gives nothing");
	OK(refused(s, ""), "an empty spec is refused");
	spec_freep(&none);
	OK(!none, "no spec can be freed");
}

static void
test_identity(void)
{
	static const unsigned int needed[] = { SPEC_NS_USER, SPEC_NS_MOUNT, SPEC_NS_PID };
	static const char *const why[] = { "an id map needs", "mount namespace", "pid namespace" };
	AUTO_SPEC s = good();
	AUTO_FREE char *name = name_of_length(65);

	OK(valid(s), "a good spec is valid");
	for (size_t i = 0; i < NELEMS(needed); i++) {
		s->ns &= ~needed[i];
		OK(refused(s, why[i]), "without a namespace: %s", why[i]);
		s->ns |= needed[i];
	}
	s->n_uids = 0;
	OK(refused(s, "user or group ids"), "an empty user id map is refused");
	s->n_uids = 1;
	s->n_gids = 0;
	OK(refused(s, "user or group ids"), "an empty group id map is refused");
	s->n_gids = 1;
	s->emulate_owners = true;
	OK(valid(s), "ownership can be emulated with an init process");
	s->init = false;
	OK(refused(s, "needs an init process"), "but not without one");
	s->emulate_owners = false;
	OK(valid(s), "the program may be the first process");
	replace(&s->hostname, name);
	OK(refused(s, "longer than 64"), "a host name of 65 bytes is refused");
	s->hostname[64] = '\0';
	OK(valid(s), "one of 64 bytes is not");
}

/* What bwrap(1) leaves out. */
static void
test_shared(void)
{
	AUTO_SPEC s = good();

	s->ns = SPEC_NS_MOUNT;
	s->idmap = SPEC_IDMAP_KEEP;
	OK(refused(s, "pid namespace"), "who signals and ends whom is decided by the pid namespace");
	s->linger = true;
	OK(valid(s), "init does without one when it ends nobody");
	s->init = false;
	OK(refused(s, "pid namespace"), "the launcher passes signals on only into one");
	s->caller_signals = true;
	OK(valid(s), "and does without one when it passes none on");
	s->idmap = SPEC_IDMAP_SINGLE;
	OK(refused(s, "an id map needs"), "ids can be mapped only in a user namespace");
	s->idmap = SPEC_IDMAP_KEEP;
	s->no_userns = true;
	OK(refused(s, "inner"), "user namespaces are forbidden from a namespace around");
	s->no_userns = false;
	strv_take(&s->lock_files, xstrdup("/lock"));
	OK(refused(s, "lock files"), "somebody must hold the locks");
}

static void
test_as_given(void)
{
	AUTO_SPEC s = good();
	struct mount_step *m = add(s, MOUNT_BIND, "/");

	OK(refused(s, "cannot mount on '/'"), "nothing is mounted on the base");
	add(s, MOUNT_TMPFS, "/proc/x");
	s->mounts_as_given = true;
	OK(valid(s), "unless the plan is the caller's own, also in /proc");
	m = add(s, MOUNT_OVERLAY, "/o");
	m->lowers_only = true;
	OK(refused(s, "one lower directory"), "an overlay of one directory alone is none");
	strv_take(&m->lowers, xstrdup("/other"));
	OK(valid(s), "one of two is");
}

static void
test_ids(void)
{
	AUTO_SPEC s = good();

	s->uid = UINT32_MAX;
	OK(refused(s, "4294967295"), "user id -1 is refused");
	s->uid = 0;
	s->gid = UINT32_MAX;
	OK(refused(s, "4294967295"), "group id -1 is refused");
}

static void
test_layer(void)
{
	AUTO_SPEC s = good();

	s->layer = SPEC_LAYER_DISK;
	OK(refused(s, "needs a directory"), "a layer on disk needs a directory");
	s->layer = SPEC_LAYER_AUTO;
	OK(refused(s, "needs a directory"), "so does one that may be on disk");
	s->layer_dir = xstrdup("/scratch");
	OK(valid(s), "with one it is valid");
}

static void
test_root(void)
{
	AUTO_SPEC s = good();
	unsigned int roots = 0;

	s->n_mounts = 0;
	OK(refused(s, "no root file system"), "a spec without mounts is refused");
	s->n_mounts = 2;
	replace(&s->mounts[0].dst, "/x");
	OK(refused(s, "not a root file system"), "the first mount is on /");
	replace(&s->mounts[0].dst, "/");
	for (int op = 0; op < MOUNT_OP_MAX_; op++) {
		struct err e = ERR_INIT;

		s->mounts[0].op = (enum mount_op)op;
		if (spec_validate(s, &e) == 0)
			roots |= 1U << op;
	}
	OK(roots == (1U << MOUNT_LAYER_DIR | 1U << MOUNT_OVERLAY),
	   "the root is an overlay or a directory of the layer");
	s->mounts[0].op = MOUNT_OVERLAY;
	add(s, MOUNT_TMPFS, "/");
	OK(refused(s, "cannot mount on '/'"), "nothing is mounted over the root");
}

static void
test_targets(void)
{
	AUTO_SPEC s = good();
	AUTO_FREE char *name = name_of_length(PATH_MAX);
	struct mount_step *m = add(s, MOUNT_TMPFS, "relative");

	OK(refused(s, "'relative' is not an absolute path"), "a relative target is refused");
	replace(&m->dst, "");
	OK(refused(s, "not an absolute path"), "an empty target is refused");
	replace(&m->dst, NULL);
	OK(refused(s, "not an absolute path"), "a missing target is refused");
	name[0] = '/';
	replace(&m->dst, name);
	OK(refused(s, "is too long"), "a target of 4096 bytes is refused");
	m->dst[PATH_MAX - 1] = '\0';
	OK(valid(s), "one of 4095 bytes is not");
}

static void
test_sources(void)
{
	static const struct {
		enum mount_op op;
		const char *name;
	} need[] = {
		{ MOUNT_BIND, "a bind mount" }, { MOUNT_DEVICE, "a device" },
		{ MOUNT_COPY, "a copy" },       { MOUNT_SYMLINK, "a symbolic link" },
	};

	for (size_t i = 0; i < NELEMS(need); i++) {
		AUTO_SPEC s = good();
		struct mount_step *m = add(s, need[i].op, "/dst");

		OK(valid(s), "%s with a source", need[i].name);
		replace(&m->src, NULL);
		OK(refused(s, "'/dst' has no source"), "%s without a source", need[i].name);
	}
	for (size_t i = 0; i < 2; i++) {
		AUTO_SPEC s = good();

		if (i == 1)
			add(s, MOUNT_OVERLAY, "/over");
		strv_freep(&s->mounts[2 * i].lowers);
		OK(refused(s, "has no lower directory"), "%s has a lower directory",
		   i ? "an overlay" : "the root");
	}
}

/* Which operations may have a target below /proc, as a bit set, when @path is the target? */
static unsigned int
allowed_on(const char *path)
{
	unsigned int set = 0;

	for (unsigned int op = 0; op < MOUNT_OP_MAX_; op++) {
		AUTO_SPEC s = good();
		struct err e = ERR_INIT;

		add(s, (enum mount_op)op, path);
		if (spec_validate(s, &e) == 0)
			set |= 1U << op;
		else if (!strstr(e.msg, "/proc is rootlet's own"))
			return 0;
	}
	return set;
}

/* What the masks protect must not be covered again. */
static void
test_proc(void)
{
	static const char *const inside[] = { "/proc", "/proc/self", "/proc/sys/kernel" };
	static const char *const beside[] = { "/process", "/pro", "/x/proc" };
	const unsigned int own = 1U << MOUNT_PROC | 1U << MOUNT_MASK | 1U << MOUNT_DIR;

	for (size_t i = 0; i < NELEMS(inside); i++)
		OK(allowed_on(inside[i]) == own,
		   "on %s there is nothing but procfs, masks and directories", inside[i]);
	for (size_t i = 0; i < NELEMS(beside); i++)
		OK(allowed_on(beside[i]) == (1U << MOUNT_OP_MAX_) - 1,
		   "on %s there can be anything", beside[i]);
}

static void
test_process(void)
{
	AUTO_SPEC s = good();
	int fds[] = { 3, -1 };

	replace(&s->argv[0], "");
	OK(refused(s, "empty string"), "an empty command is refused");
	strv_freep(&s->argv);
	OK(refused(s, "no command"), "no command is refused");
	s->argv = xcalloc(1, sizeof(*s->argv));
	OK(refused(s, "no command"), "an empty list of words is refused");
	strv_freep(&s->argv);
	strv_take(&s->argv, xstrdup("x"));
	strv_take(&s->argv, xstrdup(""));
	OK(valid(s), "an argument may be empty");
	replace(&s->cwd, "relative");
	OK(refused(s, "'relative' is not an absolute path"), "a relative directory is refused");
	replace(&s->cwd, NULL);
	OK(refused(s, "not an absolute path"), "no directory is refused");
	replace(&s->cwd, "/");
	s->pass_fds = fds;
	s->n_pass_fds = 1;
	OK(valid(s), "a descriptor can be passed");
	s->n_pass_fds = 2;
	OK(refused(s, "descriptor -1"), "descriptor -1 cannot");
	s->pass_fds = NULL;
	s->n_pass_fds = 0;
}

int
main(void)
{
	test_new();
	test_identity();
	test_shared();
	test_as_given();
	test_ids();
	test_layer();
	test_root();
	test_targets();
	test_sources();
	test_proc();
	test_process();
	return tap_done();
}
