/* digest - sha256 of what passes by */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include "base/err.h"

struct digest;

/* NULL when there is no memory, or no sha256 in the library: then digest_end() says so. */
struct digest *digest_new(void);
void digest_freep(struct digest **d);
void digest_add(struct digest *d, const void *data, size_t n);
/* 64 hexadecimal digits; nothing can be added afterwards. */
int digest_end(struct digest *d, char ret_hex[65], struct err *e);
/* Of @data alone. */
int digest_data(const void *data, size_t n, char ret_hex[65], struct err *e);

#endif
