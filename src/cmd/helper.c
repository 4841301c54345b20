/*
 * helper - the programs in libexec that do what `rootlet` itself has no libraries for
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"

/* Beside the running program, where it was built; NULL when there is nothing. */
static char *
find_uninstalled(const char *name)
{
	AUTO_FREE char *path = NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	path = xasprintf("%s/libexec/%s", self, name);
	return access(path, R_OK) == 0 ? TAKE_PTR(path) : NULL;
}

char *
cmd_find_helper(const char *name)
{
	const char *dir = getenv("ROOTLET_LIBEXEC");
	char *path;

	if (dir && dir[0] == '/')
		return path_join(dir, name);
	path = find_uninstalled(name);
	return path ? path : path_join(ROOTLET_LIBEXECDIR, name);
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
