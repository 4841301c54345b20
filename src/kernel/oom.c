#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "kernel/oom.h"

static char *
read_file(const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	char *text = NULL;

	return fd >= 0 && fd_read_all(fd, (size_t)1 << 16, &text, &ignored) >= 0 ? text : NULL;
}

/* "oom_kill N" in the file of a group; frees @path. */
static int64_t
count_in(char *path)
{
	AUTO_FREE char *owned = path, *text = read_file(path);
	const char *line = text ? strstr(text, "oom_kill ") : NULL;
	int64_t n;

	return line && sscanf(line, "oom_kill %" SCNd64, &n) == 1 ? n : -1;
}

/* A line of /proc/self/cgroup: "0::/PATH" for v2, "N:CONTROLLERS:/PATH" for v1, cgroups(7). */
static int64_t
count_of_line(char *line)
{
	const char *controllers;
	int64_t n;

	(void)strsep(&line, ":");
	controllers = strsep(&line, ":");
	if (!controllers || !line)
		return -1;
	if (strcmp(controllers, "memory") == 0)
		return count_in(xasprintf("/sys/fs/cgroup/memory%s/memory.oom_control", line));
	if (*controllers)
		return -1;
	n = count_in(xasprintf("/sys/fs/cgroup%s/memory.events", line));
	return n >= 0 ? n : count_in(xasprintf("/sys/fs/cgroup/unified%s/memory.events", line));
}

int64_t
oom_count(void)
{
	AUTO_FREE char *text = read_file("/proc/self/cgroup");
	char *save, *line = text ? strtok_r(text, "\n", &save) : NULL;
	int64_t n = -1;

	for (; line && n < 0; line = strtok_r(NULL, "\n", &save))
		n = count_of_line(line);
	return n;
}
