/* Where images are to be had: registries.conf, auth files, credential helpers and certs.d. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove.h"
#include "base/str.h"
#include "base/toml.h"
#include "registry/auth.h"
#include "registry/base64.h"
#include "registry/conf.h"
#include "registry/lookup.h"
#include "tap.h"

static char dir[PATH_MAX];

/* NAME below the directory of the test; those above it are made.  Owned. */
static char *
place(const char *name)
{
	char *path = path_join(dir, name);

	for (char *c = path + 1; (c = strchr(c, '/')); c++) {
		*c = '\0';
		(void)mkdir(path, 0755);
		*c = '/';
	}
	return path;
}

static void
put_mode(const char *name, const char *text, mode_t mode)
{
	AUTO_FREE char *path = place(name);
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	struct err e = ERR_INIT;

	if (fd < 0 || fd_write_all(fd, text, strlen(text), &e) < 0)
		(void)printf("Bail out! cannot write %s\n", path);
}

static void
put(const char *name, const char *text)
{
	put_mode(name, text, 0600);
}

static void
drop(const char *name)
{
	AUTO_FREE char *path = place(name);

	(void)unlink(path);
}

static struct lookup
begin(void)
{
	static char etc[PATH_MAX + 8], home[PATH_MAX + 8], run[PATH_MAX + 8];

	(void)snprintf(etc, sizeof(etc), "%s/etc", dir);
	(void)snprintf(home, sizeof(home), "%s/home", dir);
	(void)snprintf(run, sizeof(run), "%s/run", dir);
	return (struct lookup){ .places = { .etc = etc, .home = home, .runtime_dir = run } };
}

/* "HOST/REPOSITORY HOST/REPOSITORY!", "!" for insecure; or "error: ..."; static. */
static const char *
endpoints_of(const char *name, const struct lookup *l)
{
	static char out[2048];
	AUTO_ENDPOINTS eps = ENDPOINTS_INIT;
	struct err e = ERR_INIT;
	size_t n = 0;

	out[0] = '\0';
	if (lookup_endpoints(name, l, &eps, &e) < 0)
		(void)snprintf(out, sizeof(out), "error: %s", e.msg);
	for (size_t i = 0; i < eps.n && n < sizeof(out); i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s%s/%s%s", i ? " " : "", eps.v[i].mirror ? "~" : "",
				      eps.v[i].host, eps.v[i].repository, eps.v[i].insecure ? "!" : "");
	return out;
}

static bool
says(const char *got, const char *wanted)
{
	if (strcmp(got, wanted) == 0)
		return true;
	(void)printf("# got:    %s\n# wanted: %s\n", got, wanted);
	return false;
}

static bool
contains(const char *got, const char *part)
{
	if (strstr(got, part))
		return true;
	(void)printf("# got:    %s\n# without: %s\n", got, part);
	return false;
}

/* --- registries.conf --- */

static const char conf_text[] =
	"unqualified-search-registries = [\"one.example.com\", # first\n\t'docker.io' ]\n"
	"short-name-mode = \"enforcing\"\n"
	"[[registry]]\n"
	"prefix = \"docker.io\"\n"
	"location = \"docker.io\"\n"
	"[[registry.mirror]]\n"
	"location = \"mirror.example.com/hub\"\n"
	"insecure = true\n"
	"[[registry.mirror]]\n"
	"location = 'digests.example.com'\n"
	"pull-from-mirror = \"digest-only\"\n"
	"[[registry.mirror]]\n"
	"location = \"tags.example.com:5000\"\n"
	"pull-from-mirror = \"tag-only\"\n"
	"[[registry]]\n"
	"location = \"plain.example.com:5000\"\n"
	"insecure = true\n"
	"[[registry]]\n"
	"prefix = \"old.example.com/team\"\n"
	"location = \"new.example.com/crew\"\n"
	"[[registry]]\n"
	"prefix = \"*.bad.example.com\"\n"
	"blocked = true\n"
	"[[registry]]\n"
	"prefix = \"good.bad.example.com\"\n"
	"location = \"good.bad.example.com\"\n"
	"[[registry]]\n"
	"location = \"sha.example.com\"\n"
	"mirror-by-digest-only = true\n"
	"[[registry.mirror]]\n"
	"location = \"near.example.com\"\n"
	"[[registry]]\n"
	"prefix = \"long.example.com/team\"\n"
	"location = \"team.example.com\"\n"
	"[[registry]]\n"
	"prefix = \"long.example.com\"\n"
	"location = \"rest.example.com\"\n"
	"[[registry]]\n"
	"prefix = \"long.example.com/team/app\"\n"
	"location = \"app.example.com/it\"\n"
	"[[registry]]\n"
	"location = \"deny.example.com\"\n"
	"blocked = true\n"
	"[aliases]\n"
	"\"x\" = \"evil.example.com/x\"\n"
	"location = \"evil.example.com\"\n";

