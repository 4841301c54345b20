/* t-policy - which requirements of policy.json are an image's, and what meets them */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/base64.h"
#include "registry/policy-internal.h"
#include "tap.h"

static char dir[] = "/tmp/rootlet-policy.XXXXXX";
static struct places places;

static void
put(const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(dir, name);
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;

	if (fd < 0 || fd_write_all(fd, text, strlen(text), &e) < 0)
		abort();
}

static void
make_dir(const char *name)
{
	AUTO_FREE char *path = path_join(dir, name);

	if (mkdir(path, 0700) < 0)
		abort();
}

static void
remove_all(void)
{
	static const char *const names[] = { "home/.config/containers/policy.json", "home/.config/containers",
					     "home/.config", "home", "etc/containers/policy.json", "etc/containers",
					     "etc", "key.pem", "" };

	for (size_t i = 0; i < NELEMS(names); i++) {
		AUTO_FREE char *path = path_join(dir, names[i]);

		(void)remove(path);
	}
}

/* @want: 'a': any image will do, 's': signatures are required, 'x': an error that has @text */
static bool
policy_is(const char *policy, const char *name, char want, const char *text)
{
	AUTO_POLICY p = NULL;
	struct err e = ERR_INIT;
	char is;

	if (policy)
		put("etc/containers/policy.json", policy);
	is = policy_read(&places, name, &p, &e) < 0 ? 'x' : p ? 's' : 'a';
	if (is != want || (text && !strstr(e.msg, text)) || (is == 'x') != (e.code != 0) || (is != 's' && p))
		(void)printf("# %c: %s\n", is, e.msg);
	return is == want && (!text || strstr(e.msg, text)) && (is == 'x') == (e.code != 0);
}

#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"
/* @scope for itself, the other one for all others. */
#define SCOPED(scope) "{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"" scope "\":" REJECT "}}}"

static void
test_scopes(void)
{
	OK(policy_is(NULL, "a.example/x:1", 'a', NULL), "without a file every image may come");
	OK(policy_is("{\"default\":" REJECT "}", "a.example/x:1", 'x', "not to be used"), "reject is for all");
	OK(policy_is("{\"default\":" ACCEPT "}", "a.example/x:1", 'a', NULL), "so is insecureAcceptAnything");
	OK(policy_is(SCOPED("a.example/x:1"), "a.example/x:1", 'x', NULL), "a scope is one image");
	OK(policy_is(SCOPED("a.example/x:1"), "a.example/x:2", 'a', NULL), "and no other");
	OK(policy_is(SCOPED("a.example/x"), "a.example/x:2", 'x', NULL), "or a repository");
	OK(policy_is(SCOPED("a.example/x"), "a.example/xy:2", 'a', NULL), "not one that begins the same");
	OK(policy_is(SCOPED("a.example/t"), "a.example/t/u/x@sha256:0", 'x', NULL), "or what that is in");
	OK(policy_is(SCOPED("a.example:5000"), "a.example:5000/t/x:1", 'x', NULL), "or a host with its port");
	OK(policy_is(SCOPED("a.example"), "a.example:5000/t/x:1", 'a', NULL), "the same host without is another");
	OK(policy_is(SCOPED("*.example"), "b.a.example:5000/t/x:1", 'x', NULL), "or all hosts of a domain");
	OK(policy_is(SCOPED("*.example"), "example/x:1", 'a', NULL), "not the domain itself");
	OK(policy_is(SCOPED(""), "a.example/x:1", 'x', NULL), "or all registries");
	OK(policy_is("{\"default\":" REJECT ",\"transports\":{\"docker\":{\"a.b/c\":" ACCEPT ",\"a.b\":" REJECT
		     ",\"*.b\":" REJECT ",\"\":" REJECT "}}}", "a.b/c/d:1", 'a', NULL), "the longest one counts");
	OK(policy_is("{\"default\":" ACCEPT ",\"transports\":{\"oci\":{\"\":" REJECT "}}}", "a.b/c:1", 'a', NULL),
	   "other transports are of no interest");
}

