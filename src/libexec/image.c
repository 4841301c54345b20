/*
 * rootlet-image - everything about images: `rootlet` itself has no library for archives and JSON
 *
 * No verb is run before the process has confined itself: see image/confine.h.
 *
 * argv[0] is the verb.  Where files are unpacked, argv[1] is their kind: "range", "root" or "single".
 */
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cmd/cmd.h"
#include "libexec/image.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
} verbs[] = {
	{ "apply", verb_apply },
	{ "commit-layer", verb_commit_layer },
	{ "df", verb_df },
	{ "end-changes", verb_end_changes },
	{ "export", verb_export },
	{ "history", verb_history },
	{ "images", verb_images },
	{ "import", verb_import },
	{ "inspect", verb_inspect },
	{ "load", verb_load },
	{ "prepare", verb_prepare },
	{ "prune", verb_prune },
	{ "ps", verb_ps },
	{ "rmi", verb_rmi },
	{ "save", verb_save },
	{ "sweep-containers", verb_sweep_containers },
	{ "tag", verb_tag },
	{ "verify", verb_verify },
};

/* The exit status of a verb that returned @r. */
static int
end(const char *name, int r, const struct err *e)
{
	int status;

	if (r == 1)
		return cmd_help(name);
	if (r < 0)
		return cmd_fail(e);
	status = cmd_end_output();
	return status ? status : r == VERB_FAULTS;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	(void)umask(077);
	for (size_t i = 0; argc > 0 && i < NELEMS(verbs); i++) {
		if (strcmp(verbs[i].name, argv[0]) != 0)
			continue;
		if (image_confine_calls(&e) < 0)
			return cmd_fail(&e);
		r = verbs[i].run(argc, argv, &e);
		return end(verbs[i].name, r, &e);
	}
	(void)err_set(&e, EINVAL, "'%s' is not a command about images", argc ? argv[0] : "");
	return cmd_fail(&e);
}
