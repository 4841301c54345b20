/*
 * bwrap-opts - the options of bwrap: one table, and a function for each kind of them
 */
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "frontend/bwrap.h"
#include "frontend/capnames.h"

#define WORDS_MAX 9000 /* bubblewrap's own limit */
#define ARGS_MAX  ((size_t)64 << 20) /* bytes of --args: what a command line could never hold */

/* --- pieces --- */

char *
bwrap_absolute(const char *dst)
{
	return dst[0] == '/' ? xstrdup(dst) : path_join("/", dst);
}

/*
 * A step with the --perms and --size that were given for it.  Directories made on the way are no
 * more open to group and others than what is made in them.
 */
static struct mount_step *
add_step(struct bwrap_args *a, enum mount_op op, const char *src, const char *dst)
{
	struct mount_step *m = spec_add_mount(a->spec, op, bwrap_absolute(dst));

	m->src = src ? xstrdup(src) : NULL;
	m->trusted = true;
	m->mode = a->perms;
	if (a->perms >= 0)
		m->parent_mode = 0755 & ~(a->perms & 0070 ? 0 : 0050) & ~(a->perms & 0007 ? 0 : 0005);
	m->size = a->size;
	a->perms = -1;
	a->size = 0;
	return m;
}

/* --- general --- */

static int
act_args(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	char *data = NULL;
	AUTO_FREE char **argv = NULL;
	size_t len, n = 1;
	int fd, end;

	(void)o;
	if (a->in_args)
		return err_set(e, EINVAL, "--args is not supported in a file of arguments");
	if (bwrap_take_fd(a, words[0], &fd, e) < 0 ||
	    bwrap_read_fd(fd, ARGS_MAX, &data, &len, e) < 0)
		return err_prefix(e, "--args");
	strv_take(&a->args_data, data);
	for (const char *p = data; p < data + len; p += strlen(p) + 1)
		n++;
	if (n > WORDS_MAX)
		return err_set(e, E2BIG, "more than %d arguments", WORDS_MAX);
	argv = xcalloc(n + 1, sizeof(*argv));
	n = 1;
	for (char *p = data; p < data + len; p += strlen(p) + 1)
		argv[n++] = p;
	a->in_args = true;
	end = bwrap_parse(a, (int)n, argv, e);
	a->in_args = false;
	if (end < 0)
		return -e->code;
	/* What follows the options there is no command: that is on the command line. */
	return 0;
}

/* Given twice, said once. */
static void
warn_if_again(struct bwrap_args *a, const struct opt *o, bool again)
{
	if (again)
		strv_take(&a->report.warnings,
			  xasprintf("%sbwrap: only the last --%s option will take effect",
				    a->report.level_prefix ? "<4>" : "", o->name));
}

/* The tag: an error when it is given twice. */
static int
act_text(void *args, const struct opt *o, char **words, struct err *e)
{
	const char **field = (const char **)((char *)args + o->offset);

	if (o->tag && *field)
		return err_set(e, EINVAL, "--%s used multiple times", o->name);
	warn_if_again(args, o, *field);
	*field = words[0];
	return 0;
}

static int
act_fd(void *args, const struct opt *o, char **words, struct err *e)
{
	int *field = (int *)((char *)args + o->offset);

	warn_if_again(args, o, *field >= 0);
	return bwrap_take_fd(args, words[0], field, e);
}

/* A descriptor of the spec. */
static int
act_spec_fd(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	int *field = (int *)((char *)a->spec + o->offset);

	warn_if_again(a, o, *field >= 0);
	return bwrap_take_fd(a, words[0], field, e);
}

/* What follows does not count. */
static int
act_stop(void *args, const struct opt *o, char **words, struct err *e)
{
	(void)words;
	*(bool *)((char *)args + o->offset) = true;
	return err_set(e, ECANCELED, "--%s", o->name);
}

/* --- namespaces and identity --- */

static int
act_unshare(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)words;
	(void)e;
	a->ns |= o->tag;
	return 0;
}

