/*
 * change - instructions of a Dockerfile that alter nothing but an image's configuration
 *
 * As `docker commit --change` has them: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
 * STOPSIGNAL, USER, VOLUME and WORKDIR, in either case, also with "=" after the keyword, as
 * `podman commit --change` takes them.  Variables are those of the image's own Env.
 */
#ifndef IMAGE_CHANGE_H
#define IMAGE_CHANGE_H

#include <jansson.h>

#include "base/err.h"

/*
 * Apply one line to @config, a whole image configuration (application/vnd.oci.image.config.v1+json):
 * its "config" object is altered, and made when it is missing.
 *
 * ENTRYPOINT forgets Cmd, which was written for what came before.
 *
 * Returns 0, or -EINVAL with a message that has the instruction; then @config is as it was.
 */
int oci_change(json_t *config, const char *instruction, struct err *e);

/* Apply several, in order; here ENTRYPOINT keeps the Cmd of a CMD among them. */
int oci_change_all(json_t *config, const char *const *instructions, size_t n, struct err *e);

#endif
