/* "login", "logout": who we are at a registry, tried there and then kept. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "image/ref.h"
#include "libexec/prompt.h"
#include "libexec/registry.h"
#include "registry/auth.h"
#include "registry/confine.h"

#define ANSWER_MAX ((size_t)64 << 10)

/* HOST[:PORT][/PATH] of an operand, or Docker Hub.  @ret: owned */
static int
parse_registry(int argc, char **argv, int first, char **ret, struct err *e)
{
	AUTO_FREE char *key = auth_key(first < argc ? argv[first] : "docker.io");
	AUTO_FREE char *name = xasprintf("%s/x", key), *full = NULL;
	CLEANUP(image_ref_clear) struct image_ref ref = IMAGE_REF_INIT;
	struct err why = ERR_INIT;
	char safe[128];

	if (argc - first > 1)
		return err_set(e, EINVAL, "%s: one registry is expected", argv[0]);
	if (!strpbrk(key, "@") && image_ref_parse(name, &ref, &why) == 0)
		full = image_ref_full_name(ref.name);
	if (!full || !str_begins(full, key)) {
		(void)str_printable(safe, sizeof(safe), argv[first], false);
		(void)err_set(e, EINVAL, "%s: '%s' is not a registry", argv[0], safe);
		return err_hint(e, "HOST.DOMAIN, localhost or HOST:PORT; without one it is Docker Hub, docker.io");
	}
	*ret = TAKE_PTR(key);
	return 0;
}

/* --- trying it --- */

/* Without TLS?  That is asked before we say who we are. */
static int
check_way(const struct http *h, const struct endpoint *ep, const struct lookup *l, struct err *e)
{
	if (!http_is_plain(h) || ep->loopback)
		return 0;
	if (l->tls_verify && strcmp(l->tls_verify, "false") == 0) {
		(void)fprintf(stderr, "rootlet: warning: %s has no TLS: others can read the password that is sent\n",
			      ep->host);
		return 0;
	}
	(void)err_set(e, EPERM, "%s has no TLS: others could read the password", ep->host);
	return err_hint(e, "where that does not matter: --tls-verify=false");
}

/* 0: it lets us in, or everybody */
static int
try_password(struct http *h, const struct endpoint *ep, struct err *e)
{
	const struct http_request q = { .method = "GET", .url = "/v2/", .body_fd = -1, .sink_fd = -1,
					.max = ANSWER_MAX };
	AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;

	if (http_do(h, &q, &r, e) < 0 && e->code != EACCES)
		return -e->code;
	if (e->code == EACCES || r.status == 401 || r.status == 403) {
		err_clear(e);
		return err_set(e, EACCES, "%s: the name or password is wrong", lookup_shown_host(ep));
	}
	return r.status == 200 ? 0 : http_refused(&r, ep->host, e);
}

static int
try(const struct endpoint *known, const struct http_options *o, const struct lookup *l, struct err *e)
{
	struct endpoint ep = *known;
	AUTO_HTTP h = NULL;

	ep.user = ep.password = NULL;
	if (registry_confine(o, NULL, 0, e) < 0 || http_new(&ep, o, &h, e) < 0)
		return -e->code;
	/* Some give no token to whom they do not know. */
	if (http_reach(h, e) < 0 && e->code != EACCES)
		return -e->code;
	err_clear(e);
	if (check_way(h, &ep, l, e) < 0)
		return -e->code;
	ep.user = known->user;
	ep.password = known->password;
	http_forget(h);
	return try_password(h, &ep, e);
}

/* In a process of its own: what comes from the network meets nothing that can write files or run a
 * helper. */
