#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/names.h"
#include "image/ref.h"

#define NAMES_MAX ((size_t)16 << 20) /* bytes */

int
names_stamp(int store_fd, char ret[NAMES_STAMP_SIZE])
{
	struct stat st;

	if (fstatat(store_fd, "index.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	(void)snprintf(ret, NAMES_STAMP_SIZE, "rootlet names 1 %llu %llu %lld.%09ld",
		       (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
		       (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	return 0;
}

static const char *
find_word(const char *data, size_t len, const char *name)
{
	const size_t n = strlen(name);

	for (const char *p = data; p < data + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

char *
names_find(int store_fd, const char *name)
{
	AUTO_FD fd = openat(store_fd, "cache/names",
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	AUTO_FREE char *data = NULL;
	char stamp[NAMES_STAMP_SIZE];
	const char *digest;
	ssize_t len;

	if (fd < 0 || names_stamp(store_fd, stamp) < 0 ||
	    (len = fd_read_all(fd, NAMES_MAX, &data, &ignored)) <= 0 || data[len - 1] != '\0' ||
	    strcmp(data, stamp) != 0)
		return NULL;
	digest = find_word(data, (size_t)len, name);
	return digest && image_digest_is_valid(digest) ? xstrdup(digest) : NULL;
}

char *
names_platform_path(const char *digest, const char *platform)
{
	char *path = xasprintf("cache/platform-%s-%s", digest + strlen("sha256:"), platform);

	for (char *p = path + strlen("cache/"); (p = strchr(p, '/'));)
		*p = '-';
	return path;
}

char *
names_find_platform(int store_fd, const char *digest, const char *platform)
{
	AUTO_FREE char *path = names_platform_path(digest, platform), *data = NULL;
	AUTO_FD fd = openat(store_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	if (fd < 0 || fd_read_all(fd, NAMES_STAMP_SIZE, &data, &ignored) < 0)
		return NULL;
	return image_digest_is_valid(data) ? TAKE_PTR(data) : NULL;
}