static void
test_files(void)
{
	put("etc/containers/policy.json", "{\"default\":" REJECT "}");
	put("home/.config/containers/policy.json", "{\"default\":" ACCEPT "}");
	OK(policy_is(NULL, "a.b/c:1", 'a', NULL), "the user's own file is in place of the machine's");
	put("home/.config/containers/policy.json", "");
	OK(policy_is(NULL, "a.b/c:1", 'x', "line "), "an empty one is an error, not nothing");
	AUTO_FREE char *own = path_join(dir, "home/.config/containers/policy.json");
	(void)unlink(own);
	if (mkfifo(own, 0600) == 0)
		OK(policy_is(NULL, "a.b/c:1", 'x', NULL), "a FIFO is not waited for");
	(void)unlink(own);
}

static void
test_unknown(void)
{
	OK(policy_is("{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/x\"}]}", "a.b/c:1",
		     'x', "GPG"), "signatures by GPG cannot be verified: refused");
	OK(policy_is("{\"default\":[{\"type\":\"insecureAcceptAnything\"},{\"type\":\"signedBy\"}]}", "a.b/c:1", 'x',
		     "GPG"), "also beside what accepts anything");
	OK(policy_is("{\"default\":[{\"type\":\"better\"}]}", "a.b/c:1", 'x', "not known"), "so is what is not known");
	OK(policy_is("{\"default\":[{\"type\":\"insecureAcceptAnything\",\"but\":1}]}", "a.b/c:1", 'x', "not known"),
	   "and what has more to it");
	OK(policy_is("{\"default\":[]}", "a.b/c:1", 'x', NULL) && policy_is("{\"default\":{}}", "a.b/c:1", 'x', NULL) &&
	   policy_is("{}", "a.b/c:1", 'x', NULL) && policy_is("[]", "a.b/c:1", 'x', NULL) &&
	   policy_is("{\"default\":[7]}", "a.b/c:1", 'x', NULL), "nothing is no policy");
	OK(policy_is("{\"default\":" ACCEPT ",\"defaults\":" REJECT "}", "a.b/c:1", 'x', "alone"), "a slip is an error");
	OK(policy_is("{\"default\":" REJECT ",\"default\":" ACCEPT "}", "a.b/c:1", 'x', "line 1"), "two are one too many");
}

/* --- keys --- */

static char *key_pem; /* public */

static EVP_PKEY *
make_key(char **ret_pem)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	BIO *b = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (!k || !b || PEM_write_bio_PUBKEY(b, k) != 1)
		abort();
	n = BIO_get_mem_data(b, &data);
	*ret_pem = xstrndup(data, (size_t)n);
	BIO_free(b);
	return k;
}

static void
test_keys(void)
{
	unsigned char s[256];
	size_t n = sizeof(s);
	EVP_PKEY *k = make_key(&key_pem), *other;
	AUTO_FREE char *other_pem = NULL;
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	other = make_key(&other_pem);
	if (EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k) != 1 || EVP_DigestSign(c, s, &n, (const void *)"abc", 3) != 1)
		abort();
	OK(policy_verify(key_pem, "abc", 3, s, n), "what is signed is verified");
	OK(!policy_verify(key_pem, "abd", 3, s, n), "not something else");
	OK(!policy_verify(other_pem, "abc", 3, s, n), "not by another key");
	OK(!policy_verify(key_pem, "abc", 3, s, n - 1) && !policy_verify(key_pem, "abc", 3, s, 0),
	   "not by a part of the signature");
	s[n - 1] ^= 1;
	OK(!policy_verify(key_pem, "abc", 3, s, n), "not by a signature that is changed");
	OK(!policy_verify("nonsense", "abc", 3, s, n), "not by what is no key");
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	EVP_PKEY_free(other);
}

#define SIGNED(more) "{\"default\":[{\"type\":\"sigstoreSigned\"" more "}]}"

