#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "image/tar-head.h"

#define BLOCK	    512
#define SIZE_AT	    124 /* of the field in a header, and its length */
#define SIZE_LEN    12
#define TYPE_AT	    156
#define XATTR_PREFIX "SCHILY.xattr."

/* Headers that have contents, and say something about the entry that follows. */
#define BEFORE_ENTRY "xXgLKVA"

static bool
begins(const char *s, size_t n, const char *prefix)
{
	return n >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

/* Octal, or when its first bit is set to the base of 256; what is too large is SIZE_MAX. */
static size_t
read_size(const char *field)
{
	const unsigned char *p = (const unsigned char *)field;
	const bool binary = p[0] & 0x80;
	size_t i = 0, n = binary ? p[0] & 0x7f : 0;

	while (!binary && i < SIZE_LEN && (p[i] == ' ' || p[i] == '\t'))
		i++;
	for (i += binary; i < SIZE_LEN && (binary || (p[i] >= '0' && p[i] <= '7')); i++) {
		if (n > SIZE_MAX >> 9)
			return SIZE_MAX;
		n = binary ? n << 8 | p[i] : n << 3 | (size_t)(p[i] - '0');
	}
	return n;
}

/* "KEY=VALUE" */
static int
check_record(const char *s, size_t n, struct err *e)
{
	const char *equals = memchr(s, '=', n);
	const size_t key = equals ? (size_t)(equals - s) : 0;

	if (key == 0)
		return err_set(e, EBADMSG, "an extended header without a name for a value");
	if (memchr(s, '\0', key))
		return err_set(e, EINVAL, "a NUL in the name of an extended header");
	if (!begins(s, key, XATTR_PREFIX) && memchr(equals, '\0', n - key))
		return err_set(e, EINVAL, "a NUL in the extended header \"%.*s\"",
			       key < 64 ? (int)key : 64, s);
	return 0;
}

/* "LENGTH KEY=VALUE\n", the length being that of all of it, again and again */
static int
check_records(const char *s, size_t n, struct err *e)
{
	while (n > 0) {
		size_t len = 0, i = 0;

		for (; i < n && i < 9 && s[i] >= '0' && s[i] <= '9'; i++)
			len = len * 10 + (size_t)(s[i] - '0');
		if (i == 0 || len > n || len < i + 2 || s[i] != ' ' || s[len - 1] != '\n')
			return err_set(e, EBADMSG, "an extended header that is damaged");
		if (check_record(s + i + 1, len - i - 2, e) < 0)
			return -e->code;
		s += len;
		n -= len;
	}
	return 0;
}

/* It ends with its contents, or with NULs of which none is inside. */
static int
check_long_name(const char *s, size_t n, struct err *e)
{
	for (size_t i = strnlen(s, n); i < n; i++)
		if (s[i] != '\0')
			return err_set(e, EINVAL, "a NUL in a long name");
	return 0;
}

int
tar_head_check(const char *data, size_t n, struct err *e)
{
	while (n >= BLOCK) {
		const char type = data[TYPE_AT];
		const size_t size = read_size(data + SIZE_AT);

		if (type == '\0' || !strchr(BEFORE_ENTRY, type))
			return 0;
		data += BLOCK;
		n -= BLOCK;
		if (size > n)
			return err_set(e, EBADMSG, "an extended header that is too large");
		if (strchr("xXg", type) && check_records(data, size, e) < 0)
			return -e->code;
		if (strchr("LK", type) && check_long_name(data, size, e) < 0)
			return -e->code;
		/* The last block may be cut short, and then nothing follows it. */
		if (n - size < -size % BLOCK)
			return 0;
		data += size + -size % BLOCK;
		n -= size + -size % BLOCK;
	}
	return 0;
}
