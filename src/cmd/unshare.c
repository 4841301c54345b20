/*
 * unshare - a command on this machine, as root of the caller's range of ids
 *
 * Files of images and containers belong to ids that are nobody's here; there they can be looked at
 * and removed.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "engine/launch.h"

const struct opt unshare_opts[] = { OPT_END };

static uint32_t
current_umask(void)
{
	const mode_t mask = umask(0);

	(void)umask(mask);
	return mask;
}

/* The caller's shell, when no command is given. */
static int
make_spec(char **command, struct spec **ret, struct err *e)
{
	const struct run_host h = { .uid = (uid_t)getauxval(AT_EUID),
				    .gid = (gid_t)getauxval(AT_EGID) };
	const char *shell = cmd_absolute(getenv("SHELL")), *kind;
	AUTO_SPEC ids = NULL;
	char *words[] = { xstrdup(shell ? shell : "/bin/sh"), NULL };
	int r = cmd_choose_ids(NULL, &h, &ids, e);

	kind = r < 0 ? "" : cmd_kind_of(ids);
	if (strcmp(kind, "range") == 0) {
		r = cmd_range_spec(*command ? command : words, ret, e);
	} else if (r == 0) {
		(void)err_set(e, EINVAL, "unshare: there is no range of ids here: files of images are %s",
			      strcmp(kind, "root") == 0 ? "those of root" : "your own");
		r = err_hint(e, "run the command without rootlet unshare");
	}
	free(words[0]);
	if (*ret) {
		(*ret)->umask = current_umask();
		(*ret)->caller_signals = false;
	}
	return r;
}

int
cmd_unshare(int argc, char **argv)
{
	struct launch_result res = { .exit_status = EXIT_ROOTLET };
	const struct launch_hooks none = { .ctx = NULL };
	struct err e = ERR_INIT;
	AUTO_SPEC s = NULL;
	int first = opt_parse(unshare_opts, argc, argv, NULL, &e);

	if (first == 0)
		return cmd_help("unshare");
	if (first < 0 || make_spec(argv + first, &s, &e) < 0)
		return cmd_fail(&e);
	if (launch_run(s, NULL, &none, &res, &e) < 0)
		(void)cmd_fail(&e);
	return res.exit_status;
}
