/*
 * The headers are POSIX.1-2001's ("pax"): what ustar has a field for is there and nowhere else, so
 * that most entries are one block, and what it has not is in an extended header before.  Names are
 * bytes; only those that are not UTF-8 get the record that says so, since GNU tar warns of it each
 * time.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "image/pack-internal.h"

#define BLOCK	       512
#define ID_MAX	       07777777U
#define SIZE_MAX_USTAR 077777777777U

struct ustar {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32];
	char major[8], minor[8];
	char prefix[155];
	char pad[12];
};
static_assert(sizeof(struct ustar) == BLOCK, "a header is a block");

/* Records of an extended header. */
struct records {
	char *data;
	size_t n, room;
};

static void
put(struct records *r, const void *data, size_t n)
{
	if (r->room - r->n < n) {
		r->room = r->room * 2 + n + 256;
		r->data = xrealloc_array(r->data, r->room, 1);
	}
	memcpy(r->data + r->n, data, n);
	r->n += n;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void
record(struct records *r, const char *key, const void *value, size_t n)
{
	const size_t rest = strlen(key) + n + 3;
	char number[24];
	int digits = 0, before;

	do {
		before = digits;
		digits = snprintf(number, sizeof(number), "%zu", rest + (size_t)before);
	} while (digits != before);
	put(r, number, (size_t)digits);
	put(r, " ", 1);
	put(r, key, strlen(key));
	put(r, "=", 1);
	put(r, value, n);
	put(r, "\n", 1);
}

static void
record_number(struct records *r, const char *key, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)v);

	record(r, key, text, (size_t)n);
}

/* Seconds since the Epoch as a decimal fraction; tv_nsec counts upwards before it, too. */
static void
record_time(struct records *r, const char *key, const struct timespec *t)
{
	const bool negative = t->tv_sec < 0;
	long long sec = t->tv_sec;
	long nsec = t->tv_nsec;
	char text[48];
	int n;

	if (negative && nsec > 0) {
		sec++;
		nsec = 1000000000L - nsec;
	}
	n = snprintf(text, sizeof(text), "%s%lld.%09ld", negative ? "-" : "", sec < 0 ? -sec : sec,
		     nsec);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	record(r, key, text, (size_t)n);
}

/* "=" would end the key; GNU tar writes and reads it so. */
static void
record_xattr(struct records *r, const struct xattr *x)
{
	static const char prefix[] = "SCHILY.xattr.";
	AUTO_FREE char *key = xcalloc(sizeof(prefix) + strlen(x->name) * 3, 1);
	size_t n = sizeof(prefix) - 1;

	memcpy(key, prefix, n);
	for (const char *c = x->name; *c; c++) {
		const bool confusing = strncmp(c, "%3D", 3) == 0 || strncmp(c, "%25", 3) == 0;

		if (*c == '=' || confusing) {
			key[n++] = '%';
			key[n++] = confusing ? '2' : '3';
			key[n++] = confusing ? '5' : 'D';
		} else {
			key[n++] = *c;
		}
	}
	record(r, key, x->value, x->n);
}

static bool
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* The length of the UTF-8 character that @s starts with, 0 when it is none (RFC 3629). */
static size_t
utf8_length(const unsigned char *s)
{
	const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool
is_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		const size_t n = utf8_length(p);

		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

/* A name in its field, as much of it as fits: false when it has to be in a record, too. */
static bool
name_field(char field[100], const char *name)
{
	for (size_t i = 0; i < 100 && name[i]; i++)
		field[i] = (unsigned char)name[i] < 0x80 ? name[i] : '_';
	return strlen(name) <= 100 && is_ascii(name);
}

static void
number_field(char *field, size_t size, uint64_t v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)v);
	memcpy(field, text, size);
}

static void
set_checksum(struct ustar *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned int sum = 0;
	char text[16];

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	(void)snprintf(text, sizeof(text), "%06o", sum);
	memcpy(h->checksum, text, 7);
}

