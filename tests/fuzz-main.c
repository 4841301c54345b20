/*
 * fuzz-main - replay the corpus of a fuzz target as TAP
 *
 * fuzz-NAME reads every file of tests/corpus/NAME; a crash is the failure.  With libFuzzer this file
 * is not linked.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(const char *dir, const char *name)
{
	AUTO_FREE char *path = path_join(dir, name), *data = NULL;
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct err e = ERR_INIT;
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, (size_t)16 << 20, &data, &e);

	/* Said before, so that the log tells which one crashed. */
	(void)printf("# %s\n", name);
	(void)fflush(stdout);
	OK(n >= 0 && LLVMFuzzerTestOneInput((const uint8_t *)data, (size_t)n) == 0, "%s", name);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '/');
	AUTO_FREE char *dir = NULL;
	struct dirent **list;
	int n;

	(void)argc;
	name = name ? name + 1 : argv[0];
	name = strncmp(name, "fuzz-", 5) == 0 ? name + 5 : name;
	dir = xasprintf("%s/tests/corpus/%s", srcdir ? srcdir : ".", name);
	n = scandir(dir, &list, NULL, alphasort);
	if (n < 0) {
		(void)printf("Bail out! no corpus in %s\n", dir);
		return 99;
	}
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			replay(dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	OK(tap_n > 0, "there is a corpus");
	return tap_done();
}
