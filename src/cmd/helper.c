/*
 * helper - the programs in libexec that do what `rootlet` itself has no libraries for
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"

char *
cmd_find_helper(const char *name)
{
	const char *dir = getenv("ROOTLET_LIBEXEC");
	AUTO_FREE char *installed = path_join(ROOTLET_LIBEXECDIR, name);
	char self[PATH_MAX];
	ssize_t n;
	char *slash;

	if (dir && dir[0] == '/')
		return path_join(dir, name);
	if (access(installed, R_OK) == 0)
		return TAKE_PTR(installed);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		return xasprintf("%s/libexec/%s", self, name);
	}
	return TAKE_PTR(installed);
}

int
cmd_exec_helper(const char *name, char **argv)
{
	AUTO_FREE char *path = cmd_find_helper(name);
	struct err e = ERR_INIT;

	(void)execv(path, argv);
	(void)err_sys(&e, "%s", path);
	return cmd_fail(&e);
}
