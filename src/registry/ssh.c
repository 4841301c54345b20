#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/ssh.h"

#define SCHEME "ssh://"
#define WORDS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define DIGITS "0123456789"

/* --- names --- */

/* No option of ssh, and nothing that a shell here or there would take for more than a name. */
static bool
is_host(const char *host)
{
	const char *at = strchr(host, '@'), *name = at ? at + 1 : host,
		   *colon = strchr(name, ':');
	const size_t n = colon ? (size_t)(colon - name) : strlen(name);

	return host[0] != '-' && at != host && n > 0 && name[0] != '-' && strspn(name, WORDS) == n &&
	       (!at || host + strspn(host, WORDS) == at) &&
	       (!colon || (colon[1] && colon[1 + strspn(colon + 1, DIGITS)] == '\0'));
}

int
ssh_take(const char **text, char **ret_host, struct err *e)
{
	const char *rest = *text + strlen(SCHEME);
	AUTO_FREE char *host = NULL;

	if (!str_begins(*text, SCHEME))
		return 0;
	host = xstrndup(rest, strcspn(rest, "/"));
	if (!is_host(host))
		return err_set(e, EINVAL, "'%s' is not ssh://[USER@]HOST[:PORT]/IMAGE", *text);
	rest += strlen(host);
	*text = *rest && rest[1] ? rest + 1 : NULL;
	*ret_host = TAKE_PTR(host);
	return 0;
}

/* --- the process that becomes ssh --- */

struct waiting {
	const char *program, *host, *dir, *path;
	int listen_fd;
	int alive_fd; /* it ends when we do */
};

static void
become_ssh(const struct waiting *w, int fd)
{
	AUTO_FREE char *host = xstrdup(w->host);
	char *at = strchr(host, '@'), *port = strchr(at ? at : host, ':');
	const char *argv[9] = { w->program };
	struct err e = ERR_INIT;
	size_t n = 1;

	if (port) {
		*port++ = '\0';
		argv[n++] = "-p";
		argv[n++] = port;
	}
	argv[n++] = "--";
	argv[n++] = host;
	argv[n++] = "rootlet";
	argv[n++] = "serve";
	argv[n++] = "--stdio";
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(125);
	(void)execvp(w->program, (char **)(uintptr_t)argv);
	/* Our parent knows no more than that there is no answer. */
	(void)err_sys(&e, "rootlet: start %s", w->program);
	IGNORE(write(STDERR_FILENO, e.msg, strlen(e.msg)));
	IGNORE(write(STDERR_FILENO, "\n", 1));
	_exit(127);
}

static void
wait_and_become(const struct waiting *w)
{
	struct pollfd fds[] = { { .fd = w->listen_fd, .events = POLLIN }, { .fd = w->alive_fd } };
	int fd = -1;

	while (poll(fds, NELEMS(fds), -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents & POLLIN)
		fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	if (fd < 0)
		_exit(0);
	become_ssh(w, fd);
}

/* --- the socket --- */

static int
new_socket(struct err *e)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_sys(e, "make a socket for ssh") : fd;
}

static int
listen_at(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	AUTO_FD fd = new_socket(e);

	if (fd < 0)
		return fd;
	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, ENAMETOOLONG, "%s: too long for a socket", path);
	(void)stpcpy(a.sun_path, path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		return err_sys(e, "listen at %s", path);
	return TAKE_FD(fd);
}

/* Our end of @alive stays open until we end. */
static int
start(struct waiting *w, struct err *e)
{
	int alive[2];
	pid_t pid;

	if (pipe2(alive, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	w->alive_fd = alive[0];
	pid = fork();
	if (pid == 0) {
		(void)close(alive[1]);
		/* ^C is for us: we end, and so does the connection. */
		(void)setsid();
		wait_and_become(w);
	}
	(void)close(alive[0]);
	return pid < 0 ? err_sys(e, "start %s", w->program) : 0;
}

static int
open_at(const char *dir, const char *host, const char *program, struct endpoint *ret, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, "socket");
	AUTO_FD listening = listen_at(path, e), fd = -1;
	struct waiting w = { .program = program, .host = host, .dir = dir, .path = path,
			     .listen_fd = listening };

	if (listening < 0 || (fd = new_socket(e)) < 0 || start(&w, e) < 0) {
		(void)unlink(path);
		return -e->code;
	}
	ret->socket_fd = TAKE_FD(fd);
	ret->socket_path = TAKE_PTR(path);
	return 0;
}

int
ssh_open(const char *host, const char *program, const char *repository, struct endpoint *ret,
	 struct err *e)
{
	const char *at = strchr(host, '@');
	char dir[] = "/tmp/rootlet-ssh.XXXXXX";

	if (!mkdtemp(dir))
		return err_sys(e, "make a directory in /tmp");
	if (open_at(dir, host, program ? program : "ssh", ret, e) < 0) {
		(void)rmdir(dir);
		return -e->code;
	}
	ret->host = xstrdup(at ? at + 1 : host);
	ret->repository = xstrdup(repository);
	return 0;
}
