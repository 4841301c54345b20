/*
 * platform - what an image is for: OS/ARCHITECTURE[/VARIANT], in OCI's words
 *
 * https://github.com/opencontainers/image-spec/blob/main/image-index.md
 */
#ifndef IMAGE_PLATFORM_H
#define IMAGE_PLATFORM_H

#include <stdbool.h>

#include "base/err.h"

/* This machine, as OCI calls it: amd64, arm64 ... */
const char *oci_architecture(void);
/* linux/ARCHITECTURE of this machine.  Owned. */
char *platform_own(void);

/*
 * As users write it: ARCHITECTURE alone is linux's, and x86_64 is amd64.
 *
 * @ret: owned; in lower case; safe as a part of a file's name when its slashes are replaced
 */
int platform_parse(const char *text, char **ret, struct err *e);

/* Is @has one of those that @want means?  What @want leaves open may be anything. */
bool platform_matches(const char *want, const char *has);
/* The same for an image that there is no choice of: it may leave the variant open as well. */
bool platform_fits(const char *want, const char *has);

#endif
