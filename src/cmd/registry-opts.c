#include "cmd/registry.h"

const struct opt tags_opts[] = {
	REGISTRY_OPTS(struct tags_args),
	OPT_END,
};
