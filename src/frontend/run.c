#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "frontend/run.h"
#include "kernel/sys.h"

/* Find @word in a NULL-terminated list; -EINVAL names the option and the two or three choices. */
static int
one_of(const char *option, const char *word, const char *const *choices, struct err *e)
{
	const bool three = choices[2] != NULL;

	for (int i = 0; choices[i]; i++)
		if (strcmp(choices[i], word) == 0)
			return i;
	return err_set(e, EINVAL, "--%s: '%s' is not %s%s%s or %s", option, word, choices[0],
		       three ? ", " : "", three ? choices[1] : "", choices[three ? 2 : 1]);
}

static int
fill_layer(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	const char *how = a->layer;

	s->read_only = a->read_only;
	s->layer_dir = h->data_dir ? path_join(h->data_dir, "scratch") : NULL;
	/* What is read-only takes no more than mount points; but volumes of an image stay writable. */
	s->layer = (a->read_only && !(h->image && h->image->volumes)) || !s->layer_dir
			   ? SPEC_LAYER_RAM
			   : SPEC_LAYER_AUTO;
	if (!how)
		return 0;
	if (a->read_only)
		return err_set(e, EINVAL, "--layer and --read-only exclude each other");
	if (strcmp(how, "disk") == 0) {
		s->layer = SPEC_LAYER_DISK;
		if (s->layer_dir)
			return 0;
		return err_set(e, ENOENT, "--layer=disk: neither HOME nor XDG_DATA_HOME is set");
	}
	s->layer = SPEC_LAYER_RAM;
	if (strcmp(how, "ram") == 0)
		return 0;
	if (strncmp(how, "ram:", 4) != 0)
		return err_set(e, EINVAL, "--layer: '%s' is not disk or ram[:SIZE]", how);
	if (parse_size(how + 4, &s->layer_size, e) < 0)
		return err_prefix(e, "--layer");
	return s->layer_size ? 0 : err_set(e, EINVAL, "--layer: size 0 holds nothing");
}

static int
check_home(const struct run_args *a, struct err *e)
{
	static const char *const words[] = { "share", "layer", "hide", NULL };

	if (!a->home)
		return 0;
	if (one_of("home", a->home, words, e) < 0)
		return -e->code;
	if (!run_base_is_host(a->base))
		return err_set(e, EINVAL, "--home: only base host has your home directory");
	return 0;
}

static int
fill_namespaces(struct spec *s, const struct run_args *a, const struct run_image *image,
		struct err *e)
{
	static const char *const nets[] = { "none", "host", NULL };
	static const char *const procs[] = { "fresh", "host", NULL };
	static const char *const yes_no[] = { "yes", "no", NULL };
	/* The programs of an image that are setuid work, inside of its user namespace. */
	int net = 0, init = 0, privs = image ? 0 : 1;

	s->ns = SPEC_NS_USER | SPEC_NS_MOUNT | SPEC_NS_PID | SPEC_NS_IPC | SPEC_NS_UTS |
		SPEC_NS_CGROUP;
	if (a->net && strncmp(a->net, "private", 7) == 0) {
		(void)err_set(e, EINVAL, "--net=private is not there yet");
		return err_hint(e, "--net=none (the default until then) or --net=host");
	}
	if ((a->net && (net = one_of("net", a->net, nets, e)) < 0) ||
	    (a->proc && one_of("proc", a->proc, procs, e) < 0) ||
	    (a->init && (init = one_of("init", a->init, yes_no, e)) < 0) ||
	    (a->new_privs && (privs = one_of("new-privs", a->new_privs, yes_no, e)) < 0))
		return -e->code;
	if (net == 0)
		s->ns |= SPEC_NS_NET;
	s->init = init == 0;
	s->no_new_privs = privs != 0;
	return 0;
}

/* A directory given as base: by the name that it has for everybody. */
static int
add_dir_root(struct spec *s, const char *base, int root_fd, struct err *e)
{
	char path[PATH_MAX];
	/* Without /proc there is no start anyway, but a reason that is said later. */
	const bool found = fd_path(root_fd, path) == 0;
	struct mount_step *m;

	if (!found && base[0] != '/')
		return err_set(e, ENOENT, "base %s: /proc is not mounted here", base);
	m = spec_add_mount(s, MOUNT_OVERLAY, xstrdup("/"));
	m->trusted = true;
	strv_take(&m->lowers, xstrdup(found ? path : base));
	return 0;
}

