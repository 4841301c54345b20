#include "cmd/image.h"

const struct opt prune_opts[] = {
	OPT_FLAG('a', "all", struct prune_args, all,
		 "remove images, too, that no container uses",
		 "Remove images, too, that no kept container and no program that runs now uses. "
		 "On a terminal it asks before; elsewhere it needs --force."),
	OPT_FLAG('n', "dry-run", struct prune_args, dry_run,
		 "only list what would be removed", NULL),
	OPT_FLAG('f', "force", struct prune_args, force, "do not ask", NULL),
	OPT_STRING(0, "format", "table|json", OPT_VALUE_WORDS, struct prune_args, format,
		   "how to print what was removed",
		   "\"table\" is one line for people, and with --dry-run a line for each thing; \"json\" is "
		   "an object with \"freed\" (bytes of disk) and \"removed\", a list of objects with "
		   "\"kind\", \"name\" and \"bytes\"."),
	OPT_END,
};

const struct opt df_opts[] = {
	OPT_STRING(0, "format", "table|json", OPT_VALUE_WORDS, struct df_args, format,
		   "how to print it",
		   "\"table\" is for people; \"json\" is an object with \"images\" and \"total\". All sizes are "
		   "bytes of disk. \"Exclusive\" is what only this image has, and what would be free "
		   "without it; \"shared\" is what other images have, too."),
	OPT_END,
};
