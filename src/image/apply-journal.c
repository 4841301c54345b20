/*
 * DATA_DIR/apply/journal is NUL-terminated words: "rootlet apply 1", the state, the id, for each root
 * its path and inode, the number of operations; then for each operation its kind, root, directory,
 * name, temporary name, numbers, and attributes in hexadecimal.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "image/apply-internal.h"
#include "kernel/sys.h"

#define MAGIC	    "rootlet apply 1"
#define JOURNAL_MAX ((size_t)1 << 30)

static const char *const states[] = { "staging", "commit", "undo", "done" };
static_assert(NELEMS(states) == PLAN_STATE_MAX_, "states[] does not match enum plan_state");
static const char *const kinds[] = { "new", "replace", "remove", "attr" };
static_assert(NELEMS(kinds) == OP_MAX_, "kinds[] does not match enum op_kind");

int
journal_open(const char *state_dir, struct err *e)
{
	AUTO_FREE char *path = path_join(state_dir, "apply");
	AUTO_FD fd = -1;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, EPERM, "%s is for others to write, too", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock %s", path);
	return TAKE_FD(fd);
}

/* --- writing --- */

struct text {
	char *data; /* owned */
	size_t n, room;
};

static void
put(struct text *t, const char *s)
{
	const size_t n = strlen(s) + 1;

	if (t->room - t->n < n) {
		t->room = t->room * 2 + n + 1024;
		t->data = xrealloc_array(t->data, t->room, 1);
	}
	memcpy(t->data + t->n, s, n);
	t->n += n;
}

static void
put_number(struct text *t, uint64_t v)
{
	char s[24];

	(void)snprintf(s, sizeof(s), "%llu", (unsigned long long)v);
	put(t, s);
}

static void
put_xattrs(struct text *t, const struct xattr *v, size_t n)
{
	put_number(t, n);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *hex = xcalloc(v[i].n * 2 + 1, 1);

		for (size_t j = 0; j < v[i].n; j++)
			(void)snprintf(hex + j * 2, 3, "%02x", (unsigned char)v[i].value[j]);
		put(t, v[i].name);
		put(t, hex);
	}
}

static void
put_op(struct text *t, const struct op *o)
{
	put(t, kinds[o->kind]);
	put_number(t, o->root);
	put(t, o->dir);
	put(t, o->name);
	put(t, o->temp);
	put_number(t, o->old_ino);
	put_number(t, o->new_ino);
	put_number(t, (uint64_t)o->old_ctime.tv_sec);
	put_number(t, (uint64_t)o->old_ctime.tv_nsec);
	put_number(t, o->old_mode);
	put_number(t, o->new_mode);
	put_xattrs(t, o->old_xattrs, o->n_old);
	put_xattrs(t, o->new_xattrs, o->n_new);
}

int
journal_write(int dir_fd, const struct plan *p, struct err *e)
{
	struct text t = { .data = NULL };
	AUTO_FREE char *data = NULL;
	AUTO_FD fd = openat(dir_fd, "new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			    0600);

	if (fd < 0)
		return err_sys(e, "make the journal");
	put(&t, MAGIC);
	put(&t, states[p->state]);
	put(&t, p->id);
	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		put(&t, p->root_path[i]);
		put_number(&t, p->root_ino[i]);
	}
	put_number(&t, p->n);
	for (size_t i = 0; i < p->n; i++)
		put_op(&t, &p->ops[i]);
	data = t.data;
	if (fd_write_all(fd, data, t.n, e) < 0)
		return err_prefix(e, "journal");
	if (fsync(fd) < 0 || renameat(dir_fd, "new", dir_fd, "journal") < 0 || fsync(dir_fd) < 0)
		return err_sys(e, "write the journal");
	return 0;
}

void
journal_remove(int dir_fd)
{
	(void)unlinkat(dir_fd, "journal", 0);
}

/* --- reading --- */

struct words {
	const char *at, *end;
	bool bad;
};

static const char *
get(struct words *w)
{
	const char *s = w->at;
	const char *nul = w->at < w->end ? memchr(w->at, '\0', (size_t)(w->end - w->at)) : NULL;

	if (!nul) {
		w->bad = true;
		return "";
	}
	w->at = nul + 1;
	return s;
}

