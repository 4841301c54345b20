/*
 * run-opts - the options of `rootlet run`: parser, help, completions and man page in one table
 */
#include "cmd/cmd.h"

const struct opt run_opts[] = {
	OPT_GROUP("Filesystem"),
	OPT_STRING(0, "layer", "disk|ram[:SIZE]", OPT_VALUE_WORDS, struct run_args, layer,
		   "where writes go (default: disk)",
		   "Where the throwaway layer is kept: on disk, below the directory in FILES, "
		   "or in memory, at most SIZE bytes (512m, 2g; default: half of the memory). "
		   "Without this option it is on disk, or in memory where the disk cannot hold "
		   "one."),
	OPT_FLAG(0, "read-only", struct run_args, read_only,
		 "refuse writes to the base",
		 "Refuse writes to the base. Volumes, also those that an image declares, /tmp and "
		 "/dev/shm stay writable."),
	OPT_STRING(0, "home", "share|layer|hide", OPT_VALUE_WORDS, struct run_args, home,
		   "the home directory, for base host (default: layer)",
		   "With base host: share the home directory itself, show it with writes going "
		   "to the layer, or hide it behind an empty one."),
	OPT_STRINGS('v', "volume", "SRC:DST[:ro|layer]", OPT_VALUE_FILE, struct run_args, volumes,
		    "bind mount SRC of this machine on DST",
		    "Mount the file or directory SRC of this machine, and what is mounted below "
		    "it, on DST. With ro nothing can be written; with layer writes go to the "
		    "throwaway layer. A colon or comma in a path is written with a backslash "
		    "before it. A symbolic link in SRC that does not belong to root is not "
		    "followed."),
	OPT_STRINGS(0, "tmpfs", "DST[:SIZE]", OPT_VALUE_TEXT, struct run_args, tmpfs,
		    "an empty file system in memory on DST",
		    NULL),
	OPT_FLAG(0, "here", struct run_args, here,
		 "share the current directory and start in it",
		 "Share the current directory at the same path, writable, and start the "
		 "command in it."),
	OPT_STRINGS(0, "device", "/dev/NAME[:DST]", OPT_VALUE_FILE, struct run_args, devices,
		    "give access to a device node of this machine",
		    NULL),
	OPT_STRINGS(0, "add-host", "HOST:IP", OPT_VALUE_TEXT, struct run_args, add_hosts,
		    "add a line to /etc/hosts",
		    NULL),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct run_args, platform,
		   "of an image for several, run the one for this platform",
		   "Of an image that is there for several platforms, run the one for this, as "
		   "linux/arm64 or linux/arm/v7; an image that is for another one is refused. Default: "
		   "this machine's. Programs of another architecture run where the kernel has an "
		   "interpreter for them (binfmt_misc, qemu-user)."),
	OPT_STRING(0, "pull", "missing|always|newer|never", OPT_VALUE_WORDS, struct run_args, pull,
		   "when an image is pulled before it is run (default: missing)",
		   "missing: when there is no image of that name here; one that is here is run without a "
		   "look at its registry. always: the registry is asked, and without an answer nothing is "
		   "run. newer: the registry is asked, and without an answer what is here is run. In both an "
		   "image that has not changed is not fetched again. never: only what is here is run. What "
		   "may be the beginning of a digest is never pulled. See rootlet-pull(1)."),
	OPT_GROUP("Process"),
	OPT_STRING('w', "workdir", "DIR", OPT_VALUE_DIR, struct run_args, workdir,
		   "start the command in DIR",
		   "Start the command in DIR of the sandbox, which is created when it is "
		   "missing. Default: what an image says, / for a directory, the current "
		   "directory for host."),
	OPT_STRINGS('e', "env", "K[=V]", OPT_VALUE_TEXT, struct run_args, env,
		    "set a variable, or pass on the caller's",
		    NULL),
	OPT_STRINGS(0, "env-file", "FILE", OPT_VALUE_FILE, struct run_args, env_files,
		    "read variables from FILE, one K[=V] a line",
		    NULL),
	OPT_STRING('u', "user", "USER[:GROUP]", OPT_VALUE_USER, struct run_args, user,
		   "run as this user (default: root)",
		   "Run as this user of the base, by name or number. A number is never looked "
		   "up as a name. Default: what an image says, else root."),
	OPT_STRING('h', "hostname", "NAME", OPT_VALUE_TEXT, struct run_args, hostname,
		   "name of the machine inside",
		   NULL),
	OPT_STRING(0, "entrypoint", "PROGRAM", OPT_VALUE_FILE, struct run_args, entrypoint,
		   "put PROGRAM in front of COMMAND",
		   "Put PROGRAM in front of COMMAND, in place of an image's own entry point and its "
		   "default command. An empty one takes both away."),
	OPT_STRINGS(0, "ulimit", "NAME=SOFT[:HARD]", OPT_VALUE_TEXT, struct run_args, ulimits,
		    "set a resource limit, as nofile=1024",
		    NULL),
	OPT_STRING(0, "timeout", "DURATION", OPT_VALUE_TEXT, struct run_args, timeout,
		   "end the command after 500ms, 10s, 5m, 1h",
		   "End the command after this time: the stop signal, five seconds later SIGKILL "
		   "for everything. The exit status is 124."),
	OPT_STRING(0, "stop-signal", "SIGNAL", OPT_VALUE_TEXT, struct run_args, stop_signal,
		   "what asks the command to end (default: TERM)",
		   "The signal that the command gets when rootlet itself gets SIGTERM, and when "
		   "--timeout is over: a name or a number, as QUIT, SIGRTMIN+3 or 3. Default: "
		   "what an image says, else SIGTERM."),
	OPT_STRING(0, "umask", "OCTAL", OPT_VALUE_TEXT, struct run_args, umask,
		   "file mode mask (default: 022)",
		   NULL),
	OPT_STRING(0, "init", "yes|no", OPT_VALUE_WORDS, struct run_args, init,
		   "PID 1 of rootlet in front of the command (default: yes)",
		   "With no the command itself is PID 1. Then there is neither a terminal of "
		   "its own nor emulation of file owners."),
	OPT_STRINGS(0, "pass-fd", "N", OPT_VALUE_TEXT, struct run_args, pass_fds,
		    "let the command inherit descriptor N",
		    NULL),
	OPT_STRING(0, "events-fd", "N", OPT_VALUE_TEXT, struct run_args, events_fd,
		   "write start and end as JSON lines to descriptor N",
		   NULL),
	OPT_FLAG('i', "interactive", struct run_args, interactive,
		 "accepted for compatibility; stdin is always connected",
		 NULL),
	OPT_FLAG('t', "tty", struct run_args, tty,
		 "accepted for compatibility; a terminal is used when there is one",
		 NULL),
	OPT_STRING(0, "commit", "NAME[:TAG]", OPT_VALUE_TEXT, struct run_args, commit,
		   "when the command succeeds, make an image of what it has changed",
		   "The new image has the layers of the old one, and one more; it needs a layer on disk. "
		   "Nothing is made when the command fails."),
	OPT_FLAG('q', "quiet", struct run_args, quiet,
		 "do not show how far unpacking and committing are",
		 "An image that runs for the first time is unpacked, which may take a while: a terminal "
		 "shows how far it is, another standard error gets a line for each layer."),
	OPT_STRING(0, "apply", "ask|yes|no", OPT_VALUE_WORDS, struct run_args, apply,
		   "afterwards, bring the changes to the directories that lay under the layer",
		   "What the command has changed in directories of this machine that it saw with writes going "
		   "to the layer (-v DIR:DST:layer, base host, a directory as base) is listed at the "
		   "end, and applied to them as rootlet try does: after a question, all of it, or not "
		   "at all. Without this option and --save it is discarded."),
	OPT_STRING(0, "save", "FILE", OPT_VALUE_FILE, struct run_args, save,
		   "afterwards, save these changes for rootlet apply",
		   NULL),
	OPT_FLAG(0, "keep", struct run_args, keep,
		 "keep what the command has changed, to start it again",
		 "Keep the layer when the command has ended, however it ended: as a container that "
		 "rootlet ps -a lists, rootlet start runs again and rootlet rm removes. Nothing but the "
		 "layer is kept: of base host what is written to /tmp as well, but no process and "
		 "no file system in memory. The container keeps this command line, the environment, "
		 "the id map and, of an image, the image itself, also when that gets another name."),
	OPT_STRING(0, "name", "NAME", OPT_VALUE_TEXT, struct run_args, name,
		   "what the container that is kept is called",
		   "What the container is called; needs --keep. Without it a name is made up, and "
		   "printed on standard error at the end. Letters, digits, and after the first one "
		   "dots, underscores and dashes."),
	OPT_FLAG(0, "rm", struct run_args, rm,
		 "accepted for compatibility; the layer is removed without --keep",
		 NULL),
	OPT_GROUP("Isolation"),
	OPT_STRING(0, "net", "none|host", OPT_VALUE_WORDS, struct run_args, net,
		   "network (default: none)",
		   "none: a network of its own with nothing but a loopback device. host: this "
		   "machine's network."),
	OPT_STRING(0, "network", "none|host", OPT_VALUE_WORDS, struct run_args, net,
		   "the same as --net",
		   NULL),
	OPT_STRING(0, "proc", "fresh|host", OPT_VALUE_WORDS, struct run_args, proc,
		   "what /proc is (default: fresh)",
		   "fresh: a procfs of the sandbox's own pid namespace. host: the /proc of outside, "
		   "read-only and with the same paths masked, for places where the kernel refuses a fresh one "
		   "because the present one is partly covered, as in many containers. It is weaker: "
		   "the names, ids and command lines of processes outside are seen, and pids in it "
		   "are those of outside; what belongs to those processes (memory, environment, "
		   "descriptors, root) stays closed. Ownership is not emulated then."),
	OPT_STRING(0, "idmap", "auto|range|root|single", OPT_VALUE_WORDS, struct run_args, idmap,
		   "which user ids exist inside (default: auto)",
		   "See IDENTITY."),
	OPT_STRINGS(0, "cap-add", "CAP", OPT_VALUE_CAP, struct run_args, cap_add,
		    "keep a capability, or ALL",
		    NULL),
	OPT_STRINGS(0, "cap-drop", "CAP", OPT_VALUE_CAP, struct run_args, cap_drop,
		    "drop a capability, or ALL",
		    NULL),
	OPT_STRING(0, "new-privs", "yes|no", OPT_VALUE_WORDS, struct run_args, new_privs,
		   "let setuid programs work inside (default: yes for images)",
		   "Let setuid programs and file capabilities work inside: those of the base, "
		   "within the sandbox. Default: yes for an image, no for a directory and for host."),
	OPT_STRING(0, "seccomp", "default|unconfined|FILE", OPT_VALUE_FILE, struct run_args, seccomp,
		   "system call filter; FILE is an OCI profile in JSON",
		   "The system call filter: the built-in one, none, or a profile in the JSON "
		   "format of the OCI and Docker. Compiled profiles are kept, see FILES."),
	OPT_FLAG(0, "privileged", struct run_args, privileged,
		 "all capabilities and no system call filter",
		 "All capabilities inside the user namespace and no system call filter. The "
		 "namespaces stay."),
	OPT_END
};