static void
test_conf(void)
{
	static const struct {
		const char *name, *by_tag;
	} table[] = {
		{ "debian", "~mirror.example.com/hub/library/debian! ~tags.example.com:5000/library/debian "
			    "registry-1.docker.io/library/debian" },
		{ "plain.example.com:5000/a", "plain.example.com:5000/a!" },
		{ "plain.example.com/a", "plain.example.com/a" },
		{ "plain.example.com:50001/a", "plain.example.com:50001/a" },
		{ "old.example.com/team/a/b", "new.example.com/crew/a/b" },
		{ "old.example.com/team", "new.example.com/crew" },
		{ "old.example.com/teams/a", "old.example.com/teams/a" },
		{ "good.bad.example.com/a", "good.bad.example.com/a" },
		{ "bad.example.com/a", "bad.example.com/a" },
		{ "xbad.example.com/a", "xbad.example.com/a" },
		{ "a.bad.example.com.org/a", "a.bad.example.com.org/a" },
		{ "other.org/x.bad.example.com/a", "other.org/x.bad.example.com/a" },
		{ "sha.example.com/a", "sha.example.com/a" },
		{ "localhost:5000/a", "localhost:5000/a" },
		{ "long.example.com/x", "rest.example.com/x" },
		{ "long.example.com/team/x", "team.example.com/x" },
		{ "long.example.com/team/app", "app.example.com/it" },
	};
	static const char *const blocked[] = {
		"a.bad.example.com/x", "b.a.bad.example.com/x", "a.bad.example.com:5000/x",
		"A.BAD.example.com/x", "a.bad.example.com.z.bad.example.com/x",
	};
	struct lookup l = begin();
	AUTO_FREE char *file = place("etc/containers/registries.conf");

	put("etc/containers/registries.conf", conf_text);
	for (size_t i = 0; i < NELEMS(table); i++)
		OK(says(endpoints_of(table[i].name, &l), table[i].by_tag), "%s is looked for where it is to be had",
		   table[i].name);
	for (size_t i = 0; i < NELEMS(blocked); i++) {
		const char *got = endpoints_of(blocked[i], &l);

		OK(contains(got, "registry *.bad.example.com is blocked in ") && contains(got, file),
		   "%s is blocked, and the file is named", blocked[i]);
	}
	OK(contains(endpoints_of("Deny.Example.com/x", &l), "registry deny.example.com is blocked"),
	   "a host is the same in either case");
	l.by_digest = true;
	OK(says(endpoints_of("debian", &l), "~mirror.example.com/hub/library/debian! "
	   "~digests.example.com/library/debian registry-1.docker.io/library/debian"),
	   "a mirror for digests alone, and one for tags alone");
	OK(says(endpoints_of("sha.example.com/a", &l), "~near.example.com/a sha.example.com/a"),
	   "mirror-by-digest-only");
	l.by_digest = false;
	l.push = true;
	OK(says(endpoints_of("debian", &l), "registry-1.docker.io/library/debian"), "mirrors are not pushed to");
	OK(says(endpoints_of("old.example.com/team/a", &l), "old.example.com/team/a"),
	   "what is pushed goes where its name says");
	OK(contains(endpoints_of("a.bad.example.com/x", &l), "is blocked"), "what is blocked is not pushed to");
	l.push = false;
	l.tls_verify = "true";
	OK(says(endpoints_of("debian", &l), "~mirror.example.com/hub/library/debian "
	   "~tags.example.com:5000/library/debian registry-1.docker.io/library/debian"),
	   "--tls-verify=true is for all of them");
	OK(says(endpoints_of("plain.example.com:5000/a", &l), "plain.example.com:5000/a"),
	   "--tls-verify=true has the last word");
	l.tls_verify = "false";
	OK(says(endpoints_of("sha.example.com/a", &l), "sha.example.com/a!"), "--tls-verify=false");
	l.by_digest = true;
	OK(says(endpoints_of("sha.example.com/a", &l), "~near.example.com/a sha.example.com/a!"),
	   "--tls-verify=false is for the registry that was named, not for its mirrors");
}

