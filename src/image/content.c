#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "image/content.h"
#include "image/digest.h"

#define BLOCK	  4096u
#define READ_SIZE ((size_t)256 << 10)

struct content {
	struct digest *digest;
	uint64_t number; /* of the block */
	size_t fill;     /* of its bytes that are known; 0: none is begun */
	uint8_t block[BLOCK];
};

struct content *
content_new(void)
{
	struct content *c = xcalloc(1, sizeof(*c));

	c->digest = digest_new();
	return c;
}

void
content_freep(struct content **c)
{
	if (*c)
		digest_freep(&(*c)->digest);
	free(*c);
	*c = NULL;
}

static void
add_block(struct content *c, uint64_t number, const uint8_t *block)
{
	if (block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0)
		return;
	digest_add(c->digest, &number, sizeof(number));
	digest_add(c->digest, block, BLOCK);
}

/* The block that is begun, zeros after what is known of it. */
static void
end_block(struct content *c)
{
	if (c->fill == 0)
		return;
	memset(c->block + c->fill, 0, BLOCK - c->fill);
	add_block(c, c->number, c->block);
	c->fill = 0;
}

/* At most to the end of the block that @offset lies in. */
static size_t
add_part(struct content *c, uint64_t offset, const uint8_t *data, size_t n)
{
	const uint64_t number = offset / BLOCK;
	const size_t at = offset % BLOCK;

	if (c->fill > 0 && number != c->number)
		end_block(c);
	if (n > BLOCK - at)
		n = BLOCK - at;
	if (n == BLOCK) {
		add_block(c, number, data);
		return n;
	}
	c->number = number;
	memset(c->block + c->fill, 0, at - c->fill);
	memcpy(c->block + at, data, n);
	c->fill = at + n;
	if (c->fill == BLOCK)
		end_block(c);
	return n;
}

void
content_add(struct content *c, uint64_t offset, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		const size_t part = add_part(c, offset, p, n);

		p += part;
		offset += part;
		n -= part;
	}
}

int
content_end(struct content *c, char ret[CONTENT_SIZE], struct err *e)
{
	end_block(c);
	return digest_end(c->digest, ret, e);
}

/* From @offset, where data begins, to the next hole. */
static int
add_data(struct content *c, int fd, uint8_t *buf, off_t offset, off_t end, struct err *e)
{
	while (offset < end) {
		const off_t left = end - offset;
		const ssize_t n = pread(fd, buf, left < (off_t)READ_SIZE ? (size_t)left : READ_SIZE,
					offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return err_set(e, EAGAIN, "changed while it was read");
		content_add(c, (uint64_t)offset, buf, (size_t)n);
		offset += n;
	}
	return 0;
}

int
content_of(int fd, char ret[CONTENT_SIZE], struct err *e)
{
	AUTO_CONTENT c = content_new();
	AUTO_FREE uint8_t *buf = xcalloc(READ_SIZE, 1);
	off_t data = 0, hole = 0;

	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, "look for holes");
		if (add_data(c, fd, buf, data, hole, e) < 0)
			return -e->code;
	}
	/* ENXIO: no data follows. */
	if (errno != ENXIO)
		return err_sys(e, "look for data");
	return content_end(c, ret, e);
}
