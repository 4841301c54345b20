#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/digest.h"
#include "image/layers.h"
#include "image/progress.h"
#include "image/verify-internal.h"

#define READ_SIZE ((size_t)256 << 10)

/* --- the tree --- */

/* What the layer has at @path.  @ret_parent: whether it has the directory that it lies in. */
static struct model_name *
find(struct model *m, const char *path, bool *ret_parent)
{
	struct model_node *dir = model_root(m);
	AUTO_FREE char *copy = xstrdup(path);
	struct model_name *n = NULL;
	char *save = NULL;

	for (char *p = strtok_r(copy, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		if (n && !S_ISDIR(n->node->type)) {
			*ret_parent = false;
			return NULL;
		}
		dir = n ? n->node : dir;
		n = model_find(dir, p);
		if (!n) {
			*ret_parent = strtok_r(NULL, "/", &save) == NULL;
			return NULL;
		}
	}
	return n;
}

static int
visit(struct walk *w, const struct node *n, struct err *e)
{
	struct verifying *v = w->arg;
	bool parent = true;
	struct model_name *found;

	if (n->path[0] == '\0')
		return verify_node(v, n->path, n->fd, n->attr, model_root(v->model), e);
	found = find(v->model, n->path, &parent);
	if (!found) {
		/* What is in a directory that should not be there goes without saying. */
		if (parent)
			verify_fault(v, n->path, "it is not in the layer");
		return 0;
	}
	found->seen = true;
	if (n->fd >= 0)
		return verify_node(v, n->path, n->fd, n->attr, found->node, e);
	if (!found->node->whiteout)
		verify_fault(v, n->path, "it is marked as removed");
	return 0;
}

struct missing {
	struct verifying *v;
	const char *path; /* of the directory */
};

static void
find_missing(void *arg, struct model_name *n)
{
	const struct missing *m = arg;
	AUTO_FREE char *path = m->path[0] ? xasprintf("%s/%s", m->path, n->name) : xstrdup(n->name);
	struct missing below = { .v = m->v, .path = path };

	if (!n->seen)
		verify_fault(m->v, path, "it is missing");
	else if (S_ISDIR(n->node->type))
		model_each(n->node, find_missing, &below);
}

int
verify_tree(struct verifying *v, int dir_fd, struct err *e)
{
	/* As what an overlay wrote: then its marks are seen. */
	const struct pack_options o = { .from = PACK_UPPER,
					.mtime_max = -1,
					.recorded = v->how == UNPACK_OWNERS_RECORDED };
	struct walk w = { .o = &o, .top_fd = dir_fd, .visit = visit, .arg = v };
	struct missing top = { .v = v, .path = "" };

	if (walk_tree(&w, e) < 0)
		return -e->code;
	model_each(model_root(v->model), find_missing, &top);
	return 0;
}

/* --- the blob --- */

static int
read_model(struct stream *s, struct model *m, struct err *e)
{
	AUTO_TAR tar = NULL;
	struct tar_entry x;
	int r = tar_open(s, &tar, e);

	while (r >= 0 && (r = tar_next(tar, &x, e)) > 0)
		r = model_add(m, &x, tar, e);
	return r < 0 ? r : model_finish(m, e);
}

/* @m: NULL: digests alone */
static int
read_blob(int fd, const struct verify_how *how, struct model *m, struct stream_result *ret,
	  struct err *e)
{
	/* It has been unpacked, or will be, with limits of its own. */
	const struct stream_limits no_limits = { .bytes = UINT64_MAX,
						 .ratio = UINT32_MAX,
						 .memory = how->memory,
						 .progress = how->progress };
	AUTO_STREAM s = NULL;

	if (stream_open(fd, &no_limits, &s, e) < 0 || (m && read_model(s, m, e) < 0))
		return -e->code;
	return stream_finish(s, ret, e);
}

/* Returns true when the blob is as it should be. */
static bool
compare_blob(struct verifying *v, const struct oci_layer *l, const struct stream_result *is)
{
	const uint64_t before = v->faults;

	if (strcmp(l->digest + strlen("sha256:"), is->digest) != 0)
		verify_fault(v, NULL, "it is sha256:%s, which is not its name", is->digest);
	else if (is->in != l->size)
		verify_fault(v, NULL, "it has %llu bytes, not %llu", (unsigned long long)is->in,
			     (unsigned long long)l->size);
	else if (strcmp(l->diff_id + strlen("sha256:"), is->diff_id) != 0)
		verify_fault(v, NULL, "what is in it is sha256:%s, not %s", is->diff_id, l->diff_id);
	return v->faults == before;
}

/* -1 when the layer is not unpacked for that kind. */
static int
open_tree_of(const struct store *s, const char *kind, const struct oci_layer *l, int *ret,
	     struct err *e)
{
	const char *hex = l->diff_id + strlen("sha256:");

	*ret = layers_open(s, kind, hex);
	if (*ret < 0 && errno != ENOENT)
		return err_sys(e, "open layers/%s/%s in the store", kind, hex);
	return 0;
}

int
verify_layer(const struct store *s, const struct verify_how *how, const struct oci_layer *l,
	     verify_fn *fn, void *arg, struct verify_result *ret, struct err *e)
{
	const enum unpack_owners owners = strcmp(how->kind, "single") == 0 ? UNPACK_OWNERS_RECORDED
									   : UNPACK_OWNERS_REAL;
	struct err why = ERR_INIT;
	AUTO_FD blob = store_open_blob(s, l->digest, &why), tree = -1;
	struct stream_result is = { .in = 0 };
	AUTO_CONTENT c = content_new();
	AUTO_MODEL m = NULL;
	struct verifying v = { .how = owners, .content = c, .fn = fn, .arg = arg };

	if (open_tree_of(s, how->kind, l, &tree, e) < 0)
		return -e->code;
	v.model = m = tree < 0 ? NULL : model_new(owners, c, how->models);
	if (blob < 0)
		verify_fault(&v, NULL, "it cannot be opened: %s", why.msg);
	else if (read_blob(blob, how, m, &is, &why) < 0) {
		if (why.code == ENOBUFS && how->memory < STREAM_MEMORY)
			return err_set(e, ENOBUFS, "%s", why.msg);
		verify_fault(&v, NULL, "it cannot be read: %s", why.msg);
	} else if (compare_blob(&v, l, &is) && m && verify_tree(&v, tree, e) < 0)
		return -e->code;
	*ret = (struct verify_result){ .bytes = is.in, .faults = v.faults, .tree = tree >= 0 };
	return 0;
}

int
verify_blob(const struct store *s, const struct verify_how *how, const char *digest, verify_fn *fn,
	    void *arg, struct verify_result *ret, struct err *e)
{
	AUTO_FD fd = store_open_blob(s, digest, e);
	AUTO_FREE char *buf = xcalloc(READ_SIZE, 1);
	struct digest *d = digest_new();
	struct verify_result res = { .bytes = 0 };
	char hex[65];
	ssize_t n = -1;
	int r;

	while (fd >= 0 && ((n = read(fd, buf, READ_SIZE)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0) {
			digest_add(d, buf, (size_t)n);
			res.bytes += (uint64_t)n;
			progress_add(how->progress, (uint64_t)n);
		}
	r = fd < 0 ? fd : n < 0 ? err_sys(e, "read blob %s", digest) : digest_end(d, hex, e);
	digest_freep(&d);
	if (r < 0)
		return r;
	if (strcmp(hex, digest + strlen("sha256:")) != 0) {
		res.faults = 1;
		fn(arg, NULL, "its name is not the digest of what is in it");
	}
	*ret = res;
	return 0;
}
