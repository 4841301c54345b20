#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/ids.h"
#include "kernel/sys.h"

#define MAP_TEXT_MAX (SPEC_ID_RANGES_MAX * 36)

static int
write_file_at(int dir_fd, const char *path, const char *text, struct err *e)
{
	AUTO_FD fd = sys_openat(dir_fd, path, O_WRONLY, 0);
	ssize_t n = (ssize_t)strlen(text);

	if (fd < 0 || write(fd, text, (size_t)n) != n) {
		(void)err_sys(e, "write %s", path);
		if (e->code == EACCES || e->code == EPERM)
			return err_hint(e, "this system restricts user namespaces "
					   "(AppArmor: kernel.apparmor_restrict_unprivileged_userns); "
					   "see rootlet doctor");
		return -e->code;
	}
	return 0;
}

static int
write_file(const char *path, const char *text, struct err *e)
{
	return write_file_at(AT_FDCWD, path, text, e);
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

int
ids_write_inner(const struct spec *s, int proc_fd, struct err *e)
{
	const struct spec_id_range uid = { s->uid, s->uids[0].inside, 1 },
				   gid = { s->gid, s->gids[0].inside, 1 };
	char map[MAP_TEXT_MAX];

	/* setgroups(2) is denied already: that is inherited. */
	format_map(&uid, 1, map);
	if (write_file_at(proc_fd, "self/uid_map", map, e) < 0)
		return -e->code;
	format_map(&gid, 1, map);
	return write_file_at(proc_fd, "self/gid_map", map, e);
}

int
ids_enter_own(struct err *e)
{
	const struct spec_id_range uid = { 0, geteuid(), 1 }, gid = { 0, getegid(), 1 };
	char map[MAP_TEXT_MAX];

	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(e, "make a user namespace");
	if (write_file("/proc/self/setgroups", "deny", e) < 0)
		return -e->code;
	format_map(&uid, 1, map);
	if (write_file("/proc/self/uid_map", map, e) < 0)
		return -e->code;
	format_map(&gid, 1, map);
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

/* A helper at work. */
struct helper {
	const char *name;
	pid_t pid;
	int complaint; /* owned: what it writes to its standard error */
};

static int
start_helper(struct helper *h, const char *name, pid_t pid, const struct spec_id_range *r, size_t n,
	     struct err *e)
{
	static char words[1 + SPEC_ID_RANGES_MAX * 3][12];
	char *argv[NELEMS(words) + 2] = { (char *)(uintptr_t)name };
	size_t w = 0;
	int fds[2];

	(void)snprintf(words[w++], sizeof(words[0]), "%d", pid);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].inside);
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].outside);
		(void)snprintf(words[w++], sizeof(words[0]), "%u", r[i].count);
	}
	for (size_t i = 0; i < w; i++)
		argv[i + 1] = words[i];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*h = (struct helper){ .name = name, .complaint = fds[0], .pid = vfork() };
	if (h->pid == 0) {
		static char *const env[] = { NULL };
		char path[64];

		(void)dup2(fds[1], STDERR_FILENO);
		(void)snprintf(path, sizeof(path), "/usr/bin/%s", name);
		(void)execve(path, argv, env);
		(void)snprintf(path, sizeof(path), "/bin/%s", name);
		(void)execve(path, argv, env);
		_exit(127);
	}
	(void)close(fds[1]);
	if (h->pid >= 0)
		return 0;
	(void)err_sys(e, "start %s", name);
	fd_closep(&h->complaint);
	return -e->code;
}

/* Its first line, without its name. */
static void
read_complaint(const struct helper *h, char out[128])
{
	const size_t len = strlen(h->name);
	ssize_t n = read(h->complaint, out, 127);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (strncmp(out, h->name, len) == 0 && strncmp(out + len, ": ", 2) == 0)
		memmove(out, out + len + 2, strlen(out + len + 2) + 1);
}

static int
finish_helper(struct helper *h, struct err *e)
{
	AUTO_FD complaint = h->complaint;
	char text[128];
	int status = 0;

	while (waitpid(h->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", h->name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_complaint(h, text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		(void)err_set(e, ENOENT, "%s is not installed", h->name);
	else
		(void)err_set(e, EPERM, "%s refused: %s", h->name, text[0] ? text : "no reason given");
	return err_hint(e, "see /etc/subuid and /etc/subgid, package uidmap, or use "
			   "--idmap=single; rootlet doctor tells more");
}

/* Both helpers at once: each costs as much as an exec of a program with many libraries. */
static int
write_by_helpers(const struct spec *s, pid_t pid, struct err *e)
{
	struct helper u, g;
	struct err second = ERR_INIT;

	if (start_helper(&u, "newuidmap", pid, s->uids, s->n_uids, e) < 0)
		return -e->code;
	if (start_helper(&g, "newgidmap", pid, s->gids, s->n_gids, e) < 0) {
		(void)finish_helper(&u, &second);
		return -e->code;
	}
	if (finish_helper(&u, e) < 0) {
		(void)finish_helper(&g, &second);
		return -e->code;
	}
	return finish_helper(&g, e);
}

int
ids_write_for(const struct spec *s, pid_t pid, struct err *e)
{
	return s->idmap == SPEC_IDMAP_ROOT ? write_direct(s, pid, e) : write_by_helpers(s, pid, e);
}
