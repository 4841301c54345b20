/*
 * What a run has changed of this machine: "end-changes" after `rootlet try` and `run --apply`, and
 * `rootlet apply`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "libexec/image-apply.h"
#include "libexec/image.h"

/* --- what both do --- */

static void
say(const char *text)
{
	(void)fprintf(stderr, "rootlet: %s\n", text);
}

/* rootlet's own directory, made when it is missing: a user's first command may be apply. */
static int
find_state_dir(char **ret, struct err *e)
{
	AUTO_FREE char *dir = cmd_find_data_dir();

	if (!dir)
		return err_set(e, ENOENT, "there is no place for a journal: HOME is not set");
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		IGNORE(mkdir(dir, 0700));
		*p = '/';
	}
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", dir);
	*ret = TAKE_PTR(dir);
	return 0;
}

/* Before anything else, and said, for files are not as they were left. */
static int
recover(const char *state_dir, struct err *e)
{
	int r = apply_recover(state_dir, e);

	if (r == APPLY_FINISHED)
		say("an apply that was interrupted has been finished");
	else if (r == APPLY_UNDONE)
		say("an apply that was interrupted has been undone");
	return r < 0 ? r : 0;
}

/* An interrupt in the middle would only leave work for the next time. */
static int
apply_undisturbed(struct apply_list *l, const char *dir, const char *state_dir, int fd,
		  struct err *e)
{
	AUTO_FD here = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), machine = -1;
	struct apply_target t = { .root_path = { dir, "/" }, .state_dir = state_dir };
	const size_t n = apply_count(l, NULL);
	sigset_t all, before;
	int r;

	if (here < 0 || (machine = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, "open %s", here < 0 ? dir : "/");
	t.root_fd[APPLY_HERE] = here;
	t.root_fd[APPLY_MACHINE] = machine;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	r = apply_run(l, &t, fd, e);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		(void)err_prefix(e, "nothing is applied");
		return e->code;
	}
	(void)fprintf(stderr, "rootlet: applied %zu change%s\n", n, n == 1 ? "" : "s");
	return 0;
}

/* --- rootlet apply --- */

static int
open_saved(const char *path, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (!*path)
		return err_set(e, EINVAL, "apply: the name of the file is empty");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	return TAKE_FD(fd);
}

static int
show(struct apply_list *l, const char *dir, struct err *e)
{
	AUTO_FD here = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), machine = -1;
	struct apply_target t = { .root_path = { dir, "/" } };

	if (here < 0 || (machine = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, "open %s", here < 0 ? dir : "/");
	t.root_fd[APPLY_HERE] = here;
	t.root_fd[APPLY_MACHINE] = machine;
	if (apply_check(l, &t, e) < 0)
		return -e->code;
	changes_print(stdout, l, dir);
	return 0;
}

/* Those elsewhere that were not asked for. */
static void
tell_left_out(const struct apply_list *l, const struct apply_args *a, bool chosen)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].root == APPLY_MACHINE;
	if (n > 0 && !a->elsewhere && !chosen)
		(void)fprintf(stderr,
			      "rootlet: %zu change%s elsewhere %s left out; --elsewhere applies "
			      "%s\n",
			      n, n == 1 ? "" : "s", n == 1 ? "is" : "are", n == 1 ? "it" : "them");
}

/* Whatever the file says, nothing is reached but what it may be about; and "/" is only looked at. */
static int
confine(const char *dir, const char *state_dir, bool elsewhere, struct err *e)
{
	AUTO_FD here = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
		machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), state = -1;
	struct confine_dir dirs[3];

	state = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || machine < 0 || state < 0)
		return err_sys(e, "open %s", here < 0 ? dir : state < 0 ? state_dir : "/");
	dirs[0] = (struct confine_dir){ .fd = here, .write = true };
	dirs[1] = (struct confine_dir){ .fd = state, .write = true };
	dirs[2] = (struct confine_dir){ .fd = machine, .write = elsewhere };
	return image_confine_files(NULL, dirs, NELEMS(dirs), e);
}

static int
apply_file(const struct apply_args *a, const char *path, char *const *patterns,
	   const char *state_dir, struct err *e)
{
	AUTO_APPLY_LIST l = { .v = NULL };
	AUTO_FD fd = open_saved(path, e);
	char cwd[PATH_MAX];

	if (fd < 0)
		return fd;
	if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
		return err_set(e, ENOENT, "the current directory is gone");
	if (confine(cwd, state_dir, a->elsewhere, e) < 0)
		return -e->code;
	if (apply_read(fd, &l, e) < 0)
		return err_prefix(e, "%s", path);
	if (apply_select(&l, patterns, a->elsewhere || a->list, e) < 0)
		return -e->code;
	if (a->list)
		return show(&l, cwd, e);
	tell_left_out(&l, a, *patterns);
	if (apply_count(&l, NULL) == 0) {
		say("nothing is to be applied");
		return 0;
	}
	if (apply_undisturbed(&l, cwd, state_dir, fd, e) != 0)
		return -e->code;
	if (l.n_foreign)
		(void)fprintf(stderr, "rootlet: owners are not applied: what is new is yours\n");
	return 0;
}

