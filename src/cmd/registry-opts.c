#include "cmd/registry.h"

const struct opt pull_opts[] = {
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct pull_args, platform,
		   "of an image for several, fetch the one for this platform",
		   "As linux/arm64 or linux/arm/v7. Default: this machine's."),
	OPT_FLAG(0, "all-platforms", struct pull_args, all_platforms,
		 "fetch those for all platforms",
		 "Only what is for this machine is unpacked."),
	OPT_FLAG('q', "quiet", struct pull_args, quiet, "do not show how far it is", NULL),
	REGISTRY_OPTS(struct pull_args),
	OPT_END,
};

const struct opt tags_opts[] = {
	REGISTRY_OPTS(struct tags_args),
	OPT_END,
};
