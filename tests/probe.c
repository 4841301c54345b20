/*
 * probe - a static payload that says what it sees
 *
 *   probe WORD [ARG...]
 *
 * Most tests need no more than this in their base: no shell, no libc, no network.  Installed under
 * another name (true, false) it is that program.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/sys.h"

static int
fail(const char *what)
{
	(void)printf("%s: %s\n", what, strerror(errno));
	return 1;
}

/* The error of a call as its name, or the number. */
static const char *
name_of(int code)
{
	static char number[16];

	switch (code) {
	case 0: return "ok";
	case EPERM: return "EPERM";
	case ENOSYS: return "ENOSYS";
	case EACCES: return "EACCES";
	case EINVAL: return "EINVAL";
	case ENOENT: return "ENOENT";
	case EROFS: return "EROFS";
	case ESRCH: return "ESRCH";
	case EBADF: return "EBADF";
	case EFAULT: return "EFAULT";
	case ENXIO: return "ENXIO";
	case ENOTTY: return "ENOTTY";
	case ENOSPC: return "ENOSPC";
	case EAFNOSUPPORT: return "EAFNOSUPPORT";
	case ECONNREFUSED: return "ECONNREFUSED";
	case ETXTBSY: return "ETXTBSY";
	default:
		(void)snprintf(number, sizeof(number), "%d", code);
		return number;
	}
}

static int
say(long r)
{
	(void)puts(name_of(r < 0 ? errno : 0));
	return 0;
}

static int
do_args(char **a)
{
	for (; *a; a++)
		(void)printf("<%s>\n", *a);
	return 0;
}

static int
do_env(char **a)
{
	(void)a;
	for (char **e = environ; *e; e++)
		(void)puts(*e);
	return 0;
}

static int
do_cat(char **a)
{
	char buf[65536];
	ssize_t n;

	do {
		int fd = *a ? open(*a, O_RDONLY) : 0;

		if (fd < 0)
			return fail(*a);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			if (write(1, buf, (size_t)n) != n)
				return 1;
		if (n < 0)
			return fail(*a ? *a : "stdin");
	} while (*a && *++a);
	return 0;
}

static int
do_cwd(char **a)
{
	char buf[8192];

	(void)a;
	return getcwd(buf, sizeof(buf)) ? puts(buf) == EOF : fail("getcwd");
}

static int
do_exit(char **a)
{
	return atoi(a[0]); /* NOLINT */
}

/* Open descriptors, in order. */
static int
do_fds(char **a)
{
	(void)a;
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			(void)printf("%d ", fd);
	(void)puts("");
	return 0;
}

static int
do_ids(char **a)
{
	gid_t groups[128];
	int n = getgroups(128, groups);

	(void)a;
	(void)printf("%u %u %u %u:", getuid(), geteuid(), getgid(), getegid());
	for (int i = 0; i < n; i++)
		(void)printf(" %u", groups[i]);
	(void)puts("");
	return 0;
}

/* Kill self with signal N. */
static int
do_raise(char **a)
{
	(void)signal(atoi(a[0]), SIG_DFL); /* NOLINT */
	(void)raise(atoi(a[0]));           /* NOLINT */
	return 0;
}

static int
do_ls(char **a)
{
	DIR *d = opendir(*a ? *a : ".");

	if (!d)
		return fail(*a ? *a : ".");
	for (const struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			(void)puts(e->d_name);
	return closedir(d);
}

/* What a write to each FILE would get; the file is made. */
static int
do_write(char **a)
{
	for (; *a; a++) {
		int fd = open(*a, O_WRONLY | O_CREAT, 0644);
		long r = fd < 0 ? -1 : write(fd, "x", 1);

		(void)printf("%s ", *a);
		(void)say(r);
	}
	return 0;
}

/* xattr PATH: whether it takes a user attribute */
static int
do_xattr(char **a)
{
	return setxattr(a[0], "user.probe", "", 0, 0) < 0 ? fail(a[0]) : 0;
}

static int
do_mkdir(char **a)
{
	return mkdir(a[0], 0755) < 0 ? fail(a[0]) : 0;
}

static int
do_rm(char **a)
{
	return remove(a[0]) < 0 ? fail(a[0]) : 0;
}

static int
do_sleep(char **a)
{
	(void)poll(NULL, 0, *a ? (int)(atof(*a) * 1000) : 1000000); /* NOLINT */
	return 0;
}

static int
do_stat(char **a)
{
	struct stat st;

	for (; *a; a++) {
		if (lstat(*a, &st) < 0)
			(void)printf("%s %s\n", *a, name_of(errno));
		else
			(void)printf("%s %o %u %u %lld\n", *a, st.st_mode, st.st_uid, st.st_gid,
				     (long long)st.st_size);
	}
	return 0;
}

/* Lines of /proc/self/status that begin with one of the words. */
static int
do_status(char **a)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[512];

	if (!f)
		return fail("/proc/self/status");
	while (fgets(line, sizeof(line), f))
		for (char **w = a; *w; w++)
			if (strncmp(line, *w, strlen(*w)) == 0)
				(void)fputs(line, stdout);
	return fclose(f);
}

static int
do_umask(char **a)
{
	(void)a;
	(void)printf("%04o\n", umask(0));
	return 0;
}

static int
do_limit(char **a)
{
	struct rlimit l;

	(void)getrlimit((unsigned int)atoi(a[0]), &l); /* NOLINT */
	(void)printf("%lld %lld\n", (long long)l.rlim_cur, (long long)l.rlim_max);
	return 0;
}

/* probe syscall NR [ARG...]: raw, with numbers. */
static int
do_syscall(char **a)
{
	unsigned long v[7] = { 0 };

	for (int i = 0; a[i] && i < 7; i++)
		v[i] = strtoul(a[i], NULL, 0);
	return say(syscall((long)v[0], v[1], v[2], v[3], v[4], v[5], v[6]));
}

static int
do_landlock_abi(char **a)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);

	(void)a;
	(void)printf("%d\n", abi < 0 ? 0 : abi);
	return 0;
}

static const struct word {
	const char *name;
	int (*run)(char **args);
	int n_args; /* at least */
} words[] = {
	{ "args", do_args, 0 },     { "cat", do_cat, 0 },
	{ "cwd", do_cwd, 0 },       { "env", do_env, 0 },
	{ "exit", do_exit, 1 },     { "fds", do_fds, 0 },
	{ "ids", do_ids, 0 },       { "landlock-abi", do_landlock_abi, 0 },
	{ "limit", do_limit, 1 },   { "ls", do_ls, 0 },
	{ "mkdir", do_mkdir, 1 },   { "raise", do_raise, 1 },
	{ "rm", do_rm, 1 },         { "sleep", do_sleep, 0 },
	{ "stat", do_stat, 0 },     { "status", do_status, 0 },
	{ "syscall", do_syscall, 1 }, { "umask", do_umask, 0 },
	{ "write", do_write, 0 },   { "xattr", do_xattr, 1 },
};

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *self = slash ? slash + 1 : argv[0];

	if (strcmp(self, "true") == 0)
		return 0;
	for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, argv[1]) == 0 && argc - 2 >= words[i].n_args)
			return words[i].run(argv + 2);
	(void)fprintf(stderr, "probe: unknown word or too few arguments\n");
	return 99;
}
