#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/limits.h"

#define FILE_MAX_SIZE 100 /* bytes */

static char *
file_name(const char *digest)
{
	return xasprintf("cache/" LIMITS_PREFIX "%s", digest + strlen("sha256:"));
}

/* Returns true when that is more than before. */
static bool
raise(struct unpack_limits *l, uint64_t bytes, uint64_t entries, unsigned int ratio)
{
	const struct unpack_limits before = *l;

	l->bytes = bytes > l->bytes ? bytes : l->bytes;
	l->entries = entries > l->entries ? entries : l->entries;
	l->ratio = ratio > l->ratio ? ratio : l->ratio;
	return l->bytes != before.bytes || l->entries != before.entries || l->ratio != before.ratio;
}

struct unpack_limits
limits_read(const struct store *s, const char *digest)
{
	AUTO_FREE char *name = file_name(digest), *text = NULL;
	AUTO_FD fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct unpack_limits l = unpack_limits_default;
	struct err ignored = ERR_INIT;
	unsigned long long bytes, entries;
	unsigned int ratio;

	if (fd >= 0 && fd_read_all(fd, FILE_MAX_SIZE, &text, &ignored) > 0 &&
	    sscanf(text, "%llu %llu %u", &bytes, &entries, &ratio) == 3)
		(void)raise(&l, bytes, entries, ratio);
	return l;
}

int
limits_write(const struct store *s, const char *digest, const struct unpack_limits *allowed,
	     struct err *e)
{
	struct unpack_limits l = limits_read(s, digest);
	AUTO_FREE char *name = NULL, *text = NULL;

	if (!raise(&l, allowed->bytes, allowed->entries, allowed->ratio))
		return 0;
	name = file_name(digest);
	text = xasprintf("%llu %llu %u\n", (unsigned long long)l.bytes,
			 (unsigned long long)l.entries, l.ratio);
	return store_replace(s, name, text, strlen(text), e);
}
