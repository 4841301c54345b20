#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/record.h"
#include "image/tree-internal.h"

/* A link to what has this name already is there; else what is there makes room. */
static int
make_room(struct tree *t, const struct place *p, const struct stat *target, struct err *e)
{
	struct stat st;

	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at what is there");
	if (st.st_ino == target->st_ino && st.st_dev == target->st_dev)
		return 1;
	return place_clear(t, p, &st, e);
}

/* A further name of what takes no attributes has its owner beside it, too. */
static void
copy_owner(struct tree *t, int dir, const char *name, const struct place *p, const struct stat *st)
{
	char from[32], to[32];
	uint32_t uid, gid;
	int r;

	if (t->how != UNPACK_OWNERS_RECORDED || S_ISREG(st->st_mode))
		return;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", dir);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d", p->dir);
	(void)record_name_read(from, name, &uid, &gid);
	r = record_name_write(to, p->name, uid, gid);
	if (r < 0)
		attr_dropped(t, p->path, "its owner", strerrordesc_np(-r));
}

int
link_make(struct tree *t, const struct place *p, char *target, struct err *e)
{
	const char *dir_path, *name = name_split(target, &dir_path);
	AUTO_FD dir = dir_open(t, dir_path, O_PATH);
	struct stat st;
	int r;

	if (dir < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "open the directory of its target");
	if (dir < 0)
		return 1;
	if (name[0] == '\0')
		return err_set(e, EPERM, "a hard link to a directory");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 1 : err_sys(e, "look at its target");
	if (S_ISDIR(st.st_mode))
		return err_set(e, EPERM, "a hard link to a directory");
	if (is_whiteout(&st))
		return err_set(e, EPERM, "a hard link to a whiteout");
	if ((r = make_room(t, p, &st, e)) != 0)
		return r < 0 ? r : 0;
	if (linkat(dir, name, p->dir, p->name, 0) < 0)
		return err_sys(e, "make the link");
	copy_owner(t, dir, name, p, &st);
	return 0;
}
