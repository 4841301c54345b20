/*
 * bwrap - from options to a spec: what the order of options does not decide
 */
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "frontend/bwrap.h"

int
bwrap_take_fd(struct bwrap_args *a, const char *text, int *ret, struct err *e)
{
	uint64_t fd;

	if (parse_u64(text, INT_MAX, &fd, e) < 0)
		return err_set(e, EINVAL, "invalid fd: %s", text);
	a->used_fds = xrealloc_array(a->used_fds, a->n_used_fds + 1, sizeof(*a->used_fds));
	a->used_fds[a->n_used_fds++] = (int)fd;
	*ret = (int)fd;
	return 0;
}

int
bwrap_read_fd(int fd, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	size_t len = 0, room = 0;
	AUTO_FREE char *data = NULL;

	for (;;) {
		ssize_t n;

		if (room - len < 2) {
			room = room ? 2 * room : 4096;
			data = xrealloc_array(data, room, 1);
		}
		n = read(fd, data + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read descriptor %d", fd);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return err_set(e, EFBIG, "descriptor %d has more than %zu bytes", fd, max);
	}
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

int
bwrap_add_program(struct spec *s, int fd, struct err *e)
{
	char *data = NULL;
	size_t len;

	if (bwrap_read_fd(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &data, &len, e) < 0)
		return err_prefix(e, "read seccomp data");
	if (len % sizeof(struct sock_filter) != 0) {
		free(data);
		return err_set(e, EINVAL, "invalid seccomp data, must be multiple of 8");
	}
	s->programs = xrealloc_array(s->programs, s->n_programs + 1, sizeof(*s->programs));
	s->programs[s->n_programs++] = (struct spec_filter){
		.insns = data, .owned = data, .n = len / sizeof(struct sock_filter)
	};
	return 0;
}

/* Options that go together, or do not. */
static int
check_options(const struct bwrap_args *a, struct err *e)
{
	const struct spec *s = a->spec;
	const bool user = a->ns & SPEC_NS_USER, pid = a->ns & SPEC_NS_PID;
	const struct {
		bool wrong;
		const char *why;
	} rules[] = {
		{ a->report.userns_block_fd >= 0 && !user,
		  "--userns-block-fd requires --unshare-user" },
		{ a->report.userns_block_fd >= 0 && a->report.info_fd < 0,
		  "--userns-block-fd requires --info-fd" },
		{ s->userns_fd >= 0 && user, "--userns not compatible with --unshare-user" },
		{ s->userns_fd >= 0 && a->user_try,
		  "--userns not compatible with --unshare-user-try" },
		{ a->disable_userns && !user, "--disable-userns requires --unshare-user" },
		{ a->disable_userns && a->report.userns_block_fd >= 0,
		  "--disable-userns not compatible with --userns-block-fd" },
		{ a->as_pid_1 && !pid, "--as-pid-1 requires --unshare-pid" },
		{ a->as_pid_1 && s->lock_files, "--as-pid-1 not compatible with --lock-file" },
		{ a->overlay_srcs, "--overlay-src must be followed by one of --overlay, "
				   "--tmp-overlay or --ro-overlay" },
		{ a->chdir && !a->chdir[0], "--chdir: no directory has an empty name" },
		{ a->hostname && !(a->ns & SPEC_NS_UTS),
		  "specifying --hostname requires --unshare-uts" },
	};

	for (size_t i = 0; i < NELEMS(rules); i++)
		if (rules[i].wrong)
			return err_set(e, EINVAL, "%s", rules[i].why);
	return 0;
}

static void
choose_namespaces(struct bwrap_args *a)
{
	const struct bwrap_host *h = a->host;
	const bool given = a->spec->userns_fd >= 0;

	if (!given && (h->uid != 0 || (a->user_try && h->has_userns)))
		a->ns |= SPEC_NS_USER;
	if (a->cgroup_try && h->has_cgroupns)
		a->ns |= SPEC_NS_CGROUP;
	a->spec->ns = a->ns | SPEC_NS_MOUNT;
}

static int
fill_ids(struct bwrap_args *a, struct err *e)
{
	const struct bwrap_host *h = a->host;
	struct spec *s = a->spec;
	const bool user = a->ns & SPEC_NS_USER;
	const uint32_t uid = a->uid < 0 ? h->uid : (uint32_t)a->uid,
		       gid = a->gid < 0 ? h->gid : (uint32_t)a->gid;

	if (!user && s->userns_fd < 0 && (uid != h->uid || gid != h->gid))
		return err_set(e, EINVAL, "specifying --%s requires --unshare-user or --userns",
			       uid != h->uid ? "uid" : "gid");
	s->uid = uid;
	s->gid = gid;
	s->idmap = !user			    ? SPEC_IDMAP_KEEP
		   : a->report.userns_block_fd >= 0 ? SPEC_IDMAP_EXTERNAL
						    : SPEC_IDMAP_SINGLE;
	if (s->idmap != SPEC_IDMAP_SINGLE)
		return 0;
	s->inner_userns = a->disable_userns || (a->needs_devpts && (uid || gid));
	s->n_uids = s->n_gids = 1;
	s->uids[0] = (struct spec_id_range){ a->needs_devpts ? 0 : uid, h->uid, 1 };
	s->gids[0] = (struct spec_id_range){ a->needs_devpts ? 0 : gid, h->gid, 1 };
	return 0;
}

/* What leads nowhere here (yet, or a link of /proc that is no text) is left for the engine to find. */
static void
resolve(char **path)
{
	char real[PATH_MAX];

	if (*path && realpath(*path, real)) {
		free(*path);
		*path = xstrdup(real);
	}
}

static void
resolve_sources(struct mount_step *m)
{
	if (m->op != MOUNT_BIND && m->op != MOUNT_OVERLAY)
		return;
	resolve(&m->src);
	resolve(&m->upper);
	resolve(&m->work);
	for (char **p = m->lowers; p && *p; p++)
		resolve(p);
}

/* A procfs of the pid namespace that we are in shows nothing that a fresh one would not. */
static void
finish_mounts(struct bwrap_args *a)
{
	struct spec *s = a->spec;

	s->layer = SPEC_LAYER_RAM;
	s->mounts_as_given = true;
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct mount_step *m = &s->mounts[i];

		resolve_sources(m);
		if (m->op == MOUNT_PROC)
			m->from_host = !(a->ns & SPEC_NS_PID) && s->pidns_fd < 0;
	}
}

static void
fill_confinement(struct bwrap_args *a)
{
	struct spec *s = a->spec;

	s->landlock = false;
	s->new_keyring = false;
	s->no_userns = a->disable_userns;
	s->assert_no_userns = a->assert_userns_disabled;
	s->caps_how = a->host->uid == 0 && !a->caps_used ? SPEC_CAPS_KEEP : SPEC_CAPS_AMBIENT;
}

/* Where the program starts, and what PWD says of it. */
static void
fill_cwd(struct bwrap_args *a)
{
	struct spec *s = a->spec;
	const char *places[] = { a->chdir ? a->chdir : a->host->cwd, NULL, NULL };
	AUTO_FREE char *pwd = NULL;
	size_t n = places[0] != NULL;

	if (!a->chdir) {
		places[n] = strv_env_get(s->env, "HOME");
		n += places[n] != NULL;
		places[n++] = "/";
	}
	s->cwd = bwrap_absolute(places[0]);
	for (size_t i = 1; i < n; i++)
		if (places[i][0] == '/')
			strv_take(&s->cwd_else, xasprintf("PWD=%s", places[i]));
	pwd = xasprintf("PWD=%s", places[0]);
	strv_env_set(&s->env, pwd);
}

static void
fill_process(struct bwrap_args *a, char **command)
{
	struct spec *s = a->spec;

	s->argv = strv_copy(command);
	if (a->argv0 && s->argv) {
		s->exe = s->argv[0];
		s->argv[0] = xstrdup(a->argv0);
	}
	s->umask = a->host->umask;
	s->hostname = a->hostname ? xstrdup(a->hostname) : NULL;
	s->session = a->new_session;
	s->caller_signals = true;
	s->detached = !a->die_with_parent;
	s->die_with_parent = a->die_with_parent;
	s->init = !a->as_pid_1 && ((a->ns & SPEC_NS_PID) || s->lock_files || a->sync_fd >= 0);
	s->linger = s->init;
	s->open_init = true;
	fill_cwd(a);
}

/* These are the launcher's alone: their reader waits for the end. */
static void
keep_from_sandbox(struct bwrap_args *a)
{
	const int fds[] = { a->report.info_fd, a->report.status_fd, a->report.userns_block_fd };

	for (size_t i = 0; i < NELEMS(fds); i++)
		if (fds[i] >= 0)
			spec_add_launcher_fd(a->spec, fds[i]);
}

static bool
is_inherited(const struct bwrap_host *h, int fd)
{
	for (size_t i = 0; i < h->n_fds; i++)
		if (h->fds[i] == fd)
			return true;
	return fd <= STDERR_FILENO;
}

/* Nobody waits for a closed one, as with bubblewrap; later that number may be one of our own. */
static void
drop_closed(struct bwrap_args *a)
{
	if (!is_inherited(a->host, a->spec->block_fd))
		a->spec->block_fd = -1;
}

/* Descriptors are inherited, but for those that are named here.  Nobody else could hold sync_fd. */
static void
fill_fds(struct bwrap_args *a)
{
	struct spec *s = a->spec;

	s->pass_fds = xcalloc(a->host->n_fds + 1, sizeof(*s->pass_fds));
	for (size_t i = 0; i < a->host->n_fds; i++) {
		const int fd = a->host->fds[i];
		bool used = false;

		for (size_t j = 0; j < a->n_used_fds; j++)
			used = used || a->used_fds[j] == fd;
		if (!used || (fd == a->sync_fd && !s->init))
			s->pass_fds[s->n_pass_fds++] = fd;
	}
}

static int
make_spec(struct bwrap_args *a, char **command, struct err *e)
{
	if (a->seccomp_fd >= 0 && bwrap_add_program(a->spec, a->seccomp_fd, e) < 0)
		return -e->code;
	if (check_options(a, e) < 0)
		return -e->code;
	choose_namespaces(a);
	if (fill_ids(a, e) < 0)
		return -e->code;
	finish_mounts(a);
	fill_confinement(a);
	fill_process(a, command);
	fill_fds(a);
	drop_closed(a);
	keep_from_sandbox(a);
	return spec_validate(a->spec, e);
}

static void
init_args(struct bwrap_args *a, const struct bwrap_host *h)
{
	*a = (struct bwrap_args){
		.host = h,
		.spec = spec_new(),
		.report = { .info_fd = -1, .status_fd = -1, .userns_block_fd = -1 },
		.uid = -1,
		.gid = -1,
		.sync_fd = -1,
		.seccomp_fd = -1,
		.perms = -1,
	};
	(void)spec_add_mount(a->spec, MOUNT_LAYER_DIR, xstrdup("/"));
	a->spec->env = strv_copy(h->env);
	a->spec->caps = h->uid == 0 ? h->caps : 0;
}

int
bwrap_spec(int argc, char **argv, const struct bwrap_host *h, struct bwrap_report *ret_report,
	   struct spec **ret, struct err *e)
{
	struct bwrap_args a;
	int end, r;

	init_args(&a, h);
	end = bwrap_parse(&a, argc, argv, e);
	if (a.help || a.version) {
		err_clear(e);
		r = a.help ? BWRAP_HELP : BWRAP_VERSION_ONLY;
	} else if (end < 0) {
		r = end;
	} else if (end == argc) {
		(void)err_set(e, EINVAL, "no command given");
		r = err_hint(e, BWRAP_USAGE);
	} else {
		r = make_spec(&a, argv + end, e);
	}
	*ret_report = a.report;
	if (r == 0)
		*ret = TAKE_PTR(a.spec);
	spec_freep(&a.spec);
	strv_freep(&a.args_data);
	free(a.used_fds);
	strv_freep(&a.overlay_srcs);
	return r;
}
