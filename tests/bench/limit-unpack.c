/*
 * limit-unpack - the fastest that a layer can be unpacked
 *
 *   limit-unpack BLOB DIRECTORY
 *
 * Inflates with igzip (or zstd), computes the two digests and makes the files, in three threads, and
 * nothing else: no owner, no attribute, no time, no check of a name.  What rootlet takes longer is
 * what it costs.  The archive must be one's own.
 */
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SLOTS 8
#define SLOT  ((size_t)1 << 20)
#define CHUNK ((size_t)256 << 10)

enum { DIGESTER, WRITER };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t *slots[SLOTS];
	size_t n[SLOTS];
	unsigned long filled, used[2];
	int ended, holding[2];
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static const uint8_t *blob;
static size_t blob_size;

static void __attribute__((noreturn))
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
ring_put(size_t n, int last)
{
	pthread_mutex_lock(&ring.lock);
	ring.n[ring.filled++ % SLOTS] = n;
	ring.ended = last;
	pthread_cond_broadcast(&ring.changed);
	while (!last && (ring.filled - ring.used[DIGESTER] >= SLOTS ||
			 ring.filled - ring.used[WRITER] >= SLOTS))
		pthread_cond_wait(&ring.changed, &ring.lock);
	pthread_mutex_unlock(&ring.lock);
}

static int
ring_get(int who, const uint8_t **ret, size_t *ret_n)
{
	unsigned long i;
	int there;

	pthread_mutex_lock(&ring.lock);
	ring.used[who] += (unsigned long)ring.holding[who];
	pthread_cond_broadcast(&ring.changed);
	i = ring.used[who];
	while (!ring.ended && ring.filled == i)
		pthread_cond_wait(&ring.changed, &ring.lock);
	there = ring.holding[who] = ring.filled > i;
	*ret = ring.slots[i % SLOTS];
	*ret_n = ring.n[i % SLOTS];
	pthread_mutex_unlock(&ring.lock);
	return there;
}

static void
inflate_gzip(EVP_MD_CTX *md)
{
	struct inflate_state *s = malloc(sizeof(*s));
	size_t at = 0;

	isal_inflate_init(s);
	s->crc_flag = ISAL_GZIP;
	while (s->block_state != ISAL_BLOCK_FINISH) {
		s->next_out = ring.slots[ring.filled % SLOTS];
		s->avail_out = SLOT;
		while (s->avail_out > 0 && s->block_state != ISAL_BLOCK_FINISH) {
			if (s->avail_in == 0 && at < blob_size) {
				const size_t n = blob_size - at < CHUNK ? blob_size - at : CHUNK;

				EVP_DigestUpdate(md, blob + at, n);
				s->next_in = (uint8_t *)(uintptr_t)blob + at;
				s->avail_in = (uint32_t)n;
				at += n;
			}
			if (isal_inflate(s) < 0)
				die("inflate");
		}
		ring_put(SLOT - s->avail_out, s->block_state == ISAL_BLOCK_FINISH);
	}
	free(s);
}

static void
inflate_zstd(EVP_MD_CTX *md)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t at = 0, left = 1;

	while (left != 0) {
		ZSTD_outBuffer out = { ring.slots[ring.filled % SLOTS], SLOT, 0 };

		while (out.pos < SLOT && left != 0) {
			const size_t n = blob_size - at < CHUNK ? blob_size - at : CHUNK;
			ZSTD_inBuffer in = { blob + at, n, 0 };

			left = ZSTD_decompressStream(d, &out, &in);
			if (ZSTD_isError(left))
				die("zstd");
			EVP_DigestUpdate(md, blob + at, in.pos);
			at += in.pos;
		}
		ring_put(out.pos, left == 0);
	}
	ZSTD_freeDCtx(d);
}

static EVP_MD_CTX *
digest_begin(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		die("sha256");
	return md;
}

