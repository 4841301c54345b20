#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/str.h"
#include "image/content.h"

#define BLOCK	  4096u
#define READ_SIZE ((size_t)256 << 10)
#define KEY_SIZE  16

struct content {
	EVP_CIPHER_CTX *ctx;
	bool failed;
	uint64_t number; /* of the block */
	size_t fill;     /* of its bytes that are known; 0: none is begun */
	uint8_t block[BLOCK];
	uint8_t read[READ_SIZE];
};

/* The same for all: a sum is never shown, so that it tells nothing of the key. */
static const uint8_t nonce[12];

struct content *
content_new(void)
{
	struct content *c = xcalloc(1, sizeof(*c));
	uint8_t key[KEY_SIZE];

	c->ctx = EVP_CIPHER_CTX_new();
	c->failed = !c->ctx || getrandom(key, sizeof(key), 0) != sizeof(key) ||
		    EVP_EncryptInit_ex(c->ctx, EVP_aes_128_gcm(), NULL, key, nonce) != 1;
	return c;
}

void
content_freep(struct content **c)
{
	if (*c)
		EVP_CIPHER_CTX_free((*c)->ctx);
	free(*c);
	*c = NULL;
}

/* What is not encrypted with the rest, but authenticated, is all that there is here. */
static void
sum(struct content *c, const void *data, size_t n)
{
	int ignored;

	c->failed = c->failed || EVP_EncryptUpdate(c->ctx, NULL, &ignored, data, (int)n) != 1;
}

/* The number has as many bytes as GHASH takes at once. */
static void
add_block(struct content *c, uint64_t number, const uint8_t *block)
{
	const uint64_t head[2] = { number, 0 };

	if (block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0)
		return;
	sum(c, head, sizeof(head));
	sum(c, block, BLOCK);
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
content_end(struct content *c, uint8_t ret[CONTENT_SIZE], struct err *e)
{
	uint8_t none[1];
	int n;

	end_block(c);
	c->failed = c->failed || EVP_EncryptFinal_ex(c->ctx, none, &n) != 1 ||
		    EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, CONTENT_SIZE, ret) != 1 ||
		    EVP_EncryptInit_ex(c->ctx, NULL, NULL, NULL, nonce) != 1;
	return c->failed ? err_set(e, EIO, "AES-GCM: the library cannot") : 0;
}

/* From @offset, where data begins, to the next hole. */
static int
add_data(struct content *c, int fd, off_t offset, off_t end, struct err *e)
{
	while (offset < end) {
		const off_t left = end - offset;
		const ssize_t n = pread(fd, c->read, left < (off_t)READ_SIZE ? (size_t)left : READ_SIZE,
					offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return err_set(e, EAGAIN, "changed while it was read");
		content_add(c, (uint64_t)offset, c->read, (size_t)n);
		offset += n;
	}
	return 0;
}

int
content_of(struct content *c, int fd, uint8_t ret[CONTENT_SIZE], struct err *e)
{
	off_t data = 0, hole = 0;

	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(e, "look for holes");
		if (add_data(c, fd, data, hole, e) < 0)
			return -e->code;
	}
	/* ENXIO: no data follows. */
	if (errno != ENXIO)
		return err_sys(e, "look for data");
	return content_end(c, ret, e);
}
