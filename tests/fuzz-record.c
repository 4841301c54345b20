/*
 * fuzz-record - what a start reads of images: a record, and the cache of names
 *
 * The input is tried as both.  What is read as a record is written again as it was, but for the order
 * of the words.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/names.h"
#include "image/record.h"
#include "image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_record(const char *data, size_t size)
{
	AUTO_IMAGE_RECORD r = IMAGE_RECORD_INIT, again = IMAGE_RECORD_INIT;
	AUTO_FREE char *bytes = NULL, *bytes_again = NULL;
	size_t n, n_again;

	if (image_record_decode(data, size, &r) < 0)
		return;
	if (!image_digest_is_valid(r.digest) || !r.layers || !r.layers[0])
		abort();
	for (char **p = r.layers; *p; p++)
		if (strlen(*p) != IMAGE_DIGEST_HEX || strspn(*p, "0123456789abcdef") != IMAGE_DIGEST_HEX)
			abort();
	bytes = image_record_encode(&r, &n);
	if (n > size || image_record_decode(bytes, n, &again) < 0)
		abort();
	bytes_again = image_record_encode(&again, &n_again);
	if (n != n_again || memcmp(bytes, bytes_again, n) != 0)
		abort();
}

/* A directory with an index and the cache that the input is, whose stamp is right. */
static int
the_directory(void)
{
	static char dir[] = "/tmp/fuzz-record.XXXXXX";
	static int fd = -1;

	if (fd >= 0)
		return fd;
	if (!mkdtemp(dir) || (fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    mkdirat(fd, "cache", 0700) < 0)
		abort();
	(void)close(openat(fd, "index.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	return fd;
}

static void
remove_directory(void)
{
	AUTO_FREE char *link = xasprintf("/proc/self/fd/%d", the_directory());
	char path[PATH_MAX];
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	(void)unlinkat(the_directory(), "cache/names", 0);
	(void)unlinkat(the_directory(), "cache", AT_REMOVEDIR);
	(void)unlinkat(the_directory(), "index.json", 0);
	if (n > 0) {
		path[n] = '\0';
		(void)rmdir(path);
	}
}

static void
try_names(const char *data, size_t size)
{
	static const char *const names[] = { "", "a", "debian:12", "a=b" };
	AUTO_FD fd = openat(the_directory(), "cache/names", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char stamp[NAMES_STAMP_SIZE];
	struct err e = ERR_INIT;

	if (fd < 0 || names_stamp(the_directory(), stamp) < 0 ||
	    fd_write_all(fd, stamp, strlen(stamp) + 1, &e) < 0 || fd_write_all(fd, data, size, &e) < 0)
		abort();
	for (size_t i = 0; i < NELEMS(names); i++) {
		AUTO_FREE char *digest = names_find(the_directory(), names[i]);

		if (digest && !image_digest_is_valid(digest))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool registered;
	AUTO_FREE char *copy = xcalloc(size + 1, 1);

	if (!registered)
		registered = atexit(remove_directory) == 0;
	/* Without the byte that ends a text: reading it is an error that is seen. */
	if (size > 0)
		memcpy(copy, data, size);
	copy = xrealloc_array(copy, size ? size : 1, 1);
	try_record(copy, size);
	try_names(copy, size);
	return 0;
}
