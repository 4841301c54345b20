#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "registry/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *
base64_encode(const void *data, size_t n)
{
	const unsigned char *b = data;
	char *text = xcalloc(n / 3 + 2, 4), *out = text;

	for (size_t i = 0; i < n; i += 3) {
		const unsigned int b1 = i + 1 < n ? b[i + 1] : 0, b2 = i + 2 < n ? b[i + 2] : 0;
		const unsigned int bits = (unsigned int)b[i] << 16 | b1 << 8 | b2;

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[bits & 63] : '=';
	}
	*out = '\0';
	return text;
}

char *
base64_decode(const char *text, size_t *ret_len)
{
	AUTO_SECRET char *data = xcalloc(strlen(text) + 1, 1);
	unsigned int bits = 0, n_bits = 0;
	size_t n = 0;

	for (; *text && *text != '='; text++) {
		const char *d = strchr(digits, *text);

		if (!d)
			return NULL;
		bits = (bits << 6 | (unsigned int)(d - digits)) & 0xffffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			data[n++] = (char)(bits >> n_bits & 0xff);
		}
	}
	if (text[strspn(text, "=")] != '\0' || n_bits >= 6)
		return NULL;
	while (n > 0 && data[n - 1] == '\0')
		n--;
	*ret_len = n;
	return TAKE_PTR(data);
}

void
secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
secret_freep(char **s)
{
	secret_free(*s);
	*s = NULL;
}
