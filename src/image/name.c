#include <string.h>

#include "base/str.h"
#include "image/name.h"

#define AUFS_PREFIX ".wh..wh."
#define OPAQUE_NAME ".wh..wh..opq"

static bool
is(const char *p, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(p, what, n) == 0;
}

int
name_clean(const char *raw, unsigned int max_depth, char ret[PATH_MAX], struct err *e)
{
	unsigned int depth = 0;
	size_t len = 0, n, max;

	for (const char *p = raw; *p != '\0'; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 0 || is(p, n, "."))
			continue;
		if (is(p, n, ".."))
			return err_set(e, EINVAL, "a name with \"..\" in it");
		max = NAME_MAX + (str_begins(p, WHITEOUT_PREFIX) ? WHITEOUT_PREFIX_LEN : 0);
		if (n > max || len + n + 2 > PATH_MAX)
			return err_set(e, ENAMETOOLONG, "too long a name");
		if (depth++ > max_depth)
			return err_set(e, EINVAL, "more than %u directories deep", max_depth);
		if (len > 0)
			ret[len++] = '/';
		memcpy(ret + len, p, n);
		len += n;
	}
	ret[len] = '\0';
	return 0;
}

const char *
name_split(char *name, const char **ret_dir)
{
	char *slash = strrchr(name, '/');

	if (!slash) {
		*ret_dir = "";
		return name;
	}
	*slash = '\0';
	*ret_dir = name;
	return slash + 1;
}

static int
classify_last(const char *last, enum name_class *ret, struct err *e)
{
	const char *hidden = last + WHITEOUT_PREFIX_LEN;

	*ret = NAME_PLAIN;
	if (!str_begins(last, WHITEOUT_PREFIX))
		return 0;
	*ret = strcmp(last, OPAQUE_NAME) == 0 ? NAME_OPAQUE : NAME_WHITEOUT;
	if (*ret == NAME_WHITEOUT && (strcmp(hidden, "") == 0 || strcmp(hidden, ".") == 0 ||
				      strcmp(hidden, "..") == 0 || str_begins(hidden, WHITEOUT_PREFIX)))
		return err_set(e, EINVAL, "a whiteout of nothing");
	return 0;
}

int
name_classify(const char *name, enum name_class *ret, struct err *e)
{
	const char *slash;

	if (str_begins(name, AUFS_PREFIX) && strcmp(name, OPAQUE_NAME) != 0) {
		*ret = NAME_AUFS;
		return 0;
	}
	for (; (slash = strchr(name, '/')); name = slash + 1)
		if (str_begins(name, WHITEOUT_PREFIX))
			return err_set(e, EINVAL, "a whiteout with something in it");
	return classify_last(name, ret, e);
}
