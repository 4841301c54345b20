/*
 * What `rootlet run` asks for: "prepare KIND NAME PLATFORM [quiet]".
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "image/layers.h"
#include "libexec/image.h"

int
verb_prepare(int argc, char **argv, struct err *e)
{
	AUTO_STORE s = STORE_INIT;
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	AUTO_FREE char *digest = NULL;
	AUTO_PROGRESS progress = NULL;
	const char *platform;

	if (argc != 4 && argc != 5)
		return err_set(e, EINVAL, "prepare KIND NAME PLATFORM [quiet]");
	platform = *argv[3] ? argv[3] : NULL;
	if (open_store_for(argv[2], &s, e) < 0 || find_image(&s, argv[2], &digest, e) < 0 ||
	    oci_read(&s, digest, platform, &im, e) < 0)
		return -e->code;
	progress = new_progress(argv[4] != NULL);
	s.progress = progress;
	if (layers_unpack_all(&s, argv[1], &im, e) < 0)
		return err_prefix(e, "image %s", argv[2]);
	if (layers_write_cache(&s, &im, digest, platform, e) < 0)
		return -e->code;
	(void)printf("%s\n", im.digest);
	return 0;
}