int
verb_apply(int argc, char **argv, struct err *e)
{
	struct apply_args a = { .list = false };
	AUTO_FREE char *state_dir = NULL;
	int first = opt_parse(apply_opts, argc, argv, &a, e);

	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (find_state_dir(&state_dir, e) < 0 || recover(state_dir, e) < 0)
		return -e->code;
	if (first == argc) {
		(void)err_set(e, EINVAL, "apply: a file of saved changes is expected");
		return err_hint(e, "rootlet try --save FILE COMMAND makes one");
	}
	return apply_file(&a, argv[first], argv + first + 1, state_dir, e);
}

/* --- after a run --- */

#define MIRROR "mirror-" /* before the name of an upper directory: see apply_place.mirror */

struct ended {
	const char *layer, *mode, *save, *dir, *state_dir;
	struct apply_place *places; /* owned, with what is open in them */
	size_t n_places;
	bool recorded;
	struct timespec start;
};

/* "NAME PATH" each.  What nothing was written to is not there. */
static int
open_places(struct ended *d, int n, char **pairs, struct err *e)
{
	d->places = xcalloc((size_t)n / 2 + 1, sizeof(*d->places));
	for (int i = 0; i + 1 < n; i += 2) {
		struct apply_place *p = &d->places[d->n_places];
		const bool mirror = strncmp(pairs[i], MIRROR, strlen(MIRROR)) == 0;
		AUTO_FREE char *upper = xasprintf("%s/%s", d->layer,
						  pairs[i] + (mirror ? strlen(MIRROR) : 0));

		p->mirror = mirror;
		p->upper_fd = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (p->upper_fd < 0 && errno == ENOENT)
			continue;
		p->lower_fd = open(pairs[i + 1], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		p->closed = access(pairs[i + 1], X_OK) < 0;
		if (p->upper_fd < 0 || p->lower_fd < 0)
			return err_sys(e, "open %s", pairs[i + 1]);
		p->path = pairs[i + 1];
		d->n_places++;
	}
	return 0;
}

/* The directory that @path names a file in; @ret_name points into @path. */
static int
open_parent(const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret_name = slash ? slash + 1 : path;
	return fd < 0 ? err_sys(e, "make %s", path) : fd;
}

/* Readable by its owner alone. */
static int
save_as(const struct ended *d, const struct apply_list *l, const char *path, struct err *e)
{
	const char *name;
	AUTO_FD dir = open_parent(path, &name, e);
	AUTO_NEW_FILE f = NEW_FILE_INIT;

	if (dir < 0)
		return err_prefix(e, "save");
	if (new_file_open(dir, &f, e) < 0)
		return err_prefix(e, "save: make %s", path);
	if (fchmod(f.fd, 0600) < 0)
		return err_sys(e, "save: make %s private", path);
	if (apply_save(l, d->places, d->recorded, f.fd, e) < 0)
		return err_prefix(e, "save");
	if (new_file_name(&f, name, e) < 0)
		return err_prefix(e, "save: write %s", path);
	(void)fprintf(stderr, "rootlet: saved %zu change%s; rootlet apply takes them\n",
		      apply_count(l, NULL), apply_count(l, NULL) == 1 ? "" : "s");
	return 0;
}

/* By way of a file in the layer, which goes with it. */
static int
apply_selected(const struct ended *d, const struct apply_list *l, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/changes", d->layer);
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	AUTO_APPLY_LIST saved = { .v = NULL };

	if (fd < 0)
		return err_sys(e, "make %s", path);
	if (apply_save(l, d->places, d->recorded, fd, e) < 0 || apply_read(fd, &saved, e) < 0)
		return err_prefix(e, "nothing is applied");
	return apply_undisturbed(&saved, d->dir, d->state_dir, fd, e) ? -e->code : 0;
}

/* Nobody looks: then all of it can be applied, or nothing is. */
static int
apply_all(const struct ended *d, struct apply_list *l, struct err *e)
{
	const struct apply_change *blocked;
	AUTO_FREE char *path = NULL;

	if (apply_count(l, &blocked) == 0)
		return 0;
	if (!blocked)
		return apply_selected(d, l, e);
	path = apply_shown_path(blocked);
	(void)err_set(e, EAGAIN, "nothing is applied: %s: %s", path, blocked->why);
	return err_hint(e,
			"with --save FILE, rootlet apply FILE PATH... applies some of the changes");
}

/* At a terminal, all that is shown may be saved wherever the user says. */
static bool
can_ask(const struct ended *d)
{
	return strcmp(d->mode, "ask") == 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int
ask(const struct ended *d, struct apply_list *l, struct err *e)
{
	if (apply_count(l, NULL) == 0)
		return 0;
	if (!can_ask(d)) {
		say("nothing is applied: there is no terminal to ask at");
		return 0;
	}
	for (;;) {
		AUTO_FREE char *word = NULL;

		switch (changes_ask(l, d->places, &word)) {
		case ANSWER_APPLY:
			return apply_selected(d, l, e);
		case ANSWER_NONE:
			return 0;
		case ANSWER_SAVE:
			if (apply_select(l, NULL, true, e) < 0 || save_as(d, l, word, e) < 0) {
				(void)cmd_fail(e);
				err_clear(e);
				continue;
			}
			return 0;
		}
	}
}

/* Is there nothing in the directory? */
static bool
is_empty(int dir_fd)
{
	AUTO_FD fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	size_t n = 0;

	if (!d)
		return false;
	(void)TAKE_FD(fd);
	while (n <= 2 && (de = readdir(d)))
		n++;
	(void)closedir(d);
	return n <= 2;
}

/*
 * Whatever the program has made, the machine is only looked at, but for the directories in which something
 * may be applied, and that of the file to be saved.
 */
static int
confine_end(const struct ended *d, struct err *e)
{
	AUTO_FREE struct confine_dir *dirs = xcalloc(d->n_places + 4, sizeof(*dirs));
	const char *name;
	AUTO_FD machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		layer = open(d->layer, O_PATH | O_DIRECTORY | O_CLOEXEC),
		state = open(d->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), saved = -1;
	const bool applies = strcmp(d->mode, "yes") == 0 || can_ask(d);
	size_t n = 0;

	if (machine < 0 || layer < 0 || state < 0)
		return err_sys(e, "open %s", machine < 0 ? "/" : layer < 0 ? d->layer : d->state_dir);
	if (d->save[0] && (saved = open_parent(d->save, &name, e)) < 0)
		return err_prefix(e, "save");
	dirs[n++] = (struct confine_dir){ .fd = machine, .write = can_ask(d) };
	dirs[n++] = (struct confine_dir){ .fd = layer, .write = true };
	dirs[n++] = (struct confine_dir){ .fd = state, .write = true };
	if (saved >= 0)
		dirs[n++] = (struct confine_dir){ .fd = saved, .write = true };
	for (size_t i = 0; applies && i < d->n_places; i++)
		if (!is_empty(d->places[i].upper_fd))
			dirs[n++] = (struct confine_dir){ .fd = d->places[i].lower_fd, .write = true };
	return image_confine_files(NULL, dirs, n, e);
}

static int
end(struct ended *d, struct err *e)
{
	AUTO_APPLY_LIST l = { .v = NULL };

	if (confine_end(d, e) < 0)
		return -e->code;
	if (apply_collect(d->places, d->n_places, d->dir, &d->start, d->recorded, &l, e) < 0)
		return err_prefix(e, "changes");
	(void)apply_select(&l, NULL, true, e);
	if (l.n == 0)
		say("nothing has changed");
	else
		changes_print(stderr, &l, d->dir);
	if (d->save[0] && save_as(d, &l, d->save, e) < 0)
		return -e->code;
	if (strcmp(d->mode, "yes") == 0)
		return apply_all(d, &l, e);
	return strcmp(d->mode, "ask") == 0 ? ask(d, &l, e) : 0;
}

int
verb_end_changes(int argc, char **argv, struct err *e)
{
	struct ended d = { .n_places = 0 };
	AUTO_FREE char *state_dir = NULL;
	uint64_t sec, nsec;
	int r;

	if (argc < 8)
		return err_set(e, EINVAL,
			       "end-changes OWNERS LAYER SEC NSEC MODE SAVE DIR [NAME PATH]...");
	d.recorded = strcmp(argv[1], "recorded") == 0;
	d.layer = argv[2];
	d.mode = argv[5];
	d.save = argv[6];
	d.dir = argv[7];
	if (parse_u64(argv[3], INT64_MAX, &sec, e) < 0 ||
	    parse_u64(argv[4], 999999999, &nsec, e) < 0 || find_state_dir(&state_dir, e) < 0)
		return -e->code;
	d.state_dir = state_dir;
	d.start = (struct timespec){ (time_t)sec, (long)nsec };
	r = open_places(&d, argc - 8, argv + 8, e);
	if (r >= 0)
		r = recover(state_dir, e);
	if (r >= 0)
		r = end(&d, e);
	for (size_t i = 0; i < d.n_places; i++) {
		fd_closep(&d.places[i].upper_fd);
		fd_closep(&d.places[i].lower_fd);
	}
	free(d.places);
	return r;
}