static void
test_conf_files(void)
{
	struct lookup l = begin();
	AUTO_FREE char *other = place("other.conf");
	AUTO_CONF c = CONF_INIT;
	struct err e = ERR_INIT;

	OK(conf_read(&l.places, &c, &e) == 0 && strv_len(c.search) == 2 &&
	   strcmp(c.search[1], "docker.io") == 0, "the registries that are searched");
	put("etc/containers/registries.conf.d/10.conf",
	    "[[registry]]\nlocation=\"good.bad.example.com\"\nblocked=true\n");
	OK(contains(endpoints_of("good.bad.example.com/a", &l), "is blocked in "), "a file of registries.conf.d");
	put("home/.config/containers/registries.conf.d/20.conf",
	    "[[registry]]\nlocation=\"good.bad.example.com\"\ninsecure=true\n");
	OK(says(endpoints_of("good.bad.example.com/a", &l), "good.bad.example.com/a!"),
	   "the user's comes later, and replaces it");
	put("home/.config/containers/registries.conf", "");
	OK(says(endpoints_of("debian", &l), "registry-1.docker.io/library/debian"),
	   "the user's own file in place of the machine's");
	put("other.conf", "[[registry]]\nlocation=\"o.example.com\"\nblocked=true\n");
	l.places.registries_conf = other;
	OK(contains(endpoints_of("o.example.com/a", &l), "is blocked"), "$CONTAINERS_REGISTRIES_CONF");
	l.places.registries_conf = "/nonexistent/conf";
	OK(contains(endpoints_of("o.example.com/a", &l), "/nonexistent/conf: there is no such file"),
	   "$CONTAINERS_REGISTRIES_CONF that is not there is an error");
	drop("home/.config/containers/registries.conf");
	drop("home/.config/containers/registries.conf.d/20.conf");
	drop("etc/containers/registries.conf.d/10.conf");
}

static void
test_conf_errors(void)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "[[registry]]\nlocation = \"a.example.com\n", "line 2 is not understood" },
		{ "[[registry]]\nlocation = \"a.example.com\nblocked = true\n\"\n", "line 2 is not understood" },
		{ "[[registry]]\nblocked = true\n", "neither prefix nor location" },
		{ "[[registry]]\nprefix = \"a.example.com\"\n", "registry a.example.com has no location" },
		{ "[[registry]]\nlocation = \"a.example.com\"\nblocked = yes\n", "line 3: blocked is neither true" },
		{ "[[registry]]\nlocation = \"a.example.com\"\nblocked = \"true\"\n", "line 3: blocked is neither" },
		{ "[[registry]]\nlocation = \"mirror\"\n", "line 2: location 'mirror' is not a registry" },
		{ "[[registry]]\nlocation = \"https://a.example.com\"\n", "is not a registry" },
		{ "[[registry]]\nlocation = \"a.example.com/../b\"\n", "is not a registry" },
		{ "[[registry]]\nlocation = \"a.example.com@evil.org\"\n", "is not a registry" },
		{ "[[registry]]\nlocation = \"a.example.com\\u001b[2J\"\n", "is not a registry" },
		{ "[[registry]]\nlocation = \"a.example.com\"\nmirror = [{location = \"b.example.com\"}]\n",
		  "line 3: mirrors are written as [[registry.mirror]]" },
		{ "registry = [{location = \"b.example.com\", blocked = true}]\n", "written as [[registry]]" },
		{ "registry.blocked = true\n", "written as [[registry]]" },
		{ "[registry]\nlocation = \"b.example.com\"\n", "line 1: neither [[registry]] nor" },
		{ "[[registry.mirror]]\nlocation = \"b.example.com\"\n", "line 1: neither [[registry]] nor" },
		{ "[registries.block]\nregistries = ['x.example.com']\n", "version 1" },
		{ "[[registry]]\nlocation = \"a.example.com\"\n[[registry]]\nlocation = \"a.example.com\"\nblocked=true\n",
		  "registry a.example.com is there twice" },
		{ "[[registry]]\nlocation = \"a.example.com\"\n[[registry.mirror]]\ninsecure = true\n",
		  "a mirror of registry a.example.com has no location" },
		{ "[[registry]]\nlocation = \"a.example.com\"\n[[registry.mirror]]\npull-from-mirror = \"x\"\n",
		  "pull-from-mirror is one of" },
		{ "unqualified-search-registries = \"docker.io\"\n", "not a list of strings" },
		{ "unqualified-search-registries = [\"docker.io\", \"../x\"]\n", "one is not a registry" },
	};
	struct lookup l = begin();

	for (size_t i = 0; i < NELEMS(table); i++) {
		const char *got;

		put("etc/containers/registries.conf", table[i].text);
		got = endpoints_of("b.example.com/a", &l);
		OK(contains(got, table[i].says) && contains(got, "/registries.conf: "), "an error: %s", table[i].says);
	}
	put("etc/containers/registries.conf",
	    "[[\"registry\"]]\n\"location\" = \"\"\"b.example.com\"\"\"\r\n'blocked' = true # yes\r\n");
	OK(contains(endpoints_of("b.example.com/a", &l), "is blocked"), "however TOML may be written");
	drop("etc/containers/registries.conf");
}

