#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "image/apply-internal.h"

/* --- may it be applied --- */

static void
block(struct apply_change *c, const char *why)
{
	free(c->why);
	c->why = xstrdup(why);
}

/* The directory that a change is in, as it is on the machine: false when nothing can be done there. */
static bool
check_parent(struct apply_change *c, int root_fd)
{
	const char *slash = strrchr(c->path, '/');
	AUTO_FREE char *parent = xstrndup(c->path, slash ? (size_t)(slash - c->path) : 0);
	struct err open_err = ERR_INIT;
	AUTO_FD fd = open_below(root_fd, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW, &open_err);
	char link[32];

	if (fd < 0) {
		block(c, open_err.code == ELOOP ? "a link is on the way to it"
			 : open_err.code	? open_err.msg
						: "the directory that it is in is not there");
		return false;
	}
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (c->path[0] && faccessat(AT_FDCWD, link, W_OK | X_OK, AT_EACCESS) < 0) {
		block(c, "its directory is not yours to write");
		return false;
	}
	return true;
}

static void
check_one(struct apply_change *c, int root_fd)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *now = NULL;
	AUTO_FD fd = -1;

	if (c->below[0] == APPLY_NEVER)
		return;
	if (!check_parent(c, root_fd))
		return;
	fd = open_below(root_fd, c->path, O_PATH | O_NOFOLLOW, &e);
	if ((fd < 0 && e.code) || apply_stamp(fd, apply_needs_deep(c), NULL, &now, &e) < 0)
		block(c, e.msg);
	else if (strcmp(now, c->below) == 0)
		return;
	else if (strcmp(now, APPLY_NOTHING) == 0)
		block(c, "it is not here any more");
	else if (strcmp(c->below, APPLY_NOTHING) == 0)
		block(c, "it is here already");
	else
		block(c, "it was changed here meanwhile");
}

int
apply_check(struct apply_list *l, const struct apply_target *t, struct err *e)
{
	AUTO_APPLY_INDEX x = apply_index_new(l);

	for (size_t i = 0; i < l->n; i++) {
		struct apply_change *c = &l->v[i], *above = apply_index_above(x, c);

		if (!c->selected || (above && apply_makes_dir(above)))
			continue;
		check_one(c, t->root_fd[c->root]);
	}
	(void)e;
	return 0;
}

/* --- all or nothing --- */

/* After the error @e.  @ret_back: everything is as it was before. */
static int
put_back(int journal, struct plan *p, bool *ret_back, struct err *e)
{
	struct err undo = ERR_INIT;

	p->state = PLAN_UNDO;
	if (journal_write(journal, p, &undo) < 0)
		err_clear(&undo);
	*ret_back = plan_undo(p, &undo) >= 0;
	if (!*ret_back) {
		(void)err_prefix(&undo, "%s; and it could not be put back", e->msg);
		*e = undo;
		(void)err_hint(e, "what was there has a name that begins with .rootlet-%s", p->id);
	}
	plan_clean(p, !*ret_back);
	journal_remove(journal);
	return -e->code;
}

static int
finish(int journal, struct plan *p, bool *ret_back, struct err *e)
{
	if (plan_do(p, e) < 0)
		return put_back(journal, p, ret_back, e);
	p->state = PLAN_DONE;
	if (journal_write(journal, p, e) < 0)
		return put_back(journal, p, ret_back, e);
	plan_clean(p, false);
	journal_remove(journal);
	return 0;
}

/* Whatever cannot be is found out first. */
static int
check_all(struct apply_list *l, const struct apply_target *t, struct err *e)
{
	const struct apply_change *blocked;
	AUTO_FREE char *path = NULL;

	if (apply_check(l, t, e) < 0)
		return -e->code;
	(void)apply_count(l, &blocked);
	if (!blocked)
		return 0;
	path = apply_shown_path(blocked);
	return err_set(e, EAGAIN, "%s: %s", path, blocked->why);
}

static int
recover(int journal, struct plan *p, struct err *e)
{
	bool back = true;

	switch (p->state) {
	case PLAN_COMMIT:
		if (finish(journal, p, &back, e) == 0)
			return APPLY_FINISHED;
		break;
	case PLAN_DONE:
		plan_clean(p, false);
		journal_remove(journal);
		return APPLY_FINISHED;
	case PLAN_UNDO:
		(void)err_set(e, EINTR, "it was interrupted");
		(void)put_back(journal, p, &back, e);
		break;
	case PLAN_STAGING:
	case PLAN_STATE_MAX_:
		plan_clean(p, false);
		journal_remove(journal);
		break;
	}
	if (!back)
		return -e->code;
	err_clear(e);
	return APPLY_UNDONE;
}

/* Under the lock: what a process left that was killed. */
static int
recover_locked(int journal, const char *state_dir, struct err *e)
{
	AUTO_PLAN p = PLAN_INIT;
	int r;

	(void)unlinkat(journal, "new", 0);
	r = journal_read(journal, &p, e);
	if (r > 0)
		return recover(journal, &p, e);
	if (r < 0) {
		(void)err_prefix(e, "an interrupted apply");
		return err_hint(e, "when it cannot matter any more, remove %.120s/apply/journal",
				state_dir);
	}
	return APPLY_CLEAN;
}

int
apply_run(struct apply_list *l, const struct apply_target *t, int fd, struct err *e)
{
	AUTO_FD journal = journal_open(t->state_dir, e);
	AUTO_FREE ssize_t *ops = NULL;
	AUTO_PLAN p = PLAN_INIT;
	bool back;

	if (journal < 0 || recover_locked(journal, t->state_dir, e) < 0 || check_all(l, t, e) < 0 ||
	    plan_make(l, t, &p, &ops, e) < 0)
		return -e->code;
	if (journal_write(journal, &p, e) < 0)
		return -e->code;
	if (stage_all(l, ops, &p, fd, e) < 0) {
		plan_clean(&p, false);
		journal_remove(journal);
		return -e->code;
	}
	p.state = PLAN_COMMIT;
	if (journal_write(journal, &p, e) < 0)
		return put_back(journal, &p, &back, e);
	return finish(journal, &p, &back, e);
}

int
apply_recover(const char *state_dir, struct err *e)
{
	AUTO_FREE char *path = path_join(state_dir, "apply/journal"),
		       *unfinished = path_join(state_dir, "apply/new");
	AUTO_FD journal = -1;

	if (access(path, F_OK) < 0 && access(unfinished, F_OK) < 0)
		return APPLY_CLEAN;
	journal = journal_open(state_dir, e);
	return journal < 0 ? journal : recover_locked(journal, state_dir, e);
}
