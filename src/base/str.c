#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* Status 125 means that rootlet itself failed.  stdio may need memory, write(2) does not. */
static void __attribute__((noreturn))
die_oom(void)
{
	static const char msg[] = "rootlet: out of memory\n";
	ssize_t n = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)n;
	_exit(125);
}

void *
xcalloc(size_t n, size_t size)
{
	/* calloc(0) may return NULL without having failed. */
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die_oom();
	return p;
}

void *
xrealloc_array(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n ? n : 1, size ? size : 1);

	if (!q)
		die_oom();
	return q;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		die_oom();
	return s;
}

void
strv_freep(char ***v)
{
	int saved = errno;

	for (char **s = *v; s && *s; s++)
		free(*s);
	free(*v);
	*v = NULL;
	errno = saved;
}

size_t
strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

char **
strv_copy(char *const *v)
{
	const size_t n = strv_len(v);
	char **copy = n ? xcalloc(n + 1, sizeof(*copy)) : NULL;

	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(v[i]);
	return copy;
}

void
strv_take(char ***v, char *s)
{
	size_t n = strv_len(*v);

	*v = xrealloc_array(*v, n + 2, sizeof(**v));
	(*v)[n] = s;
	(*v)[n + 1] = NULL;
}

/* Is @entry, "KEY=VALUE", the one of the key of @len bytes at @key? */
static bool
env_is_key(const char *entry, const char *key, size_t len)
{
	return strncmp(entry, key, len) == 0 && entry[len] == '=';
}

void
strv_env_set(char ***v, const char *kv)
{
	size_t len = strcspn(kv, "=");
	char *copy = xstrdup(kv);

	for (char **s = *v; s && *s; s++) {
		if (env_is_key(*s, kv, len)) {
			free(*s);
			*s = copy;
			return;
		}
	}
	strv_take(v, copy);
}

const char *
strv_env_get(char *const *v, const char *key)
{
	size_t len = strlen(key);

	for (; v && *v; v++)
		if (env_is_key(*v, key, len))
			return *v + len + 1;
	return NULL;
}

char **
str_split_escaped(const char *s, char sep)
{
	char *part = xcalloc(strlen(s) + 1, 1);
	char **parts = NULL;
	size_t n = 0;

	for (; *s; s++) {
		if (*s == sep) {
			strv_take(&parts, xstrndup(part, n));
			n = 0;
			continue;
		}
		if (*s == '\\' && s[1])
			s++;
		part[n++] = *s;
	}
	strv_take(&parts, xstrndup(part, n));
	free(part);
	return parts;
}

bool
str_begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
path_is_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	/* Only "/" itself ends in a slash among clean paths. */
	while (len > 0 && prefix[len - 1] == '/')
		len--;
	return strncmp(path, prefix, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

char *
path_clean(const char *path)
{
	char *out;
	size_t n = 0;

	if (path[0] != '/')
		return NULL;
	out = xcalloc(strlen(path) + 2, 1);
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && strncmp(path, "..", 2) == 0) {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

char *
path_join(const char *a, const char *b)
{
	size_t len = strlen(a), n;
	char *path;

	while (len > 0 && a[len - 1] == '/')
		len--;
	while (*b == '/')
		b++;
	n = strlen(b);
	path = xrealloc_array(NULL, len + n + 2, 1);
	memcpy(path, a, len);
	path[len] = '/';
	memcpy(path + len + 1, b, n + 1);
	return path;
}
