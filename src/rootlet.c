/*
 * rootlet - run anything in a throwaway root
 *
 * Copyright the rootlet authors.  SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * main() finds the command and calls it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/fd.h"
#include "cmd/cmd.h"

static void
show_help(FILE *out)
{
	(void)fprintf(out, "Usage: rootlet COMMAND [ARG...]\n\n"
			   "Run anything in a throwaway root: no daemon, no root, nothing left.\n\n");
	opt_help_commands(cmd_table, out);
	(void)fprintf(out, "\nrootlet COMMAND --help shows the options of a command.\n");
}

/* Is that what we are called?  Then its command line is ours. */
static bool
is_called(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strcmp(slash ? slash + 1 : path, name) == 0;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID)) {
		(void)err_set(&e, EPERM, "this program must not be setuid or setgid");
		return cmd_fail(&e);
	}
	if (fd_fill_stdio(&e) < 0)
		return cmd_fail(&e);
	if (is_called(argv[0], "bwrap"))
		return cmd_bwrap(argc, argv);
	if (argc < 2) {
		show_help(stderr);
		return EXIT_ROOTLET;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		show_help(stdout);
		return cmd_end_output();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		(void)printf("rootlet %s\n", PACKAGE_VERSION);
		return cmd_end_output();
	}
	for (const struct opt_command *c = cmd_table; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0)
			return c->main(argc - 1, argv + 1);
	(void)err_set(&e, EINVAL, "'%s' is not a command", argv[1]);
	(void)err_hint(&e, "rootlet --help lists them");
	return cmd_fail(&e);
}
