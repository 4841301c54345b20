#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/container.h"
#include "cmd/image.h"
#include "cmd/registry.h"
#include "cmd/serve.h"
#include "frontend/bwrap.h"
#include "image/aliases.h"
#include "options/docs.h"

#define STORE_VARIABLE "ROOTLET_STORE" /* also the way from --store to the helpers */

int
cmd_fail(const struct err *e)
{
	char safe[4 * sizeof(e->msg)];

	if (!e->msg[0])
		return EXIT_ROOTLET;
	(void)str_printable(safe, sizeof(safe), e->msg, false);
	(void)fprintf(stderr, "rootlet: %s\n", safe);
	if (e->hint[0]) {
		(void)str_printable(safe, sizeof(safe), e->hint, false);
		(void)fprintf(stderr, "hint: %s\n", safe);
	}
	return EXIT_ROOTLET;
}

int64_t
cmd_source_date_epoch(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct err ignored = ERR_INIT;
	uint64_t t;

	return epoch && parse_u64(epoch, INT64_MAX, &t, &ignored) == 0 ? (int64_t)t : -1;
}

int
cmd_said(struct err *e)
{
	err_clear(e);
	e->code = ECANCELED;
	return -ECANCELED;
}

const char *
cmd_absolute(const char *path)
{
	return path && path[0] == '/' ? path : NULL;
}

/* Links in the name are followed now: what hides the store from programs goes by its place. */
int
cmd_use_store(const char *dir, struct err *e)
{
	char cwd[PATH_MAX], real[PATH_MAX];
	AUTO_FREE char *path = NULL, *clean = NULL;

	if (!dir || !*dir)
		return dir ? err_set(e, EINVAL, "--store: no directory given") : 0;
	if (*dir != '/' && !cmd_absolute(getcwd(cwd, sizeof(cwd))))
		return err_set(e, ENOENT, "--store %s: the current directory has no name", dir);
	path = *dir == '/' ? xstrdup(dir) : path_join(cwd, dir);
	clean = realpath(path, real) ? xstrdup(real) : path_clean(path);
	return setenv(STORE_VARIABLE, clean, 1) < 0 ? err_sys(e, "--store %s", dir) : 0;
}

int
cmd_check_store(struct err *e)
{
	const char *store = getenv(STORE_VARIABLE);

	if (!store || !*store || *store == '/')
		return 0;
	(void)err_set(e, EINVAL, STORE_VARIABLE "=%s: not an absolute path", store);
	return err_hint(e, "--store takes one from the current directory");
}

bool
cmd_has_colours(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(to)) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

char *
cmd_find_data_dir(void)
{
	const char *store = cmd_absolute(getenv(STORE_VARIABLE)),
		   *xdg = cmd_absolute(getenv("XDG_DATA_HOME")), *home = cmd_absolute(getenv("HOME"));

	if (store)
		return xstrdup(store);
	if (xdg)
		return path_join(xdg, "rootlet");
	return home ? path_join(home, ".local/share/rootlet") : NULL;
}

char *
cmd_need_data_dir(const char *what, struct err *e)
{
	char *dir = cmd_find_data_dir();

	if (!dir) {
		(void)err_set(e, ENXIO, "there is no place for %s: HOME is not set", what);
		(void)err_hint(e, "--store=DIR or ROOTLET_STORE name another place");
	}
	return dir;
}

