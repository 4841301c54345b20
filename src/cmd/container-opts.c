#include "cmd/container.h"

const struct opt ps_opts[] = {
	OPT_FLAG('a', "all", struct ps_args, all, "also those that do not run", NULL),
	OPT_STRING(0, "format", "table|json|names", OPT_VALUE_WORDS, struct ps_args, format,
		   "how to print them",
		   "\"table\" is for people; \"names\" has a name a line; \"json\" is a list of objects "
		   "with \"name\", \"image\", \"digest\", \"command\", \"created\", \"state\" (\"running\", "
		   "\"exited\" or \"created\") and \"status\" (the exit status, where it is known)."),
	OPT_FLAG('q', "quiet", struct ps_args, quiet, "as --format=names", NULL),
	OPT_END,
};

const struct opt start_opts[] = {
	OPT_FLAG('a', "attach", struct start_args, attach,
		 "accepted for compatibility; it is always in the foreground", NULL),
	OPT_FLAG('i', "interactive", struct start_args, interactive,
		 "accepted for compatibility; stdin is always connected", NULL),
	OPT_END,
};

const struct opt rm_opts[] = {
	OPT_FLAG('f', "force", struct rm_args, force, "also one that runs: it is ended first", NULL),
	OPT_END,
};

const struct opt diff_opts[] = {
	OPT_STRING(0, "format", "table|json", OPT_VALUE_WORDS, struct diff_args, format,
		   "how to print changes",
		   "\"table\" has a line for each: A (added), C (changed) or D (deleted), the type (f "
		   "file, d directory, l link, c and b devices, p FIFO, s socket), the size in bytes, "
		   "the path. \"json\" is a list of objects with \"change\", \"type\", \"size\" and "
		   "\"path\"."),
	OPT_FLAG(0, "last", struct diff_args, last, "of the container that was made or started last",
		 NULL),
	OPT_FLAG(0, "patch", struct diff_args, patch, "print what has changed in text files",
		 "Print a unified diff of the files that are text, as patch(1) takes it. Of others, and "
		 "of text of more than 8 MiB, it is only said that they differ."),
	OPT_END,
};

const struct opt commit_opts[] = {
	OPT_STRINGS('c', "change", "INSTRUCTION", OPT_VALUE_TEXT, struct commit_args, changes,
		    "alter the configuration, as \"ENV A=B\"",
		    "Alter the new image's configuration by an instruction of a Dockerfile: CMD, "
		    "ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or "
		    "WORKDIR. Repeatable."),
	OPT_STRING('m', "message", "TEXT", OPT_VALUE_TEXT, struct commit_args, message,
		   "what the history of the image says", NULL),
	OPT_STRING('a', "author", "TEXT", OPT_VALUE_TEXT, struct commit_args, author,
		   "who made it", NULL),
	OPT_FLAG('q', "quiet", struct commit_args, quiet, "do not show how far it is", NULL),
	OPT_END,
};

const struct opt snapshot_opts[] = {
	OPT_FLAG(0, "list", struct snapshot_args, list, "list the snapshots, the oldest first", NULL),
	OPT_FLAG(0, "rm", struct snapshot_args, rm, "forget a snapshot",
		 "Take the name from a snapshot. The container stays as it is; what the snapshot has is "
		 "a part of it."),
	OPT_END,
};

const struct opt rollback_opts[] = { OPT_END };
