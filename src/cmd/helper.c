/*
 * helper - the programs in libexec that do what `rootlet` itself has no libraries for
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
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

int
cmd_be_child(pid_t parent, bool print)
{
	AUTO_FD null = print ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() != parent || (!print && dup2(null, STDOUT_FILENO) < 0) ? -1 : 0;
}

int
cmd_wait_helper(pid_t pid, const char *name, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", name);
	if (WIFSIGNALED(status))
		return err_set(e, ECANCELED, "%s was ended by signal %d", name, WTERMSIG(status));
	return WEXITSTATUS(status);
}