/*
 * Without masks a privileged sandbox can mount a /proc of its own, for another sandbox inside.  They
 * protect little from a user who is not root on this machine; from root they do.
 */
static void
add_own_mounts(struct spec *s, const struct run_args *a)
{
	const bool unmasked = a->privileged && !s->host_root;
	struct mount_step *proc = spec_add_mount(s, MOUNT_PROC, xstrdup("/proc"));

	proc->unmasked = unmasked;
	proc->from_host = a->proc && strcmp(a->proc, "host") == 0;
	/* The emulation would not find its callers there: their pids inside are other processes'. */
	if (proc->from_host)
		s->emulate_owners = false;
	spec_add_mount(s, MOUNT_SYSFS, xstrdup("/sys"))->unmasked = unmasked;
	spec_add_mount(s, MOUNT_DEV, xstrdup("/dev"));
}

/* The resolver of this machine, for a base that shares its network. */
static int
add_resolv_conf(struct spec *s, struct err *e)
{
	AUTO_FD fd = open("/etc/resolv.conf", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct mount_step *m;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = fd_read_all(fd, 1 << 20, &text, e);
	if (n < 0)
		return err_prefix(e, "/etc/resolv.conf");
	m = spec_add_mount(s, MOUNT_FILE, xstrdup("/etc/resolv.conf"));
	m->data = text;
	m->data_len = (size_t)n;
	/* A base that lacks the file, in a directory of somebody else's, has to do without. */
	m->optional = true;
	return 0;
}

static bool
is_address(const char *s)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, s, &ignored) == 1 || inet_pton(AF_INET6, s, &ignored) == 1;
}

/* "HOST:IP" lines after what the base's own /etc/hosts has. */
static int
add_hosts(struct spec *s, const struct run_args *a, const struct run_host *h, int root_fd,
	  struct err *e)
{
	struct err ignored = ERR_INIT;
	AUTO_FREE char *old = NULL;
	AUTO_FD fd = -1;
	struct mount_step *m;
	char *text;

	if (a->add_hosts.n == 0)
		return 0;
	fd = run_open_base_file(h, root_fd, "/etc/hosts", &ignored);
	if (fd < 0 || fd_read_all(fd, 1 << 20, &old, &ignored) < 0)
		old = xstrdup("127.0.0.1\tlocalhost\n::1\tlocalhost\n");
	text = xstrdup(old);
	for (size_t i = 0; i < a->add_hosts.n; i++) {
		const char *entry = a->add_hosts.v[i], *colon = strchr(entry, ':');
		char *longer;

		if (!colon || colon == entry || !is_address(colon + 1) ||
		    strpbrk(entry, " \t\n#")) {
			free(text);
			return err_set(e, EINVAL, "--add-host '%s': expected HOST:IP", entry);
		}
		longer = xasprintf("%s%s\t%.*s\n", text, colon + 1, (int)(colon - entry), entry);
		free(text);
		text = longer;
	}
	m = spec_add_mount(s, MOUNT_FILE, xstrdup("/etc/hosts"));
	m->data = text;
	m->data_len = strlen(text);
	return 0;
}

static size_t
depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* The steps of one thing that the user mounts: a volume over mounts is several. */
struct group {
	size_t first, n, depth;
};

struct groups {
	struct group *v; /* owned */
	size_t n;
};

/* What has been added to the plan since step @first is a group. */
static void
groups_take(struct groups *g, const struct spec *s, size_t first)
{
	if (s->n_mounts == first)
		return;
	g->v = xrealloc_array(g->v, g->n + 1, sizeof(*g->v));
	g->v[g->n++] = (struct group){ first, s->n_mounts - first, depth(s->mounts[first].dst) };
}

