/*
 * process - what runs, as whom, where and with which environment
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "frontend/passwd.h"
#include "frontend/run.h"

#define PASSWD_MAX   ((size_t)8 << 20)
#define ENV_FILE_MAX ((size_t)4 << 20)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A file of the base, "" when it is missing, not a regular file or too large. */
static int
read_base_file(const struct run_host *h, int root_fd, const char *path, char **ret, struct err *e)
{
	AUTO_FD fd = run_open_base_file(h, root_fd, path, e);

	if (fd < 0 && e->code == ENOSYS)
		return -ENOSYS;
	if (fd < 0 || fd_read_all(fd, PASSWD_MAX, ret, e) < 0) {
		err_clear(e);
		*ret = xstrdup("");
	}
	return 0;
}

static int
fill_user(struct spec *s, const struct run_args *a, const struct run_host *h, int root_fd,
	  struct passwd_user *u, struct err *e)
{
	const char *user = a->user ? a->user : h->image ? h->image->user : NULL;
	AUTO_FREE char *passwd = NULL, *group = NULL;

	if (!user) {
		/* Root, without a look at files that a start can do without. */
		u->home = xstrdup("/root");
		return 0;
	}
	if (read_base_file(h, root_fd, "/etc/passwd", &passwd, e) < 0 ||
	    read_base_file(h, root_fd, "/etc/group", &group, e) < 0)
		return -e->code;
	if (passwd_resolve(user, passwd, group, u, e) < 0) {
		if (a->user)
			return err_prefix(e, "--user '%s'", user);
		(void)err_prefix(e, "image '%s': its user '%s'", h->image->name, user);
		return err_hint(e, "--user chooses another");
	}
	s->uid = u->uid;
	s->gid = u->gid;
	s->groups = xcalloc(u->n_groups + 1, sizeof(*s->groups));
	for (size_t i = 0; i < u->n_groups; i++)
		s->groups[i] = u->groups[i];
	s->n_groups = u->n_groups;
	return 0;
}

/* What a copy of this machine may know of the caller's session: nothing that could be a secret. */
static bool
is_harmless(const char *kv)
{
	static const char *const names[] = { "PATH",	"HOME",	    "USER",	 "LOGNAME",
					     "SHELL",	"TERM",	    "COLORTERM", "LANG",
					     "LANGUAGE", "TZ",	    "EDITOR",	 "VISUAL",
					     "PAGER",	"NO_COLOR", "COLUMNS",	 "LINES" };
	size_t n = strcspn(kv, "=");

	if (strncmp(kv, "LC_", 3) == 0)
		return true;
	for (size_t i = 0; i < NELEMS(names); i++)
		if (strlen(names[i]) == n && strncmp(names[i], kv, n) == 0)
			return true;
	return false;
}

static void
set_env(struct spec *s, const char *key, const char *value)
{
	AUTO_FREE char *kv = xasprintf("%s=%s", key, value);

	strv_env_set(&s->env, kv);
}

static void
base_env(struct spec *s, const struct run_args *a, const struct run_host *h,
	 const struct passwd_user *u)
{
	const bool host = run_base_is_host(a->base);

	if (host)
		for (char *const *kv = h->env; kv && *kv; kv++)
			if (is_harmless(*kv))
				strv_env_set(&s->env, *kv);
	for (char *const *kv = h->image ? h->image->env : NULL; kv && *kv; kv++)
		if (**kv != '=' && strchr(*kv, '='))
			strv_env_set(&s->env, *kv);
	if (!strv_env_get(s->env, "PATH"))
		set_env(s, "PATH", DEFAULT_PATH);
	if (host && h->home && !a->user)
		set_env(s, "HOME", h->home);
	else if (host || !strv_env_get(s->env, "HOME"))
		set_env(s, "HOME", u->home ? u->home : "/");
	if (!host && s->hostname)
		set_env(s, "HOSTNAME", s->hostname);
	if (!host && s->tty && strv_env_get(h->env, "TERM"))
		set_env(s, "TERM", strv_env_get(h->env, "TERM"));
}

/* K=V, or K for the caller's own value; an unset one is left out, as with docker. */
static int
add_env(struct spec *s, const char *text, const struct run_host *h, struct err *e)
{
	const char *eq = strchr(text, '='), *value;

	if (eq == text || !*text)
		return err_set(e, EINVAL, "'%s' has no variable name", text);
	if (eq) {
		strv_env_set(&s->env, text);
		return 0;
	}
	value = strv_env_get(h->env, text);
	if (value)
		set_env(s, text, value);
	return 0;
}

/* Docker's format: one K=V or K a line, '#' comments, no quoting. */
static int
add_env_file(struct spec *s, const char *path, const struct run_host *h, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	char *rest, *line;
	ssize_t n;
	int number = 0;

	if (fd < 0)
		return err_sys(e, "--env-file %s", path);
	n = fd_read_all(fd, ENV_FILE_MAX, &text, e);
	if (n < 0)
		return err_prefix(e, "--env-file %s", path);
	if (strlen(text) != (size_t)n)
		return err_set(e, EINVAL, "--env-file %s: has a NUL byte", path);
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		number++;
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		if (add_env(s, line, h, e) < 0)
			return err_prefix(e, "--env-file %s: line %d", path, number);
	}
	return 0;
}

