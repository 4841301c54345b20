/*
 * fuzz-oci - the documents of an image, from the store to a record
 *
 * Up to three documents with a NUL between them: config, manifest, index.  In the later ones "@C" and
 * "@M" stand for the digests of the earlier ones, which nobody could guess.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/oci.h"
#include "image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DIGEST_SIZE (sizeof("sha256:") + 64)

static void
check_error(const struct err *e)
{
	if (e->code <= 0 || e->msg[0] == '\0' || !memchr(e->msg, '\0', sizeof(e->msg)))
		abort();
}

static void
digest_of(const char *text, char ret[DIGEST_SIZE])
{
	struct digest *d = digest_new();
	struct err e = ERR_INIT;
	char hex[65];

	digest_add(d, text, strlen(text));
	if (digest_end(d, hex, &e) < 0)
		abort();
	digest_freep(&d);
	(void)snprintf(ret, DIGEST_SIZE, "sha256:%s", hex);
}

/* A blob, by its right name; not by way of the store, which waits for the disk. */
static void
put(const struct store *s, const char *text, const char *digest)
{
	AUTO_FREE char *path = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
	AUTO_FD fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;

	if (fd < 0 || fd_write_all(fd, text, strlen(text), &e) < 0)
		abort();
}

static void
take_away(const struct store *s, const char *digest)
{
	AUTO_FREE char *path = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));

	(void)unlinkat(s->fd, path, 0);
}

static char *
replace(const char *text, char digests[][DIGEST_SIZE])
{
	char *out = xcalloc(strlen(text) * DIGEST_SIZE / 2 + DIGEST_SIZE, 1);
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		const char *d = p[0] != '@' ? NULL : p[1] == 'C' ? digests[0] : p[1] == 'M' ? digests[1] : NULL;

		if (!d || !*d) {
			out[n++] = *p;
			continue;
		}
		memcpy(out + n, d, DIGEST_SIZE - 1);
		n += DIGEST_SIZE - 1;
		p++;
	}
	return out;
}

static void
check_image(const struct oci_image *im)
{
	AUTO_IMAGE_RECORD r = IMAGE_RECORD_INIT, again = IMAGE_RECORD_INIT;
	AUTO_FREE char *bytes = NULL, *bytes_again = NULL;
	struct err e = ERR_INIT;
	size_t n, n_again;

	if (!image_digest_is_valid(im->digest) || im->n_layers < 1 || im->n_layers > OCI_LAYERS_MAX)
		abort();
	for (size_t i = 0; i < im->n_layers; i++)
		if (!image_digest_is_valid(im->layers[i].digest) ||
		    !image_digest_is_valid(im->layers[i].diff_id) || !im->layers[i].media_type)
			abort();
	if (oci_fill_record(im, &r, &e) < 0) {
		check_error(&e);
		return;
	}
	bytes = image_record_encode(&r, &n);
	if (image_record_decode(bytes, n, &again) < 0)
		abort();
	bytes_again = image_record_encode(&again, &n_again);
	if (n != n_again || memcmp(bytes, bytes_again, n) != 0)
		abort();
}

static struct store *
the_store(void)
{
	static struct store s = STORE_INIT;
	static char dir[] = "/tmp/fuzz-oci.XXXXXX";
	struct err e = ERR_INIT;

	if (s.fd < 0 && (!mkdtemp(dir) || store_open(dir, true, &s, &e) < 0))
		abort();
	return &s;
}

static void
remove_store(void)
{
	AUTO_FREE char *dir = xasprintf("/proc/self/fd/%d", the_store()->fd);
	static const char *const dirs[] = { "blobs/sha256", "blobs", "layers", "cache", "scratch" };
	static const char *const files[] = { "index.json", "oci-layout", "lock" };
	char path[PATH_MAX];
	ssize_t n = readlink(dir, path, sizeof(path) - 1);

	for (size_t i = 0; i < NELEMS(files); i++)
		(void)unlinkat(the_store()->fd, files[i], 0);
	for (size_t i = 0; i < NELEMS(dirs); i++)
		(void)unlinkat(the_store()->fd, dirs[i], AT_REMOVEDIR);
	if (n > 0) {
		path[n] = '\0';
		(void)rmdir(path);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool registered;
	AUTO_FREE char *text = xcalloc(size + 1, 1);
	char digests[3][DIGEST_SIZE] = { "", "", "" };
	AUTO_OCI_IMAGE im = OCI_IMAGE_INIT;
	struct err e = ERR_INIT;
	const char *p = text;
	int n = 0;

	if (!registered)
		registered = atexit(remove_store) == 0;
	if (size > 0)
		memcpy(text, data, size);
	for (; n < 3 && p <= text + size; p += strlen(p) + 1, n++) {
		AUTO_FREE char *doc = replace(p, digests);

		digest_of(doc, digests[n]);
		put(the_store(), doc, digests[n]);
	}
	if (oci_read(the_store(), digests[n - 1], "linux/amd64", &im, &e) < 0)
		check_error(&e);
	else
		check_image(&im);
	while (n-- > 0)
		take_away(the_store(), digests[n]);
	return 0;
}
