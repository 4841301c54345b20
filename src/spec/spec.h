/*
 * spec - the one description of a sandbox
 *
 *   docker-like options \
 *   bwrap-like options   \                     / launch (parent phases)
 *   compose service      -->  struct spec  -->
 *   OCI config.json      /   (validated)       \ child  (child phases)
 *   RUN in a Dockerfile /
 *
 * A front end fills it, spec_validate() checks it, the engine reads it through a const pointer.
 * It owns all memory in it: one constructor, one destructor, which closes no descriptor: those are
 * the caller's.  The engine knows nothing of images, names or files of settings; what cannot be said
 * here cannot be done.
 *
 * What spec_new() makes protects as far as it can.  Some fields give a part of that up, because a
 * caller asks for just that: mounts_as_given, open_init, linger, detached, caller_signals, pass_fds,
 * SPEC_IDMAP_KEEP, SPEC_CAPS_KEEP, mount_step.plain and trusted.
 */
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

/* Namespaces to unshare, a bit set. */
enum spec_ns {
	SPEC_NS_USER = 1 << 0,
	SPEC_NS_MOUNT = 1 << 1,
	SPEC_NS_PID = 1 << 2,
	SPEC_NS_IPC = 1 << 3,
	SPEC_NS_UTS = 1 << 4,
	SPEC_NS_CGROUP = 1 << 5,
	SPEC_NS_NET = 1 << 6,
};

/* Who owns files inside: see DESIGN, "Identity". */
enum spec_idmap {
	SPEC_IDMAP_RANGE,  /* uid 0 is the caller, 1... his subordinate ids, by newuidmap(1) */
	SPEC_IDMAP_ROOT,   /* the ids that root itself has, written directly */
	SPEC_IDMAP_SINGLE, /* one id */
	SPEC_IDMAP_EXTERNAL, /* somebody else writes it while the launcher's hook `cloned` runs */
	SPEC_IDMAP_KEEP,   /* no new user namespace: ids are what they are */
	SPEC_IDMAP_MAX_
};

struct spec_id_range {
	uint32_t inside, outside, count;
};
#define SPEC_ID_RANGES_MAX 16

enum mount_op {
	MOUNT_LAYER_DIR, /* an empty directory of the layer; as first entry, dst "/": the root */
	MOUNT_OVERLAY,  /* the layer, or .upper, over .lowers (bottom last), at dst ("/" as first
			 * entry: root) */
	MOUNT_BIND,     /* src or fd of the host with everything mounted below it */
	MOUNT_DEVICE,   /* bind one device node of the host, usable as a device */
	MOUNT_TMPFS,
	MOUNT_PROC,     /* a procfs, /proc/sys read-only, the usual paths masked */
	MOUNT_MQUEUE,   /* the message queues of the IPC namespace */
	MOUNT_SYSFS,    /* fresh when there is an own network namespace, else the host's; read-only */
	MOUNT_DEV,      /* tmpfs with the minimal set of devices, devpts, mqueue, shm */
	MOUNT_COPY,     /* a small file of the host, as a file of the layer */
	MOUNT_FILE,     /* .data, or what fd has, as a file that is mounted */
	MOUNT_WRITE,    /* what fd has, written to file dst, which is made when it is missing */
	MOUNT_SYMLINK,  /* src is the text of the link */
	MOUNT_DIR,      /* an empty directory with .mode, and the owner of src when there is one */
	MOUNT_CHMOD,    /* .mode for dst, which exists */
	MOUNT_REMOUNT_RO, /* the mount at dst becomes read-only, not those below it */
	MOUNT_MASK,     /* hide dst (file or directory) if it exists */
	MOUNT_OP_MAX_
};

