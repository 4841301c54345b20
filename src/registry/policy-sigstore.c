/*
 * Signatures as cosign makes them: beside the image with digest sha256:HEX is a manifest with the tag
 * sha256-HEX.sig, with a layer for each signature: what is signed, and the signature as an annotation.
 *
 * https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/str.h"
#include "image/ref.h"
#include "registry/client.h"
#include "registry/policy-internal.h"

#define PAYLOAD_TYPE   "application/vnd.dev.cosign.simplesigning.v1+json"
#define SIGNATURE      "dev.cosignproject.cosign/signature"
#define PAYLOAD_MAX    ((uint64_t)64 << 10) /* bytes */
#define SIGNATURES_MAX 64
#define BASE64_MAX     4096 /* bytes */

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- keys --- */

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = b ? PEM_read_bio_PUBKEY(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	if (k && EVP_PKEY_get_base_id(k) != EVP_PKEY_EC) {
		EVP_PKEY_free(k);
		k = NULL;
	}
	return k;
}

int
policy_check_key(const char *pem, struct err *e)
{
	EVP_PKEY *k = read_key(pem);

	EVP_PKEY_free(k);
	return k ? 0 : err_set(e, EINVAL, "it is no public key for ECDSA, in PEM");
}

bool
policy_verify(const char *key, const void *data, size_t n, const void *signature, size_t signature_len)
{
	EVP_PKEY *k = read_key(key);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	const bool ok = k && c && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, k) == 1 &&
			EVP_DigestVerify(c, signature, signature_len, data, n) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return ok;
}

/* --- what is signed --- */

/* Only once its signature is verified. */
static int
check_payload(const struct policy *p, const struct policy_signed *s, const char *data, size_t n, const char *digest,
	      struct err *e)
{
	static const char *const top[] = { "critical", "optional", NULL },
				 *const parts[] = { "type", "image", "identity", NULL };
	json_t *j = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL), *critical = json_object_get(j, "critical");
	const char *type = text(critical, "type"),
		   *of = text(json_object_get(critical, "image"), "docker-manifest-digest"),
		   *identity = text(json_object_get(critical, "identity"), "docker-reference");
	int r = 0;

	if (!policy_has_only(j, top) || !policy_has_only(critical, parts) || !type || !of || !identity ||
	    strcmp(type, "cosign container image signature") != 0)
		r = err_set(e, EBADMSG, "what is signed is not an image");
	else if (strcmp(of, digest) != 0)
		r = err_set(e, EPERM, "the signature is for another image");
	else
		r = policy_match_identity(s->identity, p->name, identity, e);
	json_decref(j);
	return r;
}

/* Every byte counts: base64_decode() drops those at the end that are 0. */
static unsigned char *
decode(const char *text, size_t *ret_len)
{
	const size_t n = strlen(text);
	unsigned char *raw = xcalloc(n + 1, 1);
	const int len = EVP_DecodeBlock(raw, (const unsigned char *)text, (int)n);

	*ret_len = len < 0 || n < 4 ? 0 : (size_t)len - (text[n - 1] == '=') - (text[n - 2] == '=');
	return raw;
}

static bool
is_by_one_of(char *const *keys, const char *data, size_t n, const char *signature)
{
	size_t len;
	AUTO_FREE unsigned char *raw = decode(signature, &len);

	for (char *const *k = keys; len > 0 && *k; k++)
		if (policy_verify(*k, data, n, raw, len))
			return true;
	return false;
}

/* One layer of the manifest of signatures. */
struct signature {
	char *data; /* owned; what is signed */
	size_t len;
	const char *signature; /* base64 */
};

/* Returns 1 when it is none. */
static int
get_signature(struct http *h, const char *repository, json_t *layer, struct signature *ret, struct err *e)
{
	const char *type = text(layer, "mediaType"), *of = text(layer, "digest");
	const char *signature = text(json_object_get(layer, "annotations"), SIGNATURE);
	const json_int_t size = json_integer_value(json_object_get(layer, "size"));
	struct blob b = { .size = (uint64_t)size };

	if (!type || strcmp(type, PAYLOAD_TYPE) != 0 || !signature || strlen(signature) > BASE64_MAX || !of || !image_digest_is_valid(of) ||
	    size <= 0 || b.size > PAYLOAD_MAX)
		return 1;
	(void)stpcpy(b.digest, of);
	ret->signature = signature;
	ret->len = b.size;
	return client_get_blob(h, repository, &b, &ret->data, e);
}

/* --- all of them --- */

static int
meets(const struct policy *p, const struct policy_signed *s, const struct signature *v, size_t n, const char *digest,
      struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_by_one_of(s->keys, v[i].data, v[i].len, v[i].signature))
			continue;
		any = true;
		err_clear(e);
		if (check_payload(p, s, v[i].data, v[i].len, digest, e) == 0)
			return 0;
	}
	return any ? -e->code : err_set(e, EPERM, "none of its signatures is by a key of policy.json");
}

static int
check_all(const struct policy *p, struct http *h, const char *repository, json_t *layers, const char *digest,
	  struct err *e)
{
	struct signature v[SIGNATURES_MAX] = { { .data = NULL } };
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < json_array_size(layers) && n < SIGNATURES_MAX; i++) {
		r = get_signature(h, repository, json_array_get(layers, i), &v[n], e);
		n += r == 0;
	}
	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = meets(p, &p->v[i], v, n, digest, e);
	for (size_t i = 0; i < n; i++)
		free(v[i].data);
	return r < 0 ? r : 0;
}

int
policy_check(const struct policy *p, struct http *h, const char *repository, const char *digest, struct err *e)
{
	AUTO_DOCUMENT d = DOCUMENT_INIT;
	AUTO_FREE char *tag = NULL;
	int r;

	if (!p || p->n == 0)
		return 0;
	tag = xasprintf("sha256-%s.sig", digest + strlen("sha256:"));
	r = client_get_manifest(h, repository, tag, &d, e);
	if (r == 1)
		r = err_set(e, EPERM, "it is not signed, and policy.json requires that it is");
	else if (r == 0)
		r = check_all(p, h, repository, json_object_get(d.json, "layers"), digest, e);
	return r < 0 ? err_prefix(e, "%s", p->name) : 0;
}
