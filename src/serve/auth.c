#include <crypt.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "serve/auth.h"

#define FILE_MAX   ((size_t)1 << 20) /* bytes */
#define KNOWN_MAX  32U  /* passwords that were right lately */
#define KNOWN_S    300  /* seconds */
#define PAUSE_MS   500L /* after a wrong one */
#define MAC_SIZE   32U

/* What a name that does not exist is compared with, so that it takes as long. */
#define NOBODY "$2y$10$abcdefghijklmnopqrstuuT8m0IbnXQ7LcvHJ8hkVfLDAj7Sw9vAa"

struct user {
	char *name, *hash; /* owned */
};

struct known {
	unsigned char mac[MAC_SIZE]; /* of name and password, by a key that nobody knows */
	time_t until;
};

struct serve_auth {
	struct user *users; /* owned */
	size_t n;
	unsigned char key[MAC_SIZE];
	/* Of all threads. */
	pthread_mutex_t *lock; /* owned */
	pthread_mutex_t *busy; /* owned; held during a comparison */
	struct known *known;   /* owned; KNOWN_MAX */
	struct crypt_data *work; /* owned */
};

/* --- the file --- */

static bool
is_bcrypt(const char *hash)
{
	static const char letters[] = "./0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strlen(hash) == 60 && hash[0] == '$' && hash[1] == '2' && strchr("aby", hash[2]) &&
	       hash[3] == '$' && hash[6] == '$' && strspn(hash + 7, letters) == 53;
}

static int
take_line(struct serve_auth *a, char *line, unsigned int number, struct err *e)
{
	char *colon = strchr(line, ':');

	line[strcspn(line, "\r")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (!colon || colon == line || !is_bcrypt(colon + 1)) {
		(void)err_set(e, EINVAL, "line %u is not NAME:HASH of bcrypt", number);
		return err_hint(e, "htpasswd -nB NAME writes one");
	}
	*colon = '\0';
	a->users = xrealloc_array(a->users, a->n + 1, sizeof(*a->users));
	a->users[a->n++] = (struct user){ .name = xstrdup(line), .hash = xstrdup(colon + 1) };
	return 0;
}

static int
take_lines(struct serve_auth *a, char *text, struct err *e)
{
	unsigned int number = 0;
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n"));)
		if (take_line(a, line, ++number, e) < 0)
			return -e->code;
	return a->n > 0 ? 0 : err_set(e, EINVAL, "nobody is in it");
}

static pthread_mutex_t *
new_mutex(void)
{
	pthread_mutex_t *m = xcalloc(1, sizeof(*m));

	(void)pthread_mutex_init(m, NULL);
	return m;
}

static struct serve_auth *
new_auth(void)
{
	struct serve_auth *a = xcalloc(1, sizeof(*a));

	a->lock = new_mutex();
	a->busy = new_mutex();
	a->known = xcalloc(KNOWN_MAX, sizeof(*a->known));
	a->work = xcalloc(1, sizeof(*a->work));
	return a;
}

int
serve_auth_read(const char *path, struct serve_auth **ret, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP(serve_auth_freep) struct serve_auth *a = new_auth();
	AUTO_FREE char *text = NULL;

	if (fd < 0)
		return err_sys(e, "--auth %s", path);
	if (fd_read_all(fd, FILE_MAX, &text, e) < 0 || take_lines(a, text, e) < 0)
		return err_prefix(e, "--auth %s", path);
	if (RAND_bytes(a->key, sizeof(a->key)) != 1)
		return err_set(e, EIO, "no random bytes can be had");
	*ret = TAKE_PTR(a);
	return 0;
}

void
serve_auth_freep(struct serve_auth **a)
{
	struct serve_auth *x = *a;

	*a = NULL;
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++) {
		free(x->users[i].name);
		free(x->users[i].hash);
	}
	free(x->users);
	free(x->lock);
	free(x->busy);
	free(x->known);
	free(x->work);
	free(x);
}

/* --- comparing --- */

/* Neither of the two has a NUL: the text is that of one pair alone. */
static void
mac_of(const struct serve_auth *a, const char *user, const char *password, unsigned char ret[MAC_SIZE])
{
	const size_t n = strlen(user) + 1 + strlen(password);
	AUTO_FREE char *text = xcalloc(n + 1, 1);
	unsigned int len = 0;

	memcpy(text, user, strlen(user));
	memcpy(text + strlen(user) + 1, password, strlen(password));
	(void)HMAC(EVP_sha256(), a->key, (int)sizeof(a->key), (const unsigned char *)text, n, ret, &len);
	OPENSSL_cleanse(text, n);
}

static bool
is_known(const struct serve_auth *a, const unsigned char mac[MAC_SIZE])
{
	const time_t now = time(NULL);
	bool found = false;

	(void)pthread_mutex_lock(a->lock);
	for (unsigned int i = 0; i < KNOWN_MAX; i++)
		found |= a->known[i].until > now && CRYPTO_memcmp(a->known[i].mac, mac, MAC_SIZE) == 0;
	(void)pthread_mutex_unlock(a->lock);
	return found;
}

/* In place of the one that is known longest. */
static void
remember(const struct serve_auth *a, const unsigned char mac[MAC_SIZE])
{
	struct known *oldest = &a->known[0];

	(void)pthread_mutex_lock(a->lock);
	for (unsigned int i = 1; i < KNOWN_MAX; i++)
		if (a->known[i].until < oldest->until)
			oldest = &a->known[i];
	memcpy(oldest->mac, mac, MAC_SIZE);
	oldest->until = time(NULL) + KNOWN_S;
	(void)pthread_mutex_unlock(a->lock);
}

static bool
compare(const struct serve_auth *a, const char *user, const char *password)
{
	const char *hash = NOBODY, *got;
	bool same;

	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->users[i].name, user) == 0)
			hash = a->users[i].hash;
	memset(a->work, 0, sizeof(*a->work));
	got = crypt_r(password, hash, a->work);
	same = got && strlen(got) == strlen(hash) && CRYPTO_memcmp(got, hash, strlen(hash)) == 0;
	OPENSSL_cleanse(a->work, sizeof(*a->work));
	return same && strcmp(hash, NOBODY) != 0;
}

bool
serve_auth_check(const struct serve_auth *a, const char *user, const char *password)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000 * 1000 };
	unsigned char mac[MAC_SIZE] = { 0 };
	bool right;

	mac_of(a, user, password, mac);
	if (is_known(a, mac))
		return true;
	(void)pthread_mutex_lock(a->busy);
	right = compare(a, user, password);
	if (!right)
		(void)nanosleep(&pause, NULL);
	(void)pthread_mutex_unlock(a->busy);
	if (right)
		remember(a, mac);
	return right;
}
