#include <string.h>

#include "image/name.h"
#include "image/tree.h"

const struct unpack_limits unpack_limits_default = {
	.bytes = (uint64_t)64 << 30,
	.entries = 4000000,
	.depth = NAME_DEPTH_MAX,
	.ratio = 1000,
};

/* An entry takes two blocks at least, one with long names a few more. */
#define ENTRY_OVERHEAD 4096

uint64_t
unpack_stream_max(const struct unpack_limits *l)
{
	uint64_t overhead = l->entries < UINT64_MAX / ENTRY_OVERHEAD ? l->entries * ENTRY_OVERHEAD
								     : UINT64_MAX;

	return l->bytes < UINT64_MAX - overhead ? l->bytes + overhead : UINT64_MAX;
}

static void
stream_limits(const struct unpack_limits *l, struct stream_limits *ret)
{
	ret->bytes = unpack_stream_max(l);
	ret->in = l->blob;
	ret->ratio = l->ratio ? l->ratio : unpack_limits_default.ratio;
	ret->progress = l->progress;
	ret->row = l->row;
	ret->memory = l->memory;
	ret->stop = l->stop;
}

static int
unpack_tree(struct stream *s, struct tree *tree, struct err *e)
{
	AUTO_TAR tar = NULL;
	struct tar_entry x;
	int r = tar_open(s, &tar, e);

	if (r < 0)
		return r;
	while ((r = tar_next(tar, &x, e)) > 0)
		if (tree_add(tree, &x, tar, e) < 0)
			return -e->code;
	return r < 0 ? r : tree_finish(tree, e);
}

static void
take_result(const struct stream_result *s, struct unpack_result *ret)
{
	memcpy(ret->digest, s->digest, sizeof(ret->digest));
	memcpy(ret->diff_id, s->diff_id, sizeof(ret->diff_id));
	ret->compression = s->compression;
	ret->blob_bytes = s->in;
	ret->stream_bytes = s->out;
}

int
unpack_layer(int blob_fd, int dir_fd, enum unpack_owners how, const struct unpack_limits *l,
	     struct unpack_result *ret, struct err *e)
{
	const struct unpack_limits *limits = l ? l : &unpack_limits_default;
	struct unpack_result res = { .compression = "" };
	struct stream_limits sl;
	struct stream_result sr;
	AUTO_STREAM s = NULL;
	AUTO_TREE tree = NULL;

	stream_limits(limits, &sl);
	if (dir_fd >= 0 && tree_new(dir_fd, how, limits, &tree, e) < 0)
		return -e->code;
	if (stream_open(blob_fd, &sl, &s, e) < 0 || (tree && unpack_tree(s, tree, e) < 0) ||
	    stream_finish(s, &sr, e) < 0)
		return -e->code;
	take_result(&sr, &res);
	if (tree)
		tree_count(tree, &res);
	*ret = res;
	return 0;
}
