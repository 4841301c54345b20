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

const struct opt copy_opts[] = {
	OPT_FLAG('a', "all", struct copy_args, all, "copy what is for all platforms",
		 "Without it, of an image for several platforms what is for this machine is copied."),
	OPT_FLAG(0, "with-referrers", struct copy_args, with_referrers,
		 "copy signatures and what else refers to the image, too",
		 "From a registry to another one: what the registry lists as referrers, and what has a tag of "
		 "the image's digest, as cosign's signatures have."),
	OPT_FLAG('q', "quiet", struct copy_args, quiet, "do not show how far it is", NULL),
	REGISTRY_OPTS(struct copy_args),
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

const struct opt login_opts[] = {
	OPT_STRING('u', "user", "USER", OPT_VALUE_TEXT, struct login_args, user, "the name of the user there",
		   "Without it the terminal is asked for it."),
	OPT_FLAG(0, "password-stdin", struct login_args, password_stdin,
		 "read the password from standard input",
		 "Without it the terminal is asked for it. There is no option for the password itself: what is "
		 "on a command line is seen by all users of the machine."),
	OPT_FLAG(0, "get-login", struct login_args, get_login, "print who we are there, and do nothing else",
		 NULL),
	REGISTRY_OPTS(struct login_args),
	OPT_END,
};

const struct opt logout_opts[] = {
	OPT_FLAG('a', "all", struct logout_args, all, "forget those of all registries", NULL),
	OPT_STRING(0, "authfile", "FILE", OPT_VALUE_FILE, struct logout_args, authfile,
		   "forget what is in FILE", "Without it: what login has kept."),
	OPT_END,
};

const struct opt search_opts[] = {
	OPT_STRING('n', "limit", "N", OPT_VALUE_TEXT, struct search_args, limit,
		   "show at most so many (25)", NULL),
	OPT_FLAG('q', "quiet", struct search_args, quiet, "show names alone", NULL),
	REGISTRY_OPTS(struct search_args),
	OPT_END,
};
