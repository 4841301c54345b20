/*
 * ids - which ids a sandbox gets
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "frontend/run.h"
#include "kernel/sys.h"

/* A small system file, or "" when it cannot be read. */
static char *
read_system_file(const char *path)
{
	struct err ignored = ERR_INIT;
	AUTO_FD fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	char *text = NULL;

	if (fd < 0 || fd_read_all(fd, (size_t)4 << 20, &text, &ignored) < 0)
		return xstrdup("");
	return text;
}

static bool
add_range(struct spec_id_range *r, size_t *n, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (*n == SPEC_ID_RANGES_MAX || count == 0)
		return false;
	r[(*n)++] = (struct spec_id_range){ .inside = inside, .outside = outside, .count = count };
	return true;
}

/* The caller's login name, as /etc/passwd has it: subordinate ids may be listed under it. */
static char *
login_name(uid_t uid)
{
	AUTO_FREE char *text = read_system_file("/etc/passwd");
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = strsep(&line, ":");
		char *id;
		uint32_t n;
		struct err ignored = ERR_INIT;

		(void)strsep(&line, ":");
		id = strsep(&line, ":");
		if (id && parse_id(id, &n, &ignored) == 0 && n == uid)
			return xstrdup(name);
	}
	return NULL;
}

/* "NAME-OR-UID:START:COUNT" lines of subuid(5): id 0 is the caller, 1... what is listed. */
static size_t
read_subids(const char *path, uid_t uid, const char *name, uint32_t own, struct spec_id_range *r)
{
	AUTO_FREE char *text = read_system_file(path);
	char number[12], *save, *line;
	uint32_t next = 1;
	size_t n = 0;

	(void)snprintf(number, sizeof(number), "%u", uid);
	(void)add_range(r, &n, 0, own, 1);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *who = strsep(&line, ":"), *start = strsep(&line, ":");
		struct err ignored = ERR_INIT;
		uint32_t first, count;

		if ((strcmp(who, number) != 0 && (!name || strcmp(who, name) != 0)) || !start ||
		    !line || parse_id(start, &first, &ignored) < 0 ||
		    parse_id(line, &count, &ignored) < 0)
			continue;
		if (count > UINT32_MAX - next - 1)
			count = UINT32_MAX - next - 1;
		if (add_range(r, &n, next, first, count))
			next += count;
	}
	return n;
}

/* False when the caller has no subordinate ids. */
static bool
fill_range(struct spec *s, const struct run_host *h)
{
	AUTO_FREE char *name = login_name(h->uid);

	s->idmap = SPEC_IDMAP_RANGE;
	s->n_uids = read_subids("/etc/subuid", h->uid, name, h->uid, s->uids);
	if (s->n_uids <= 1)
		return false;
	s->n_gids = read_subids("/etc/subgid", h->uid, name, h->gid, s->gids);
	return s->n_gids > 1;
}

/* The lines of a uid_map as identity ranges: what exists here exists inside under its number. */
static size_t
read_own_map(const char *path, struct spec_id_range *r)
{
	AUTO_FREE char *text = read_system_file(path);
	char *save, *line;
	size_t n = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int inside, outside, count;

		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3)
			(void)add_range(r, &n, inside, inside, count);
	}
	return n;
}

/* False when root here is root of one id only, as inside `single`. */
static bool
fill_root(struct spec *s)
{
	s->idmap = SPEC_IDMAP_ROOT;
	s->n_uids = read_own_map("/proc/self/uid_map", s->uids);
	s->n_gids = read_own_map("/proc/self/gid_map", s->gids);
	return s->n_uids > 0 && s->n_gids > 0 && (s->n_uids > 1 || s->uids[0].count > 1) &&
	       (s->n_gids > 1 || s->gids[0].count > 1);
}

/* There the emulation would not find its callers: their pids inside are other processes'. */
static bool
has_host_proc(const struct spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].op == MOUNT_PROC && s->mounts[i].from_host)
			return true;
	return false;
}