static int
fill_env(struct spec *s, const struct run_args *a, const struct run_host *h,
	 const struct passwd_user *u, struct err *e)
{
	base_env(s, a, h, u);
	for (size_t i = 0; i < a->env_files.n; i++)
		if (add_env_file(s, a->env_files.v[i], h, e) < 0)
			return -e->code;
	for (size_t i = 0; i < a->env.n; i++)
		if (add_env(s, a->env.v[i], h, e) < 0)
			return err_prefix(e, "--env");
	return 0;
}

static int
fill_cwd(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	const bool hidden = a->home && strcmp(a->home, "hide") == 0 && h->home && h->cwd &&
			    path_is_below(h->cwd, h->home);

	const char *image_dir = h->image && !a->here ? h->image->workdir : NULL;

	if (a->workdir || image_dir) {
		s->cwd = path_clean(a->workdir ? a->workdir : image_dir);
		s->cwd_create = true;
		if (!s->cwd)
			return err_set(e, EINVAL, "%s '%s' is not an absolute path",
				       a->workdir ? "--workdir" : "the image's working directory",
				       a->workdir ? a->workdir : image_dir);
		return 0;
	}
	if ((a->here || run_base_is_host(a->base)) && !h->cwd) {
		(void)err_set(e, ENOENT, "the current directory is gone");
		return err_hint(e, "go to another one, or give --workdir");
	}
	if (a->here)
		s->cwd = xstrdup(h->cwd);
	else if (run_base_is_host(a->base))
		s->cwd = xstrdup(hidden ? h->home : h->cwd);
	else
		s->cwd = xstrdup("/");
	return 0;
}

static void
append(struct spec *s, char *const *words)
{
	for (char *const *w = words; w && *w; w++)
		strv_take(&s->argv, xstrdup(*w));
}

/* As docker: another entry point takes the image's command away, a command its arguments. */
static void
image_argv(struct spec *s, const struct run_args *a, const struct run_image *image)
{
	if (!a->entrypoint)
		append(s, image->entrypoint);
	if (!a->command || !*a->command)
		append(s, a->entrypoint ? NULL : image->cmd);
}

/* The caller's shell for a copy of his machine, sh for a directory; an image says it itself. */
static int
fill_argv(struct spec *s, const struct run_args *a, const struct run_host *h, struct err *e)
{
	const char *shell = strv_env_get(h->env, "SHELL");

	if (a->entrypoint && a->entrypoint[0])
		strv_take(&s->argv, xstrdup(a->entrypoint));
	if (h->image)
		image_argv(s, a, h->image);
	append(s, a->command);
	if (s->argv)
		return 0;
	if (h->image) {
		(void)err_set(e, EINVAL, "image '%s' has no command", h->image->name);
		return err_hint(e, "say one: rootlet run %.120s COMMAND", h->image->name);
	}
	if (run_base_is_host(a->base) && shell && shell[0] == '/' && access(shell, X_OK) == 0)
		strv_take(&s->argv, xstrdup(shell));
	else
		strv_take(&s->argv, xstrdup("/bin/sh"));
	return 0;
}

int
run_fill_pass_fds(struct spec *s, const struct run_args *a, struct err *e)
{
	uint64_t fd;

	for (size_t i = 0; i < a->pass_fds.n; i++) {
		if (parse_u64(a->pass_fds.v[i], 65535, &fd, e) < 0)
			return err_prefix(e, "--pass-fd");
		if (fcntl((int)fd, F_GETFD) < 0)
			return err_set(e, EBADF, "--pass-fd: descriptor %d is not open", (int)fd);
		s->pass_fds = xrealloc_array(s->pass_fds, s->n_pass_fds + 1,
					     sizeof(*s->pass_fds));
		s->pass_fds[s->n_pass_fds++] = (int)fd;
	}
	return 0;
}

static int
fill_stop_signal(struct spec *s, const struct run_args *a, const struct run_image *image,
		 struct err *e)
{
	if (a->stop_signal)
		return parse_signal(a->stop_signal, &s->stop_signal, e) < 0
			       ? err_prefix(e, "--stop-signal")
			       : 0;
	if (!image || !image->stop_signal || parse_signal(image->stop_signal, &s->stop_signal, e) == 0)
		return 0;
	(void)err_prefix(e, "image '%s': its stop signal", image->name);
	return err_hint(e, "--stop-signal gives another");
}

static int
fill_numbers(struct spec *s, const struct run_args *a, struct err *e)
{
	if (a->umask && parse_octal(a->umask, &s->umask, e) < 0)
		return err_prefix(e, "--umask");
	if (a->umask && s->umask > 0777)
		return err_set(e, EINVAL, "--umask: '%s' is more than 0777", a->umask);
	if (a->timeout && parse_duration(a->timeout, &s->timeout_ms, e) < 0)
		return err_prefix(e, "--timeout");
	if (run_add_ulimit(s, "core=0", e) < 0)
		return -e->code;
	for (size_t i = 0; i < a->ulimits.n; i++)
		if (run_add_ulimit(s, a->ulimits.v[i], e) < 0)
			return -e->code;
	return 0;
}

int
run_fill_process(struct spec *s, const struct run_args *a, const struct run_host *h, int root_fd,
		 struct err *e)
{
	struct passwd_user u = PASSWD_USER_INIT;
	int r = fill_user(s, a, h, root_fd, &u, e);

	if (r == 0)
		r = fill_env(s, a, h, &u, e);
	passwd_user_clear(&u);
	if (r < 0 || fill_cwd(s, a, h, e) < 0 || fill_numbers(s, a, e) < 0 ||
	    fill_stop_signal(s, a, h->image, e) < 0)
		return -e->code;
	return fill_argv(s, a, h, e);
}
