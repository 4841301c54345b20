#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "spec/spec.h"

struct spec *
spec_new(void)
{
	struct spec *s = xcalloc(1, sizeof(*s));

	s->umask = 022;
	s->init = true;
	s->session = true;
	s->new_keyring = true;
	s->userns_fd = s->pidns_fd = s->userns2_fd = s->block_fd = -1;
	s->no_new_privs = true;
	s->landlock = true;
	s->stop_signal = SIGTERM;
	return s;
}

static void
mount_step_clear(struct mount_step *m)
{
	free(m->src);
	free(m->dst);
	strv_freep(&m->lowers);
	free(m->data);
	free(m->upper);
	free(m->work);
}

void
spec_freep(struct spec **sp)
{
	struct spec *s = *sp;

	if (!s)
		return;
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_step_clear(&s->mounts[i]);
	free(s->mounts);
	free(s->hostname);
	free(s->layer_dir);
	free(s->layer_keep);
	strv_freep(&s->layer_below);
	free(s->filter.owned);
	for (size_t i = 0; i < s->n_programs; i++)
		free(s->programs[i].owned);
	free(s->programs);
	free(s->rlimits);
	strv_freep(&s->argv);
	free(s->exe);
	strv_freep(&s->env);
	free(s->cwd);
	strv_freep(&s->cwd_else);
	strv_freep(&s->lock_files);
	free(s->groups);
	free(s->pass_fds);
	free(s->launcher_fds);
	free(s);
	*sp = NULL;
}

struct mount_step *
spec_add_mount(struct spec *s, enum mount_op op, char *dst)
{
	struct mount_step *m;

	s->mounts = xrealloc_array(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
	m = &s->mounts[s->n_mounts++];
	*m = (struct mount_step){ .op = op, .dst = dst, .fd = -1, .mode = -1, .parent_mode = -1 };
	return m;
}

void
spec_add_launcher_fd(struct spec *s, int fd)
{
	s->launcher_fds = xrealloc_array(s->launcher_fds, s->n_launcher_fds + 1,
					 sizeof(*s->launcher_fds));
	s->launcher_fds[s->n_launcher_fds++] = fd;
}

static int
check_step(const struct spec *s, size_t i, struct err *e)
{
	const struct mount_step *m = &s->mounts[i];
	bool is_root = strcmp(m->dst ? m->dst : "", "/") == 0;

	if (!m->dst || m->dst[0] != '/')
		return err_set(e, EINVAL, "mount target '%s' is not an absolute path",
			       m->dst ? m->dst : "");
	if (strlen(m->dst) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "mount target '%.60s...' is too long", m->dst);
	if (is_root && i > 0 && !s->mounts_as_given)
		return err_set(e, EINVAL, "cannot mount on '/': only the base is mounted there");
	if (i == 0 && (!is_root || (m->op != MOUNT_LAYER_DIR && m->op != MOUNT_OVERLAY)))
		return err_set(e, EINVAL, "the first mount is not a root file system");
	if (m->op == MOUNT_OVERLAY && !m->lowers)
		return err_set(e, EINVAL, "overlay at '%s' has no lower directory", m->dst);
	if (m->op == MOUNT_OVERLAY && m->lowers_only && !m->lowers[1])
		return err_set(e, EINVAL, "overlay at '%s' has one lower directory: nothing to lay "
					  "over another", m->dst);
	if ((m->op == MOUNT_BIND || m->op == MOUNT_DEVICE || m->op == MOUNT_COPY ||
	     m->op == MOUNT_SYMLINK) && !m->src && m->fd < 0)
		return err_set(e, EINVAL, "mount at '%s' has no source", m->dst);
	return 0;
}

/* /proc is where the engine itself looks, and what the masks protect. */
static int
check_proc_is_last(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts && !s->mounts_as_given; i++) {
		const struct mount_step *m = &s->mounts[i];

		if (m->op != MOUNT_PROC && m->op != MOUNT_MASK && m->op != MOUNT_DIR &&
		    path_is_below(m->dst, "/proc"))
			return err_set(e, EINVAL, "cannot mount on '%s': /proc is rootlet's own",
				       m->dst);
	}
	return 0;
}

static int
check_process(const struct spec *s, struct err *e)
{
	if (!s->argv || !s->argv[0])
		return err_set(e, EINVAL, "no command given");
	if (!s->argv[0][0])
		return err_set(e, EINVAL, "the command is an empty string");
	if (!s->cwd || s->cwd[0] != '/')
		return err_set(e, EINVAL, "working directory '%s' is not an absolute path",
			       s->cwd ? s->cwd : "");
	if (s->hostname && strlen(s->hostname) > 64)
		return err_set(e, EINVAL, "hostname '%.20s...' is longer than 64 bytes",
			       s->hostname);
	if (s->uid == UINT32_MAX || s->gid == UINT32_MAX)
		return err_set(e, EINVAL, "user or group id 4294967295 does not exist");
	if (s->stop_signal < 1 || s->stop_signal > 64)
		return err_set(e, EINVAL, "%d is not a signal", s->stop_signal);
	for (size_t i = 0; i < s->n_pass_fds; i++)
		if (s->pass_fds[i] < 0)
			return err_set(e, EINVAL, "cannot pass descriptor %d", s->pass_fds[i]);
	return 0;
}

/* Who is killed when the program ends or the launcher dies is decided by the pid namespace. */
static int
check_namespaces(const struct spec *s, struct err *e)
{
	const bool maps = s->idmap != SPEC_IDMAP_KEEP && s->idmap != SPEC_IDMAP_EXTERNAL;

	if (!(s->ns & SPEC_NS_MOUNT))
		return err_set(e, EINVAL, "a mount namespace is always needed");
	if ((s->idmap == SPEC_IDMAP_KEEP) == !!(s->ns & SPEC_NS_USER))
		return err_set(e, EINVAL, "an id map needs a user namespace, and the reverse");
	if (maps && (s->n_uids == 0 || s->n_gids == 0))
		return err_set(e, EINVAL, "no user or group ids given");
	if (!(s->ns & SPEC_NS_PID) && !(s->init ? s->linger : s->caller_signals))
		return err_set(e, EINVAL, "a pid namespace is needed");
	if (s->no_userns && !s->inner_userns)
		return err_set(e, EINVAL, "forbidding user namespaces takes an inner one");
	return 0;
}

int
spec_validate(const struct spec *s, struct err *e)
{
	if (check_namespaces(s, e) < 0)
		return -e->code;
	if (s->n_mounts == 0)
		return err_set(e, EINVAL, "no root file system given");
	if (s->emulate_owners && !s->init)
		return err_set(e, EINVAL, "ownership emulation needs an init process");
	if (s->lock_files && !s->init)
		return err_set(e, EINVAL, "lock files need an init process");
	if (s->layer != SPEC_LAYER_RAM && !s->layer_dir)
		return err_set(e, EINVAL, "a layer on disk needs a directory");
	if (s->layer_keep && (s->layer != SPEC_LAYER_DISK || s->read_only))
		return err_set(e, EINVAL, "a layer that is kept takes writes on disk");
	if (s->layer_told && s->layer != SPEC_LAYER_DISK)
		return err_set(e, EINVAL, "a layer that is to be told has to be on disk");
	if (s->layer_below && !s->layer_keep)
		return err_set(e, EINVAL, "earlier layers lie below one that is kept");
	for (size_t i = 0; i < s->n_mounts; i++)
		if (check_step(s, i, e) < 0)
			return -e->code;
	if (check_proc_is_last(s, e) < 0)
		return -e->code;
	return check_process(s, e);
}
