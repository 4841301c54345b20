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

const struct opt push_opts[] = {
	OPT_FLAG('a', "all-tags", struct push_args, all_tags, "push all tags of the repository",
		 "IMAGE is a name without a tag then. A line for each is printed: digest and tag."),
	OPT_STRING(0, "compression", "gzip|zstd|none", OPT_VALUE_WORDS, struct push_args, compression,
		   "compress the layers so",
		   "Without this option layers go as they are, and the image keeps its digest; with it, the "
		   "image has another one there, where a layer is compressed otherwise here."),
	OPT_FLAG('q', "quiet", struct push_args, quiet, "do not show how far it is", NULL),
	REGISTRY_OPTS(struct push_args),
	OPT_END,
};

const struct opt tags_opts[] = {
	REGISTRY_OPTS(struct tags_args),
	OPT_END,
};
