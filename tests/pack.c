/*
 * pack - for t-pack.sh: what image/pack.h does, without a store around it
 *
 *   pack tree DIR OUT none|gzip|zstd [WORD...]
 *   pack upper DIR OUT none|gzip|zstd [WORD...] [LOWER...]   the topmost LOWER first
 *        WORD is recorded, mtime=SECONDS or exclude=PATTERN, or
 *        earlier=DIR, an upper directory below.  Prints "diff-id BYTES ENTRIES SOCKETS
 *        digest SIZE".
 *   pack diff UPPER [recorded] LOWER...       prints "KIND TYPE SIZE PATH" lines
 *   pack deep DIR N NAME                      makes N directories, each in the one before
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "image/pack.h"

#define N_MAX 600

static int lowers[N_MAX], earlier[N_MAX];
static const char *excluded[N_MAX + 1];

static int
fail(const struct err *e)
{
	(void)fprintf(stderr, "pack: %s\n", e->msg);
	return 1;
}

static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

static void
read_words(char **words, struct pack_options *o)
{
	size_t n_excluded = 0;

	*o = (struct pack_options){ .mtime_max = -1, .exclude = excluded, .lower = lowers,
				   .earlier = earlier };
	for (; *words; words++) {
		if (strcmp(*words, "recorded") == 0)
			o->recorded = true;
		else if (strncmp(*words, "mtime=", 6) == 0)
			o->mtime_max = strtoll(*words + 6, NULL, 10);
		else if (strncmp(*words, "exclude=", 8) == 0 && n_excluded < N_MAX)
			excluded[n_excluded++] = *words + 8;
		else if (strncmp(*words, "earlier=", 8) == 0 && o->n_earlier < N_MAX)
			earlier[o->n_earlier++] = open_dir(*words + 8);
		else if (o->n_lower < N_MAX)
			lowers[o->n_lower++] = open_dir(*words);
	}
}

static enum pack_compression
compression_of(const char *name)
{
	return strcmp(name, "gzip") == 0 ? PACK_GZIP
	     : strcmp(name, "zstd") == 0 ? PACK_ZSTD
					 : PACK_NONE;
}

static int
do_pack(enum pack_from from, char **argv)
{
	struct err e = ERR_INIT;
	struct pack_options o;
	struct pack_result r;
	char digest[PACK_DIGEST_SIZE];
	uint64_t size;
	AUTO_FD dir = open_dir(argv[0]);
	AUTO_FD out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	read_words(argv + 3, &o);
	o.from = from;
	if (pack_blob(dir, &o, compression_of(argv[2]), out, &r, digest, &size, &e) < 0)
		return fail(&e);
	(void)printf("%s %llu %llu %llu %s %llu\n", r.diff_id, (unsigned long long)r.bytes,
		     (unsigned long long)r.entries, (unsigned long long)r.sockets, digest,
		     (unsigned long long)size);
	return 0;
}

static int
print_entry(void *arg, const struct diff_entry *d, struct err *e)
{
	(void)arg;
	(void)e;
	(void)printf("%c %c %llu %s\n", d->kind, d->type, (unsigned long long)d->size, d->path);
	return 0;
}

static int
do_diff(char **argv)
{
	struct err e = ERR_INIT;
	struct pack_options o;
	AUTO_FD dir = open_dir(argv[0]);

	read_words(argv + 1, &o);
	return diff_layer(dir, &o, print_entry, NULL, &e) < 0 ? fail(&e) : 0;
}

/* A path that no system call takes as a whole. */
static int
do_deep(char **argv)
{
	struct err e = ERR_INIT;
	uint64_t n;
	int dir = open_dir(argv[0]);

	if (parse_u64(argv[1], 100000, &n, &e) < 0)
		return fail(&e);
	while (n-- > 0) {
		int next = mkdirat(dir, argv[2], 0755) < 0
				 ? -1
				 : openat(dir, argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (next < 0) {
			perror(argv[2]);
			return 1;
		}
		(void)close(dir);
		dir = next;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[1], "tree") == 0)
		return do_pack(PACK_TREE, argv + 2);
	if (argc > 4 && strcmp(argv[1], "upper") == 0)
		return do_pack(PACK_UPPER, argv + 2);
	if (argc > 3 && strcmp(argv[1], "diff") == 0)
		return do_diff(argv + 2);
	if (argc == 5 && strcmp(argv[1], "deep") == 0)
		return do_deep(argv + 2);
	(void)fprintf(stderr, "usage: see tests/pack.c\n");
	return 2;
}
