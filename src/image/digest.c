#include <openssl/evp.h>
#include <stdio.h>

#include "image/digest.h"

struct digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1)
		digest_freep(&d);
	return d;
}

void
digest_freep(struct digest **d)
{
	if (*d)
		EVP_MD_CTX_free((*d)->ctx);
	free(*d);
	*d = NULL;
}

void
digest_add(struct digest *d, const void *data, size_t n)
{
	if (d)
		d->failed |= EVP_DigestUpdate(d->ctx, data, n) != 1;
}

int
digest_end(struct digest *d, char ret_hex[65], struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!d || d->failed || EVP_DigestFinal_ex(d->ctx, md, &n) != 1 || n != 32)
		return err_set(e, EIO, "sha256: the library cannot");
	for (unsigned int i = 0; i < n; i++)
		(void)snprintf(ret_hex + (size_t)i * 2, 3, "%02x", md[i]);
	return 0;
}

int
digest_data(const void *data, size_t n, char ret_hex[65], struct err *e)
{
	CLEANUP(digest_freep) struct digest *d = digest_new();

	digest_add(d, data, n);
	return digest_end(d, ret_hex, e);
}
