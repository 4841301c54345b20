#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/registry.h"

#define HELPER "rootlet-registry"

const char *
cmd_find_ssh(void)
{
	const char *ssh = getenv("ROOTLET_SSH");

	return ssh && *ssh ? ssh : NULL;
}

int
cmd_registry(int argc, char **argv)
{
	(void)argc;
	return cmd_exec_helper(HELPER, argv);
}