/* --- passwords --- */

/* "USER:PASSWORD", "token:IDENTITY", "" or "error: ..."; static. */
static const char *
known_as(const char *name, const struct lookup *l)
{
	static char out[1024];
	AUTO_AUTH a = AUTH_INIT;
	struct err e = ERR_INIT;
	const int r = auth_find(&l->places, l->authfile, name, &a, &e);

	if (r < 0)
		(void)snprintf(out, sizeof(out), "error: %s", e.msg);
	else if (r == 1)
		out[0] = '\0';
	else if (a.identity)
		(void)snprintf(out, sizeof(out), "token:%s%s", a.identity, a.user ? "?" : "");
	else
		(void)snprintf(out, sizeof(out), "%s:%s", a.user, a.password);
	return out;
}

/* {"auths": {KEY: {"auth": base64("KEY:secret")}}} of all keys. */
static void
put_auths(const char *name, const char *const *keys, size_t n)
{
	AUTO_FREE char *text = xstrdup("{\"auths\": {");

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *pair = xasprintf("u%zu:se:cret", i), *auth = base64_encode(pair, strlen(pair));
		char *more = xasprintf("%s%s\"%s\": {\"auth\": \"%s\"}", text, i ? ", " : "", keys[i], auth);

		free(text);
		text = more;
	}
	{
		AUTO_FREE char *all = xasprintf("%s}}", text);

		put(name, all);
	}
}

static void
test_auths(void)
{
	static const char *const keys[] = {
		"https://index.docker.io/v1/", "docker.io/team", "a.example.com", "a.example.com/team/app",
		"a.example.com/team", "b.example.com:5000", "https://c.example.com/v2/", "http://d.example.com",
	};
	static const struct {
		const char *name, *known;
	} table[] = {
		{ "docker.io/library/debian", "u0:se:cret" }, { "docker.io/team/x", "u1:se:cret" },
		{ "docker.io", "u0:se:cret" }, { "a.example.com/x", "u2:se:cret" },
		{ "a.example.com/team/app", "u3:se:cret" }, { "a.example.com/team/app/x", "u3:se:cret" },
		{ "a.example.com/team/application", "u4:se:cret" }, { "a.example.com/teams", "u2:se:cret" },
		{ "a.example.com:5000/x", "" }, { "b.example.com:5000/x", "u5:se:cret" }, { "b.example.com/x", "" },
		{ "b.example.com:50001/x", "" }, { "c.example.com/x", "u6:se:cret" }, { "d.example.com/x", "u7:se:cret" },
		{ "xa.example.com/x", "" }, { "a.example.com.org/x", "" },
	};
	struct lookup l = begin();

	put_auths("run/containers/auth.json", keys, NELEMS(keys));
	for (size_t i = 0; i < NELEMS(table); i++)
		OK(says(known_as(table[i].name, &l), table[i].known), "%s: %s", table[i].name,
		   *table[i].known ? "has a password" : "has none");
}

