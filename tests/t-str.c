#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tap.h"

static bool
is_strv(char **v, const char *joined)
{
	char got[256] = "";
	size_t n = 0;

	for (size_t i = 0; v && v[i]; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "<%s>", v[i]);
	return strcmp(got, joined) == 0;
}

static bool
is_split(const char *s, const char *joined)
{
	AUTO_STRV v = str_split_escaped(s, ':');

	return is_strv(v, joined);
}

static bool
is_clean(const char *path, const char *want)
{
	AUTO_FREE char *got = path_clean(path);

	return want ? got && strcmp(got, want) == 0 : !got;
}

static bool
is_joined(const char *a, const char *b, const char *want)
{
	AUTO_FREE char *got = path_join(a, b);

	return strcmp(got, want) == 0;
}

static bool
prints(const char *s, bool keep_newline, const char *want)
{
	char out[64];
	size_t n = str_printable(out, sizeof(out), s, keep_newline);

	return n == strlen(want) && strcmp(out, want) == 0;
}

static bool
prints_cut(size_t size, const char *s, const char *want)
{
	char out[64] = "untouched";
	size_t n = str_printable(out, size, s, false);

	return n == strlen(want) && strcmp(out, want) == 0;
}

static void
test_memory(void)
{
	AUTO_FREE char *s = xasprintf("%s-%d", "a", 7);
	AUTO_FREE char *cut = xstrndup("abcdef", 3);
	AUTO_FREE char *empty = xstrdup("");
	AUTO_FREE void *none = xcalloc(0, 4);

	OK(strcmp(s, "a-7") == 0, "xasprintf formats");
	OK(strcmp(cut, "abc") == 0, "xstrndup cuts");
	OK(empty[0] == '\0', "xstrdup copies the empty string");
	OK(none != NULL, "xcalloc of nothing is not a failure");
}

/* Not under a sanitizer, which takes the address space for itself and aborts by itself. */
static void
test_out_of_memory(void)
{
	const struct rlimit small = { .rlim_cur = 64 << 20, .rlim_max = 64 << 20 };
	int pipefd[2], status = 0;
	char got[64] = "";
	ssize_t n;

	if (pipe(pipefd) < 0)
		return;
	if (fork() == 0) {
		(void)dup2(pipefd[1], STDERR_FILENO);
		(void)setrlimit(RLIMIT_AS, &small);
		free(xcalloc(1, (size_t)1 << 30));
		_exit(0);
	}
	(void)close(pipefd[1]);
	n = read(pipefd[0], got, sizeof(got) - 1);
	(void)close(pipefd[0]);
	(void)wait(&status);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 125, "out of memory is exit status 125");
	OK(n > 0 && strcmp(got, "rootlet: out of memory\n") == 0, "out of memory says so");
}

static void
test_strv(void)
{
	AUTO_STRV v = NULL;
	AUTO_STRV env = NULL;

	OK(strv_len(v) == 0, "no vector is empty");
	strv_take(&v, xstrdup("a"));
	strv_take(&v, xstrdup("b"));
	OK(strv_len(v) == 2 && is_strv(v, "<a><b>"), "strv_take appends");
	strv_freep(&v);
	OK(v == NULL, "strv_freep resets");

	OK(!strv_env_get(env, "A"), "nothing is set in an empty environment");
	strv_env_set(&env, "A=1");
	strv_env_set(&env, "AB=2");
	strv_env_set(&env, "A=3=4");
	OK(is_strv(env, "<A=3=4><AB=2>"), "a variable is replaced in its place");
	OK(strcmp(strv_env_get(env, "A"), "3=4") == 0, "a value may contain =");
	OK(!strv_env_get(env, "B"), "a name is compared whole");
}

static void
test_split(void)
{
	OK(is_split("", "<>"), "an empty string is one empty part");
	OK(is_split("a:b:c", "<a><b><c>"), "split at the separator");
	OK(is_split(":a:", "<><a><>"), "empty parts are kept");
	OK(is_split("a\\:b:c", "<a:b><c>"), "an escaped separator does not split");
	OK(is_split("a\\\\:b", "<a\\><b>"), "an escaped backslash is one");
	OK(is_split("a\\", "<a\\>"), "a backslash at the end stands for itself");
}

static void
test_paths(void)
{
	OK(str_begins("abc", "ab") && str_begins("ab", "ab") && str_begins("a", ""), "a text begins with a part of it");
	OK(!str_begins("ab", "abc") && !str_begins("abc", "b"), "and with nothing else");
	OK(path_is_below("/a", "/a"), "a path is below itself");
	OK(path_is_below("/a/b", "/a"), "a path is below its directory");
	OK(path_is_below("/a/b", "/a/"), "a trailing slash of the prefix is ignored");
	OK(!path_is_below("/ab", "/a"), "only whole components count");
	OK(!path_is_below("/a", "/a/b"), "a directory is not below its entry");
	OK(path_is_below("/a", "/") && path_is_below("/", "/"), "everything is below /");

	OK(is_clean("/", "/"), "/ is clean");
	OK(is_clean("//a///b/", "/a/b"), "double and trailing slashes go");
	OK(is_clean("/a/./b/.", "/a/b"), "dots go");
	OK(is_clean("/a/../b", "/b"), "dot-dot takes its directory away");
	OK(is_clean("/../../a/..", "/"), "dot-dot stops at /");
	OK(is_clean("/..a/.b/...", "/..a/.b/..."), "names may start with dots");
	OK(is_clean("a/b", NULL) && is_clean("", NULL), "a relative path is refused");

	OK(is_joined("/a", "b", "/a/b"), "join puts a slash between");
	OK(is_joined("/a/", "/b", "/a/b"), "join puts one slash between");
	OK(is_joined("/", "b", "/b"), "join below /");
}

static void
test_printable(void)
{
	OK(prints("plain text", false, "plain text"), "plain text stays");
	OK(prints("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", false,
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "UTF-8 stays");
	OK(prints("\033[31m", false, "\\x1b[31m"), "an escape sequence is shown");
	OK(prints("a\tb\177", false, "a\\x09b\\x7f"), "tab and DEL are shown");
	OK(prints("a\nb", false, "a\\x0ab"), "a newline is shown");
	OK(prints("a\nb", true, "a\nb"), "a newline is kept on demand");
	OK(prints("\xff\xc3", false, "\\xff\\xc3"), "broken UTF-8 is shown");
	OK(prints("\xc0\xaf", false, "\\xc0\\xaf"), "an overlong form is shown");
	OK(prints("\xed\xa0\x80", false, "\\xed\\xa0\\x80"), "a surrogate is shown");
	OK(prints("\xc2\x9b" "31m", false, "\\xc2\\x9b31m"), "a C1 control character is shown");
	OK(prints("\xe2\x80\xae", false, "\\xe2\\x80\\xae"), "a direction override is shown");
	OK(prints_cut(4, "abcdef", "abc"), "the result is cut to fit");
	OK(prints_cut(4, "a\033", "a"), "an escape is not cut in the middle");
	OK(prints_cut(4, "ab\xc3\xa4", "ab"), "a character is not cut in the middle");
	OK(prints_cut(1, "a", ""), "room for the end only");
}

int
main(void)
{
	test_memory();
#if defined(__SANITIZE_ADDRESS__)
	SKIP("sanitizer", "out of memory is exit status 125");
	SKIP("sanitizer", "out of memory says so");
	(void)test_out_of_memory;
#else
	test_out_of_memory();
#endif
	test_strv();
	test_split();
	test_paths();
	test_printable();
	return tap_done();
}
