/*
 * push - rootlet-registry sends what is in the store.  What is to be compressed otherwise is first written
 * to a layout, by rootlet-image.
 */
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/registry.h"
#include "cmd/steps.h"

#define HELPER "rootlet-registry"

static int
save(const struct push_args *a, char *image, char *layout, struct err *e)
{
	AUTO_FREE char *compression = xasprintf("--compression=%s", a->compression);
	char *const argv[] = { (char[]){ "save" }, (char[]){ "--format=oci-dir" }, compression,
			       a->quiet ? (char[]){ "--quiet" } : (char[]){ "--format=oci-dir" },
			       (char[]){ "--output" }, layout, (char[]){ "--" }, image, NULL };

	return steps_run(NULL, argv, NULL, false, e);
}

static int
push_anew(const struct push_args *a, char **argv, char *image, struct err *e)
{
	AUTO_STEPS steps = STEPS_INIT;
	AUTO_FREE char *layout = NULL;

	if (a->all_tags)
		return err_set(e, EINVAL, "push: --all-tags goes with no --compression");
	if (steps_begin(&steps, e) < 0)
		return -e->code;
	layout = steps_path(&steps, "layout");
	if (save(a, image, layout, e) < 0)
		return -e->code;
	argv[0] = (char[]){ "push-layout" };
	return steps_run(HELPER, argv, layout, true, e);
}

int
cmd_push(int argc, char **argv)
{
	struct push_args a = { .quiet = false };
	struct err e = ERR_INIT, ignored = ERR_INIT;
	const int first = opt_parse(push_opts, argc, argv, &a, &ignored);

	/* What is wrong the helper says. */
	if (first <= 0 || first == argc || !a.compression)
		return cmd_exec_helper(HELPER, argv);
	return push_anew(&a, argv, argv[first], &e) < 0 ? cmd_fail(&e) : 0;
}