static void
digest_print(const char *what, EVP_MD_CTX *md)
{
	unsigned char d[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int n = 0;

	EVP_DigestFinal_ex(md, d, &n);
	for (unsigned int i = 0; i < n; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", d[i]);
	printf("%s %s\n", what, hex);
	EVP_MD_CTX_free(md);
}

static void *
reader(void *arg)
{
	EVP_MD_CTX *md = digest_begin();

	if (blob[0] == 0x1f)
		inflate_gzip(md);
	else
		inflate_zstd(md);
	digest_print("blob", md);
	return arg;
}

static void *
digester(void *arg)
{
	EVP_MD_CTX *md = digest_begin();
	const uint8_t *p;
	size_t n;

	while (ring_get(DIGESTER, &p, &n))
		EVP_DigestUpdate(md, p, n);
	digest_print("content", md);
	return arg;
}

/* --- tar --- */

static struct {
	const uint8_t *at;
	size_t left;
} in;

static int
more(void)
{
	while (in.left == 0)
		if (!ring_get(WRITER, &in.at, &in.left))
			return 0;
	return 1;
}

/* @n bytes to @buf unless that is NULL, to @fd unless that is -1. */
static int
take(uint8_t *buf, int fd, size_t n)
{
	while (n > 0 && more()) {
		const size_t k = in.left < n ? in.left : n;

		if (buf)
			memcpy(buf, in.at, k), buf += k;
		if (fd >= 0 && write(fd, in.at, k) != (ssize_t)k)
			die("write");
		n -= k;
		in.at += k;
		in.left -= k;
	}
	return n == 0;
}

/* Made when it is missing; the last one is kept open. */
static int
directory_of(int root, char *name, const char **ret_base)
{
	static char last[8192];
	static int last_fd = -1;
	char *slash = strrchr(name, '/');

	*ret_base = slash ? slash + 1 : name;
	if (!slash)
		return root;
	*slash = '\0';
	if (last_fd >= 0 && strcmp(last, name) == 0)
		return last_fd;
	snprintf(last, sizeof(last), "%s", name);
	if (last_fd >= 0)
		close(last_fd);
	last_fd = openat(root, name, O_PATH | O_DIRECTORY);
	if (last_fd >= 0)
		return last_fd;
	for (char *p = name; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdirat(root, name, 0755);
	}
	mkdirat(root, name, 0755);
	return last_fd = openat(root, name, O_PATH | O_DIRECTORY);
}

static void
make_file(int dir, const char *base, mode_t mode, size_t size)
{
	int fd = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		die(base);
	take(NULL, fd, size);
	close(fd);
	take(NULL, -1, (512 - size % 512) % 512);
}

static void
make(int root, char *name, const char *link, char type, mode_t mode, size_t size)
{
	const char *base;
	int dir = directory_of(root, name, &base);

	if (type == '0' || type == '\0')
		make_file(dir, base, mode, size);
	else if (type == '1' && linkat(root, link, dir, base, 0) < 0)
		die(link);
	else if (type == '2' && symlinkat(link, dir, base) < 0)
		die(base);
	else if (type == '5')
		mkdirat(dir, base, mode);
}

static void
short_name(const char *h, char *buf, size_t size)
{
	const int prefixed = h[345] && memcmp(h + 257, "ustar", 6) == 0;

	snprintf(buf, size, "%.155s%s%.100s", prefixed ? h + 345 : "", prefixed ? "/" : "", h);
}

static void
unpack(int root)
{
	static uint8_t name[8192], link[8192];
	char h[513] = "";

	while (take((uint8_t *)h, -1, 512) && h[0]) {
		const size_t size = strtoul(h + 124, NULL, 8), padded = (size + 511) & ~(size_t)511;

		if (strchr("LKxg", h[156]) && h[156]) {
			take(h[156] == 'L' ? name : h[156] == 'K' ? link : NULL, -1, padded);
			continue;
		}
		if (!name[0])
			short_name(h, (char *)name, sizeof(name));
		if (!link[0])
			snprintf((char *)link, sizeof(link), "%.100s", h + 157);
		make(root, (char *)name, (char *)link, h[156], (mode_t)strtoul(h + 100, NULL, 8), size);
		name[0] = link[0] = '\0';
	}
	while (more())
		in.left = 0;
}

int
main(int argc, char **argv)
{
	pthread_t a, b;
	struct stat st;
	int fd, root;

	if (argc != 3)
		return 2;
	umask(0);
	mkdir(argv[2], 0755);
	fd = open(argv[1], O_RDONLY);
	root = open(argv[2], O_PATH | O_DIRECTORY);
	if (fd < 0 || root < 0 || fstat(fd, &st) < 0)
		die(argv[1]);
	blob_size = (size_t)st.st_size;
	blob = mmap(NULL, blob_size, PROT_READ, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < SLOTS; i++)
		ring.slots[i] = malloc(SLOT);
	if (blob == MAP_FAILED || pthread_create(&a, NULL, reader, NULL) != 0 ||
	    pthread_create(&b, NULL, digester, NULL) != 0)
		die("start");
	unpack(root);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
