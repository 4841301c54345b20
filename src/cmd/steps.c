#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

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
	AUTO_FREE char *dir = cmd_need_data_dir("images", e), *scratch = NULL;

	if (!dir)
		return -e->code;
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
	AUTO_STRV words = NULL;
	struct err e = ERR_INIT;

	if (cmd_be_child(parent, print) < 0 || (store && cmd_use_store(store, &e) < 0))
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
	pid_t pid;
	int r;

	cmd_expect_children();
	pid = fork();
	if (pid == 0)
		_exit(be_step(helper, argv, store, print, parent));
	if (pid < 0)
		return err_sys(e, "start a helper");
	child = pid;
	catch(pass_on);
	r = cmd_wait_helper(pid, helper ? helper : "rootlet", e);
	child = 0;
	catch(SIG_DFL);
	return r > 0 ? cmd_said(e) : r;
}
