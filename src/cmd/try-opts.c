/*
 * try-opts - the options of `rootlet try`: those of `run` that make sense for the machine itself
 */
#include "cmd/cmd.h"

const struct opt try_opts[] = {
	OPT_GROUP("Changes"),
	OPT_STRING(0, "apply", "ask|yes|no", OPT_VALUE_WORDS, struct run_args, apply,
		   "what becomes of the changes (default: ask)",
		   "ask: list them at the end and ask at the terminal whether all, some or none are to be "
		   "applied; where there is none, none are. yes: apply all of them, or none when one "
		   "cannot be, or when a signal ended the command. no: list them only. In each case all "
		   "that are wanted are applied, or, after an error, none."),
	OPT_STRING(0, "save", "FILE", OPT_VALUE_FILE, struct run_args, save,
		   "save the changes in FILE, for rootlet apply",
		   "Save all the changes in FILE, readable by you alone: rootlet apply FILE applies them "
		   "later, if what they change is still the same. Unless --apply is given, nothing is asked."),
	OPT_GROUP("Filesystem"),
	OPT_STRING(0, "home", "share|layer|hide", OPT_VALUE_WORDS, struct run_args, home,
		   "the home directory (default: layer)",
		   "layer: changes in it are among those that are listed. share: it is the real one, and they "
		   "are made at once. hide: an empty one is seen."),
	OPT_STRINGS('v', "volume", "SRC:DST[:ro|layer]", OPT_VALUE_FILE, struct run_args, volumes,
		    "bind mount SRC of this machine on DST",
		    "As with rootlet run. Writes to SRC are made at once; with layer they are listed."),
	OPT_STRINGS(0, "tmpfs", "DST[:SIZE]", OPT_VALUE_TEXT, struct run_args, tmpfs,
		    "an empty file system in memory on DST",
		    NULL),
	OPT_STRING('w', "workdir", "DIR", OPT_VALUE_DIR, struct run_args, workdir,
		   "start the command in DIR (default: the current directory)",
		   NULL),
	OPT_GROUP("Process"),
	OPT_STRINGS('e', "env", "K[=V]", OPT_VALUE_TEXT, struct run_args, env,
		    "set a variable, or pass on the caller's",
		    NULL),
	OPT_STRING(0, "timeout", "TIME", OPT_VALUE_TEXT, struct run_args, timeout,
		   "end the command after TIME: 30s, 5m, 1h",
		   NULL),
	OPT_STRING(0, "net", "none|host", OPT_VALUE_WORDS, struct run_args, net,
		   "network (default: none)",
		   "none: a network of its own with nothing but a loopback device. host: this machine's "
		   "network."),
	OPT_END
};