static int
act_unshare_all(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)o;
	(void)words;
	(void)e;
	a->ns |= SPEC_NS_IPC | SPEC_NS_PID | SPEC_NS_NET | SPEC_NS_UTS;
	a->user_try = a->cgroup_try = true;
	return 0;
}

static int
act_share_net(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)o;
	(void)words;
	(void)e;
	a->ns &= ~(unsigned int)SPEC_NS_NET;
	return 0;
}

static int
act_id(void *args, const struct opt *o, char **words, struct err *e)
{
	int64_t *field = (int64_t *)((char *)args + o->offset);
	uint64_t id;

	if (parse_u64(words[0], INT_MAX, &id, e) < 0)
		return err_set(e, EINVAL, "invalid %s: %s", o->name, words[0]);
	warn_if_again(args, o, *field >= 0);
	*field = (int64_t)id;
	return 0;
}

/* --- environment --- */

static void
unset_env(char **env, const char *name)
{
	const size_t n = strlen(name);
	char **to = env;

	for (; env && *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			free(*env);
		else
			*to++ = *env;
	}
	if (env)
		*to = NULL;
}

static int
act_setenv(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	AUTO_FREE char *kv = NULL;

	if (words[0][0] == '\0' || strchr(words[0], '='))
		return err_set(e, EINVAL, "--%s: '%s' is no name of a variable", o->name, words[0]);
	if (o->n_words == 1) {
		unset_env(a->spec->env, words[0]);
		return 0;
	}
	kv = xasprintf("%s=%s", words[0], words[1]);
	strv_env_set(&a->spec->env, kv);
	return 0;
}

static int
act_clearenv(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)o;
	(void)words;
	(void)e;
	strv_freep(&a->spec->env);
	return 0;
}

/* --- file system --- */

enum bind_kind { BIND_RO = 1, BIND_DEV = 2, BIND_TRY = 4 };

static int
act_bind(void *args, const struct opt *o, char **words, struct err *e)
{
	struct mount_step *m = add_step(args, MOUNT_BIND, words[0], words[1]);

	(void)e;
	m->read_only = o->tag & BIND_RO;
	m->devices = o->tag & BIND_DEV;
	m->optional = o->tag & BIND_TRY;
	return 0;
}

/* A step from the descriptor of the first word to the second; NULL on failure. */
static struct mount_step *
add_fd_step(struct bwrap_args *a, enum mount_op op, char **words, struct err *e)
{
	struct mount_step *m;
	int fd;

	if (bwrap_take_fd(a, words[0], &fd, e) < 0)
		return NULL;
	m = add_step(a, op, NULL, words[1]);
	m->fd = fd;
	return m;
}

static int
act_bind_fd(void *args, const struct opt *o, char **words, struct err *e)
{
	struct mount_step *m = add_fd_step(args, MOUNT_BIND, words, e);

	if (!m)
		return -e->code;
	m->read_only = o->tag & BIND_RO;
	return 0;
}

static int
act_bind_data(void *args, const struct opt *o, char **words, struct err *e)
{
	struct mount_step *m = add_fd_step(args, MOUNT_FILE, words, e);

	if (!m)
		return -e->code;
	if (m->mode < 0)
		m->mode = 0600;
	m->read_only = o->tag & BIND_RO;
	return 0;
}

static int
act_file(void *args, const struct opt *o, char **words, struct err *e)
{
	struct mount_step *m = add_fd_step(args, MOUNT_WRITE, words, e);

	(void)o;
	if (!m)
		return -e->code;
	if (m->mode < 0)
		m->mode = 0666;
	return 0;
}

/* What takes a place and nothing else; the tag is enum mount_op. */
static int
act_mount(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	struct mount_step *m = add_step(a, (enum mount_op)o->tag, NULL, words[0]);

	(void)e;
	m->plain = o->tag == MOUNT_PROC || o->tag == MOUNT_DEV;
	if (o->tag == MOUNT_DEV) {
		a->needs_devpts = true;
		m->src = a->host->tty ? xstrdup(a->host->tty) : NULL;
	}
	return 0;
}