static int
try_apart(const struct endpoint *ep, const struct http_options *o, const struct lookup *l, struct err *e)
{
	struct err why = ERR_INIT;
	int p[2], status = 0;
	ssize_t n;
	pid_t pid;

	cmd_expect_children();
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2");
	pid = fork();
	if (pid == 0) {
		(void)try(ep, o, l, &why);
		n = write(p[1], &why, sizeof(why));
		_exit(n == sizeof(why) ? 0 : EXIT_ROOTLET);
	}
	if (pid < 0)
		(void)err_sys(e, "fork");
	fd_closep(&p[1]);
	while ((n = read(p[0], &why, sizeof(why))) < 0 && errno == EINTR)
		;
	fd_closep(&p[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return -e->code;
	if (n != sizeof(why))
		return err_set(e, EIO, "the process that tries the password ended with status %d", status);
	if (why.code)
		*e = why;
	return -why.code;
}

/* --- asking for it --- */

static int
ask_user(const struct login_args *a, const char *name, char **ret, struct err *e)
{
	AUTO_FREE char *question = xasprintf("name of the user at %s: ", name);

	if (a->user)
		*ret = xstrdup(a->user);
	else if (a->password_stdin)
		return err_set(e, EINVAL, "login: --password-stdin needs --user");
	else if (prompt_terminal(question, false, ret, e) < 0)
		return err_hint(e, "without a terminal: --user and --password-stdin");
	if (!**ret || strchr(*ret, ':'))
		return err_set(e, EINVAL, "login: the name of a user is not empty, and has no colon");
	return 0;
}

static int
ask_password(const struct login_args *a, const char *user, char **ret, struct err *e)
{
	AUTO_FREE char *question = xasprintf("password of %s: ", user);

	if (a->password_stdin) {
		if (prompt_stdin(ret, e) < 0)
			return -e->code;
	} else if (prompt_terminal(question, true, ret, e) < 0) {
		return err_hint(e, "without a terminal: --password-stdin");
	}
	return **ret ? 0 : err_set(e, EINVAL, "login: the password is empty");
}

/* --- the commands --- */

static int
print_login(const char *name, const struct lookup *l, struct err *e)
{
	AUTO_AUTH a = AUTH_INIT;
	char safe[512];
	const int r = auth_find(&l->places, l->authfile, name, &a, e);

	if (r < 0)
		return r;
	if (r == 1) {
		(void)err_set(e, ENOENT, "%s: no name and password are known", name);
		return err_hint(e, "rootlet login %s", name);
	}
	(void)str_printable(safe, sizeof(safe), a.user ? a.user : "<token>", false);
	(void)puts(safe);
	return 0;
}

static int
find_own_file(const struct lookup *l, char **ret, struct err *e)
{
	*ret = auth_own_file(&l->places, l->authfile);
	return *ret ? 0 : err_set(e, ENOENT, "there is no home directory to keep passwords in: $HOME is not set");
}

static int
login(const char *name, const struct login_args *a, const struct lookup *l, const struct http_options *o,
      struct err *e)
{
	CLEANUP(endpoint_clear) struct endpoint ep = ENDPOINT_INIT;
	AUTO_FREE char *file = NULL;

	if (find_own_file(l, &file, e) < 0 || lookup_registry(name, l, false, &ep, e) < 0 ||
	    ask_user(a, name, &ep.user, e) < 0 || ask_password(a, ep.user, &ep.password, e) < 0 ||
	    try_apart(&ep, o, l, e) < 0 ||
	    auth_store(file, name, ep.user, ep.password, e) < 0)
		return -e->code;
	(void)printf("logged in to %s\n", name);
	return 0;
}

int
verb_login(int argc, char **argv, struct err *e)
{
	struct login_args a = { .registry = { .debug = false } };
	AUTO_FREE char *name = NULL;
	struct http_options o;
	struct lookup l;
	const int first = opt_parse(login_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (parse_registry(argc, argv, first, &name, e) < 0 || take_lookup(&a.registry, &l, &o, e) < 0)
		return -e->code;
	return a.get_login ? print_login(name, &l, e) : login(name, &a, &l, &o, e);
}

/* What is still known is of another tool, or of a part of the registry. */
static int
logout(const char *name, const struct lookup *l, const char *file, struct err *e)
{
	AUTO_AUTH left = AUTH_INIT;
	const int r = auth_erase(file, name, e);
	int known = 1;

	if (r == 1 && !l->authfile)
		known = auth_find(&l->places, NULL, name, &left, e);
	if (r < 0 || known < 0)
		return -e->code;
	if (r == 0) {
		(void)printf("logged out of %s\n", name);
		return 0;
	}
	(void)err_set(e, ENOENT, "%s: login has kept no name and password for it%s%s", name,
		      known == 0 ? ", but what it is known by is in " : "", known == 0 ? left.file : "");
	return known == 0 ? err_hint(e, "rootlet logout --authfile %s %s", left.file, name) : -e->code;
}

int
verb_logout(int argc, char **argv, struct err *e)
{
	struct logout_args a = { .authfile = NULL };
	const struct registry_args none = { .debug = false };
	AUTO_FREE char *name = NULL, *file = NULL;
	struct http_options o;
	struct lookup l;
	const int first = opt_parse(logout_opts, argc, argv, &a, e);

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (a.all && first < argc)
		return err_set(e, EINVAL, "logout: --all is for all registries, '%s' for one", argv[first]);
	if (parse_registry(argc, argv, first, &name, e) < 0 || take_lookup(&none, &l, &o, e) < 0)
		return -e->code;
	l.authfile = a.authfile;
	if (find_own_file(&l, &file, e) < 0)
		return -e->code;
	if (!a.all)
		return logout(name, &l, file, e);
	return auth_erase_all(file, e) < 0 ? -e->code : 0;
}
