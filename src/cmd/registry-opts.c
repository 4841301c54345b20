#include "cmd/registry.h"

const struct opt pull_opts[] = {
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct pull_args, platform,
		   "pull what the image has for that platform", "Without it, it is this machine's."),
	OPT_FLAG(0, "all-platforms", struct pull_args, all_platforms,
		 "pull what the image has for each platform",
		 "Only what is for this machine, or for --platform, is unpacked."),
	OPT_FLAG('q', "quiet", struct pull_args, quiet, "do not show how far it is", NULL),
	REGISTRY_OPTS(struct pull_args),
	OPT_END,
};

const struct opt tags_opts[] = {
	REGISTRY_OPTS(struct tags_args),
	OPT_END,
};
