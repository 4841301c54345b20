/*
 * payload - a static program that does one thing to files, sockets and descriptors
 *
 *   payload WORD [ARG...]
 *
 * It runs on either side of a sandbox; what it waits for, it waits for at most five seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 5000

static int
fail(const char *what)
{
	(void)printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int
number(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

static int
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1;
}

/* watch DIR: say "ready", then the names of what is written, moved there or removed, until "end". */
static int
do_watch(char **a)
{
	char buf[4096] __attribute__((aligned(8)));
	int fd = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	if (fd < 0 || inotify_add_watch(fd, a[0], IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
		return fail(a[0]);
	(void)puts("ready");
	(void)fflush(stdout);
	while (readable(fd) && (n = read(fd, buf, sizeof(buf))) > 0) {
		for (const char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			(void)printf("%s %s\n", e->mask & IN_DELETE ? "gone" : "new",
				     e->len ? e->name : "");
			if (e->len && strcmp(e->name, "end") == 0)
				return 0;
			p += sizeof(*e) + e->len;
		}
	}
	return 1;
}

/* append FILE TEXT: to a file that is there. */
static int
do_append(char **a)
{
	int fd = open(a[0], O_WRONLY | O_APPEND | O_NONBLOCK);

	if (fd < 0 || write(fd, a[1], strlen(a[1])) != (ssize_t)strlen(a[1]))
		return fail(a[0]);
	return close(fd);
}

/* fill FILE: write 64 KiB at a time until there is no room, at most 64 MiB; say how much fitted. */
static int
do_fill(char **a)
{
	static char block[65536];
	int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	long done = 0;
	ssize_t n;

	if (fd < 0)
		return fail(a[0]);
	while (done < 64L << 20 && (n = write(fd, block, sizeof(block))) > 0)
		done += n;
	(void)printf("%ld\n", done);
	return 0;
}

static int
unix_socket(const char *path, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(at->sun_path, sizeof(at->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* listen SOCKET: say "ready", then what the first caller says. */
static int
do_listen(char **a)
{
	struct sockaddr_un at;
	int fd = unix_socket(a[0], &at), peer;
	char buf[256];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1) < 0)
		return fail(a[0]);
	(void)puts("ready");
	(void)fflush(stdout);
	if (!readable(fd) || (peer = accept(fd, NULL, NULL)) < 0)
		return fail("accept");
	n = read(peer, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = '\0';
	(void)puts(buf);
	return 0;
}

/* connect SOCKET TEXT */
static int
do_connect(char **a)
{
	struct sockaddr_un at;
	int fd = unix_socket(a[0], &at);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    write(fd, a[1], strlen(a[1])) < 0)
		return fail(a[0]);
	return 0;
}

/* say FD TEXT: to a descriptor. */
static int
do_say(char **a)
{
	return write(number(a[0]), a[1], strlen(a[1])) < 0 ? fail(a[0]) : 0;
}

/* hear FD: what comes from a descriptor until its end. */
static int
do_hear(char **a)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(number(a[0]), buf, sizeof(buf))) > 0)
		(void)fwrite(buf, 1, (size_t)n, stdout);
	return n < 0 ? fail(a[0]) : 0;
}

/* hangup FD: close it, say so on standard output, and live on until standard input ends. */
static int
do_hangup(char **a)
{
	char c;

	if (close(number(a[0])) < 0)
		return fail(a[0]);
	(void)puts("closed");
	(void)fflush(stdout);
	return readable(0) && read(0, &c, 1) == 0 ? 0 : 1;
}

/* ends FD: does it end within the time, whatever comes before? */
static int
do_ends(char **a)
{
	char buf[4096];
	ssize_t n = 1;

	while (n > 0 && readable(number(a[0])))
		n = read(number(a[0]), buf, sizeof(buf));
	(void)puts(n == 0 ? "end" : "no end");
	return n != 0;
}

/* size: bytes in the arguments behind this word and in the environment. */
static int
do_size(char **a)
{
	size_t args = 0, env = 0;

	for (; *a; a++)
		args += strlen(*a);
	for (char **e = environ; *e; e++)
		env += strlen(*e);
	(void)printf("%zu %zu\n", args, env);
	return 0;
}

/* chown FILE UID GID */
static int
do_chown(char **a)
{
	return lchown(a[0], (uid_t)number(a[1]), (gid_t)number(a[2])) < 0 ? fail(a[0]) : 0;
}

/* climb: "canary" when a file of that name is in the current directory or one above, or "inside". */
static int
do_climb(char **a)
{
	char cwd[4096], up[512] = "canary";
	struct stat st;

	(void)a;
	if (!getcwd(cwd, sizeof(cwd)))
		return fail("getcwd");
	for (int i = 0; i < 20; i++) {
		if (stat(up, &st) == 0)
			return puts("canary") == EOF;
		memmove(up + 3, up, strlen(up) + 1);
		memcpy(up, "../", 3);
	}
	return puts(cwd[0] == '/' ? "inside" : cwd) == EOF;
}

/* hold FILE FROM TO COMMAND...: run COMMAND with FILE open on all descriptors FROM to TO. */
static int
do_hold(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (fd = fcntl(fd, F_DUPFD_CLOEXEC, 1000)) < 0)
		return fail(a[0]);
	for (int i = number(a[1]); i <= number(a[2]); i++)
		if (dup2(fd, i) < 0)
			return fail("dup2");
	(void)execvp(a[3], a + 3);
	return fail(a[3]);
}

static const struct word {
	const char *name;
	int (*run)(char **args);
	int n_args; /* at least */
} words[] = {
	{ "append", do_append, 2 },   { "chown", do_chown, 3 },   { "climb", do_climb, 0 },
	{ "connect", do_connect, 2 }, { "ends", do_ends, 1 },     { "fill", do_fill, 1 },
	{ "hangup", do_hangup, 1 },   { "hear", do_hear, 1 },     { "hold", do_hold, 4 },
	{ "listen", do_listen, 1 },   { "say", do_say, 2 },       { "size", do_size, 0 },
	{ "watch", do_watch, 1 },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, argv[1]) == 0 && argc - 2 >= words[i].n_args)
			return words[i].run(argv + 2);
	(void)fprintf(stderr, "payload: unknown word or too few arguments\n");
	return 99;
}
