#include <linux/capability.h>
#include <linux/filter.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/confine.h"
#include "kernel/rlimits.h"
#include "kernel/sys.h"

/* capset(2) takes unknown bits as an error in no kernel, but keeps to what it knows. */
#define CAPS_KNOWN ((1ULL << (CAP_LAST_CAP + 1)) - 1)

static int
set_limits(const struct spec *s, bool descriptors, struct err *e)
{
	for (size_t i = 0; i < s->n_rlimits; i++) {
		const int resource = s->rlimits[i].resource;

		if ((resource == RLIMIT_NOFILE) == descriptors &&
		    setrlimit((unsigned int)resource, &s->rlimits[i].limit) < 0)
			return err_sys(e, "set resource limit %s", rlimit_name(resource));
	}
	return 0;
}

int
confine_descriptors(const struct spec *s, struct err *e)
{
	return set_limits(s, true, e);
}

int
confine_limits(const struct spec *s, struct err *e)
{
	if (set_limits(s, false, e) < 0)
		return -e->code;
	(void)umask(s->umask);
	/* The caller's session keyring is readable from a new user namespace.  No keys, no harm. */
	if (s->new_keyring && sys_keyctl_join_session() < 0 && errno != ENOSYS && errno != EPERM)
		return err_sys(e, "join a new session keyring");
	return 0;
}

#define LANDLOCK_FILE \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define LANDLOCK_DIR (LANDLOCK_FILE | LANDLOCK_ACCESS_FS_REFER)

static int
landlock_allow(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access, .parent_fd = fd };

	return sys_landlock_add_path(ruleset, &a);
}

static int
landlock_allow_root(int ruleset, uint64_t access, struct err *e)
{
	AUTO_FD root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);

	if (root < 0 || landlock_allow(ruleset, root, access) < 0)
		return err_sys(e, "allow programs of the sandbox in Landlock");
	return 0;
}

/*
 * What the program was given as a descriptor it may open once more by /proc/self/fd, with the access
 * that it was given.  Pipes and sockets take no rule and need none.
 */
static void
landlock_allow_fd(int ruleset, int fd, uint64_t access, bool passed)
{
	const int flags = fcntl(fd, F_GETFL);

	if (passed && landlock_allow(ruleset, fd, access) == 0)
		return; /* a directory */
	access &= LANDLOCK_FILE;
	if ((flags & O_ACCMODE) == O_RDONLY)
		access &= LANDLOCK_ACCESS_FS_EXECUTE;
	if (!passed)
		access &= ~LANDLOCK_ACCESS_FS_EXECUTE;
	if (flags >= 0 && access)
		(void)landlock_allow(ruleset, fd, access);
}

/*
 * @access is cut to what the kernel knows: scopes came with ABI 6, TRUNCATE with 3.  Before 2, without
 * REFER, a domain would forbid all renames between directories: then there is none, -1.
 */
static int
landlock_ruleset(uint64_t *access, int *ret_fd, struct err *e)
{
	struct sys_landlock_ruleset_attr a = {
		.handled_access_fs = *access,
		.scoped = SYS_LANDLOCK_SCOPE_ABSTRACT_UNIX | SYS_LANDLOCK_SCOPE_SIGNAL,
	};
	int fd = sys_landlock_create_ruleset(&a, sizeof(a), 0);

	if (fd < 0 && (errno == E2BIG || errno == EINVAL) && *access)
		fd = sys_landlock_create_ruleset(&a, sizeof(a.handled_access_fs), 0);
	if (fd < 0 && errno == EINVAL && *access) {
		a.handled_access_fs = *access &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
		fd = sys_landlock_create_ruleset(&a, sizeof(a.handled_access_fs), 0);
	}
	if (fd < 0 && errno != ENOSYS && errno != EOPNOTSUPP && errno != EINVAL &&
	    errno != E2BIG && errno != ENOMSG)
		return err_sys(e, "make a Landlock ruleset");
	*ret_fd = fd;
	return 0;
}

static int
landlock_allow_all(const struct spec *s, int ruleset, uint64_t access, struct err *e)
{
	if (landlock_allow_root(ruleset, access, e) < 0)
		return -e->code;
	for (int fd = 0; fd < 3 && !s->tty; fd++)
		landlock_allow_fd(ruleset, fd, access, false);
	for (size_t i = 0; i < s->n_pass_fds; i++)
		landlock_allow_fd(ruleset, s->pass_fds[i], access, true);
	return 0;
}

int
confine_landlock(const struct spec *s, struct err *e)
{
	uint64_t access = s->caps & (1ULL << CAP_SYS_ADMIN) ? 0 : LANDLOCK_DIR;
	const bool scopes_add = !(s->ns & SPEC_NS_PID) || !(s->ns & SPEC_NS_NET);
	AUTO_FD ruleset = -1;

	if (!s->landlock || (!access && !scopes_add))
		return 0;
	if (landlock_ruleset(&access, &ruleset, e) < 0)
		return -e->code;
	if (ruleset < 0)
		return 0;
	if (access && landlock_allow_all(s, ruleset, access, e) < 0)
		return -e->code;
	if (sys_landlock_restrict_self(ruleset) < 0)
		return err_sys(e, "enter the Landlock domain");
	return 0;
}