/* Outer places first, in the given order otherwise; a group stays together. */
static void
groups_sort(struct groups *g, struct spec *s, size_t first)
{
	const size_t n = s->n_mounts - first;
	AUTO_FREE struct mount_step *sorted = xcalloc(n, sizeof(*sorted));
	size_t done = 0;

	for (size_t i = 1; i < g->n; i++) {
		struct group one = g->v[i];
		size_t j = i;

		for (; j > 0 && g->v[j - 1].depth > one.depth; j--)
			g->v[j] = g->v[j - 1];
		g->v[j] = one;
	}
	for (size_t i = 0; i < g->n; i++) {
		memcpy(sorted + done, s->mounts + g->v[i].first, g->v[i].n * sizeof(*sorted));
		done += g->v[i].n;
	}
	memcpy(s->mounts + first, sorted, n * sizeof(*sorted));
}

static int
add_here(struct spec *s, const struct run_host *h, struct err *e)
{
	if (!h->cwd || strcmp(h->cwd, "/") == 0)
		return err_set(e, EINVAL, "--here: the current directory is %s",
			       h->cwd ? "/" : "gone");
	spec_add_mount(s, MOUNT_BIND, xstrdup(h->cwd))->src = xstrdup(h->cwd);
	return 0;
}

/* The I-th of everything that the user mounts; 0 at the end, 1 otherwise. */
static int
add_user_mount(struct spec *s, const struct run_args *a, const struct run_host *h, size_t i,
	       struct err *e)
{
	if (i < a->tmpfs.n)
		return run_add_tmpfs(s, a->tmpfs.v[i], e) < 0 ? -e->code : 1;
	i -= a->tmpfs.n;
	if (i == 0)
		return a->here && add_here(s, h, e) < 0 ? -e->code : 1;
	i--;
	if (i < a->volumes.n)
		return run_add_volume(s, a->volumes.v[i], h, e) < 0 ? -e->code : 1;
	i -= a->volumes.n;
	if (i < a->devices.n)
		return run_add_device(s, a->devices.v[i], e) < 0 ? -e->code : 1;
	return 0;
}

static int
add_user_mounts(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	char *const *volume = h->image ? h->image->volumes : NULL;
	const size_t first = s->n_mounts;
	struct groups g = { .v = NULL };
	size_t before = first, n_user;
	int r;

	for (size_t i = 0; (r = add_user_mount(s, a, h, i, e)) > 0; i++) {
		groups_take(&g, s, before);
		before = s->n_mounts;
	}
	n_user = before;
	for (; r == 0 && volume && *volume; volume++) {
		r = run_add_image_volume(s, h->image, *volume, first, n_user, e);
		groups_take(&g, s, before);
		before = s->n_mounts;
	}
	if (r == 0 && g.n > 1)
		groups_sort(&g, s, first);
	free(g.v);
	return r;
}

/* What of this machine a step shows, or NULL. */
static const char *
shown_by(const struct mount_step *m)
{
	return m->op == MOUNT_BIND      ? m->src
	       : m->op == MOUNT_OVERLAY ? m->lowers[0]
					: NULL;
}

/*
 * Make @dst/... a mount point as far as @rel goes, but for its last part: a directory on the way to
 * what is hidden cannot be renamed then, and what is hidden not be put back elsewhere.
 */
static void
pin_parents(struct spec *s, const char *src, const char *dst, const char *rel)
{
	for (const char *p = strchr(rel + 1, '/'); p; p = strchr(p + 1, '/')) {
		AUTO_FREE char *part = xstrndup(rel, (size_t)(p - rel));
		struct mount_step *m = spec_add_mount(s, MOUNT_BIND, path_join(dst, part));

		m->src = path_join(src, part);
		m->optional = true;
	}
}