static void
fill_single(struct spec *s, const struct run_host *h)
{
	s->idmap = SPEC_IDMAP_SINGLE;
	s->n_uids = s->n_gids = 0;
	(void)add_range(s->uids, &s->n_uids, s->uid, h->uid, 1);
	(void)add_range(s->gids, &s->n_gids, s->gid, h->gid, 1);
	s->emulate_owners = s->init && s->uid == 0 && !has_host_proc(s);
}

bool
run_idmap_again(struct spec *s)
{
	const struct run_host h = { .uid = s->uids[0].outside, .gid = s->gids[0].outside };

	if (!s->idmap_auto || s->idmap != SPEC_IDMAP_RANGE)
		return false;
	fill_single(s, &h);
	return true;
}

static int
choose(struct spec *s, const char *want, const struct run_host *h, struct err *e)
{
	if (strcmp(want, "auto") == 0) {
		s->idmap_auto = true;
		if (h->uid == 0 && fill_root(s))
			return 0;
		/* Under no_new_privs the setuid helpers do not work. */
		if (h->uid != 0 && fill_range(s, h) &&
		    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
		    access("/usr/bin/newuidmap", X_OK) == 0)
			return 0;
		fill_single(s, h);
		return 0;
	}
	if (strcmp(want, "single") == 0) {
		fill_single(s, h);
		return 0;
	}
	if (strcmp(want, "root") == 0) {
		if (h->uid == 0 && fill_root(s))
			return 0;
		(void)err_set(e, EPERM, "--idmap=root: only root has more than one id to give");
		return err_hint(e, "--idmap=range takes subordinate ids, --idmap=single needs none");
	}
	if (strcmp(want, "range") != 0)
		return err_set(e, EINVAL, "--idmap: '%s' is not auto, range, root or single", want);
	if (fill_range(s, h))
		return 0;
	(void)err_set(e, EPERM, "--idmap=range: no subordinate ids for user %u", h->uid);
	return err_hint(e, "an administrator gives them: usermod --add-subuids 100000-165535 "
			   "--add-subgids 100000-165535 USER");
}

static bool
is_mapped(const struct spec_id_range *r, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= r[i].inside && id - r[i].inside < r[i].count)
			return true;
	return false;
}

/*
 * Are we the machine's own root, whatever the map?  The files of procfs belong to it, and show another
 * owner to everybody else's user 0.
 */
static bool
is_host_root(const struct run_host *h)
{
	struct stat st;

	return h->uid == 0 && stat("/proc/cmdline", &st) == 0 && st.st_uid == 0;
}

/* As it was chosen before; the one id of a single map depends on the user. */
static void
take_choice(struct spec *s, const struct run_host *h)
{
	s->idmap_auto = h->ids->idmap_auto;
	if (h->ids->idmap == SPEC_IDMAP_SINGLE) {
		fill_single(s, h);
		return;
	}
	s->idmap = h->ids->idmap;
	memcpy(s->uids, h->ids->uids, sizeof(s->uids));
	memcpy(s->gids, h->ids->gids, sizeof(s->gids));
	s->n_uids = h->ids->n_uids;
	s->n_gids = h->ids->n_gids;
}

int
run_fill_idmap(struct spec *s, const char *want, const struct run_host *h, struct err *e)
{
	if (h->ids)
		take_choice(s, h);
	else if (choose(s, want ? want : "auto", h, e) < 0)
		return -e->code;
	s->host_root = is_host_root(h);
	if (!is_mapped(s->uids, s->n_uids, s->uid))
		return err_set(e, EINVAL, "user id %u is outside of the sandbox's id map", s->uid);
	if (!is_mapped(s->gids, s->n_gids, s->gid))
		return err_set(e, EINVAL, "group id %u is outside of the sandbox's id map",
			       s->gid);
	return 0;
}