static void
test_signed(void)
{
	AUTO_FREE char *data = base64_encode(key_pem, strlen(key_pem)), *path = path_join(dir, "key.pem");
	AUTO_FREE char *by_path = xasprintf(SIGNED(",\"keyPath\":\"%s\""), path),
		       *by_data = xasprintf(SIGNED(",\"keyData\":\"%s\",\"signedIdentity\":{\"type\":\"matchRepository\"}"), data),
		       *by_both = xasprintf(SIGNED(",\"keyData\":\"%s\",\"keyPath\":\"%s\""), data, path),
		       *of_one = xasprintf("{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"a.b/c\":"
					   "[{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s\"}]}}}", path),
		       *by_rekor = xasprintf(SIGNED(",\"keyPath\":\"%s\",\"rekorPublicKeyPath\":\"/x\""), path);

	OK(policy_is(by_path, "a.b/c:1", 'x', "no such file"), "a key that is not there is an error");
	OK(policy_is(of_one, "a.b/d:1", 'a', NULL), "not where it is not needed");
	put("key.pem", key_pem);
	OK(policy_is(by_path, "a.b/c:1", 's', NULL), "a key is read from a file");
	OK(policy_is(by_data, "a.b/c:1", 's', NULL), "or is in the policy");
	OK(policy_is(by_both, "a.b/c:1", 'x', NULL), "not both");
	OK(policy_is(by_rekor, "a.b/c:1", 'x', "with a key alone"), "what more is required is not left out");
	OK(policy_is(SIGNED(""), "a.b/c:1", 'x', NULL), "one without a key is an error");
	put("key.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
	OK(policy_is(by_path, "a.b/c:1", 'x', "ECDSA"), "so is one with a bad key");
	OK(policy_is(SIGNED(",\"keyData\":\"AAAA\""), "a.b/c:1", 'x', "ECDSA"), "also in the policy");
}

/* --- identities --- */

static bool
matches(const char *identity, const char *name, const char *is)
{
	json_t *j = identity ? json_loads(identity, 0, NULL) : NULL;
	struct err e = ERR_INIT;
	const bool ok = policy_check_identity(j, &e) == 0 && policy_match_identity(j, name, is, &e) == 0;

	json_decref(j);
	return ok;
}

static void
test_identities(void)
{
	static const char repository[] = "{\"type\":\"matchRepository\"}", exact[] = "{\"type\":\"matchExact\"}",
			  one[] = "{\"type\":\"exactReference\",\"dockerReference\":\"p.q/r:1\"}",
			  of[] = "{\"type\":\"exactRepository\",\"dockerRepository\":\"p.q/r\"}",
			  map[] = "{\"type\":\"remapIdentity\",\"prefix\":\"a.b\",\"signedPrefix\":\"p.q/m\"}";

	OK(matches(NULL, "a.b/c:1", "a.b/c:1") && !matches(NULL, "a.b/c:1", "a.b/c:2"), "the tag has to be the same");
	OK(!matches(NULL, "a.b/c:1", "a.b/c") && !matches(NULL, "a.b/c:latest", "a.b/c"), "none is not any tag");
	OK(matches(NULL, "a.b/c@sha256:1111111111111111111111111111111111111111111111111111111111111111", "a.b/c:2"),
	   "for a digest the repository will do");
	OK(matches(repository, "a.b/c:1", "a.b/c") && !matches(repository, "a.b/c:1", "a.b/cd"), "matchRepository");
	OK(!matches(exact, "a.b/c@sha256:1111111111111111111111111111111111111111111111111111111111111111", "a.b/c:2"),
	   "matchExact");
	OK(matches(one, "a.b/c:1", "p.q/r:1") && !matches(one, "p.q/r:2", "p.q/r:2"), "exactReference");
	OK(matches(of, "a.b/c:1", "p.q/r:7") && !matches(of, "a.b/c:1", "a.b/c:1"), "exactRepository");
	OK(matches(map, "a.b/c:1", "p.q/m/c:1") && !matches(map, "a.b/c:1", "a.b/c:1") &&
	   matches(map, "a.bc/c:1", "a.bc/c:1"), "remapIdentity");
	OK(matches(repository, "docker.io/library/x:1", "index.docker.io/library/x"), "Docker Hub has two names");
	OK(!matches("{\"type\":\"matchAny\"}", "a.b/c:1", "a.b/c:1") && !matches("{}", "a.b/c:1", "a.b/c:1") &&
	   !matches("{\"type\":\"matchExact\",\"x\":1}", "a.b/c:1", "a.b/c:1") &&
	   !matches("{\"type\":\"exactReference\"}", "a.b/c:1", "a.b/c:1"), "what is not known matches nothing");
	OK(!matches(repository, "a.b/c:1", "") && !matches(repository, "a.b/c:1", "../x"), "what is no name matches nothing");
}

int
main(void)
{
	if (!mkdtemp(dir))
		return 99;
	make_dir("etc");
	make_dir("etc/containers");
	make_dir("home");
	make_dir("home/.config");
	make_dir("home/.config/containers");
	places.etc = path_join(dir, "etc");
	places.home = path_join(dir, "home");
	test_scopes();
	test_files();
	test_unknown();
	test_keys();
	test_signed();
	test_identities();
	remove_all();
	return tap_done();
}