/* Hide @store, rootlet's own directory, where step @i shows @src.  It is made before: not inside. */
static int
mask_store_in(struct spec *s, size_t i, const char *src, const char *store, struct err *e)
{
	const bool writable = s->mounts[i].op == MOUNT_BIND && !s->mounts[i].read_only;
	/* For the base as it is written: a start with a directory is not to pay for this. */
	AUTO_FREE char *real = i == 0 ? path_clean(src) : realpath(src, NULL), *at = NULL;
	const char *rel;
	struct mount_step *m;

	if (!real)
		return 0;
	if (path_is_below(real, store)) {
		/* A mount there is at the same place in the copy of the machine. */
		if (i == 0 || strcmp(src, s->mounts[i].dst) != 0)
			return err_set(e, EPERM, "%s is rootlet's own directory", src);
		spec_add_mount(s, MOUNT_MASK, xstrdup(src));
		return 0;
	}
	if (!path_is_below(store, real))
		return 0;
	rel = store + (real[1] ? strlen(real) : 0);
	at = path_join(s->mounts[i].dst, rel);
	if (writable && *rel) {
		m = spec_add_mount(s, MOUNT_DIR, xstrdup(at));
		m->mode = 0700;
		m->optional = true;
		pin_parents(s, real, s->mounts[i].dst, rel);
	}
	spec_add_mount(s, MOUNT_MASK, TAKE_PTR(at));
	return 0;
}

/* Nothing inside may read or prepare what rootlet itself believes (firejail #7154). */
static int
mask_store(struct spec *s, const struct run_host *h, struct err *e)
{
	AUTO_FREE char *store = NULL;
	const size_t n = s->n_mounts;

	for (size_t i = 0; h->data_dir && i < n; i++) {
		const char *src = shown_by(&s->mounts[i]);

		/* The layers of an image are ours, and nothing else is seen there. */
		if (!src || (h->image && s->mounts[i].op == MOUNT_OVERLAY && s->mounts[i].trusted))
			continue;
		if (i > 0 && !store)
			store = realpath(h->data_dir, NULL);
		if (mask_store_in(s, i, src, store ? store : h->data_dir, e) < 0)
			return -e->code;
	}
	return 0;
}

static int
fill_root(struct spec *s, const struct run_args *a, const struct run_host *h, int root_fd,
	  struct err *e)
{
	const bool host = run_base_is_host(a->base);

	if (h->image)
		run_add_image_root(s, h->image);
	else if ((host ? run_add_host_root(s, a, h, e) : add_dir_root(s, a->base, root_fd, e)) < 0)
		return -e->code;
	add_own_mounts(s, a);
	if (!host)
		spec_add_mount(s, MOUNT_LAYER_DIR, xstrdup("/tmp"))->mode = 01777;
	if (!host && !(s->ns & SPEC_NS_NET) && add_resolv_conf(s, e) < 0)
		return -e->code;
	if (add_hosts(s, a, h, root_fd, e) < 0 || add_user_mounts(s, a, h, e) < 0 ||
	    mask_store(s, h, e) < 0)
		return -e->code;
	if (s->cwd_create && strcmp(s->cwd, "/") != 0 && !path_is_below(s->cwd, "/proc") &&
	    !path_is_below(s->cwd, "/sys"))
		spec_add_mount(s, MOUNT_DIR, xstrdup(s->cwd));
	return 0;
}

static int
open_base(const struct run_args *a, struct err *e)
{
	const char *path = run_base_is_host(a->base) ? "/" : a->base;
	int fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);

	return fd < 0 ? err_sys(e, "base %s", a->base) : fd;
}

static int
fill(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	AUTO_FD root_fd = -1;

	/* Before anything of ours is open. */
	if (run_fill_pass_fds(s, a, e) < 0 || (!h->image && (root_fd = open_base(a, e)) < 0))
		return -e->code;
	if (check_home(a, e) < 0 || fill_namespaces(s, a, h->image, e) < 0 || fill_layer(s, a, h, e) < 0)
		return -e->code;
	s->tty = h->terminal && s->init;
	if (a->hostname)
		s->hostname = xstrdup(a->hostname);
	else if (!run_base_is_host(a->base))
		s->hostname = xstrdup("rootlet");
	if (run_fill_process(s, a, h, root_fd, e) < 0 || run_fill_caps(s, a, e) < 0 ||
	    run_fill_idmap(s, a->idmap, h, e) < 0)
		return -e->code;
	if (fill_root(s, a, h, root_fd, e) < 0)
		return -e->code;
	return spec_validate(s, e);
}

int
run_spec(const struct run_args *a, const struct run_host *h, struct spec **ret, struct err *e)
{
	AUTO_SPEC s = spec_new();

	if (fill(s, a, h, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(s);
	return 0;
}
