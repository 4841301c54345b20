#include <string.h>

#include "options/docs.h"

static int
man_options(const struct opt_command *cmds, const char *name, FILE *out)
{
	for (; cmds->name; cmds++) {
		if (strcmp(cmds->name, name) == 0) {
			opt_man(cmds, out);
			return 0;
		}
	}
	return -EINVAL;
}

int
opt_docs(const struct opt_command *cmds, const char *kind, FILE *out)
{
	static const char options[] = "man-options:";
	static const struct {
		const char *kind;
		void (*write)(const struct opt_command *cmds, FILE *out);
	} parts[] = {
		{ "bash", opt_complete_bash },
		{ "zsh", opt_complete_zsh },
		{ "fish", opt_complete_fish },
		{ "man-commands", opt_man_commands },
	};

	if (strncmp(kind, options, sizeof(options) - 1) == 0)
		return man_options(cmds, kind + sizeof(options) - 1, out);
	for (size_t i = 0; i < NELEMS(parts); i++) {
		if (strcmp(parts[i].kind, kind) == 0) {
			parts[i].write(cmds, out);
			return 0;
		}
	}
	return -EINVAL;
}