/* One entry of the mount plan.  Order is meaning: later entries cover earlier ones. */
struct mount_step {
	enum mount_op op;
	char *src;       /* owned; host path, or text of a symlink; NULL when unused.  Only where
			  * trusted may it be relative: to the caller's directory */
	char *dst;       /* owned; clean absolute container path */
	char **lowers;   /* owned strv; MOUNT_OVERLAY: host directories, topmost first */
	char *data;      /* owned; MOUNT_FILE */
	size_t data_len; /* bytes of data */
	char *upper, *work; /* owned; MOUNT_OVERLAY: host directories that take the writes and keep
			     * them; NULL: the layer does */
	int fd;          /* the caller's: instead of src or data; -1: none */
	uint64_t size;   /* bytes, MOUNT_TMPFS; 0: the kernel's default, half of the memory */
	int mode;        /* permission bits of what is created; -1: 0755, 0644 for a file */
	int parent_mode; /* and of the directories made on the way; -1: 0755 */
	bool read_only;  /* including mounts below */
	bool devices;    /* MOUNT_BIND: device nodes in it can be used */
	bool lowers_only; /* MOUNT_OVERLAY: of two lower directories or more; nothing takes writes */
	bool optional;   /* skip when src does not exist or may not be read */
	bool unmasked;   /* MOUNT_PROC, MOUNT_SYSFS: hide nothing, so that a sandbox inside can have
			  * its own */
	bool from_host;  /* MOUNT_PROC: no fresh one, but what the host has there */
	bool plain;      /* MOUNT_PROC, MOUNT_DEV: as bwrap(1) makes them: nothing hidden, /proc/sys
			  * & co. read-only where the caller could write; no message queues in
			  * /dev, and the caller's terminal src as its console */
	bool trusted;    /* links in src may be followed: we found it, or the caller wants that */
	bool mirror;     /* MOUNT_LAYER_DIR: the steps that follow it and have this, too, make it look like
			  * directory src of the host */
};

/* Where writes to overlays go. */
enum spec_layer {
	SPEC_LAYER_AUTO, /* disk, or memory where the disk cannot hold an overlay upper */
	SPEC_LAYER_DISK, /* a directory below layer_dir, removed after the end */
	SPEC_LAYER_RAM,  /* a tmpfs */
	SPEC_LAYER_MAX_
};

struct spec_rlimit {
	int resource; /* RLIMIT_... */
	struct rlimit limit;
};

/* A seccomp program, loaded as it is. */
struct spec_filter {
	const void *insns; /* struct sock_filter array; not owned unless owned is set */
	size_t n;          /* instructions; 0: no filter */
	void *owned;       /* freed with the spec, or NULL */
};

/* Which capabilities the program gets. */
enum spec_caps {
	SPEC_CAPS_ROOT,    /* caps, when it is root inside; nothing otherwise */
	SPEC_CAPS_AMBIENT, /* caps, whoever it is; they are inheritable, ambient and all there is */
	SPEC_CAPS_KEEP,    /* the caller's own, as they are */
	SPEC_CAPS_MAX_
};

struct spec {
	/* namespaces and identity */
	unsigned int ns; /* enum spec_ns bits */
	int userns_fd;   /* a user namespace to enter first, or -1 */
	int pidns_fd;    /* a pid namespace to be in, or to be below with SPEC_NS_PID; or -1 */
	enum spec_idmap idmap;
	struct spec_id_range uids[SPEC_ID_RANGES_MAX], gids[SPEC_ID_RANGES_MAX];
	size_t n_uids, n_gids;
	bool idmap_auto;     /* chosen by the front end: a front end may choose again */
	bool host_root;      /* the caller is this machine's own root */
	bool inner_userns;   /* once all is mounted, one more user namespace, in which id 0 of the
			      * first is uid and gid: devpts needs an id 0 when it is mounted */
	int userns2_fd;      /* once all is mounted, a user namespace to enter; or -1 */
	bool no_userns;      /* inside, no user namespace can be made; needs inner_userns */
	bool assert_no_userns; /* fail when one can be made */
	bool emulate_owners; /* SPEC_IDMAP_SINGLE: answer chown & co., record in an xattr */
	char *hostname;      /* owned; NULL: unchanged */

