/*
 * bwrap - bubblewrap's command line as a spec
 *
 * Its manual page (version 0.13) is the specification: what is not asked for is not confined, and
 * operations on the file system happen in the order given.
 */
#ifndef FRONTEND_BWRAP_H
#define FRONTEND_BWRAP_H

#include "options/opt.h"
#include "spec/spec.h"

#define BWRAP_VERSION "0.13.0"
#define BWRAP_USAGE   "usage: bwrap [OPTIONS...] [--] COMMAND [ARGS...]"

/* Facts about the caller; nothing is owned. */
struct bwrap_host {
	uid_t uid;
	gid_t gid;
	mode_t umask;
	uint64_t caps;      /* effective */
	const char *cwd;    /* absolute; NULL: deleted or out of reach */
	const char *tty;    /* device of the terminal that standard output is, or NULL */
	char *const *env;
	const int *fds;     /* inherited descriptors from 3 on */
	size_t n_fds;
	bool has_userns, has_cgroupns; /* what --unshare-user-try & co. ask */
};

/* What is not for the engine: to be told to whoever drives us.  -1: nobody asked. */
struct bwrap_report {
	int info_fd, status_fd;
	int userns_block_fd; /* read before the sandbox goes on */
	bool level_prefix;   /* messages have a severity in front */
	char **warnings;     /* owned strv, complete lines */
};

/* What the options say; private to the two files of this front end. */
struct bwrap_args {
	const struct bwrap_host *host;
	struct spec *spec; /* mounts, environment, capabilities, seccomp programs: as they come */
	struct bwrap_report report;
	unsigned int ns;   /* enum spec_ns bits that are to be new */
	bool help, version;
	bool user_try, cgroup_try, disable_userns, assert_userns_disabled;
	bool new_session, die_with_parent, as_pid_1, caps_used, not_a_boundary;
	const char *hostname, *chdir, *argv0;
	int64_t uid, gid;  /* -1: the caller's */
	int sync_fd, seccomp_fd;
	int *used_fds;     /* owned: descriptors that are ours now, and not the program's */
	size_t n_used_fds;
	bool needs_devpts, in_args;
	char **args_data;  /* owned: what --args read; words point into it */
	size_t n_words;    /* read so far, those of --args too */
	/* waiting for the operation that follows */
	int perms;         /* -1: none */
	uint64_t size;     /* 0: none */
	char **overlay_srcs; /* owned strv, bottom first */
};

extern const struct opt bwrap_opts[];

/* What a command line asked for instead of a sandbox. */
enum bwrap_want { BWRAP_RUN, BWRAP_HELP, BWRAP_VERSION_ONLY };

/*
 * Make a spec of argv[1...].  Returns enum bwrap_want, or -errno.  @ret_report is written on failure
 * too: warnings, and how they look, come before what went wrong.
 */
int bwrap_spec(int argc, char **argv, const struct bwrap_host *h, struct bwrap_report *ret_report,
	       struct spec **ret, struct err *e);

/* A descriptor's number; it will be ours alone. */
int bwrap_take_fd(struct bwrap_args *a, const char *text, int *ret, struct err *e);
/* Everything that can be read from @fd; owned, with a NUL behind it. */
int bwrap_read_fd(int fd, size_t max, char **ret, size_t *ret_len, struct err *e);
/* A compiled seccomp program, from @fd. */
int bwrap_add_program(struct spec *s, int fd, struct err *e);
/* A place in the sandbox; relative ones start at its root.  Owned. */
char *bwrap_absolute(const char *dst);
/* Parse options in @argv[1...], also those of --args.  Returns the index of the command. */
int bwrap_parse(struct bwrap_args *a, int argc, char **argv, struct err *e);

#endif