static void
test_auth_files(void)
{
	static const char *const host[] = { "f.example.com" }, *const other[] = { "o.example.com", "f.example.com" };
	struct lookup l = begin();
	AUTO_FREE char *mine = place("mine.json"), *config = place("config"), *docker = place("docker");

	drop("run/containers/auth.json");
	put_auths("home/.docker/config.json", other, 2);
	OK(says(known_as("f.example.com/x", &l), "u1:se:cret"), "docker's file");
	put_auths("home/.config/containers/auth.json", host, 1);
	OK(says(known_as("f.example.com/x", &l), "u0:se:cret"), "that of podman comes first");
	put("run/containers/auth.json", "{\"auths\":{\"f.example.com\":{\"identitytoken\":\"tok\",\"auth\":\"eDp5\"}}}");
	OK(says(known_as("f.example.com/x", &l), "token:tok"), "an identity token, from $XDG_RUNTIME_DIR");
	OK(says(known_as("o.example.com/x", &l), "u0:se:cret"), "what one file has not, the next may have");
	put_auths("config/containers/auth.json", host, 1);
	drop("run/containers/auth.json");
	drop("home/.config/containers/auth.json");
	l.places.config_home = config;
	OK(says(known_as("f.example.com/x", &l), "u0:se:cret"), "$XDG_CONFIG_HOME");
	l.places.config_home = NULL;
	put_auths("docker/config.json", host, 1);
	l.places.docker_config = docker;
	OK(says(known_as("f.example.com/x", &l), "u0:se:cret"), "$DOCKER_CONFIG");
	put("mine.json", "{\"auths\":{\"f.example.com\":{\"username\":\"me\",\"password\":\"p\"}}}");
	l.places.auth_file = mine;
	OK(says(known_as("f.example.com/x", &l), "me:p"), "$REGISTRY_AUTH_FILE");
	OK(says(known_as("o.example.com/x", &l), ""), "$REGISTRY_AUTH_FILE in place of all others");
	put("mine2.json", "");
	l.authfile = "/nonexistent/auth.json";
	OK(contains(known_as("f.example.com/x", &l), "--authfile /nonexistent/auth.json"),
	   "--authfile that is not there is an error");
	drop("home/.docker/config.json");
}

static void
test_auth_errors(void)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "{\"auths\":\n{ s3cret }}", "line 2 is no JSON" },
		{ "[]", "not a JSON object" },
		{ "{\"auths\":{\"f.example.com\":{\"auth\":\"s3cret!\"}}}", "not a name and a password" },
		{ "{\"auths\":{\"f.example.com\":{\"auth\":\"czNjcmV0\"}}}", "not a name and a password" },
		{ "{\"credHelpers\":{\"f.example.com\":\"../s3\"}}", "no name of a credential helper" },
		{ "{\"credHelpers\":{\"f.example.com\":\"none-such\"}, \"auths\":{\"f.example.com\":{\"auth\":\"eDp5\"}}}",
		  "docker-credential-none-such: there is no such program" },
		{ "{\"credsStore\":\"none-such\"}", "docker-credential-none-such: there is no such program" },
		{ "{\"credsStore\":\"broken\"}", "docker-credential-broken: it fails with status 3: locked\\x1b[2J" },
		{ "{\"credsStore\":\"endless\"}", "docker-credential-endless: its answer has more than" },
		{ "{\"credsStore\":\"silent\"}", "docker-credential-silent: its answer has no name" },
	};
	struct lookup l = begin();

	for (size_t i = 0; i < NELEMS(table); i++) {
		const char *got;

		put("run/containers/auth.json", table[i].text);
		got = known_as("f.example.com/x", &l);
		OK(contains(got, table[i].says) && contains(got, "/auth.json: ") && !strstr(got, "s3cret") &&
		   !strstr(got, "czNj"), "an error: %s", table[i].says);
	}
	put("run/containers/auth.json", "{\"auths\":{\"f.example.com\":{}}}");
	OK(says(known_as("f.example.com/x", &l), ""), "an empty entry is none");
	put("run/containers/auth.json", "{\"auths\":{\"f.example.com\":{\"auth\":\"eDp5\"},\"f.example.com/x\":{}}}");
	OK(says(known_as("f.example.com/x", &l), "x:y"), "and hides no other");
	put("run/containers/auth.json", "{\"auths\":{\"f.example.com\":{\"auth\":\"dTpwAAA=\"}}}");
	OK(says(known_as("f.example.com/x", &l), "u:p"), "NULs at the end are no part of a password");
}

