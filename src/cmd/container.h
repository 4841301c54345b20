/*
 * container - the commands about containers that are kept
 *
 * What needs to read layers or print JSON is done in rootlet-image: ps, diff, commit.
 */
#ifndef CMD_CONTAINER_H
#define CMD_CONTAINER_H

#include "cmd/cmd.h"
#include "container/container.h"

struct launch_result;

struct ps_args {
	const char *format;
	bool all, quiet;
};

struct rm_args {
	bool force;
};

struct start_args {
	bool attach, interactive;
};

struct diff_args {
	const char *format;
	bool last, patch;
};

struct commit_args {
	const char *message, *author;
	bool quiet;
	struct opt_list changes;
};

struct snapshot_args {
	bool list, rm;
};

extern const struct opt ps_opts[], start_opts[], rm_opts[], diff_opts[], commit_opts[],
	snapshot_opts[], rollback_opts[];

/* argv[0] is the command's name; each returns the exit status. */
int cmd_ps(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_rm(int argc, char **argv);
/* diff, commit */
int cmd_changes(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_rollback(int argc, char **argv);

/* --- pieces --- */

/* Fill ret->keep when @a asks for that, and @s accordingly. */
int cmd_keep_plan(const struct run_args *a, const struct run_host *h, struct spec *s,
		  const struct image_record *image, struct run_plan *ret, struct err *e);
/* Make the container that plan->keep describes, running. */
int cmd_keep_create(struct run_plan *plan, struct container *ret, struct err *e);
/* Let the spec's writes go to the container's layer, and say in the record that it is running. */
int cmd_keep_begin(struct container *c, struct spec *s, struct err *e);
/* Say in the record that its files are those of a single id, before there is one. */
int cmd_keep_make_single(struct container *c, struct err *e);
/* Say in the record how it ended; what has been made for nothing goes. @name NULL: tell the name. */
void cmd_keep_end(struct container *c, const struct launch_result *res, bool is_new, const char *name);
/* Remove what has been forgotten. */
int cmd_keep_sweep(const char *kind, struct err *e);
/* End the process that runs it, and wait for the lock: with SIGKILL. */
int cmd_keep_kill(const char *data_dir, const char *name, struct err *e);

#endif
