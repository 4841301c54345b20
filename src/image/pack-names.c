#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/pack-internal.h"

static void
names_add(struct names *names, const char *name, bool lower)
{
	const size_t n = strlen(name) + 1;

	if (names->room - names->used < n + 1) {
		names->room = names->room * 2 + n + 256;
		names->arena = xrealloc_array(names->arena, names->room, 1);
	}
	names->arena[names->used] = lower;
	memcpy(names->arena + names->used + 1, name, n);
	names->used += n + 1;
	names->n++;
}

static int
read_all(struct names *names, DIR *d, bool lower, struct err *e)
{
	for (;;) {
		const struct dirent *de;

		errno = 0;
		de = readdir(d);
		if (!de)
			return errno ? err_sys(e, "read directory") : 0;
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			names_add(names, de->d_name, lower);
	}
}

/* A descriptor of its own: closedir() closes the one it has. */
int
names_read(struct names *names, int dir_fd, bool lower, struct err *e)
{
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0), r;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		(void)err_sys(e, "read directory");
		fd_closep(&fd);
		return -e->code;
	}
	r = read_all(names, d, lower, e);
	(void)closedir(d);
	return r;
}

/* As bytes, whatever the locale; of two the same, the upper's comes first. */
static int
by_bytes(const void *a, const void *b)
{
	const char *na = *(char *const *)a, *nb = *(char *const *)b;
	int r = strcmp(na, nb);

	return r != 0 ? r : name_is_lower(na) - name_is_lower(nb);
}

static void
drop_doubles(struct names *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n; i++)
		if (kept == 0 || strcmp(names->sorted[kept - 1], names->sorted[i]) != 0)
			names->sorted[kept++] = names->sorted[i];
	names->n = kept;
}

void
names_sort(struct names *names)
{
	char *p = names->arena;

	names->sorted = xcalloc(names->n, sizeof(*names->sorted));
	for (size_t i = 0; i < names->n; i++) {
		names->sorted[i] = p + 1;
		p += strlen(p + 1) + 2;
	}
	qsort(names->sorted, names->n, sizeof(*names->sorted), by_bytes);
	drop_doubles(names);
}

void
names_free(struct names *names)
{
	free(names->arena);
	free(names->sorted);
	*names = (struct names){ .arena = NULL };
}
