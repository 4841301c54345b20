#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fd.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "registry/base64.h"
#include "registry/helper.h"

#define PREFIX     "docker-credential-"
#define EXIT_NO_PROGRAM 127
#define SECONDS    60
#define ANSWER_MAX ((size_t)64 << 10)

/* What it says when it has nothing, as all of them do. */
#define NOT_FOUND "credentials not found"

struct answer {
	char *text; /* owned */
	size_t len;
	int status; /* of waitpid(2) */
};

static void
answer_clear(struct answer *a)
{
	if (a->text)
		explicit_bzero(a->text, a->len);
	free(a->text);
}

/* --- a process --- */

/* A file, not a pipe: whoever does not read it harms nobody. */
static int
make_input(const char *text, int *ret, struct err *e)
{
	AUTO_FD fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (fd_write_all(fd, text, strlen(text), e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "lseek");
	*ret = TAKE_FD(fd);
	return 0;
}

static __attribute__((noreturn)) void
become(const char *program, const char *verb, int in, int out)
{
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)verb, NULL };

	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		(void)execvp(program, argv);
	_exit(EXIT_NO_PROGRAM);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until something can be read, or the process has ended. */
static int
wait_for(int fd, int64_t until, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const int64_t left = until - now_ms();
	const int r = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (r < 0 && errno != EINTR)
		return err_sys(e, "poll");
	return r == 0 ? err_set(e, ETIMEDOUT, "it has not answered within %d seconds", SECONDS) : 0;
}

static int
read_answer(int fd, int64_t until, struct answer *a, struct err *e)
{
	a->text = xcalloc(ANSWER_MAX + 1, 1);
	for (;;) {
		ssize_t n;

		if (wait_for(fd, until, e) < 0)
			return -e->code;
		n = read(fd, a->text + a->len, ANSWER_MAX + 1 - a->len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		a->len += (size_t)n;
		if (a->len > ANSWER_MAX)
			return err_set(e, EFBIG, "its answer has more than %zu bytes", ANSWER_MAX);
	}
	a->text[a->len] = '\0';
	return 0;
}

/* It ends, or is ended. */
static int
reap(pid_t pid, bool failed, int64_t until, int *ret_status, struct err *e)
{
	AUTO_FD fd = sys_pidfd_open(pid, 0);
	int r = 0;

	if (!failed && fd >= 0)
		r = wait_for(fd, until, e);
	if (failed || r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return failed ? 0 : err_sys(e, "waitpid");
	return r;
}

static int
run(const char *program, const char *verb, const char *input, struct answer *a, struct err *e)
{
	const int64_t until = now_ms() + SECONDS * 1000;
	AUTO_FD in = -1;
	int out[2], r;
	pid_t pid;

	if (make_input(input, &in, e) < 0)
		return -e->code;
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2");
	pid = fork();
	if (pid == 0)
		become(program, verb, in, out[1]);
	fd_closep(&out[1]);
	r = pid < 0 ? err_sys(e, "fork") : read_answer(out[0], until, a, e);
	fd_closep(&out[0]);
	if (pid > 0 && reap(pid, r < 0, until, &a->status, e) < 0)
		r = -e->code;
	return r;
}

/* --- what it says --- */

/* On failure it prints why: the first line of that. */
static int
tell_failure(const struct answer *a, struct err *e)
{
	AUTO_FREE char *line = xstrndup(a->text, strcspn(a->text, "\r\n"));
	char safe[128];

	(void)str_printable(safe, sizeof(safe), line, false);
	if (WIFSIGNALED(a->status))
		return err_set(e, EIO, "it was ended by signal %d", WTERMSIG(a->status));
	if (WEXITSTATUS(a->status) == EXIT_NO_PROGRAM && a->len == 0) {
		(void)err_set(e, ENOENT, "there is no such program that can be run");
		return err_hint(e, "install it, or remove it from the file that names it");
	}
	return err_set(e, EIO, "it fails with status %d%s%s", WEXITSTATUS(a->status), *safe ? ": " : "", safe);
}

static bool
is_name(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
			'\0';
}

/* 1: it has nothing */
static int
ask(const char *name, const char *verb, const char *input, struct answer *a, struct err *e)
{
	AUTO_FREE char *program = xasprintf(PREFIX "%s", name);
	char safe[128];

	(void)str_printable(safe, sizeof(safe), program, false);
	if (!is_name(name))
		return err_set(e, EINVAL, "'%s' is no name of a credential helper", safe);
	if (run(program, verb, input, a, e) < 0)
		return err_prefix(e, "%s", safe);
	if (a->status == 0)
		return 0;
	if (WIFEXITED(a->status) && strncmp(a->text, NOT_FOUND, strlen(NOT_FOUND)) == 0)
		return 1;
	(void)tell_failure(a, e);
	return err_prefix(e, "%s", safe);
}

int
helper_get(const char *name, const char *server, char **ret_user, char **ret_secret, struct err *e)
{
	CLEANUP(answer_clear) struct answer a = { .text = NULL };
	const char *user, *secret;
	json_t *j;
	int r = ask(name, "get", server, &a, e);

	if (r != 0)
		return r;
	j = json_loadb(a.text, a.len, JSON_DISABLE_EOF_CHECK, NULL);
	user = json_string_value(json_object_get(j, "Username"));
	secret = json_string_value(json_object_get(j, "Secret"));
	if (user && secret && !*user && !*secret) {
		r = 1;
	} else if (user && secret) {
		*ret_user = xstrdup(user);
		*ret_secret = xstrdup(secret);
	} else {
		r = err_set(e, EBADMSG, PREFIX "%s: its answer has no name and password", name);
	}
	json_decref(j);
	return r;
}

int
helper_store(const char *name, const char *server, const char *user, const char *secret, struct err *e)
{
	CLEANUP(answer_clear) struct answer a = { .text = NULL };
	json_t *j = json_pack("{s:s, s:s, s:s}", "ServerURL", server, "Username", user, "Secret", secret);
	AUTO_SECRET char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int r;

	json_decref(j);
	if (!text)
		return err_set(e, EINVAL, "name and password are not UTF-8");
	r = ask(name, "store", text, &a, e);
	return r == 1 ? err_set(e, EIO, PREFIX "%s: it has not stored the password", name) : r;
}

int
helper_erase(const char *name, const char *server, struct err *e)
{
	CLEANUP(answer_clear) struct answer a = { .text = NULL };

	return ask(name, "erase", server, &a, e);
}
