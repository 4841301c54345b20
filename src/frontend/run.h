/*
 * run - the docker-like command line as a spec
 *
 * run_args is what the option table of `rootlet run` fills in; run_host is what that front end may
 * know of the machine besides the files it reads (base's passwd, mountinfo, subuid).
 */
#ifndef FRONTEND_RUN_H
#define FRONTEND_RUN_H

#include "options/opt.h"
#include "spec/spec.h"

struct run_args {
	const char *layer, *home, *net, *proc, *idmap, *workdir, *user, *hostname, *entrypoint, *timeout,
		*umask, *init, *new_privs, *seccomp, *events_fd, *commit, *apply, *save, *stop_signal,
		*platform, *pull;
	bool read_only, here, privileged, interactive, tty, rm, quiet;
	const char *name;
	bool keep;
	struct opt_list volumes, tmpfs, env, env_files, cap_add, cap_drop, devices, ulimits,
		add_hosts, pass_fds;
	/* operands, into argv */
	const char *base;
	char **command; /* NULL-terminated; may be empty */
};

/* An image as base: its unpacked layers, and what its configuration says. Nothing is owned. */
struct run_image {
	const char *name;    /* as the user wrote it */
	char *const *layers; /* directories, topmost first */
	char *const *entrypoint, *const *cmd, *const *env, *const *volumes; /* NULL: none */
	const char *user, *workdir, *stop_signal;                           /* NULL: none */
};

/* Facts about the caller; nothing is owned. */
struct run_host {
	uid_t uid;
	gid_t gid;
	const char *cwd;      /* absolute; NULL: deleted or unreadable */
	const char *home;     /* absolute; NULL: none */
	const char *data_dir; /* rootlet's own directory; NULL: none */
	char *const *env;
	bool terminal;        /* stdin and stdout are terminals */
	const struct spec *ids; /* run_fill_idmap() has chosen before, for user 0; NULL: it has not */
	const struct run_image *image; /* what base names; NULL: a directory, or the machine itself */
};

/*
 * Make a spec.  The seccomp filter is left to the caller, who knows where filters come from; all
 * else is filled in and validated.
 */
int run_spec(const struct run_args *a, const struct run_host *h, struct spec **ret, struct err *e);

/* --- pieces, between the files of this front end and for tests --- */

/* SRC:DST[:OPTION,...] of -v, escaped with backslashes, as mount steps. */
int run_add_volume(struct spec *s, const char *text, const struct run_host *h, struct err *e);
/* DST[:SIZE] of --tmpfs. */
int run_add_tmpfs(struct spec *s, const char *text, struct err *e);
/* SRC[:DST] of --device. */
int run_add_device(struct spec *s, const char *text, struct err *e);

/* The layers of an image as the root. */
void run_add_image_root(struct spec *s, const struct run_image *image);
/*
 * What an image declares as a volume: its own content there, but writes go to a part of the layer that
 * is not the root's: it stays writable, and is in no image that is made of the layer.
 *
 * @first, @n_user: steps from here to there are what the user mounts: at and below such a place
 * nothing is added
 */
int run_add_image_volume(struct spec *s, const struct run_image *image, const char *path, size_t first,
			 size_t n_user, struct err *e);
/* A file of the base, for reading; an image has no directory @root_fd.  -ENOENT: it has none. */
int run_open_base_file(const struct run_host *h, int root_fd, const char *path, struct err *e);

/* The machine's own root as a plan: first steps of the spec. */
int run_add_host_root(struct spec *s, const struct run_args *a, const struct run_host *h,
		      struct err *e);
/*
 * The layer over directory @src at @dst: one overlay, or one for each part when something is
 * mounted below it (overlayfs refuses such a lower directory in a user namespace).
 */
int run_add_mirror(struct spec *s, const char *src, const char *dst, struct err *e);

/* Environment, user, working directory, limits, capabilities, command. @root_fd: the base. */
int run_fill_process(struct spec *s, const struct run_args *a, const struct run_host *h,
		     int root_fd, struct err *e);

/* --pass-fd: descriptors that the caller has open now. */
int run_fill_pass_fds(struct spec *s, const struct run_args *a, struct err *e);

/* Choose and fill in the id map; s->uid and s->gid are known. */
int run_fill_idmap(struct spec *s, const char *want, const struct run_host *h, struct err *e);

/* A range was chosen, and refused: choose a single id.  False when there is no choice. */
bool run_idmap_again(struct spec *s);

/* --cap-add, --cap-drop over Docker's default set. */
int run_fill_caps(struct spec *s, const struct run_args *a, struct err *e);
/* NAME=SOFT[:HARD] of --ulimit. */
int run_add_ulimit(struct spec *s, const char *text, struct err *e);

static inline bool
run_base_is_host(const char *base)
{
	return __builtin_strcmp(base, "host") == 0;
}

#endif
