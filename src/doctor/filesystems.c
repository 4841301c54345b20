/*
 * filesystems - checks of overlays, of extended attributes, and of the calls that mount
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "doctor/check.h"
#include "kernel/sys.h"

/* The calls that there is nothing weaker for; with arguments that any kernel refuses. */
void
check_calls(const struct doctor_host *h, struct doctor_finding *f)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	struct mount_attr attr = { .attr_set = 0 };
	struct statx st;
	const struct {
		const char *name, *version;
		int failed;
	} calls[] = {
		{ "openat2", "5.6", sys_openat2(AT_FDCWD, "/", &how) < 0 ? errno : 0 },
		{ "open_tree", "5.2", sys_open_tree(-1, "", 0) < 0 ? errno : 0 },
		{ "move_mount", "5.2", sys_move_mount(-1, "", -1, "", 0) < 0 ? errno : 0 },
		{ "mount_setattr", "5.12", sys_mount_setattr(-1, "", 0, &attr) < 0 ? errno : 0 },
		{ "statx", "5.8", sys_statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &st) < 0 ? errno : 0 },
	};

	(void)h;
	for (size_t i = 0; i < NELEMS(calls); i++) {
		if (calls[i].failed != ENOSYS)
			continue;
		check_set(f, DOCTOR_MISSING, "%s(2)", calls[i].name);
		check_remedy(f, "use Linux %s or newer, or let the filter around this allow the call",
			     calls[i].version);
		return;
	}
}

static bool
overlay(const char *at, const char *lower, const char *upper, const char *work)
{
	char opts[4 * PATH_MAX];

	(void)snprintf(opts, sizeof(opts), "userxattr,lowerdir=%s,upperdir=%s,workdir=%s", lower,
		       upper, work);
	return mount("overlay", at, "overlay", 0, opts) == 0;
}

static bool
make_dirs(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mkdir(names[i], 0755) < 0)
			return false;
	return true;
}

void
check_overlay_ram(const struct doctor_host *h, struct doctor_finding *f)
{
	static const char *const dirs[] = { "l", "u", "w", "m" };

	if (!check_enter_mounts(h, f, 0))
		return;
	if (!make_dirs(dirs, NELEMS(dirs)) || !overlay("m", "l", "u", "w")) {
		check_failed(f, "mount overlay");
		check_remedy(f, "use Linux 5.11 or newer, with overlayfs (CONFIG_OVERLAY_FS)");
		return;
	}
	if (setxattr("w", "user.rootlet.probe", "", 0, 0) < 0) {
		check_set(f, DOCTOR_DEGRADED, "tmpfs has no user xattrs");
		(void)snprintf(f->lost, sizeof(f->lost), "layers in memory: --layer=ram");
		check_remedy(f, "use Linux 6.6 or newer, or --layer=disk");
	}
}

void
check_overlay_nested(const struct doctor_host *h, struct doctor_finding *f)
{
	static const char *const dirs[] = { "l", "u", "w", "m", "u2", "w2", "m2" };

	if (!check_enter_mounts(h, f, 0))
		return;
	if (!make_dirs(dirs, NELEMS(dirs)) || !overlay("m", "l", "u", "w") ||
	    !overlay("m2", "m", "u2", "w2")) {
		check_failed(f, "mount overlay");
		f->state = DOCTOR_DEGRADED;
	}
}

/* The nearest directory on the way to the data directory that there is.  Owned. */
static char *
existing_dir(const struct doctor_host *h)
{
	char *path = xstrdup(h->data_dir ? h->data_dir : "/var/tmp");
	struct stat st;

	while (strlen(path) > 1 && stat(path, &st) < 0) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';
	}
	return path;
}

/* Removed from outside of the namespaces that used it. */
static void
remove_scratch(const char *dir)
{
	static const char *const names[] = { "w/work/work", "w/work", "w", "u", "l", "m" };
	char path[PATH_MAX];

	for (size_t i = 0; i < NELEMS(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)rmdir(path);
	}
	(void)rmdir(dir);
}

/* In a child: 0, or the errno of the overlay over @dir. */
static int
try_overlay(const struct doctor_host *h, const char *dir)
{
	static const char *const dirs[] = { "l", "u", "w", "m" };
	struct doctor_finding ignored = { .state = DOCTOR_WORKS };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!check_enter(h, &ignored, CLONE_NEWNS) || chdir(dir) < 0 ||
		    !make_dirs(dirs, NELEMS(dirs)) || !overlay("m", "l", "u", "w"))
			_exit(errno & 255);
		_exit(0);
	}
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

void
check_overlay_disk(const struct doctor_host *h, struct doctor_finding *f)
{
	AUTO_FREE char *parent = existing_dir(h);
	AUTO_FREE char *dir = xasprintf("%s/.rootlet-doctor-%d", parent, getpid());
	int failed;

	(void)umask(022);
	if (mkdir(dir, 0700) < 0) {
		check_failed(f, parent);
		f->state = DOCTOR_DEGRADED;
		check_remedy(f, "point XDG_DATA_HOME at a directory that can be written");
		return;
	}
	failed = try_overlay(h, dir);
	remove_scratch(dir);
	if (!failed)
		return;
	errno = failed;
	check_failed(f, parent);
	f->state = DOCTOR_DEGRADED;
	check_remedy(f, "point XDG_DATA_HOME at ext4, xfs, btrfs or tmpfs: network file systems and "
			"overlays cannot hold a layer");
}

void
check_xattr(const struct doctor_host *h, struct doctor_finding *f)
{
	AUTO_FREE char *parent = existing_dir(h);
	AUTO_FREE char *dir = xasprintf("%s/.rootlet-doctor-%d", parent, getpid());
	int failed = 0;

	if (mkdir(dir, 0700) < 0) {
		check_failed(f, parent);
		f->state = DOCTOR_DEGRADED;
		return;
	}
	if (setxattr(dir, "user.rootlet.probe", "", 0, 0) < 0)
		failed = errno;
	(void)rmdir(dir);
	errno = failed;
	if (!failed)
		return;
	check_failed(f, parent);
	f->state = DOCTOR_DEGRADED;
	check_remedy(f, "mount it with user_xattr, or point XDG_DATA_HOME elsewhere");
}
