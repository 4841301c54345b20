#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/steps.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t child;

void
steps_end(struct steps *s)
{
	if (s->scratch)
		layer_discard(&s->place, s->scratch, -1);
	free(s->scratch);
	s->scratch = NULL;
}

int
steps_begin(struct steps *s, struct err *e)
{
	AUTO_FREE char *dir = cmd_find_data_dir(), *scratch = NULL;

	if (!dir) {
		(void)err_set(e, ENXIO, "there is no place for images: HOME is not set");
		return err_hint(e, "--store=DIR or ROOTLET_STORE name another place");
	}
	scratch = path_join(dir, "scratch");
	if (layer_create(scratch, &s->place, e) < 0)
		return -e->code;
	s->scratch = TAKE_PTR(scratch);
	return 0;
}

char *
steps_path(const struct steps *s, const char *name)
{
	return path_join(s->place.path, name);
}

/* What we are told to end for, the child is; we clean up. */
static void
pass_on(int sig)
{
	if (child > 0)
		(void)kill(child, sig);
}

static void
catch(void (*handler)(int))
{
	const struct sigaction a = { .sa_handler = handler };

	for (size_t i = 0; i < NELEMS(signals); i++)
		(void)sigaction(signals[i], &a, NULL);
}

static int
be_step(const char *helper, char *const *argv, const char *store, bool print, pid_t parent)
{
	AUTO_FD null = print ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);
	AUTO_STRV words = NULL;
	struct err e = ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || (!print && dup2(null, STDOUT_FILENO) < 0) ||
	    (store && cmd_use_store(store, &e) < 0))
		return e.code ? cmd_fail(&e) : EXIT_ROOTLET;
	if (helper)
		return cmd_exec_helper(helper, (char **)(uintptr_t)argv);
	strv_take(&words, xstrdup("rootlet"));
	for (; *argv; argv++)
		strv_take(&words, xstrdup(*argv));
	(void)execv("/proc/self/exe", words);
	(void)err_sys(&e, "start rootlet again");
	return cmd_fail(&e);
}

int
steps_run(const char *helper, char *const *argv, const char *store, bool print, struct err *e)
{
	const pid_t parent = getpid();
	int status = 0;
	pid_t pid;

	cmd_expect_children();
	pid = fork();
	if (pid == 0)
		_exit(be_step(helper, argv, store, print, parent));
	if (pid < 0)
		return err_sys(e, "start a helper");
	child = pid;
	catch(pass_on);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for a helper");
	child = 0;
	catch(SIG_DFL);
	if (WIFSIGNALED(status))
		return err_set(e, ECANCELED, "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status) ? cmd_said(e) : 0;
}