	/* root file system */
	struct mount_step *mounts; /* owned */
	size_t n_mounts;
	enum spec_layer layer;
	uint64_t layer_size; /* bytes, SPEC_LAYER_RAM; 0: half of the memory */
	char *layer_dir;     /* owned; directory of scratch layers, created when missing */
	char *layer_keep;    /* owned; SPEC_LAYER_DISK: an existing directory that takes the writes, and
			      * stays as it is then; NULL: a new one, which is removed */
	char **layer_below;  /* owned strv; earlier directories of layer_keep, topmost first: what they
			      * took lies between it and the base */
	bool layer_told;     /* SPEC_LAYER_DISK: somebody will be told what the layer has taken: mount
			      * points and mirrors, which are rootlet's own work, lie below it */
	bool read_only;      /* overlays become read-only once everything is mounted */
	bool mounts_as_given; /* the plan is the caller's own, not rootlet's: mount points are made
			       * wherever they are missing, in folders of the host too; "/" and
			       * /proc may be mounted on, and links of the root lead to a place */

	/* confinement */
	enum spec_caps caps_how;
	uint64_t caps; /* bit N: capability N is kept; in the bounding set, too, where that is not
			* the caller's: in another user namespace than his */
	bool no_new_privs;
	bool new_keyring; /* the caller's session keyring is out of reach */
	struct spec_filter filter;
	struct spec_filter filter_emulating; /* the same and the calls of ownership emulation in
					      * one program; n == 0: two programs do */
	struct spec_filter *programs; /* owned; loaded after filter, in this order */
	size_t n_programs;
	bool landlock; /* where the kernel has it: scope signals and abstract sockets, exec only
			* of what is in the root */
	struct spec_rlimit *rlimits; /* owned */
	size_t n_rlimits;

	/* process */
	char **argv;  /* owned strv */
	char *exe;    /* owned; the program, when it is not argv[0] */
	char **env;   /* owned strv */
	char *cwd;    /* owned; absolute container path; created when missing if cwd_create */
	bool cwd_create;
	char **cwd_else; /* owned strv of "PWD=/PATH": tried in turn when cwd cannot be entered, "/"
			  * at last; what was tried takes the place of PWD in env */
	uint32_t uid, gid;
	gid_t *groups; /* owned; supplementary groups, ignored where the map forbids them */
	size_t n_groups;
	uint32_t umask;
	bool init;       /* run a first process of ours, PID 1 where there is a pid namespace; false:
			  * the program itself is that */
	bool open_init;  /* who may look into the program may look into init under linger, and from
			  * outside into what will be the program (for its namespaces) */
	bool linger;     /* at the program's end init ends nobody: it stays, without privileges, until
			  * its last child has ended; the launcher does not wait for that */
	bool detached;   /* the sandbox does not die with the launcher */
	bool die_with_parent; /* the launcher dies with its parent */
	bool session;    /* a session of its own */
	bool caller_signals; /* signals are as in any child: what the caller blocks and ignores is
			      * inherited, the launcher passes none on */
	char **lock_files; /* owned strv; container paths that init holds a read lock on, fcntl(2) */
	int block_fd;    /* the program starts when this can be read, or -1 */
	bool tty;        /* make a pty inside and relay it to the caller's terminal */
	int *pass_fds;   /* owned array of descriptors the program inherits under their number;
			  * launch_run() closes them here once it runs */
	size_t n_pass_fds;
	int *launcher_fds; /* owned array of descriptors that the sandbox is not to hold open */
	size_t n_launcher_fds;
	uint64_t timeout_ms; /* 0: none */
	int stop_signal; /* what asks the program to end: when time is over, for the launcher's SIGTERM */
};

struct spec *spec_new(void);
void spec_freep(struct spec **s);
#define AUTO_SPEC CLEANUP(spec_freep) struct spec *

/* Append an empty step; valid until the next call. @dst is taken over. */
struct mount_step *spec_add_mount(struct spec *s, enum mount_op op, char *dst);

void spec_add_launcher_fd(struct spec *s, int fd);

/* Everything that a front end could have got wrong.  0 or -EINVAL. */
int spec_validate(const struct spec *s, struct err *e);

/* The spec as JSON, for people and tests; in a file of its own, which needs jansson. */
int spec_dump(const struct spec *s, FILE *out, struct err *e);

#endif
