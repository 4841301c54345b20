#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "image/layers.h"
#include "libexec/image.h"

static json_t *
new_config(const struct import_args *a, const char *source)
{
	char buf[32];
	json_t *history = json_pack("{s:s, s:s, s:s*}", "created", created(buf), "created_by",
				    source, "comment", a->message);

	return json_pack("{s:s, s:s, s:s, s:{s:[s]}, s:[o]}", "created", buf, "architecture",
			 oci_architecture(), "os", "linux", "config", "Cmd", "/bin/sh", "history",
			 history);
}

static int
import_from(const struct store *s, const char *kind, int fd, const struct import_args *a, const char *name,
	    struct err *e)
{
	struct oci_layer layer = { .size = 0 };
	json_t *config;
	struct blob manifest;
	int r;

	if (layers_add(s, kind, fd, NULL, &layer, e) < 0)
		return -e->code;
	config = new_config(a, "rootlet import");
	r = oci_write(s, config, &layer, 1, name, &manifest, e);
	json_decref(config);
	layers_clear(&layer);
	progress_hide(s->progress);
	if (r == 0)
		(void)printf("%s\n", manifest.digest);
	return r;
}

int
verb_import(int argc, char **argv, struct err *e)
{
	struct import_args a = { .message = NULL };
	AUTO_FREE char *name = NULL;
	AUTO_STORE s = STORE_INIT;
	AUTO_PROGRESS progress = NULL;
	const char *const kind = take_kind(&argc, &argv);
	AUTO_FD fd = -1;
	int first = opt_parse(import_opts, argc, argv, &a, e);

	if (first == 0)
		return 1;
	if (first < 0)
		return first;
	if (argc - first != 2) {
		(void)err_set(e, EINVAL, "import: a tar file (or -) and a name are expected");
		return err_hint(e, "mmdebstrap bookworm - | rootlet import - debian:12");
	}
	if (new_image_name(argv[first + 1], &name, e) < 0)
		return -e->code;
	fd = strcmp(argv[first], "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					   : open(argv[first], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", argv[first]);
	if (open_store(true, &s, e) < 0)
		return -e->code;
	s.progress = progress = new_progress(a.quiet);
	if (import_from(&s, kind, fd, &a, name, e) < 0)
		return -e->code;
	return layers_write_names(&s, e);
}
