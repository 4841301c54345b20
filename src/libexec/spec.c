/*
 * rootlet-spec - `rootlet spec run ...`: what a run would do, as JSON
 *
 * A program of its own because it needs a JSON library, and a start of `rootlet run` does not.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	AUTO_RUN_PLAN plan = RUN_PLAN_INIT;
	AUTO_SPEC s = NULL;
	int r;

	if (argc >= 2 && strcmp(argv[1], "bwrap") == 0) {
		r = cmd_bwrap_spec(argc - 1, argv + 1, &s, &e);
		if (r > 0)
			return cmd_help("bwrap");
		return r < 0 || spec_dump(s, stdout, &e) < 0 ? cmd_fail(&e) : 0;
	}
	if (argc < 2 || strcmp(argv[1], "run") != 0) {
		(void)err_set(&e, EINVAL, "spec: '%s' is not a command that makes a spec",
			      argc < 2 ? "" : argv[1]);
		(void)err_hint(&e, "rootlet spec run BASE ..., or rootlet spec bwrap ...");
		return cmd_fail(&e);
	}
	r = cmd_run_spec(argc - 1, argv + 1, "spec run", &plan, &e);
	if (r > 0)
		return cmd_help("run");
	if (r < 0 || spec_dump(plan.spec, stdout, &e) < 0)
		return cmd_fail(&e);
	return 0;
}
