/* fuzz-tar - a layer, compressed or not: what its entries say keeps what tar.h and name.h promise */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/name.h"
#include "image/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 50

static const struct stream_limits limits = { .bytes = (uint64_t)64 << 20, .ratio = 1000 };

static void
check_error(const struct err *e)
{
	if (e->code <= 0 || e->msg[0] == '\0' || !memchr(e->msg, '\0', sizeof(e->msg)))
		abort();
}

/* A clean name is short, relative, and goes down only. */
static void
check_clean(const char *name)
{
	char copy[PATH_MAX], *rest = copy, *part;
	unsigned int depth = 0;

	if (strlen(name) >= sizeof(copy))
		abort();
	memcpy(copy, name, strlen(name) + 1);
	while (name[0] != '\0' && (part = strsep(&rest, "/")))
		if (part[0] == '\0' || strcmp(part, ".") == 0 || strcmp(part, "..") == 0 ||
		    strlen(part) > NAME_MAX + (strncmp(part, WHITEOUT_PREFIX, WHITEOUT_PREFIX_LEN) == 0
						       ? WHITEOUT_PREFIX_LEN
						       : 0) || depth++ > DEPTH_MAX)
			abort();
}

static void
check_whiteout(char *name)
{
	const char *dir, *last = name_split(name, &dir);

	if (strncmp(last, WHITEOUT_PREFIX, WHITEOUT_PREFIX_LEN) != 0)
		abort();
	last += WHITEOUT_PREFIX_LEN;
	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		abort();
}

static void
check_name(const char *raw)
{
	struct err e = ERR_INIT;
	enum name_class class;
	char name[PATH_MAX];

	if (name_clean(raw, DEPTH_MAX, name, &e) < 0) {
		check_error(&e);
		return;
	}
	check_clean(name);
	if (name[0] == '\0')
		return;
	if (name_classify(name, &class, &e) < 0)
		check_error(&e);
	else if (class == NAME_WHITEOUT)
		check_whiteout(name);
}

static void
check_entry(const struct tar_entry *x)
{
	if (!x->name || x->name[0] == '\0' || x->mode > 07777 || x->mtime.tv_nsec < 0 ||
	    x->mtime.tv_nsec > 999999999)
		abort();
	if (x->uid == UINT32_MAX || x->gid == UINT32_MAX || (x->kind != TAR_FILE && x->size != 0))
		abort();
	if (x->kind == TAR_HARDLINK && !x->link)
		abort();
	for (size_t i = 0; i < x->n_xattrs; i++)
		if (!x->xattrs[i].name || (x->xattrs[i].n > 0 && !x->xattrs[i].value))
			abort();
	check_name(x->name);
	if (x->kind == TAR_HARDLINK)
		check_name(x->link);
}

static int
check_data(struct tar *t, const struct tar_entry *x, struct err *e)
{
	const void *piece;
	uint64_t offset;
	ssize_t n;

	while ((n = tar_data(t, &piece, &offset, e)) > 0)
		if (offset > x->size || (uint64_t)n > x->size - offset)
			abort();
	return (int)n;
}

static int
read_all(int fd, struct err *e)
{
	struct stream_result res;
	struct tar_entry x;
	AUTO_STREAM s = NULL;
	AUTO_TAR t = NULL;
	int r;

	if (stream_open(fd, &limits, &s, e) < 0 || tar_open(s, &t, e) < 0)
		return -e->code;
	while ((r = tar_next(t, &x, e)) > 0) {
		check_entry(&x);
		if (x.kind == TAR_FILE && check_data(t, &x, e) < 0)
			return -e->code;
	}
	return r < 0 ? r : stream_finish(s, &res, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FD fd = memfd_create("layer", MFD_CLOEXEC);
	struct err e = ERR_INIT;

	if (fd < 0 || fd_write_all(fd, data, size, &e) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	if (read_all(fd, &e) < 0)
		check_error(&e);
	else if (e.code != 0)
		abort();
	return 0;
}
