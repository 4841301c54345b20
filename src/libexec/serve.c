/*
 * rootlet-serve - `rootlet serve`: the store as a registry
 *
 * Whatever is needed of this machine is opened first: files of the command line, the store, the
 * socket.  Then all else is given up, and only then is anything read of what clients send.
 */
#include <fcntl.h>
#include <jansson.h>
#include <linux/filter.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/serve.h"
#include "image/confine.h"
#include "libexec/serve.h"
#include "serve/serve.h"

#define LISTEN_DEFAULT "127.0.0.1:5000"
#define PEM_MAX        ((size_t)1 << 20) /* bytes */
#define TICK_MS        1000
#define ARENAS         4 /* of malloc: more would each keep memory for themselves */

extern const struct sock_filter seccomp_serve[];
extern const unsigned int seccomp_serve_len;

/* What has been opened.  All is owned. */
struct serving {
	struct store store;
	struct serve_auth *auth;
	char *cert, *key;
	int listen_fd;
	int near_fd, far_fd; /* --stdio: ours, and the server's */
	int done_fd, signal_fd;
	struct place place;
};
#define SERVING_INIT \
	{ .store = STORE_INIT, .listen_fd = -1, .near_fd = -1, .far_fd = -1, .done_fd = -1, .signal_fd = -1 }

static void
serving_clear(struct serving *v)
{
	store_close(&v->store);
	serve_auth_freep(&v->auth);
	free(v->cert);
	free(v->key);
	fd_closep(&v->listen_fd);
	fd_closep(&v->near_fd);
	fd_closep(&v->far_fd);
	fd_closep(&v->done_fd);
	fd_closep(&v->signal_fd);
}

/* --- what is opened --- */

static int
check_args(const struct serve_args *a, struct err *e)
{
	if (!a->tls_cert != !a->tls_key)
		return err_set(e, EINVAL, "--tls-cert and --tls-key are one thing: give both");
	if (a->stdio && (a->listen || a->auth || a->tls_cert))
		return err_set(e, EINVAL, "--stdio listens nowhere, asks nobody, and has no TLS");
	return 0;
}

static int
read_pem(const char *option, const char *path, char **ret, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "--%s %s", option, path);
	return fd_read_all(fd, PEM_MAX, ret, e) < 0 ? err_prefix(e, "--%s %s", option, path) : 0;
}

static int
open_files(const struct serve_args *a, struct serving *v, struct err *e)
{
	if ((a->auth && serve_auth_read(a->auth, &v->auth, e) < 0) ||
	    (a->tls_cert && (read_pem("tls-cert", a->tls_cert, &v->cert, e) < 0 ||
			     read_pem("tls-key", a->tls_key, &v->key, e) < 0)))
		return -e->code;
	return 0;
}

/* The lock is given back: each request takes it for itself. */
static int
open_store(const struct serve_args *a, struct serving *v, struct err *e)
{
	AUTO_FREE char *dir = cmd_need_data_dir("images", e);

	if (!dir || store_open(dir, !a->read_only, &v->store, e) < 0)
		return -e->code;
	fd_closep(&v->store.lock_fd);
	return 0;
}

static int
open_connection(struct serving *v, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a pair of sockets");
	v->near_fd = pair[0];
	v->far_fd = pair[1];
	return 0;
}

static int
open_socket(const struct serve_args *a, struct serving *v, struct err *e)
{
	const char *text = a->listen ? a->listen : LISTEN_DEFAULT;

	if (a->stdio)
		return open_connection(v, e);
	if (place_parse(text, &v->place, e) < 0)
		return -e->code;
	v->listen_fd = place_listen(&v->place, text, e);
	return v->listen_fd < 0 ? -e->code : 0;
}

static int
open_signals(struct serving *v, struct err *e)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	v->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	v->done_fd = eventfd(0, EFD_CLOEXEC);
	return v->signal_fd < 0 || v->done_fd < 0 ? err_sys(e, "wait for signals") : 0;
}

/* --- confinement --- */