static int
act_symlink(void *args, const struct opt *o, char **words, struct err *e)
{
	(void)o;
	(void)e;
	(void)add_step(args, MOUNT_SYMLINK, words[0], words[1]);
	return 0;
}

static int
parse_perms(const struct opt *o, const char *text, int *ret, struct err *e)
{
	uint32_t mode;

	if (parse_octal(text, &mode, e) < 0)
		return err_set(e, EINVAL, "--%s takes an octal argument <= 07777, not '%s'",
			       o->name, text);
	*ret = (int)mode;
	return 0;
}

static int
act_chmod(void *args, const struct opt *o, char **words, struct err *e)
{
	int mode = 0;

	if (parse_perms(o, words[0], &mode, e) < 0)
		return -e->code;
	add_step(args, MOUNT_CHMOD, NULL, words[1])->mode = mode;
	return 0;
}

static int
act_perms(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	if (a->perms >= 0)
		return err_set(e, EINVAL, "--perms given twice for the same action");
	return parse_perms(o, words[0], &a->perms, e);
}

static int
act_size(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	unsigned long long size;
	char *end;

	(void)o;
	if (a->size)
		return err_set(e, EINVAL, "--size given twice for the same action");
	errno = 0;
	size = strtoull(words[0], &end, 0); /* as bubblewrap: 0x... and 0... too */
	if (errno || *end || words[0][0] < '0' || words[0][0] > '9' || size == 0)
		return err_set(e, EINVAL, "--size takes a non-zero number of bytes, not '%s'",
			       words[0]);
	if (size > SIZE_MAX >> 1)
		return err_set(e, EINVAL, "--size is limited to %zu", SIZE_MAX >> 1);
	a->size = size;
	return 0;
}

static int
act_overlay_src(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)o;
	(void)e;
	strv_take(&a->overlay_srcs, xstrdup(words[0]));
	return 0;
}

/* The kernel wants the topmost first. */
static char **
take_lowers(struct bwrap_args *a)
{
	const size_t n = strv_len(a->overlay_srcs);
	char **v = a->overlay_srcs;

	for (size_t i = 0; i < n / 2; i++) {
		char *swapped = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = swapped;
	}
	a->overlay_srcs = NULL;
	return v;
}

/* --overlay RWSRC WORKDIR DEST, --tmp-overlay DEST, --ro-overlay DEST; the tag: sources needed */
static int
act_overlay(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	struct mount_step *m;

	if (strv_len(a->overlay_srcs) < o->tag)
		return err_set(e, EINVAL, "--%s requires at least %s --overlay-src", o->name,
			       o->tag == 1 ? "one" : "two");
	m = add_step(a, MOUNT_OVERLAY, NULL, words[o->n_words - 1]);
	m->lowers = take_lowers(a);
	m->lowers_only = o->tag == 2;
	if (o->n_words == 3) {
		m->upper = xstrdup(words[0]);
		m->work = xstrdup(words[1]);
	}
	return 0;
}

static int
act_lock_file(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	(void)o;
	(void)e;
	strv_take(&a->spec->lock_files, xstrdup(words[0]));
	return 0;
}

/* --- confinement --- */

static int
act_add_seccomp(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	int fd;

	(void)o;
	if (a->seccomp_fd >= 0)
		return err_set(e, EINVAL, "--add-seccomp-fd cannot be combined with --seccomp");
	if (bwrap_take_fd(a, words[0], &fd, e) < 0)
		return -e->code;
	return bwrap_add_program(a->spec, fd, e);
}

/* The last one wins. */
static int
act_seccomp(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;

	if (a->spec->n_programs > 0)
		return err_set(e, EINVAL, "--seccomp cannot be combined with --add-seccomp-fd");
	warn_if_again(a, o, a->seccomp_fd >= 0);
	return bwrap_take_fd(a, words[0], &a->seccomp_fd, e);
}

/* Nothing here knows SELinux, where alone labels exist. */
static int
act_label(void *args, const struct opt *o, char **words, struct err *e)
{
	(void)args;
	(void)words;
	return err_set(e, ENOTSUP, "--%s: labeling not supported on this system", o->name);
}

