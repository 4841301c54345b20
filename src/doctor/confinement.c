/*
 * confinement - checks of filters, Landlock, control groups, and of what is around us
 */
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "doctor/check.h"
#include "kernel/sys.h"

static int
load_filter(unsigned int flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
}

void
check_seccomp(const struct doctor_host *h, struct doctor_finding *f)
{
	(void)h;
	if (load_filter(0) == 0)
		return;
	check_failed(f, "seccomp");
	check_remedy(f, "use a kernel with CONFIG_SECCOMP_FILTER, or let the filter around this allow "
			"seccomp(2)");
}

void
check_notify(const struct doctor_host *h, struct doctor_finding *f)
{
	(void)h;
	if (load_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER) >= 0)
		return;
	if (errno == EBUSY) {
		check_set(f, DOCTOR_DEGRADED, "a sandbox around this has one already");
		check_remedy(f, "nothing, if that is rootlet: it answers here, too");
		return;
	}
	check_failed(f, "seccomp");
	f->state = DOCTOR_DEGRADED;
}

void
check_landlock(const struct doctor_host *h, struct doctor_finding *f)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);

	(void)h;
	if (abi < 0) {
		check_failed(f, "Landlock");
		f->state = DOCTOR_DEGRADED;
		check_remedy(f, "boot with landlock in lsm=, with Linux 5.19 or newer");
		return;
	}
	check_set(f, abi >= 6 ? DOCTOR_WORKS : DOCTOR_DEGRADED, "ABI %d", abi);
	if (abi >= 6)
		return;
	(void)snprintf(f->lost, sizeof(f->lost), "%s%s",
		       abi < 2	 ? "no check of what is executed and written, "
		       : abi < 3 ? "no check of truncate(2), "
				 : "",
		       "no scope for abstract sockets and signals");
	check_remedy(f, "use Linux 6.12 or newer");
}

/* The line "0::/path" of our own group in the unified hierarchy; false when there is none. */
static bool
own_group(char *out, size_t size)
{
	char line[PATH_MAX];
	FILE *in = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::", 3) == 0;
	}
	if (found)
		(void)snprintf(out, size, "/sys/fs/cgroup%s", line + 3);
	if (in)
		(void)fclose(in);
	return found;
}

void
check_cgroup(const struct doctor_host *h, struct doctor_finding *f)
{
	char group[PATH_MAX + 16], file[PATH_MAX + 64], controllers[80] = "";
	AUTO_FD fd = -1;
	ssize_t n;

	(void)h;
	f->state = DOCTOR_DEGRADED;
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0 || !own_group(group, sizeof(group))) {
		check_set(f, DOCTOR_DEGRADED, "no unified hierarchy (cgroup v2) at /sys/fs/cgroup");
		check_remedy(f, "boot with systemd.unified_cgroup_hierarchy=1");
		return;
	}
	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", group);
	if (access(file, W_OK) < 0) {
		check_set(f, DOCTOR_DEGRADED, "this group is not ours to divide");
		check_remedy(f, "start from a login session of systemd, or systemd-run --user --scope "
				"-p Delegate=yes rootlet ...");
		return;
	}
	(void)snprintf(file, sizeof(file), "%s/cgroup.controllers", group);
	fd = sys_openat(AT_FDCWD, file, O_RDONLY, 0);
	n = fd < 0 ? -1 : read(fd, controllers, sizeof(controllers) - 1);
	controllers[n > 0 ? n : 0] = '\0';
	controllers[strcspn(controllers, "\n")] = '\0';
	check_set(f, DOCTOR_WORKS, "%s", controllers[0] ? controllers : "no controllers");
}

static bool
is_in_path(const char *path, const char *name)
{
	char full[PATH_MAX];

	for (const char *p = path ? path : "/usr/bin:/bin"; p; p = strchr(p, ':')) {
		p += *p == ':';
		(void)snprintf(full, sizeof(full), "%.*s/%s", (int)strcspn(p, ":"), p, name);
		if (access(full, X_OK) == 0)
			return true;
	}
	return false;
}

void
check_uplink(const struct doctor_host *h, struct doctor_finding *f)
{
	if (is_in_path(h->path, "pasta"))
		check_set(f, DOCTOR_WORKS, "pasta");
	else if (is_in_path(h->path, "slirp4netns"))
		check_set(f, DOCTOR_WORKS, "slirp4netns");
	else {
		check_set(f, DOCTOR_DEGRADED, "neither pasta nor slirp4netns is installed");
		check_remedy(f, "install package passt");
	}
}

/* Not good or bad: what the other lines have to be read with. */
void
check_place(const struct doctor_host *h, struct doctor_finding *f)
{
	char line[64] = "";
	AUTO_FD fd = sys_openat(AT_FDCWD, "/proc/self/uid_map", O_RDONLY, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	unsigned int inside = 0, outside = 0, count = 0;
	const bool own = n > 0 && sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 &&
			 (inside || outside || count != UINT32_MAX);

	check_set(f, DOCTOR_WORKS, "%s%s%s%s",
		  h->in_container ? "a container" : own ? "a user namespace" : "the machine itself",
		  h->in_container && own ? ", a user namespace" : "",
		  prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? ", no_new_privs" : "",
		  prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 ? ", a seccomp filter" : "");
}

const struct check checks[] = {
	{ "surroundings", "where this runs", false, check_place, NULL },
	{ "system-calls", "system calls", true, check_calls, "everything" },
	{ "user-namespaces", "user namespaces", true, check_userns, "everything" },
	{ "id-map", "map of one id", true, check_idmap, "everything" },
	{ "mounts", "mounts in a namespace", true, check_mounts, "everything" },
	{ "fresh-proc", "a /proc of its own", false, check_pid_proc, "a /proc of its own" },
	{ "network-namespace", "a network of its own", false, check_net,
	  "--net=none, the default; --net=host works" },
	{ "fresh-sysfs", "a /sys of its own", false, check_sysfs,
	  "/sys with --net=none; --net=host shows the one of outside" },
	{ "subordinate-ids", "subordinate ids", false, check_range,
	  "more than one real owner of files; chown(2) & co. are recorded instead" },
	{ "id-map-choice", "chosen by --idmap=auto", false, check_choice, "every run" },
	{ "overlay-disk", "layers on disk", false, check_overlay_disk,
	  "layers on disk; they are kept in memory" },
	{ "overlay-ram", "layers in memory", false, check_overlay_ram, "layers in memory" },
	{ "overlay-nested", "overlay over overlay", false, check_overlay_nested,
	  "layers over a tree that is an overlay itself, as in containers" },
	{ "user-xattrs", "user xattrs on disk", false, check_xattr,
	  "the record of owners in layers on disk" },
	{ "seccomp", "system call filters", true, check_seccomp, "every confined run" },
	{ "seccomp-notify", "answering system calls", false, check_notify,
	  "ownership emulation of our own" },
	{ "landlock", "Landlock", false, check_landlock,
	  "a second lock on executing, writing, signals and abstract sockets" },
	{ "cgroup-delegation", "control groups", false, check_cgroup,
	  "limits for a sandbox as a whole (not used yet)" },
	{ "uplink", "a way out of a network", false, check_uplink,
	  "a private network with a way out (not used yet)" },
};
static_assert(NELEMS(checks) <= DOCTOR_ROWS_MAX, "more checks than rows");
const size_t n_checks = NELEMS(checks);