static void
make_helpers(void)
{
	static const char *const path = "/usr/local/bin:/usr/bin:/bin";
	AUTO_FREE char *bin = place("bin"), *all = xasprintf("%s:%s", bin, path);

	put_mode("bin/docker-credential-good",
		 "#!/bin/sh\nread h\ncase $1-$h in\n"
		 "get-f.example.com) echo '{\"ServerURL\":\"'$h'\",\"Username\":\"hu\",\"Secret\":\"hs\"}' ;;\n"
		 "get-https://index.docker.io/v1/) echo '{\"Username\":\"<token>\",\"Secret\":\"tk\"}' ;;\n"
		 "*) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n", 0700);
	put_mode("bin/docker-credential-broken", "#!/bin/sh\nprintf 'locked\\033[2J\\nmore\\n'\nexit 3\n", 0700);
	put_mode("bin/docker-credential-endless", "#!/bin/sh\nexec yes\n", 0700);
	put_mode("bin/docker-credential-silent", "#!/bin/sh\n", 0700);
	(void)setenv("PATH", all, 1);
}

static void
test_helpers(void)
{
	struct lookup l = begin();

	put("run/containers/auth.json",
	    "{\"credHelpers\":{\"f.example.com\":\"good\",\"docker.io\":\"good\",\"g.example.com\":\"good\"},"
	    "\"auths\":{\"g.example.com\":{\"auth\":\"eDp5\"}}}");
	OK(says(known_as("f.example.com/x", &l), "hu:hs"), "a helper for one registry");
	OK(says(known_as("docker.io/library/debian", &l), "token:tk"), "a helper has a token for Docker Hub");
	OK(says(known_as("g.example.com/x", &l), ""), "a helper that has nothing: anonymous, not what else there is");
	OK(says(known_as("f.example.com:5000/x", &l), ""), "a helper is for its registry alone");
	put("run/containers/auth.json", "{\"credsStore\":\"good\",\"auths\":{\"f.example.com\":{}}}");
	OK(says(known_as("f.example.com/x", &l), "hu:hs"), "a helper for all");
	OK(says(known_as("h.example.com/x", &l), ""), "which knows nothing of another");
}

static void
test_store(void)
{
	AUTO_FREE char *link = place("link.json"), *real = place("linked/real.json");
	struct lookup l = begin();
	AUTO_FREE char *own = auth_own_file(&l.places, NULL);
	struct err e = ERR_INIT;
	struct stat st;

	drop("run/containers/auth.json");
	OK(auth_store(own, "f.example.com:5000", "me", "a:b", &e) == 0 && stat(own, &st) == 0 &&
	   (st.st_mode & 07777) == 0600, "a new file is for the user alone");
	OK(says(known_as("f.example.com:5000/x", &l), "me:a:b"), "what is stored is found");
	put("linked/real.json", "{\"auths\":{\"x.example.com\":{\"auth\":\"eDp5\"}},\"HttpHeaders\":{\"a\":\"b\"},"
				"\"credHelpers\":{\"z.example.com\":\"none-such\"}}");
	(void)chmod(real, 0644);
	OK(symlink("linked/real.json", link) == 0 && auth_store(link, "docker.io", "me", "pw", &e) == 0 &&
	   lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "a link stays");
	OK(stat(real, &st) == 0 && (st.st_mode & 07777) == 0600, "what others could read they cannot any more");
	l.authfile = link;
	OK(says(known_as("docker.io/x", &l), "me:pw"), "Docker Hub's is found");
	OK(says(known_as("x.example.com/x", &l), "x:y"), "other entries stay");
	OK(auth_store(link, "z.example.com", "me", "pw", &e) < 0 && contains(e.msg, "none-such: there is no such"),
	   "a helper that is missing is an error, and nothing is stored");
	err_clear(&e);
	OK(auth_erase(link, "docker.io", &e) == 0 && says(known_as("docker.io/x", &l), ""), "one is forgotten");
	OK(auth_erase(link, "docker.io", &e) == 1, "twice: there was nothing");
	OK(says(known_as("x.example.com/x", &l), "x:y"), "the others stay");
	OK(auth_erase(real, "x.example.com/other", &e) == 1, "nothing of a part of it is there");
	put("linked/real.json", "{\"auths\":{\"x.example.com\":{\"auth\":\"eDp5\"}}, \"a\":1}");
	OK(auth_erase_all(link, &e) == 0 && says(known_as("x.example.com/x", &l), ""), "all are forgotten");
	OK(auth_erase("/nonexistent/x/auth.json", "a.example.com", &e) == 1, "nothing is where there is no file");
	put("linked/real.json", "{ not json");
	OK(auth_store(link, "a.example.com", "me", "pw", &e) == -EBADMSG, "a file that is broken is not replaced");
}