static int
act_cap(void *args, const struct opt *o, char **words, struct err *e)
{
	struct bwrap_args *a = args;
	uint64_t caps = ~0ULL;

	a->caps_used = true;
	if (strcasecmp(words[0], "ALL") != 0) {
		const int cap = strncasecmp(words[0], "cap_", 4) == 0 ? capname_to_number(words[0])
								     : -1;

		if (cap < 0)
			return err_set(e, EINVAL, "unknown cap: %s", words[0]);
		caps = 1ULL << cap;
	}
	if (o->tag)
		a->spec->caps |= caps;
	else
		a->spec->caps &= ~caps;
	return 0;
}

#define FLAG(name_, field, help_) OPT_FLAG(0, name_, struct bwrap_args, field, help_, NULL)
#define STOP(name_, field, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = OPT_VALUE_NONE, .act = act_stop, \
	  .offset = OPT_FIELD(struct bwrap_args, field, bool), .help = (help_) }
#define ACT(name_, n, meta, val, fn, tag_, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = (val), .metavar = (meta), \
	  .act = (fn), .n_words = (n), .tag = (tag_), .help = (help_) }
#define TEXT(name_, meta, val, field, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = (val), .metavar = (meta), \
	  .act = act_text, .n_words = 1, \
	  .offset = OPT_FIELD(struct bwrap_args, field, const char *), .help = (help_) }
#define FD(name_, field, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = OPT_VALUE_TEXT, .metavar = "FD", \
	  .act = act_fd, .n_words = 1, .offset = OPT_FIELD(struct bwrap_args, field, int), \
	  .help = (help_) }
#define SPEC_FD(name_, field, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = OPT_VALUE_TEXT, .metavar = "FD", \
	  .act = act_spec_fd, .n_words = 1, .offset = OPT_FIELD(struct spec, field, int), \
	  .help = (help_) }
#define ID(name_, meta, field, help_) \
	{ .kind = OPT_KIND_ACT, .name = (name_), .value = OPT_VALUE_TEXT, .metavar = (meta), \
	  .act = act_id, .n_words = 1, .offset = OPT_FIELD(struct bwrap_args, field, int64_t), \
	  .help = (help_) }

