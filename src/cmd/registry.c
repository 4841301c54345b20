#include "cmd/cmd.h"
#include "cmd/registry.h"

#define HELPER "rootlet-registry"

int
cmd_registry(int argc, char **argv)
{
	(void)argc;
	return cmd_exec_helper(HELPER, argv);
}