static uint64_t
get_number(struct words *w)
{
	struct err ignored = ERR_INIT;
	uint64_t v = 0;

	if (parse_u64(get(w), UINT64_MAX, &v, &ignored) < 0)
		w->bad = true;
	return v;
}

static int
get_choice(struct words *w, const char *const *choices, int n)
{
	const char *s = get(w);

	for (int i = 0; i < n; i++)
		if (strcmp(choices[i], s) == 0)
			return i;
	w->bad = true;
	return 0;
}

static unsigned char
hex_digit(char c)
{
	return (unsigned char)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

static void
get_xattrs(struct words *w, struct xattr **ret, size_t *ret_n)
{
	const uint64_t n = get_number(w);
	struct xattr *v = NULL;
	size_t used = 0;

	for (; used < n && !w->bad; used++) {
		const char *name = get(w), *hex = get(w);
		const size_t len = strlen(hex) / 2;

		v = xrealloc_array(v, used + 1, sizeof(*v));
		v[used] = (struct xattr){ xstrdup(name), xcalloc(len + 1, 1), len };
		for (size_t i = 0; i < len; i++)
			v[used].value[i] = (char)(hex_digit(hex[i * 2]) << 4 |
						  hex_digit(hex[i * 2 + 1]));
	}
	*ret = v;
	*ret_n = used;
}

static void
get_op(struct words *w, struct op *o)
{
	o->kind = (enum op_kind)get_choice(w, kinds, OP_MAX_);
	o->root = (enum apply_root)(get_number(w) % APPLY_ROOT_MAX_);
	o->dir = xstrdup(get(w));
	o->name = xstrdup(get(w));
	o->temp = xstrdup(get(w));
	o->old_ino = get_number(w);
	o->new_ino = get_number(w);
	o->old_ctime.tv_sec = (time_t)get_number(w);
	o->old_ctime.tv_nsec = (long)get_number(w);
	o->old_mode = (uint32_t)get_number(w);
	o->new_mode = (uint32_t)get_number(w);
	get_xattrs(w, &o->old_xattrs, &o->n_old);
	get_xattrs(w, &o->new_xattrs, &o->n_new);
}

static void
get_plan(struct words *w, struct plan *p)
{
	uint64_t n;

	if (strcmp(get(w), MAGIC) != 0)
		w->bad = true;
	p->state = (enum plan_state)get_choice(w, states, PLAN_STATE_MAX_);
	(void)snprintf(p->id, sizeof(p->id), "%s", get(w));
	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		p->root_path[i] = xstrdup(get(w));
		p->root_ino[i] = get_number(w);
	}
	n = get_number(w);
	while (p->n < n && !w->bad)
		get_op(w, plan_add(p));
}

static int
open_roots(struct plan *p, struct err *e)
{
	struct stat st;

	for (int i = 0; i < APPLY_ROOT_MAX_; i++) {
		p->root_fd[i] = sys_openat(AT_FDCWD, p->root_path[i], O_PATH | O_DIRECTORY, 0);
		if (p->root_fd[i] < 0 || fstat(p->root_fd[i], &st) < 0)
			return err_sys(e, "%s", p->root_path[i]);
		if (st.st_ino != p->root_ino[i])
			return err_set(e, ESTALE, "%s is another directory now", p->root_path[i]);
	}
	return 0;
}

int
journal_read(int dir_fd, struct plan *ret, struct err *e)
{
	AUTO_FD fd = openat(dir_fd, "journal", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	AUTO_PLAN p = PLAN_INIT;
	struct words w;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the journal");
	n = fd_read_all(fd, JOURNAL_MAX, &data, e);
	if (n < 0)
		return (int)n;
	w = (struct words){ .at = data, .end = data + n };
	get_plan(&w, &p);
	if (w.bad)
		return err_set(e, EBADMSG, "the journal makes no sense");
	if (open_roots(&p, e) < 0)
		return -e->code;
	*ret = p;
	p = (struct plan)PLAN_INIT;
	return 1;
}
