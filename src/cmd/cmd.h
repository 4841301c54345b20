/*
 * cmd - the commands of rootlet
 *
 * Only here and in main is anything printed, is the environment read and is the process's exit
 * status decided.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <time.h>

#include <stdio.h>

#include "frontend/run.h"
#include "options/opt.h"

#define EXIT_ROOTLET 125 /* rootlet itself failed */

/* All commands, NULL-terminated; main dispatches, the documentation is made from it. */
extern const struct opt_command cmd_table[];

extern const struct opt run_opts[], try_opts[];
int cmd_try(int argc, char **argv);
int cmd_run(int argc, char **argv);

extern const struct opt unshare_opts[];
int cmd_unshare(int argc, char **argv);

int cmd_bwrap(int argc, char **argv);

extern const struct opt doctor_opts[];
int cmd_doctor(int argc, char **argv);

/* @path when it is absolute, else NULL. */
const char *cmd_absolute(const char *path);
/* $ROOTLET_STORE, $XDG_DATA_HOME/rootlet or ~/.local/share/rootlet, owned; NULL: none is known. */
char *cmd_find_data_dir(void);
/* The same; NULL with an error: there is no place for @what. */
char *cmd_need_data_dir(const char *what, struct err *e);
/* From now on it is @dir, which may be relative, for us and for helpers; NULL changes nothing. */
int cmd_use_store(const char *dir, struct err *e);
/* An error when $ROOTLET_STORE is relative: it would be another store in each directory. */
int cmd_check_store(struct err *e);

/* Where this caller's configuration of docker and podman is; see image/places.h. */
struct places;
void cmd_find_places(struct places *ret);
/* The short names that this caller's tools know images by; see image/aliases.h. */
struct aliases;
void cmd_read_aliases(struct aliases *a);

/* The time that is to stand in what is made, in seconds; -1: the real one. */
int64_t cmd_source_date_epoch(void);

/* Print "rootlet: MESSAGE" and its hint, safe for a terminal.  Returns EXIT_ROOTLET. */
int cmd_fail(const struct err *e);

/* A terminal, whose user has nothing against colours (no-color.org). */
bool cmd_has_colours(FILE *to);

/* An error that a helper has printed: cmd_fail() is silent about it.  Returns -ECANCELED. */
int cmd_said(struct err *e);

/* After the last word on standard output: 0, or EXIT_ROOTLET when it could not be written. */
int cmd_end_output(void);

/* The path of a file of libexec: installed, or beside an uninstalled rootlet.  Owned. */
char *cmd_find_helper(const char *name);
/* Become the helper @name.  Returns only on failure, with the exit status. */
int cmd_exec_helper(const char *name, char **argv);

/* Is standard error a terminal that can draw over a line? */
bool cmd_stderr_is_screen(void);

/*
 * In a child, which ends when @parent does: nobody wants what it does then.  0, or -1.
 *
 * @print: to our standard output; else what it prints is lost
 */
int cmd_be_child(pid_t parent, bool print);
/* Wait for a child, a helper by @name: its exit status; -errno when it had none. */
int cmd_wait_helper(pid_t pid, const char *name, struct err *e);

/* A caller may have left SIGCHLD ignored: then no end of a child would be seen. */
void cmd_expect_children(void);

/* Print the help of a command.  Returns the exit status. */
int cmd_help(const char *name);

struct container;
struct container_record;

/* What a command line of `run` comes to. */
struct run_plan {
	struct spec *spec;  /* owned */
	int events_fd;      /* owned; -1: nobody listens */
	const char *kind;   /* whose the files of an image are: "range", "root", "single" */
	const char *base;   /* of argv; NULL: started again */
	char *image;        /* owned; digest of the image that it runs; NULL: none */
	char *platform;     /* owned; that was asked for; NULL: none */
	char *has_platform; /* owned; what the image is for; NULL: it does not say */
	int lock_fd;        /* owned; keeps the image's files where they are; -1: none */
	const char *commit; /* name for an image of what has changed; NULL: none.  Of argv. */
	const char *apply;  /* "ask", "yes", "no": what becomes of changes of this machine's files; NULL */
	const char *save;   /* file for those changes; NULL: none */
	struct timespec start; /* before anything could be changed inside */
	bool quiet;         /* do not show how far unpacking and committing are */
	/* Owned; --keep: what is to be kept of it, but for directories; NULL: the layer goes. */
	struct container_record *keep;
	const char *name;   /* for what is kept; NULL: any.  Of argv. */
};
#define RUN_PLAN_INIT { .events_fd = -1, .lock_fd = -1 }
#define AUTO_RUN_PLAN CLEANUP(run_plan_clear) struct run_plan
void run_plan_clear(struct run_plan *p);

/* Parse the command line of `run` and make its spec, filter included. Returns 1 after --help. */
int cmd_run_spec(int argc, char **argv, const char *name, struct run_plan *ret, struct err *e);

/*
 * What run and try need to bring changes to the machine's own files, see try.c: before there is a spec,
 * then when there is one, and when the run has ended.
 */
int cmd_changes_begin(struct run_args *a, const struct run_host *h, struct err *e);
int cmd_changes_check(const struct run_args *a, const struct run_host *h, struct spec *s, struct err *e);
int cmd_changes_end(const struct run_plan *p, const char *layer, bool interrupted, struct err *e);
/* The time that files get from now on; what was changed before has an earlier one. */
struct timespec cmd_changes_start(void);

/*
 * As cmd_run_spec() for a container that is started again, whose descriptors are open already.
 *
 * @command: instead of its own, a NULL-terminated list; NULL: its own
 */
int cmd_run_again(const struct container_record *r, char **command, struct run_plan *ret,
		  struct err *e);

/*
 * Run it, and exit.
 *
 * @kept: the container, locked, in whose layer; or NULL
 * @is_new: it has been made for this
 */
void cmd_launch(const struct run_plan *plan, int argc, char **argv, struct container *kept, bool is_new)
	__attribute__((noreturn));

/* The same for `bwrap`, for people to look at. */
int cmd_bwrap_spec(int argc, char **argv, struct spec **ret, struct err *e);

/*
 * The seccomp program that @a asks for, into s->filter: built in, or compiled by a helper program
 * and kept in the cache of @data_dir (NULL: not kept).
 */
int cmd_fill_filter(struct spec *s, const struct run_args *a, const char *data_dir, struct err *e);

#endif