const struct opt bwrap_opts[] = {
	OPT_GROUP("General"),
	STOP("help", help, "print this text"),
	STOP("version", version, "print the version of bubblewrap that this is compatible with"),
	ACT("args", 1, "FD", OPT_VALUE_TEXT, act_args, 0,
	    "read more arguments from FD, each ended by a NUL"),
	{ .kind = OPT_KIND_ACT, .name = "argv0", .value = OPT_VALUE_TEXT, .metavar = "VALUE",
	  .act = act_text, .n_words = 1, .tag = 1,
	  .offset = OPT_FIELD(struct bwrap_args, argv0, const char *),
	  .help = "what the program sees as its own name" },
	FLAG("level-prefix", report.level_prefix, "put <N>, a severity of syslog(3), before each message"),
	FLAG("not-a-security-boundary", not_a_boundary,
	     "accepted; there is no failure that it would make harmless"),
	OPT_GROUP("Namespaces"),
	ACT("unshare-all", 0, NULL, OPT_VALUE_NONE, act_unshare_all, 0,
	    "all of: user-try, ipc, pid, net, uts, cgroup-try"),
	ACT("share-net", 0, NULL, OPT_VALUE_NONE, act_share_net, 0,
	    "keep the network, after --unshare-all"),
	ACT("unshare-user", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_USER,
	    "a new user namespace; implied unless root"),
	FLAG("unshare-user-try", user_try, "the same, if the kernel can"),
	ACT("unshare-ipc", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_IPC,
	    "a new IPC namespace"),
	ACT("unshare-pid", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_PID,
	    "a new pid namespace"),
	ACT("unshare-net", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_NET,
	    "a new network namespace, with nothing but a loopback device"),
	ACT("unshare-uts", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_UTS,
	    "a new UTS namespace: host name"),
	ACT("unshare-cgroup", 0, NULL, OPT_VALUE_NONE, act_unshare, SPEC_NS_CGROUP,
	    "a new cgroup namespace"),
	FLAG("unshare-cgroup-try", cgroup_try, "the same, if the kernel can"),
	SPEC_FD("userns", userns_fd, "enter the user namespace of FD instead of a new one"),
	SPEC_FD("userns2", userns2_fd, "enter that of FD once everything is set up"),
	FLAG("disable-userns", disable_userns, "no user namespaces can be made inside"),
	FLAG("assert-userns-disabled", assert_userns_disabled, "fail when one can be made inside"),
	SPEC_FD("pidns", pidns_fd, "enter the pid namespace of FD"),
	ID("uid", "UID", uid, "user id inside"),
	ID("gid", "GID", gid, "group id inside"),
	TEXT("hostname", "NAME", OPT_VALUE_TEXT, hostname, "host name; needs --unshare-uts"),
	OPT_GROUP("Environment"),
	TEXT("chdir", "DIR", OPT_VALUE_DIR, chdir, "the directory that the program starts in"),
	ACT("clearenv", 0, NULL, OPT_VALUE_NONE, act_clearenv, 0, "remove all variables but PWD"),
	ACT("setenv", 2, "VAR VALUE", OPT_VALUE_TEXT, act_setenv, 0, "set a variable"),
	ACT("unsetenv", 1, "VAR", OPT_VALUE_TEXT, act_setenv, 0, "remove a variable"),
	OPT_GROUP("File system, in the order given"),
	ACT("bind", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, 0, "mount SRC of the host on DEST"),
	ACT("bind-try", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, BIND_TRY,
	    "the same, if there is a SRC"),
	ACT("dev-bind", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, BIND_DEV,
	    "as --bind, and devices in it can be used"),
	ACT("dev-bind-try", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, BIND_DEV | BIND_TRY,
	    "the same, if there is a SRC"),
	ACT("ro-bind", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, BIND_RO, "as --bind, read-only"),
	ACT("ro-bind-try", 2, "SRC DEST", OPT_VALUE_FILE, act_bind, BIND_RO | BIND_TRY,
	    "the same, if there is a SRC"),
	ACT("bind-fd", 2, "FD DEST", OPT_VALUE_TEXT, act_bind_fd, 0,
	    "as --bind, of an open directory or O_PATH descriptor"),
	ACT("ro-bind-fd", 2, "FD DEST", OPT_VALUE_TEXT, act_bind_fd, BIND_RO,
	    "the same, read-only"),
	ACT("remount-ro", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_REMOUNT_RO,
	    "make the mount at DEST read-only, not those below it"),
	ACT("overlay-src", 1, "SRC", OPT_VALUE_DIR, act_overlay_src, 0,
	    "a lower directory for the overlay that follows; the first is the bottom"),
	ACT("overlay", 3, "RWSRC WORKDIR DEST", OPT_VALUE_DIR, act_overlay, 1,
	    "an overlay on DEST; writes go to RWSRC and stay"),
	ACT("tmp-overlay", 1, "DEST", OPT_VALUE_TEXT, act_overlay, 1,
	    "an overlay on DEST; writes are gone at the end"),
	ACT("ro-overlay", 1, "DEST", OPT_VALUE_TEXT, act_overlay, 2, "a read-only overlay on DEST"),
	ACT("proc", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_PROC, "a procfs"),
	ACT("dev", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_DEV, "a minimal /dev"),
	ACT("tmpfs", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_TMPFS, "an empty tmpfs"),
	ACT("mqueue", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_MQUEUE, "the message queues"),
	ACT("dir", 1, "DEST", OPT_VALUE_TEXT, act_mount, MOUNT_DIR, "make a directory"),
	ACT("file", 2, "FD DEST", OPT_VALUE_TEXT, act_file, 0, "copy FD to file DEST"),
	ACT("bind-data", 2, "FD DEST", OPT_VALUE_TEXT, act_bind_data, 0,
	    "copy FD to a file that is mounted on DEST"),
	ACT("ro-bind-data", 2, "FD DEST", OPT_VALUE_TEXT, act_bind_data, BIND_RO,
	    "the same, read-only"),
	ACT("symlink", 2, "SRC DEST", OPT_VALUE_TEXT, act_symlink, 0,
	    "make a symbolic link DEST that says SRC"),
	ACT("perms", 1, "OCTAL", OPT_VALUE_TEXT, act_perms, 0,
	    "permissions of what the next option makes"),
	ACT("size", 1, "BYTES", OPT_VALUE_TEXT, act_size, 0, "size of the --tmpfs that follows"),
	ACT("chmod", 2, "OCTAL PATH", OPT_VALUE_TEXT, act_chmod, 0,
	    "change permissions of PATH, which exists"),
	OPT_GROUP("Confinement"),
	ACT("seccomp", 1, "FD", OPT_VALUE_TEXT, act_seccomp, 0,
	    "load a seccomp program; the last one wins"),
	ACT("add-seccomp-fd", 1, "FD", OPT_VALUE_TEXT, act_add_seccomp, 0,
	    "load one more seccomp program"),
	ACT("exec-label", 1, "LABEL", OPT_VALUE_TEXT, act_label, 0, "refused: needs SELinux"),
	ACT("file-label", 1, "LABEL", OPT_VALUE_TEXT, act_label, 0, "refused: needs SELinux"),
	ACT("cap-add", 1, "CAP", OPT_VALUE_CAP, act_cap, 1, "give a capability, CAP_..., or ALL"),
	ACT("cap-drop", 1, "CAP", OPT_VALUE_CAP, act_cap, 0, "take a capability, CAP_..., or ALL"),
	OPT_GROUP("Start, end, and being watched"),
	ACT("lock-file", 1, "DEST", OPT_VALUE_TEXT, act_lock_file, 0,
	    "hold a read lock on DEST while the sandbox runs"),
	FD("sync-fd", sync_fd, "keep FD open while the sandbox runs"),
	SPEC_FD("block-fd", block_fd, "start the program when FD can be read"),
	FD("userns-block-fd", report.userns_block_fd,
	   "let somebody else write the id map, and go on when FD can be read"),
	FD("info-fd", report.info_fd, "write what was started to FD, as JSON"),
	FD("json-status-fd", report.status_fd, "the same, and the exit status, one JSON a line"),
	FLAG("new-session", new_session, "a new terminal session"),
	FLAG("die-with-parent", die_with_parent, "end when the caller does"),
	FLAG("as-pid-1", as_pid_1, "the program is pid 1 itself"),
	OPT_END,
};

