#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/ref.h"

#define TAG_MAX 128 /* bytes */

void
image_ref_clear(struct image_ref *r)
{
	free(r->name);
	free(r->tag);
	free(r->digest);
	*r = (struct image_ref)IMAGE_REF_INIT;
}

bool
image_ref_is_path(const char *text)
{
	const char *p = text;

	if (*p == '.')
		p += p[1] == '.' ? 2 : 1;
	return *p == '/' || (p > text && *p == '\0');
}

static bool
is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_word(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

bool
image_digest_is_valid(const char *text)
{
	const char *const hex = text + strlen("sha256:");

	return strncmp(text, "sha256:", strlen("sha256:")) == 0 &&
	       strlen(hex) == IMAGE_DIGEST_HEX &&
	       strspn(hex, "0123456789abcdef") == IMAGE_DIGEST_HEX;
}

/* Letters and digits, with one '.', one or two '_' or any number of '-' between them. */
static bool
is_component(const char *p, size_t n)
{
	size_t i = 0;

	for (;;) {
		const size_t start = i;
		size_t run = 0;

		while (i < n && is_lower_alnum(p[i]))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		while (i + run < n && p[i + run] == p[i])
			run++;
		if (!(p[i] == '-' || (p[i] == '_' && run <= 2) || (p[i] == '.' && run == 1)))
			return false;
		i += run;
	}
}

/* What is before the first slash is a registry where it cannot be a path: docker.io, a:5000. */
static bool
is_registry(const char *p, size_t n)
{
	return memchr(p, '.', n) || memchr(p, ':', n) || (n == 9 && memcmp(p, "localhost", n) == 0);
}

static bool
is_host(const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	const size_t name = colon ? (size_t)(colon - p) : n;

	/* Parts with a dot between them, which neither begin nor end with '-'. */
	for (size_t i = 0; i < name; i++) {
		const bool edge = i == 0 || p[i - 1] == '.' || i + 1 == name || p[i + 1] == '.';

		if (p[i] == '_' || (!is_word(p[i]) && (edge || (p[i] != '.' && p[i] != '-'))))
			return false;
	}
	if (name == 0)
		return false;
	return !colon || (n - name - 1 > 0 && n - name - 1 <= 5 &&
			  strspn(colon + 1, "0123456789") >= n - name - 1);
}

static bool
has_registry(const char *p, size_t n)
{
	return is_registry(p, n) && is_host(p, n);
}

static bool
is_name(const char *name)
{
	const char *p = name, *slash = strchr(name, '/');

	if (slash && has_registry(p, (size_t)(slash - p)))
		p = slash + 1;
	for (;;) {
		const size_t n = strcspn(p, "/");

		if (!is_component(p, n))
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

static bool
is_tag(const char *tag)
{
	size_t n = 0;

	for (; tag[n]; n++)
		if (!is_word(tag[n]) && (n == 0 || (tag[n] != '.' && tag[n] != '-')))
			return false;
	return n > 0 && n <= TAG_MAX;
}

/* docker.io/library/x is x, docker.io/y/x is y/x. */
static const char *
without_hub(const char *name)
{
	static const char *const hubs[] = { "docker.io/", "index.docker.io/" };

	for (size_t i = 0; i < NELEMS(hubs); i++)
		if (strncmp(name, hubs[i], strlen(hubs[i])) == 0) {
			name += strlen(hubs[i]);
			if (strncmp(name, "library/", 8) == 0 && !strchr(name + 8, '/'))
				name += 8;
			break;
		}
	return name;
}

int
image_ref_parse(const char *text, struct image_ref *ret, struct err *e)
{
	AUTO_FREE char *name = xstrdup(text);
	char *at = strchr(name, '@'), *colon;
	const char *tag = NULL, *own, *slash;

	if (at)
		*at = '\0';
	colon = strrchr(name, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = '\0';
		tag = colon + 1;
	}
	if (strlen(name) > IMAGE_NAME_MAX)
		return err_set(e, EINVAL, "image name of more than %d bytes", IMAGE_NAME_MAX);
	if (!is_name(name)) {
		(void)err_set(e, EINVAL, "'%s' is not a name of an image", text);
		return err_hint(e, "lower case letters, digits and . _ - between them; a directory is "
				   "written ./DIRECTORY");
	}
	if (tag && !is_tag(tag))
		return err_set(e, EINVAL, "'%s': '%s' is not a tag", text, tag);
	if (at && !image_digest_is_valid(at + 1))
		return err_set(e, EINVAL, "'%s': '%s' is not a digest (sha256:HEX)", text, at + 1);
	own = without_hub(name);
	slash = strchr(own, '/');
	/* Short, docker.io/ghcr.io/x would be another's name. */
	if (own != name && slash && has_registry(own, (size_t)(slash - own)))
		return err_set(e, EINVAL, "'%s' names two registries", text);
	ret->name = xstrdup(own);
	ret->tag = tag ? xstrdup(tag) : at ? NULL : xstrdup("latest");
	ret->digest = at ? xstrdup(at + 1) : NULL;
	return 0;
}

char *
image_ref_name(const struct image_ref *r)
{
	return r->tag ? xasprintf("%s:%s", r->name, r->tag) : NULL;
}

int
image_ref_new_name(const char *text, char **ret, struct err *e)
{
	CLEANUP(image_ref_clear) struct image_ref ref = IMAGE_REF_INIT;
	AUTO_FREE char *name = NULL;

	if (image_ref_parse(text, &ref, e) < 0)
		return -e->code;
	name = image_ref_name(&ref);
	if (!name)
		return err_set(e, EINVAL, "'%s' has a digest: that is no name", text);
	if (strncmp(name, "sha256:", 7) == 0)
		return err_set(e, EINVAL, "'%s' looks like a digest: that is no name", text);
	if (strcmp(name, "host:latest") == 0)
		return err_set(e, EINVAL, "'%s' is the name of the machine itself", text);
	*ret = TAKE_PTR(name);
	return 0;
}

char *
image_ref_full_name(const char *name)
{
	const char *slash = strchr(name, '/');

	if (slash && has_registry(name, (size_t)(slash - name)))
		return xstrdup(name);
	return xasprintf("docker.io/%s%s", slash ? "" : "library/", name);
}
