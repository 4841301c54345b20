#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "image/tree-internal.h"

/* --- files --- */

static int
create(struct tree *t, const struct place *p, mode_t mode, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(p->dir, p->name, flags, mode);
	struct stat old;

	if (fd < 0 && errno == EEXIST) {
		if (place_clear(t, p, &old, e) < 0)
			return -e->code;
		fd = openat(p->dir, p->name, flags, mode);
	}
	return fd < 0 ? err_sys(e, "create it") : fd;
}

static int
write_at(int fd, const char *data, size_t n, uint64_t offset, struct err *e)
{
	while (n > 0) {
		ssize_t r = pwrite(fd, data, n, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "write");
		data += r;
		offset += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/* What is not in the archive is a hole, at the end too. */
static int
write_contents(int fd, uint64_t size, struct tar *data, struct err *e)
{
	uint64_t end = 0, offset;
	const void *piece;
	ssize_t n;

	while ((n = tar_data(data, &piece, &offset, e)) > 0) {
		if (write_at(fd, piece, (size_t)n, offset, e) < 0)
			return -e->code;
		end = offset + (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	return end < size && ftruncate(fd, (off_t)size) < 0 ? err_sys(e, "write") : 0;
}

static int
add_file(struct tree *t, const struct place *p, const struct tar_entry *x, struct tar *data,
	 struct err *e)
{
	const mode_t mode = attr_file_mode(t, x);
	AUTO_FD fd = -1;

	if (x->size > t->limits->bytes - t->count.bytes)
		return err_set(e, EFBIG, "the files are larger than %llu bytes",
			       (unsigned long long)t->limits->bytes);
	t->count.bytes += x->size;
	fd = create(t, p, mode, e);
	if (fd < 0 || (x->size > 0 && write_contents(fd, x->size, data, e) < 0))
		return -e->code;
	return attr_set_file(t, fd, x, NULL, mode, e);
}

/* --- directories --- */

static int
set_opaque(int fd, struct err *e)
{
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	(void)err_sys(e, "mark it as opaque by an extended attribute");
	return err_hint(e, "the store must be on a file system with user.* attributes");
}

/* @ret_old: what was there, a directory included, which stays */
static int
make_dir(struct tree *t, const struct place *p, mode_t mode, struct stat *ret_old, struct err *e)
{
	*ret_old = (struct stat){ .st_mode = 0 };
	if (mkdirat(p->dir, p->name, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "make it");
	if (fstatat(p->dir, p->name, ret_old, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at what is there");
	if (S_ISDIR(ret_old->st_mode))
		return 0;
	if (place_clear(t, p, ret_old, e) < 0)
		return -e->code;
	return mkdirat(p->dir, p->name, mode) < 0 ? err_sys(e, "make it") : 0;
}

static const struct tar_xattr *
default_acl(const struct tree *t, const struct tar_entry *x)
{
	for (size_t i = 0; i < x->n_xattrs && t->how == UNPACK_OWNERS_REAL; i++)
		if (strcmp(x->xattrs[i].name, ACL_DEFAULT) == 0)
			return &x->xattrs[i];
	return NULL;
}

/* @made: the mode that it was made with, 0: it was there before */
static int
dir_attributes(struct tree *t, int fd, const char *path, const struct tar_entry *x, mode_t made,
	       struct err *e)
{
	struct late_dir d = { .mode = x->mode, .has_mode = made == x->mode, .mtime = x->mtime };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	d.ino = st.st_ino;
	if (attr_set_dir(t, fd, x, made == 0, e) < 0)
		return -e->code;
	return late_add_dir(t, path, &d, default_acl(t, x), e);
}

/* A directory where a whiteout was has nothing of the layers below in it. */
static int
add_dir(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	const mode_t mode = attr_dir_mode(t, x);
	AUTO_FD fd = -1;
	struct stat old;

	if (make_dir(t, p, mode, &old, e) < 0)
		return -e->code;
	fd = openat(p->dir, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open it");
	if ((is_whiteout(&old) && set_opaque(fd, e) < 0) ||
	    dir_attributes(t, fd, p->path, x, S_ISDIR(old.st_mode) ? 0 : mode, e) < 0)
		return -e->code;
	dir_push(t, p, TAKE_FD(fd));
	return 0;
}

/* "." or "/": the directory that we were given, which stays what it is. */
static int
add_root(struct tree *t, const struct tar_entry *x, struct err *e)
{
	AUTO_FD fd = -1;

	if (x->kind != TAR_DIR)
		return err_set(e, EINVAL, "the root of a layer that is not a directory");
	fd = dir_open(t, "", O_RDONLY);
	if (fd < 0)
		return err_sys(e, "open it");
	return dir_attributes(t, fd, "", x, 0, e);
}

/* --- links and nodes --- */

static int
add_symlink(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	struct stat old;

	if (!x->link || x->link[0] == '\0')
		return err_set(e, EINVAL, "a symbolic link to nothing");
	if (strlen(x->link) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "a symbolic link to too long a name");
	if (symlinkat(x->link, p->dir, p->name) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make the link");
		if (place_clear(t, p, &old, e) < 0)
			return -e->code;
		if (symlinkat(x->link, p->dir, p->name) < 0)
			return err_sys(e, "make the link");
	}
	return attr_set_symlink(t, p, x, e);
}

/* Owner and mode are those of the file it is a link to. */
static int
add_hardlink(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	char target[PATH_MAX], copy[PATH_MAX];
	struct stat old;
	int r;

	if (name_clean(x->link, t->limits->depth, target, e) < 0)
		return err_prefix(e, "the target of a hard link");
	memcpy(copy, target, strlen(target) + 1);
	r = link_make(t, p, copy, e);
	if (r <= 0)
		return r;
	if (place_clear(t, p, &old, e) < 0)
		return -e->code;
	return late_add_link(t, p->path, target, e);
}

static int
make_node(struct tree *t, const struct place *p, mode_t mode, dev_t dev, struct err *e)
{
	struct stat old;

	return place_clear(t, p, &old, e) < 0		    ? -e->code
	       : mknodat(p->dir, p->name, mode, dev) < 0 ? err_sys(e, "make it")
							 : 0;
}

static int
add_fifo(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	if (make_node(t, p, S_IFIFO | 0600, 0, e) < 0)
		return -e->code;
	return attr_set_node(t, p, x, e);
}

static int
record_device(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	AUTO_FD fd = create(t, p, MODE_FILE, e);
	char type[32];

	if (fd < 0)
		return -e->code;
	(void)snprintf(type, sizeof(type), "%s-%llu-%llu", x->kind == TAR_CHAR ? "char" : "block",
		       (unsigned long long)x->major, (unsigned long long)x->minor);
	return attr_set_file(t, fd, x, type, MODE_FILE, e);
}

/* Real where it can be, else an empty file with a record. */
static int
add_device(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	const mode_t type = x->kind == TAR_CHAR ? S_IFCHR : S_IFBLK;

	if (x->major > 0xfff || x->minor > 0xfffff)
		return err_set(e, EINVAL, "device number %llu:%llu is out of range",
			       (unsigned long long)x->major, (unsigned long long)x->minor);
	if (x->kind == TAR_CHAR && x->major == 0 && x->minor == 0) {
		attr_dropped(t, x->name, "device 0:0", "overlayfs would take it for a whiteout");
		return 0;
	}
	if (t->how == UNPACK_OWNERS_RECORDED)
		return record_device(t, p, x, e);
	if (make_node(t, p, type | 0600,
		      makedev((unsigned int)x->major, (unsigned int)x->minor), e) == 0)
		return attr_set_node(t, p, x, e);
	if (e->code != EPERM)
		return -e->code;
	err_clear(e);
	return record_device(t, p, x, e);
}

/* --- what is not there --- */

/* AUFS made them as hard links to each other. */
static int
check_whiteout(const struct tar_entry *x, struct err *e)
{
	if (x->kind != TAR_FILE && x->kind != TAR_HARDLINK)
		return err_set(e, EINVAL, "a whiteout that is not a file");
	return 0;
}

static int
add_whiteout(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	const struct place hidden = { .dir = p->dir, .name = p->name + WHITEOUT_PREFIX_LEN };

	if (check_whiteout(x, e) < 0)
		return -e->code;
	if (make_node(t, &hidden, S_IFCHR, makedev(0, 0), e) < 0)
		return err_hint(e, "character device 0:0 may be made by everybody since Linux 5.8");
	return 0;
}

static int
add_opaque(struct tree *t, const struct place *p, const struct tar_entry *x, struct err *e)
{
	AUTO_FD fd = -1;

	if (check_whiteout(x, e) < 0)
		return -e->code;
	fd = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open its directory");
	if (strchr(p->path, '/') == NULL)
		t->count.opaque_root = true;
	return set_opaque(fd, e);
}

/* --- all of them --- */

static int
add_plain(struct tree *t, const struct place *p, const struct tar_entry *x, struct tar *data,
	  struct err *e)
{
	switch (x->kind) {
	case TAR_FILE:
		return add_file(t, p, x, data, e);
	case TAR_DIR:
		return add_dir(t, p, x, e);
	case TAR_SYMLINK:
		return add_symlink(t, p, x, e);
	case TAR_HARDLINK:
		return add_hardlink(t, p, x, e);
	case TAR_FIFO:
		return add_fifo(t, p, x, e);
	case TAR_CHAR:
	case TAR_BLOCK:
		return add_device(t, p, x, e);
	}
	return err_set(e, EINVAL, "a kind of file that is not supported");
}

static int
add_named(struct tree *t, const char *path, const struct tar_entry *x, struct tar *data,
	  struct err *e)
{
	char buf[PATH_MAX];
	struct place p = { .path = path };
	enum name_class class;
	const char *dir;

	if (name_classify(path, &class, e) < 0)
		return -e->code;
	if (class == NAME_AUFS)
		return 0;
	memcpy(buf, path, strlen(path) + 1);
	p.name = name_split(buf, &dir);
	if (dir_enter(t, dir, &p.dir, e) < 0)
		return -e->code;
	return class == NAME_WHITEOUT ? add_whiteout(t, &p, x, e)
	       : class == NAME_OPAQUE ? add_opaque(t, &p, x, e)
				      : add_plain(t, &p, x, data, e);
}

int
tree_add(struct tree *t, const struct tar_entry *x, struct tar *data, struct err *e)
{
	char path[PATH_MAX];

	if (tree_count_entry(t, e) < 0 || name_clean(x->name, t->limits->depth, path, e) < 0 ||
	    (path[0] == '\0' ? add_root(t, x, e) : add_named(t, path, x, data, e)) < 0)
		return err_prefix(e, "%s", x->name);
	return 0;
}

int
tree_finish(struct tree *t, struct err *e)
{
	return late_do(t, e);
}

/* Neither the umask nor an inherited access list takes anything from a mode. */
static bool
has_exact_modes(int dir_fd)
{
	AUTO_FD fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0777);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0777;
}

/* The root may have no entry of its own. */
int
tree_new(int dir_fd, enum unpack_owners how, const struct unpack_limits *l, struct tree **ret,
	 struct err *e)
{
	AUTO_TREE t = xcalloc(1, sizeof(*t));
	struct late_dir d = { .mode = MODE_IMPLIED };
	struct stat st;

	t->root = dir_fd;
	t->how = how;
	t->limits = l;
	t->uid = geteuid();
	t->gid = getegid();
	if (fstat(dir_fd, &st) < 0 || fchmod(dir_fd, MODE_PRIVATE) < 0)
		return err_sys(e, "the directory to unpack into");
	t->exact_modes = has_exact_modes(dir_fd);
	d.ino = st.st_ino;
	if (late_add_dir(t, "", &d, NULL, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(t);
	return 0;
}

void
tree_freep(struct tree **t)
{
	if (*t) {
		dir_leave(*t);
		late_free(*t);
	}
	free(*t);
	*t = NULL;
}

void
tree_count(const struct tree *t, struct unpack_result *ret)
{
	ret->bytes = t->count.bytes;
	ret->entries = t->count.entries;
	ret->opaque_root = t->count.opaque_root;
	ret->n_dropped = t->count.n_dropped;
	memcpy(ret->dropped, t->count.dropped, sizeof(ret->dropped));
}
