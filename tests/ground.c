/*
 * ground - start a program from a place where programs are not usually started
 *
 *   ground nofile N PROGRAM [ARG...]   with at most N descriptors
 *   ground sigchld PROGRAM [ARG...]    with SIGCHLD ignored, which no shell can do
 *   ground leak PROGRAM [ARG...]       with directories open on 3, 5, 10 and 200
 *   ground closed LIST PROGRAM ...     with the descriptors of LIST, as "02", closed
 *   ground deleted PROGRAM [ARG...]    from a directory that has been removed
 *   ground hidden PROGRAM [ARG...]     from one below a directory that may not be searched
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void
fail(const char *what)
{
	perror(what);
	exit(99);
}

static void
limit(const char *n)
{
	const rlim_t max = strtoul(n, NULL, 10);
	const struct rlimit l = { .rlim_cur = max, .rlim_max = max };

	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		fail("setrlimit");
}

static void
leak(void)
{
	static const int numbers[] = { 3, 5, 10, 200 };
	int dir = open("/", O_RDONLY | O_DIRECTORY);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (fcntl(numbers[i], F_GETFD) < 0 && dir != numbers[i] &&
		    dup2(dir, numbers[i]) < 0)
			fail("dup2");
	if (dir != 3 && dir != 5)
		(void)close(dir);
}

/* A directory of our own, in the current one; one below it when it is to be hidden. */
static void
go_astray(int hidden)
{
	char dir[] = "ground.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		fail("mkdtemp");
	if (!hidden) {
		char path[4096 + sizeof(dir)], cwd[4096];

		(void)snprintf(path, sizeof(path), "%s", getcwd(cwd, sizeof(cwd)) ? cwd : dir);
		if (rmdir(path) < 0)
			fail("rmdir");
		return;
	}
	if (mkdir("sub", 0755) < 0 || chdir("sub") < 0 || chmod("..", 0) < 0)
		fail("chmod");
}

int
main(int argc, char **argv)
{
	char **rest = argv + 2;

	if (argc < 3)
		return 99;
	if (strcmp(argv[1], "nofile") == 0) {
		limit(*rest++);
	} else if (strcmp(argv[1], "sigchld") == 0) {
		(void)signal(SIGCHLD, SIG_IGN);
	} else if (strcmp(argv[1], "leak") == 0) {
		leak();
	} else if (strcmp(argv[1], "closed") == 0) {
		for (const char *fd = *rest++; *fd; fd++)
			(void)close(*fd - '0');
	} else if (strcmp(argv[1], "deleted") == 0 || strcmp(argv[1], "hidden") == 0) {
		go_astray(argv[1][0] == 'h');
	} else {
		return 99;
	}
	if (*rest)
		(void)execvp(*rest, rest);
	fail("execvp");
}
