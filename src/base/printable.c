/*
 * Text from elsewhere, made safe for a terminal.  Part of str.h; a file of its own because it is
 * the only one that knows UTF-8.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Length of a UTF-8 sequence by its first byte (RFC 3629); 0: not the start of one. */
static size_t
utf8_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

/* Decode one code point of the NUL-terminated @s.  Returns its length, 0 when it is malformed. */
static size_t
utf8_decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = utf8_len(s[0]);
	uint32_t c;

	if (len < 2) {
		*ret = s[0];
		return len;
	}
	c = s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/* Characters that move the cursor, start an escape sequence or reorder what is read. */
static bool
is_harmful(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return true;
	return c == 0x061c || c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t
str_printable(char *out, size_t size, const char *s, bool keep_newline)
{
	size_t n = 0;

	if (size == 0)
		return 0;
	while (*s) {
		char hex[4 * 4 + 1];
		const char *from = s;
		uint32_t c = 0;
		size_t in = utf8_decode((const unsigned char *)s, &c), len = in;

		if (in == 0 || (is_harmful(c) && !(c == '\n' && keep_newline))) {
			in = in ? in : 1;
			for (size_t i = 0; i < in; i++)
				(void)snprintf(hex + 4 * i, 5, "\\x%02x", (unsigned char)s[i]);
			from = hex;
			len = 4 * in;
		}
		/* Cut between characters, never inside one. */
		if (len >= size - n)
			break;
		memcpy(out + n, from, len);
		n += len;
		s += in;
	}
	out[n] = '\0';
	return n;
}
