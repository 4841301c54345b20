#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/ids.h"
#include "kernel/sys.h"

#define MAP_TEXT_MAX (SPEC_ID_RANGES_MAX * 36)

static int
write_file(const char *path, const char *text, struct err *e)
{
	AUTO_FD fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
	ssize_t n = (ssize_t)strlen(text);

	if (fd < 0 || write(fd, text, (size_t)n) != n) {
		(void)err_sys(e, "write %s", path);
		if (e->code == EACCES || e->code == EPERM)
			return err_hint(e, "this system restricts user namespaces "
					   "(AppArmor: kernel.apparmor_restrict_unprivileged_userns)");
		return -e->code;
	}
	return 0;
}

static void
format_map(const struct spec_id_range *r, size_t n, char out[MAP_TEXT_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, MAP_TEXT_MAX - len, "%u %u %u\n", r[i].inside,
					r[i].outside, r[i].count);
}

int
ids_write_single(const struct spec *s, struct err *e)
{
	char map[MAP_TEXT_MAX];

	/* Without this the kernel takes no gid map from an ordinary user (CVE-2014-8989). */
	if (write_file("/proc/self/setgroups", "deny", e) < 0)
		return -e->code;
	format_map(s->uids, s->n_uids, map);
	if (write_file("/proc/self/uid_map", map, e) < 0)
		return -e->code;
	format_map(s->gids, s->n_gids, map);
	return write_file("/proc/self/gid_map", map, e);
}

static int
write_direct(const struct spec *s, pid_t pid, struct err *e)
{
	char path[40], map[MAP_TEXT_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	format_map(s->uids, s->n_uids, map);
	if (write_file(path, map, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	format_map(s->gids, s->n_gids, map);
	return write_file(path, map, e);
}

/* Start newuidmap or newgidmap; its complaint goes to our stderr. */
static pid_t
start_helper(const char *helper, pid_t pid, const struct spec_id_range *r, size_t n)
{
	static char words[2 + SPEC_ID_RANGES_MAX * 3][12];
	char *argv[NELEMS(words) + 2] = { (char *)(uintptr_t)helper };
	size_t w = 0;
	pid_t child;

	(void)snprintf(words[w++], sizeof(words[0]), "%d", pid);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].inside);
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].outside);
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].count);
	}
	for (size_t i = 0; i < w; i++)
		argv[i + 1] = words[i];
	child = vfork();
	if (child == 0) {
		static char *const env[] = { NULL };
		char path[64];

		(void)snprintf(path, sizeof(path), "/usr/bin/%s", helper);
		(void)execve(path, argv, env);
		(void)snprintf(path, sizeof(path), "/bin/%s", helper);
		(void)execve(path, argv, env);
		_exit(127);
	}
	return child;
}

static int
finish_helper(const char *helper, pid_t child, struct err *e)
{
	int status = 0;

	if (child < 0)
		return err_sys(e, "start %s", helper);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", helper);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	(void)err_set(e, EPERM, "%s %s", helper,
		      WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "is not installed"
								      : "refused the map");
	return err_hint(e, "see /etc/subuid and /etc/subgid, package uidmap, or use "
			   "--idmap=single");
}

/* Both helpers at once: each costs as much as an exec of a program with many libraries. */
static int
write_by_helpers(const struct spec *s, pid_t pid, struct err *e)
{
	pid_t u = start_helper("newuidmap", pid, s->uids, s->n_uids);
	pid_t g = start_helper("newgidmap", pid, s->gids, s->n_gids);
	struct err second = ERR_INIT;
	int r = finish_helper("newuidmap", u, e);

	if (finish_helper("newgidmap", g, r < 0 ? &second : e) < 0)
		return r < 0 ? r : -e->code;
	return r;
}

int
ids_write_for(const struct spec *s, pid_t pid, struct err *e)
{
	return s->idmap == SPEC_IDMAP_ROOT ? write_direct(s, pid, e) : write_by_helpers(s, pid, e);
}
