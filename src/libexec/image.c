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
	bool override; /* reads what programs have made in a layer, whatever its mode */
} verbs[] = {
	{ "apply", verb_apply, false },
	{ "commit", verb_commit, true },
	{ "commit-layer", verb_commit_layer, true },
	{ "df", verb_df, false },
	{ "diff", verb_diff, true },
	{ "end-changes", verb_end_changes, false },
	{ "export", verb_export, false },
	{ "history", verb_history, false },
	{ "images", verb_images, false },
	{ "import", verb_import, false },
	{ "inspect", verb_inspect, false },
	{ "load", verb_load, false },
	{ "prepare", verb_prepare, false },
	{ "prune", verb_prune, false },
	{ "ps", verb_ps, false },
	{ "receive", verb_receive, false },
	{ "rmi", verb_rmi, false },
	{ "save", verb_save, false },
	{ "sweep-containers", verb_sweep_containers, false },
	{ "tag", verb_tag, false },
	{ "verify", verb_verify, false },
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
		if (verbs[i].override && argc > 1 && strcmp(argv[1], "single") == 0)
			take_override();
		if (image_confine_calls(&e) < 0)
			return cmd_fail(&e);
		r = verbs[i].run(argc, argv, &e);
		return end(verbs[i].name, r, &e);
	}
	(void)err_set(&e, EINVAL, "'%s' is not a command about images", argc ? argv[0] : "");
	return cmd_fail(&e);
}