static void
start_header(struct ustar *h, char type, uint32_t mode)
{
	*h = (struct ustar){ .type = type };
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	number_field(h->mode, sizeof(h->mode), mode);
	number_field(h->uid, sizeof(h->uid), 0);
	number_field(h->gid, sizeof(h->gid), 0);
	number_field(h->size, sizeof(h->size), 0);
	number_field(h->mtime, sizeof(h->mtime), 0);
	number_field(h->major, sizeof(h->major), 0);
	number_field(h->minor, sizeof(h->minor), 0);
}

static void
set_names(struct ustar *h, struct records *r, const struct pax_entry *t)
{
	if (!is_utf8(t->path) || (t->target && !is_utf8(t->target)))
		record(r, "hdrcharset", "BINARY", 6);
	if (!name_field(h->name, t->path))
		record(r, "path", t->path, strlen(t->path));
	if (t->target && !name_field(h->link, t->target))
		record(r, "linkpath", t->target, strlen(t->target));
}

static void
set_numbers(struct ustar *h, struct records *r, const struct pax_entry *t)
{
	const bool plain_time = t->mtime.tv_nsec == 0 && t->mtime.tv_sec >= 0 &&
				(uint64_t)t->mtime.tv_sec <= SIZE_MAX_USTAR;

	number_field(h->major, sizeof(h->major), t->major & ID_MAX);
	number_field(h->minor, sizeof(h->minor), t->minor & ID_MAX);
	if (t->uid <= ID_MAX)
		number_field(h->uid, sizeof(h->uid), t->uid);
	else
		record_number(r, "uid", t->uid);
	if (t->gid <= ID_MAX)
		number_field(h->gid, sizeof(h->gid), t->gid);
	else
		record_number(r, "gid", t->gid);
	if (t->size <= SIZE_MAX_USTAR)
		number_field(h->size, sizeof(h->size), t->size);
	else
		record_number(r, "size", t->size);
	/* Who knows ustar only gets the second it was in. */
	if (t->mtime.tv_sec >= 0 && (uint64_t)t->mtime.tv_sec <= SIZE_MAX_USTAR)
		number_field(h->mtime, sizeof(h->mtime), (uint64_t)t->mtime.tv_sec);
	if (!plain_time)
		record_time(r, "mtime", &t->mtime);
}

/* Who does not know extended headers makes files of them, all of the same name. */
static int
write_records(struct sink *s, const struct records *r, struct err *e)
{
	struct ustar h;

	start_header(&h, 'x', 0644);
	memcpy(h.name, "PaxHeaders/entry", strlen("PaxHeaders/entry"));
	number_field(h.size, sizeof(h.size), r->n);
	set_checksum(&h);
	if (sink_write(s, &h, sizeof(h), e) < 0 || sink_write(s, r->data, r->n, e) < 0)
		return -e->code;
	return pax_pad(s, r->n, e);
}

int
pax_header(struct sink *s, const struct pax_entry *t, struct err *e)
{
	struct records r = { .data = NULL };
	struct ustar h;
	int ret = 0;

	start_header(&h, t->type, t->mode);
	set_names(&h, &r, t);
	set_numbers(&h, &r, t);
	for (size_t i = 0; i < t->n_xattrs; i++)
		record_xattr(&r, &t->xattrs[i]);
	set_checksum(&h);
	if (r.n > 0)
		ret = write_records(s, &r, e);
	free(r.data);
	return ret < 0 ? ret : sink_write(s, &h, sizeof(h), e);
}

int
pax_pad(struct sink *s, uint64_t size, struct err *e)
{
	static const char zeros[BLOCK];
	const size_t over = (size_t)(size % BLOCK);

	return over ? sink_write(s, zeros, BLOCK - over, e) : 0;
}

int
pax_end(struct sink *s, struct err *e)
{
	static const char zeros[2 * BLOCK];

	return sink_write(s, zeros, sizeof(zeros), e);
}
