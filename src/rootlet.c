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
	(void)fprintf(out, "Usage: rootlet [--store DIR] COMMAND [ARG...]\n\n"
			   "Run anything in a throwaway root: no daemon, no root, nothing left.\n\n");
	opt_help_commands(cmd_table, out);
	(void)fprintf(out, "\n--store=DIR keeps images, layers and everything else in DIR; "
			   "ROOTLET_STORE does, too.\nrootlet COMMAND --help shows the options of a command.\n");
}

/* Is that what we are called?  Then its command line is ours. */
static bool
is_called(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strcmp(slash ? slash + 1 : path, name) == 0;
}

/* What stands before the command.  Returns how many words that is, or -errno. */
static int
take_global_options(int argc, char **argv, struct err *e)
{
	static const char store[] = "--store";
	int i = 1;

	for (; i < argc && strncmp(argv[i], store, sizeof(store) - 1) == 0; i++) {
		const char *value = argv[i] + sizeof(store) - 1;

		if (*value == '=')
			value++;
		else if (*value)
			break;
		else if (++i == argc)
			return err_set(e, EINVAL, "--store: a directory is expected");
		else
			value = argv[i];
		if (cmd_use_store(value, e) < 0)
			return -e->code;
	}
	return i - 1;
}

/* What other programs of this kind have as a command, and what there is instead. */
static const char *
find_instead(const char *name)
{
	static const struct {
		const char *name, *instead;
	} table[] = {
		{ "attach", "what a command prints goes to where rootlet run was started" },
		{ "build", "rootlet run --commit=NEW IMAGE COMMAND makes an image of what COMMAND changes" },
		{ "container", "rootlet ps, start, rm, diff and commit are about containers" },
		{ "cp", "rootlet run -v DIR:/DIR shares a directory, rootlet export IMAGE writes all files" },
		{ "create", "rootlet run --keep runs a command in a container, and keeps that" },
		{ "exec", "rootlet start CONTAINER COMMAND runs it in a container that is kept" },
		{ "image", "rootlet images, history, inspect, tag, rmi and prune are about images" },
		{ "info", "rootlet doctor is about this machine, rootlet df about the disk" },
		{ "kill", "Ctrl-C or kill ends rootlet run, rootlet rm -f a container that is kept" },
		{ "logs", "what a command prints goes to where rootlet run was started" },
		{ "ls", "rootlet images, or rootlet ps -a" },
		{ "stop", "Ctrl-C or kill ends rootlet run, rootlet rm -f a container that is kept" },
		{ "system", "rootlet df and rootlet prune are about the disk" },
	};

	for (size_t i = 0; i < NELEMS(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].instead;
	return "rootlet --help lists them";
}

static int
run_command(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (cmd_check_store(&e) < 0)
		return cmd_fail(&e);
	for (const struct opt_command *c = cmd_table; c->name; c++)
		if (strcmp(c->name, argv[0]) == 0)
			return c->main(argc, argv);
	(void)err_set(&e, EINVAL, "'%s' is not a command", argv[0]);
	(void)err_hint(&e, "%s", find_instead(argv[0]));
	return cmd_fail(&e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int n;

	if (getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID)) {
		(void)err_set(&e, EPERM, "this program must not be setuid or setgid");
		return cmd_fail(&e);
	}
	if (fd_fill_stdio(&e) < 0)
		return cmd_fail(&e);
	if (is_called(argv[0], "bwrap"))
		return cmd_bwrap(argc, argv);
	n = take_global_options(argc, argv, &e);
	if (n < 0)
		return cmd_fail(&e);
	argc -= n;
	argv += n;
	if (argc < 2) {
		show_help(stderr);
		return EXIT_ROOTLET;
	}
	if (strcmp(argv[1], "help") == 0 && argc == 3)
		return run_command(2, (char *[]){ argv[2], (char[]){ "--help" }, NULL });
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		show_help(stdout);
		return cmd_end_output();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		(void)printf("rootlet %s\n", PACKAGE_VERSION);
		return cmd_end_output();
	}
	return run_command(argc - 1, argv + 1);
}
