/* base64 - as names and passwords are written: RFC 4648, with padding */
#ifndef REGISTRY_BASE64_H
#define REGISTRY_BASE64_H

#include "base/util.h"

/* Owned. */
char *base64_encode(const void *data, size_t n);
/* Owned, NUL-terminated; NULL: it is no base64.  Padding may be missing, and NULs at the end of what it
 * stands for are dropped: some tools have them. */
char *base64_decode(const char *text, size_t *ret_len);

/* Forget a secret.  @s: owned, or NULL */
void secret_free(char *s);
void secret_freep(char **s);
#define AUTO_SECRET CLEANUP(secret_freep)

#endif
