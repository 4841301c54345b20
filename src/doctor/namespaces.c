/*
 * namespaces - checks of what a sandbox is made of
 */
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "doctor/check.h"
#include "engine/ids.h"
#include "frontend/run.h"
#include "kernel/sys.h"

long
check_sysctl(const char *path)
{
	AUTO_FD fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

/* Are we in a chroot?  There the kernel makes no user namespace. */
static bool
in_chroot(void)
{
	struct stat root, init;

	return stat("/", &root) == 0 && stat("/proc/1/root/.", &init) == 0 &&
	       (root.st_dev != init.st_dev || root.st_ino != init.st_ino);
}

void
check_userns_remedy(const struct doctor_host *h, struct doctor_finding *f)
{
	if (check_sysctl("/proc/sys/user/max_user_namespaces") == 0)
		check_remedy(f, "sysctl -w user.max_user_namespaces=10000");
	else if (check_sysctl("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		check_remedy(f, "sysctl -w kernel.unprivileged_userns_clone=1");
	else if (check_sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		check_remedy(f, "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile rootlet "
				"%s flags=(unconfined) {\\n userns,\\n}\\n' | sudo tee "
				"/etc/apparmor.d/rootlet && sudo apparmor_parser -r "
				"/etc/apparmor.d/rootlet", h->self);
	else if (h->in_container)
		check_remedy(f, "run the container with --security-opt seccomp=unconfined "
				"--security-opt apparmor=unconfined; in a pod: securityContext: "
				"{seccompProfile: {type: Unconfined}}");
	else if (in_chroot())
		check_remedy(f, "leave the chroot: enter the tree with pivot_root(8) or a container");
	else
		check_remedy(f, "whoever made the sandbox around this must allow user namespaces");
}

static bool
write_map(const char *path, const char *text)
{
	AUTO_FD fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool
check_enter(const struct doctor_host *h, struct doctor_finding *f, int flags)
{
	char map[32];

	if (unshare(CLONE_NEWUSER | flags) < 0) {
		check_failed(f, "unshare");
		return false;
	}
	(void)write_map("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1\n", h->uid);
	if (!write_map("/proc/self/uid_map", map)) {
		check_failed(f, "write uid_map");
		return false;
	}
	(void)snprintf(map, sizeof(map), "0 %u 1\n", h->gid);
	if (!write_map("/proc/self/gid_map", map)) {
		check_failed(f, "write gid_map");
		return false;
	}
	return true;
}

bool
check_enter_mounts(const struct doctor_host *h, struct doctor_finding *f, int flags)
{
	if (!check_enter(h, f, CLONE_NEWNS | flags))
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
		check_failed(f, "make mounts private");
		return false;
	}
	if (mount("tmpfs", "/", "tmpfs", 0, NULL) < 0 || chdir("/..") < 0) {
		check_failed(f, "mount tmpfs");
		return false;
	}
	return true;
}

void
check_userns(const struct doctor_host *h, struct doctor_finding *f)
{
	if (unshare(CLONE_NEWUSER) == 0)
		return;
	check_failed(f, "unshare");
	check_userns_remedy(h, f);
}

void
check_idmap(const struct doctor_host *h, struct doctor_finding *f)
{
	if (!check_enter(h, f, 0))
		check_userns_remedy(h, f);
}

void
check_mounts(const struct doctor_host *h, struct doctor_finding *f)
{
	if (!check_enter_mounts(h, f, 0))
		check_userns_remedy(h, f);
}

/* The errno with which @fn failed in a child, pid 1 of a new namespace if there is one; or 0. */
static int
in_child(int (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn() < 0 ? errno & 255 : 0);
	}
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static int
mount_proc(void)
{
	return mkdir("p", 0755) < 0 ? -1
				    : mount("proc", "p", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

void
check_pid_proc(const struct doctor_host *h, struct doctor_finding *f)
{
	if (!check_enter_mounts(h, f, CLONE_NEWPID))
		return;
	errno = in_child(mount_proc);
	if (errno == 0)
		return;
	check_failed(f, "mount proc");
	(void)snprintf(f->lost, sizeof(f->lost),
		       "a /proc of its own; --proc=host shows the one of outside");
	if (h->in_container)
		check_remedy(f, "run the container with --security-opt systempaths=unconfined; in a "
				"pod: securityContext: {procMount: Unmasked}; or rootlet run "
				"--proc=host");
	else
		check_remedy(f, "uncover /proc outside (something is mounted below it), or rootlet run "
				"--proc=host");
}

void
check_sysfs(const struct doctor_host *h, struct doctor_finding *f)
{
	if (!check_enter_mounts(h, f, CLONE_NEWNET))
		return;
	if (mkdir("s", 0755) == 0 &&
	    mount("sysfs", "s", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return;
	check_failed(f, "mount sysfs");
	check_remedy(f, "use --net=host: it shows the /sys of outside");
}

void
check_net(const struct doctor_host *h, struct doctor_finding *f)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	AUTO_FD fd = -1;

	if (!check_enter(h, f, CLONE_NEWNET)) {
		check_remedy(f, "sysctl -w user.max_net_namespaces=10000, or use --net=host");
		return;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &req) == 0)
		return;
	check_failed(f, "raise the loopback device");
	check_userns_remedy(h, f);
}

static void
give_subids(const struct doctor_host *h, struct doctor_finding *f)
{
	const struct passwd *pw = getpwuid(h->uid);

	check_remedy(f, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s",
		     pw ? pw->pw_name : "USER");
}

/* A process in a user namespace of its own, which waits to be killed; -1 with errno. */
static pid_t
start_unmapped(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) == 0)
			IGNORE(write(ready[1], "", 1));
		(void)pause();
		_exit(0);
	}
	(void)close(ready[1]);
	IGNORE(read(ready[0], &byte, 1));
	(void)close(ready[0]);
	return pid;
}

static void
try_range(const struct spec *s, struct doctor_finding *f)
{
	struct err e = ERR_INIT;
	pid_t pid = start_unmapped();

	if (pid < 0) {
		check_failed(f, "start a process");
		return;
	}
	if (ids_write_for(s, pid, &e) < 0) {
		check_set(f, DOCTOR_DEGRADED, "%s", e.msg);
		if (e.code == ENOENT)
			check_remedy(f, "install newuidmap: package uidmap (Debian, Ubuntu) or "
					"shadow-utils (Fedora)");
		else
			check_remedy(f, "see /etc/subuid and /etc/subgid, and whether newuidmap is "
					"setuid or has its file capabilities");
	} else {
		check_set(f, DOCTOR_WORKS, "%u more from id %u on", s->uids[1].count,
			  s->uids[1].outside);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

void
check_range(const struct doctor_host *h, struct doctor_finding *f)
{
	const struct run_host rh = { .uid = h->uid, .gid = h->gid };
	struct err e = ERR_INIT;
	AUTO_SPEC s = spec_new();

	if (h->uid == 0 && run_fill_idmap(s, "root", &rh, &e) == 0) {
		check_set(f, DOCTOR_WORKS, "not needed: root has ids of its own");
		return;
	}
	err_clear(&e);
	if (run_fill_idmap(s, "range", &rh, &e) < 0) {
		check_set(f, DOCTOR_DEGRADED, "none for user %u", h->uid);
		give_subids(h, f);
	} else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		check_set(f, DOCTOR_DEGRADED, "no_new_privs is set: newuidmap cannot work");
		check_remedy(f, "whoever set it must not: sudo, systemd's NoNewPrivileges=, a pod's "
				"allowPrivilegeEscalation: false");
	} else {
		try_range(s, f);
	}
}

void
check_choice(const struct doctor_host *h, struct doctor_finding *f)
{
	static const char *const words[] = {
		[SPEC_IDMAP_RANGE] = "range", [SPEC_IDMAP_ROOT] = "root",
		[SPEC_IDMAP_SINGLE] = "single", [SPEC_IDMAP_EXTERNAL] = "external",
		[SPEC_IDMAP_KEEP] = "keep",
	};
	static_assert(NELEMS(words) == SPEC_IDMAP_MAX_, "words[] does not match enum spec_idmap");
	const struct run_host rh = { .uid = h->uid, .gid = h->gid };
	unsigned long long ids = 0;
	struct err e = ERR_INIT;
	AUTO_SPEC s = spec_new();

	if (run_fill_idmap(s, "auto", &rh, &e) < 0) {
		check_set(f, DOCTOR_MISSING, "%s", e.msg);
		return;
	}
	for (size_t i = 0; i < s->n_uids; i++)
		ids += s->uids[i].count;
	check_set(f, DOCTOR_WORKS, "%s: %llu user id%s", words[s->idmap], ids, ids == 1 ? "" : "s");
}