/* --- certificates --- */

static void
test_certs(void)
{
	struct lookup l = begin();
	AUTO_ENDPOINTS eps = ENDPOINTS_INIT;
	AUTO_FREE char *own = place("certs");
	struct err e = ERR_INIT;

	put("etc/docker/certs.d/s.example.com:5000/ca.crt", "DOCKER");
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) == 0 && eps.v[0].ca &&
	   strcmp(eps.v[0].ca, "DOCKER\n") == 0 && !eps.v[0].cert, "a CA of docker's certs.d");
	endpoints_clear(&eps);
	OK(lookup_endpoints("s.example.com/x", &l, &eps, &e) == 0 && !eps.v[0].ca, "not for another port");
	endpoints_clear(&eps);
	put("home/.config/containers/certs.d/s.example.com:5000/b.crt", "B");
	put("home/.config/containers/certs.d/s.example.com:5000/a.crt", "A");
	put("home/.config/containers/certs.d/s.example.com:5000/me.cert", "CERT");
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) < 0 && contains(e.msg, "me.key"),
	   "a certificate without its key is an error");
	err_clear(&e);
	put("home/.config/containers/certs.d/s.example.com:5000/me.key", "KEY");
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) == 0 && strcmp(eps.v[0].ca, "A\nB\n") == 0 &&
	   strcmp(eps.v[0].cert, "CERT") == 0 && strcmp(eps.v[0].key, "KEY") == 0, "the user's own come first");
	endpoints_clear(&eps);
	put("certs/x.key", "X");
	l.cert_dir = own;
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) < 0 && contains(e.msg, "x.cert"),
	   "a key without its certificate is an error");
	err_clear(&e);
	drop("certs/x.key");
	put("certs/x.crt", "X");
	l.cert_dir = own;
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) == 0 && strcmp(eps.v[0].ca, "X\n") == 0 &&
	   !eps.v[0].cert, "--cert-dir in place of those");
	endpoints_clear(&eps);
	l.cert_dir = "/nonexistent/certs";
	OK(lookup_endpoints("s.example.com:5000/x", &l, &eps, &e) < 0 && contains(e.msg, "--cert-dir /nonexistent"),
	   "--cert-dir that is not there is an error");
	err_clear(&e);
	l.cert_dir = NULL;
	put("etc/docker/certs.d/docker.io/ca.crt", "HUB");
	OK(lookup_endpoints("debian", &l, &eps, &e) == 0 && eps.v[0].ca && strcmp(eps.v[0].ca, "HUB\n") == 0,
	   "Docker Hub's are in docker.io");
}

/* --- files that are none --- */

static void
test_odd_files(void)
{
	struct lookup l = begin();
	AUTO_FREE char *fifo = place("fifo"), *conf = place("etc/containers/registries.conf"),
		       *auth = place("run/containers/auth.json");

	drop("etc/containers/registries.conf");
	OK(mkfifo(fifo, 0600) == 0 && symlink(fifo, conf) == 0 &&
	   contains(endpoints_of("a.example.com/x", &l), "registries.conf: "), "a FIFO is not waited for");
	drop("etc/containers/registries.conf");
	drop("run/containers/auth.json");
	OK(symlink("/dev/zero", auth) == 0 && contains(endpoints_of("a.example.com/x", &l), "auth.json: "),
	   "an endless file is not read");
	drop("run/containers/auth.json");
	OK(says(endpoints_of("a.example.com/x", &l), "a.example.com/x"), "without any file");
}

int
main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/rootlet-lookup.XXXXXX");
	if (!mkdtemp(dir))
		return 99;
	make_helpers();
	test_conf();
	test_conf_files();
	test_conf_errors();
	test_auths();
	test_auth_files();
	test_auth_errors();
	test_helpers();
	test_store();
	test_certs();
	test_odd_files();
	remove_tree(AT_FDCWD, dir);
	return tap_done();
}
