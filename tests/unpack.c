/*
 * unpack FILE DIR real|recorded [bytes=N] [entries=N] [depth=N] [ratio=N]
 *
 * Unpack a layer into an empty directory, or learn its digests alone when DIR is "-".  Prints
 * "KEY VALUE" lines; fails with one line, and a hint at most, as rootlet does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/unpack.h"

static int
limit(const char *arg, struct unpack_limits *l, struct err *e)
{
	const char *value = strchr(arg, '=');
	const size_t n = value ? (size_t)(value - arg) : 0;
	uint64_t v;

	if (!value || parse_u64(value + 1, UINT64_MAX, &v, e) < 0)
		return err_set(e, EINVAL, "%s: what is this?", arg);
	if (strncmp(arg, "bytes", n) == 0)
		l->bytes = v;
	else if (strncmp(arg, "entries", n) == 0)
		l->entries = v;
	else if (strncmp(arg, "depth", n) == 0)
		l->depth = (unsigned int)v;
	else if (strncmp(arg, "ratio", n) == 0)
		l->ratio = (unsigned int)v;
	return 0;
}

static int
open_both(char **argv, int *ret_blob, int *ret_dir, struct err *e)
{
	*ret_blob = strcmp(argv[1], "-") == 0 ? dup(STDIN_FILENO) : open(argv[1], O_RDONLY | O_CLOEXEC);
	if (*ret_blob < 0)
		return err_sys(e, "open %s", argv[1]);
	if (strcmp(argv[2], "-") == 0)
		return 0;
	*ret_dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_dir < 0 ? err_sys(e, "open %s", argv[2]) : 0;
}

static void
print(const struct unpack_result *r)
{
	(void)printf("digest %s\ndiff-id %s\ncompression %s\n", r->digest, r->diff_id, r->compression);
	(void)printf("blob-bytes %llu\nstream-bytes %llu\nbytes %llu\nentries %llu\n",
		     (unsigned long long)r->blob_bytes, (unsigned long long)r->stream_bytes,
		     (unsigned long long)r->bytes, (unsigned long long)r->entries);
	(void)printf("opaque-root %d\ndropped %llu %s\n", r->opaque_root,
		     (unsigned long long)r->n_dropped, r->dropped);
}

static int
fail(const struct err *e)
{
	char text[4 * sizeof(e->msg)];

	(void)str_printable(text, sizeof(text), e->msg, false);
	(void)fprintf(stderr, "rootlet: %s\n", text);
	if (e->hint[0])
		(void)fprintf(stderr, "hint: %s\n", e->hint);
	return 125;
}

int
main(int argc, char **argv)
{
	struct unpack_limits l = unpack_limits_default;
	struct unpack_result r;
	struct err e = ERR_INIT;
	AUTO_FD blob = -1;
	AUTO_FD dir = -1;
	enum unpack_owners how;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: unpack FILE DIR real|recorded [LIMIT=N...]\n");
		return 125;
	}
	how = strcmp(argv[3], "real") == 0 ? UNPACK_OWNERS_REAL : UNPACK_OWNERS_RECORDED;
	for (int i = 4; i < argc; i++)
		if (limit(argv[i], &l, &e) < 0)
			return fail(&e);
	if (open_both(argv, &blob, &dir, &e) < 0 || unpack_layer(blob, dir, how, &l, &r, &e) < 0)
		return fail(&e);
	print(&r);
	return 0;
}