bool
cmd_stderr_is_screen(void)
{
	const char *term = getenv("TERM");

	return term && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

/* An empty variable is none. */
static const char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

void
cmd_find_places(struct places *ret)
{
	*ret = (struct places){
		.home = cmd_absolute(getenv("HOME")),
		.config_home = cmd_absolute(getenv("XDG_CONFIG_HOME")),
		.runtime_dir = cmd_absolute(getenv("XDG_RUNTIME_DIR")),
		.docker_config = variable("DOCKER_CONFIG"),
		.registries_conf = variable("CONTAINERS_REGISTRIES_CONF"),
		.auth_file = variable("REGISTRY_AUTH_FILE"),
		.ca_file = variable("SSL_CERT_FILE"),
	};
}

void
cmd_read_aliases(struct aliases *a)
{
	struct places p;

	cmd_find_places(&p);
	aliases_read(a, &p);
}

void
cmd_expect_children(void)
{
	(void)signal(SIGCHLD, SIG_DFL);
}

int
cmd_end_output(void)
{
	struct err e = ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	(void)err_sys(&e, "write to standard output");
	return cmd_fail(&e);
}

int
cmd_help(const char *name)
{
	for (const struct opt_command *c = cmd_table; c->name; c++)
		if (strcmp(c->name, name) == 0)
			opt_help(c, stdout);
	return cmd_end_output();
}

/* `rootlet docs KIND`: the generated parts of the documentation, for `make update-docs`. */
static int
cmd_docs(int argc, char **argv)
{
	if (argc == 2 && opt_docs(cmd_table, argv[1], stdout) == 0)
		return cmd_end_output();
	(void)fprintf(stderr, "rootlet: docs: unknown kind\n");
	return EXIT_ROOTLET;
}

static int
cmd_spec(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--help") == 0)
		return cmd_help("spec");
	return cmd_exec_helper("rootlet-spec", argv);
}

static const struct opt no_opts[] = { OPT_END };

/* `docs` has no summary: it is not shown. */
const struct opt_command cmd_table[] = {
	{ "run", "[OPTIONS] BASE [--] [COMMAND [ARG...]]",
	  "run a command in a throwaway copy of the machine, or over an image or a directory", run_opts,
	  cmd_run, true },
	{ "try", "[OPTIONS] [--] COMMAND [ARG...]",
	  "run a command on a copy of the machine, and apply of its changes what you like", try_opts,
	  cmd_try, true },
	{ "apply", "[OPTIONS] FILE [PATH...]", "apply changes that try or run have saved", apply_opts,
	  cmd_image, false },
	{ "bwrap", "[OPTIONS] [--] COMMAND [ARG...]",
	  "what bubblewrap's bwrap(1) does, with its command line", bwrap_opts, cmd_bwrap, true },
	{ "images", "[OPTIONS] [NAME]", "list the images", images_opts, cmd_image, false },
	{ "export", "[OPTIONS] IMAGE|CONTAINER",
	  "write the files of an image or a container as one tar archive", export_opts, cmd_export,
	  false },
	{ "history", "[OPTIONS] IMAGE", "show how an image was made, the latest step first",
	  history_opts, cmd_image, false },
	{ "import", "[OPTIONS] TAR|-|DIR [NAME[:TAG]]",
	  "make an image from a root file system, an archive or a directory", import_opts,
	  cmd_image_in_kind, false },
	{ "load", "[OPTIONS]", "add the images of an archive of docker, podman or skopeo",
	  load_opts, cmd_image_in_kind, false },
	{ "save", "[OPTIONS] IMAGE...", "write images to an archive that docker, podman and skopeo read",
	  save_opts, cmd_image, false },
	{ "inspect", "[OPTIONS] IMAGE...", "print manifest and configuration of an image, as JSON",
	  inspect_opts, cmd_image, false },
	{ "tag", "IMAGE NAME[:TAG]", "give an image one more name", image_name_opts, cmd_image, false },
	{ "rmi", "[OPTIONS] IMAGE...", "take names from images", rmi_opts, cmd_image, false },
	{ "pull", "[OPTIONS] IMAGE", "fetch an image from a registry", pull_opts, cmd_pull, false },
	{ "copy", "[OPTIONS] SOURCE DESTINATION", "copy an image between registries, archives and the store", copy_opts,
	  cmd_copy, false },
	{ "push", "[OPTIONS] IMAGE [DESTINATION]", "send an image to a registry", push_opts, cmd_push, false },
	{ "tags", "[OPTIONS] REGISTRY/REPOSITORY", "list the tags of a repository in a registry", tags_opts,
	  cmd_registry, false },
	{ "search", "[OPTIONS] [REGISTRY/]TERM", "look for images in a registry, or in Docker Hub", search_opts,
	  cmd_registry, false },
	{ "login", "[OPTIONS] [REGISTRY]", "keep a name and password for a registry, once they are accepted",
	  login_opts, cmd_registry, false },
	{ "logout", "[OPTIONS] [REGISTRY]", "forget name and password for a registry", logout_opts,
	  cmd_registry, false },
	{ "serve", "[OPTIONS]", "let docker, podman and others pull images from here, and push", serve_opts,
	  cmd_serve, false },
	{ "df", "[OPTIONS]", "show how much of the disk images and containers take", df_opts,
	  cmd_image_in_kind, false },
	{ "prune", "[OPTIONS]", "remove what no image, no container and no run needs any more",
	  prune_opts, cmd_image_in_kind, false },
	{ "verify", "[OPTIONS] [IMAGE...]", "compare blobs and unpacked layers with their digests",
	  verify_opts, cmd_image_in_kind, false },
	{ "ps", "[OPTIONS]", "list the containers that run, or all that are kept", ps_opts, cmd_ps,
	  false },
	{ "start", "[OPTIONS] CONTAINER [--] [COMMAND [ARG...]]", "run a container again that has been kept",
	  start_opts, cmd_start, true },
	{ "rm", "[OPTIONS] CONTAINER...", "remove containers that have been kept", rm_opts, cmd_rm,
	  false },
	{ "diff", "[OPTIONS] CONTAINER", "list what a container that is kept has changed", diff_opts,
	  cmd_changes, false },
	{ "commit", "[OPTIONS] CONTAINER NAME[:TAG]",
	  "make an image of a container that has been kept", commit_opts, cmd_changes, false },
	{ "snapshot", "[OPTIONS] CONTAINER [NAME]", "keep what a container is now under a name",
	  snapshot_opts, cmd_snapshot, false },
	{ "rollback", "CONTAINER NAME", "make a container what it was at a snapshot", rollback_opts,
	  cmd_rollback, false },
	{ "unshare", "[COMMAND [ARG...]]",
	  "run a shell or a command on this machine, as root of your range of ids", unshare_opts,
	  cmd_unshare, true },
	{ "doctor", "[OPTIONS]", "try what rootlet needs of this machine, and say what to do about it",
	  doctor_opts, cmd_doctor, false },
	{ "spec", "run [OPTIONS] BASE [--] [COMMAND [ARG...]]",
	  "print what run would do, as JSON", no_opts, cmd_spec, true },
	{ "docs", "KIND", NULL, no_opts, cmd_docs, false },
	{ NULL, NULL, NULL, NULL, NULL, false },
};