static bool
is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

/* What waits for an operation must be followed by one that can use it. */
static int
check_pending(void *args, const struct opt *o, char **words, struct err *e)
{
	static const char *const makers[] = { "perms", "size",	    "dir",	   "tmpfs",
					      "file",  "bind-data", "ro-bind-data" };
	static const char *const overlays[] = { "overlay-src", "overlay", "tmp-overlay",
						"ro-overlay" };
	const struct bwrap_args *a = args;

	(void)words;
	if (a->size && !is_one_of(o->name, (const char *const[]){ "tmpfs", "perms", "size" }, 3))
		return err_set(e, EINVAL, "--size must be followed by --tmpfs");
	if (a->perms >= 0 && !is_one_of(o->name, makers, NELEMS(makers)))
		return err_set(e, EINVAL,
			       "--perms must be followed by an option that creates a file");
	if (a->overlay_srcs && !is_one_of(o->name, overlays, NELEMS(overlays)))
		return err_set(e, EINVAL, "--overlay-src must be followed by another --overlay-src "
					  "or one of --overlay, --tmp-overlay or --ro-overlay");
	return 0;
}

int
bwrap_parse(struct bwrap_args *a, int argc, char **argv, struct err *e)
{
	a->n_words += (size_t)argc;
	if (a->n_words > WORDS_MAX)
		return err_set(e, E2BIG, "more than %d arguments", WORDS_MAX);
	return opt_act(bwrap_opts, argc, argv, check_pending, a, e);
}