static int
confine(const struct serve_args *a, const struct serving *v, struct err *e)
{
	const struct confine_helper helper = { .name = "rootlet-serve",
					       .filter = seccomp_serve,
					       .n = seccomp_serve_len };
	const struct confine_dir read_only = { .fd = v->store.fd };

	/* Its random numbers are read from a file. */
	json_object_seed(0);
	(void)mallopt(M_ARENA_MAX, ARENAS);
	if (confine_calls(&helper, e) < 0)
		return -e->code;
	return a->read_only ? confine_files(&helper, &read_only, 1, e)
			    : image_confine_files(&v->store, NULL, 0, e);
}

/* --- serving --- */

static void
say(void *ctx, const char *line)
{
	char safe[1024];

	(void)ctx;
	(void)str_printable(safe, sizeof(safe), line, false);
	(void)fprintf(stderr, "rootlet: %s\n", safe);
}

/* Not what was asked for by default: everybody near may do what only the user should. */
static void
warn(const struct serve_args *a, const struct serving *v, const char *name)
{
	if (v->place.loopback)
		return;
	if (!a->auth)
		(void)fprintf(stderr, "rootlet: warning: whoever reaches %s may %s (--auth FILE asks for a password)\n",
			      name, a->read_only ? "pull" : "pull and push");
	else if (!a->tls_cert)
		(void)fprintf(stderr, "rootlet: warning: passwords come to %s in the clear (--tls-cert, --tls-key)\n",
			      name);
}

static int
announce(const struct serve_args *a, const struct serving *v, struct err *e)
{
	char name[128];

	if (a->stdio)
		return 0;
	if (place_name(v->listen_fd, name, sizeof(name), e) < 0)
		return -e->code;
	warn(a, v, name);
	(void)fprintf(stderr, "listening on %s\n", name);
	return 0;
}

static void
wait_for_end(const struct serving *v, struct server *s)
{
	struct pollfd fds[] = { { .fd = v->signal_fd, .events = POLLIN },
				{ .fd = v->done_fd, .events = POLLIN } };

	while (poll(fds, NELEMS(fds), TICK_MS) == 0 || (!fds[0].revents && !fds[1].revents))
		serve_tick(s);
}

static int
serve(const struct serve_args *a, struct serving *v, uint64_t limit, struct err *e)
{
	const struct serve_options o = { .store = &v->store,
					 .auth = v->auth,
					 .read_only = a->read_only,
					 .local = v->place.loopback,
					 .limit_bytes = limit,
					 .cert = v->cert,
					 .key = v->key,
					 .say = a->quiet || a->stdio ? NULL : say };
	struct server *s = NULL;
	int r;

	if (serve_start(&o, v->listen_fd, &s, e) < 0)
		return -e->code;
	r = a->stdio ? serve_connection(s, TAKE_FD(v->far_fd), e) : announce(a, v, e);
	if (r == 0 && a->stdio)
		r = carry_start(v->near_fd, v->done_fd, e);
	if (r == 0)
		wait_for_end(v, s);
	serve_stop(s);
	return r;
}

static int
open_and_serve(const struct serve_args *a, struct serving *v, struct err *e)
{
	uint64_t limit = 0;

	if (a->limit_bytes && parse_size(a->limit_bytes, &limit, e) < 0)
		return err_prefix(e, "--limit-bytes");
	if (a->limit_bytes && limit == 0)
		return err_set(e, EINVAL, "--limit-bytes: 0 allows nothing");
	if (check_args(a, e) < 0 || open_files(a, v, e) < 0 || open_store(a, v, e) < 0 ||
	    open_socket(a, v, e) < 0 || open_signals(v, e) < 0 || confine(a, v, e) < 0)
		return -e->code;
	return serve(a, v, limit, e);
}

int
main(int argc, char **argv)
{
	CLEANUP(serving_clear) struct serving v = SERVING_INIT;
	struct serve_args a = { .listen = NULL };
	struct err e = ERR_INIT;
	int first;

	(void)umask(077);
	first = opt_parse(serve_opts, argc, argv, &a, &e);
	if (first == 0)
		return cmd_help("serve");
	if (first > 0 && first < argc)
		(void)err_set(&e, EINVAL, "serve: '%s': no argument is expected", argv[first]);
	if (e.code || open_and_serve(&a, &v, &e) < 0)
		return cmd_fail(&e);
	return 0;
}