static int
load_notify(const struct spec_filter *f, int *ret_listener, struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)f->n,
				   .filter = (struct sock_filter *)(uintptr_t)f->insns };
	unsigned int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
			     SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);

	if (fd < 0 && errno == EINVAL) /* before Linux 5.19 */
		fd = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (fd < 0 && errno != EBUSY)
		return err_sys(e, "load the filter of ownership emulation");
	*ret_listener = fd;
	return 0;
}

int
confine_filters(const struct spec *s, const struct spec_filter *notify, int *ret_listener,
		struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)s->filter.n,
				   .filter = (struct sock_filter *)(uintptr_t)s->filter.insns };

	bool emulate = s->emulate_owners;

	*ret_listener = -1;
	if (emulate && s->filter_emulating.n) {
		if (load_notify(&s->filter_emulating, ret_listener, e) < 0)
			return -e->code;
		if (*ret_listener >= 0)
			return 0;
		emulate = false;
	}
	if (s->filter.n && sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(e, "load the system call filter");
	return emulate ? load_notify(notify, ret_listener, e) : 0;
}

int
confine_programs(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_programs; i++) {
		const struct spec_filter *f = &s->programs[i];
		struct sock_fprog prog = { .len = (unsigned short)f->n,
					   .filter = (struct sock_filter *)(uintptr_t)f->insns };

		/* Not seccomp(2), which one of them may refuse for the next. */
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
			return err_sys(e, "load seccomp program %zu", i + 1);
	}
	return 0;
}

int
confine_close(struct err *e)
{
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? err_sys(e, "become non-dumpable") : 0;
}

bool
confine_is_open(const struct spec *s)
{
	return s->open_init && s->pidns_fd < 0 && s->userns_fd < 0;
}

int
confine_die_with_parent(struct err *e)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? err_sys(e, "set the parent death signal") : 0;
}

int
confine_death_signal(struct err *e)
{
	const unsigned int native = __NR_prctl, compat = 172; /* i386 and arm */
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, compat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_PDEATHSIG, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = NELEMS(f), .filter = f };

	if (sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(e, "load the filter of the death signal");
	return 0;
}

int
confine_ids(const struct spec *s, struct err *e)
{
	/* Nothing to become: the only id of a map, where setgroups(2) is denied, or the caller's. */
	if (s->idmap == SPEC_IDMAP_SINGLE || s->idmap == SPEC_IDMAP_EXTERNAL ||
	    s->idmap == SPEC_IDMAP_KEEP)
		return 0;
	if (sys_setgroups(s->n_groups, s->groups) < 0)
		return err_sys(e, "set supplementary groups");
	if (s->gid != 0 && sys_setresgid(s->gid) < 0)
		return err_sys(e, "set group id %u", s->gid);
	if (s->uid == 0)
		return 0;
	if (sys_setresuid(s->uid) < 0)
		return err_sys(e, "set user id %u", s->uid);
	return 0;
}

/* What is permitted and effective. */
static int
set_caps(uint64_t caps, uint64_t inheritable, struct err *e)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ .permitted = (uint32_t)caps,
		  .effective = (uint32_t)caps,
		  .inheritable = (uint32_t)inheritable },
		{ .permitted = (uint32_t)(caps >> 32),
		  .effective = (uint32_t)(caps >> 32),
		  .inheritable = (uint32_t)(inheritable >> 32) },
	};

	return sys_capset(&h, d) < 0 ? err_sys(e, "set capabilities") : 0;
}

/*
 * A new user namespace has every capability in its sets but none inheritable or ambient.  With the
 * bounding set cut, execve gives root exactly that set, and any other user nothing.
 */
static int
cut_bounding_set(const struct spec *s, struct err *e)
{
	for (int cap = 0; cap < 64; cap++) {
		if (s->caps & (1ULL << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the last capability of this kernel */
			return 0;
		return err_sys(e, "drop capability %d", cap);
	}
	return 0;
}

/* In no other user namespace than the caller's the bounding set is his: left alone. */
static bool
has_own_bounds(const struct spec *s)
{
	return ((s->ns & SPEC_NS_USER) || s->userns_fd >= 0) && s->userns2_fd < 0;
}

/* The capabilities of s->caps survive execve whoever runs it, and nothing gives more. */
static int
set_ambient(const struct spec *s, struct err *e)
{
	if (has_own_bounds(s) && cut_bounding_set(s, e) < 0)
		return -e->code;
	if (set_caps(s->caps & CAPS_KNOWN, s->caps & CAPS_KNOWN, e) < 0)
		return -e->code;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (s->caps & (1ULL << cap))
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return 0;
}

int
confine_reaper(const struct spec *s, struct err *e)
{
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (has_own_bounds(s) && cut_bounding_set(s, e) < 0)
		return -e->code;
	if (set_caps(0, 0, e) < 0)
		return -e->code;
	return confine_programs(s, e);
}

/*
 * Under no_new_privs execve gives nothing that is not permitted before (cap_bprm_creds_from_file:
 * the new permitted set is cut down to the old one), so one capset(2) does what otherwise takes a
 * prctl(2) for each capability that is dropped.  Users other than root get nothing at execve.
 */
int
confine_caps(const struct spec *s, struct err *e)
{
	if (s->caps_how == SPEC_CAPS_KEEP)
		return has_own_bounds(s) ? cut_bounding_set(s, e) : 0;
	if (s->caps_how == SPEC_CAPS_AMBIENT)
		return set_ambient(s, e);
	if (!s->no_new_privs)
		return cut_bounding_set(s, e);
	return s->uid == 0 ? set_caps(s->caps & CAPS_KNOWN, 0, e) : 0;
}
