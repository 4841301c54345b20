#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "image/platform.h"

#define PLATFORM_MAX 100 /* bytes */

const char *
oci_architecture(void)
{
	static const struct {
		const char *machine, *name;
	} names[] = {
		{ "x86_64", "amd64" },	 { "aarch64", "arm64" },     { "armv7l", "arm" },
		{ "i686", "386" },	 { "i386", "386" },	     { "ppc64le", "ppc64le" },
		{ "s390x", "s390x" },	 { "riscv64", "riscv64" },   { "loongarch64", "loong64" },
	};
	static struct utsname u;

	(void)uname(&u);
	for (size_t i = 0; i < NELEMS(names); i++)
		if (strcmp(names[i].machine, u.machine) == 0)
			return names[i].name;
	return u.machine;
}

char *
platform_own(void)
{
	return xasprintf("linux/%s", oci_architecture());
}

/* One to three words of letters, digits and "._-", the first of which is no dot. */
static bool
is_platform(const char *text)
{
	size_t words = 0;

	for (const char *p = text;; p++) {
		const size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789._-");

		if (n == 0 || *p == '.' || *p == '-' || ++words > 3)
			return false;
		p += n;
		if (*p == '\0')
			return strlen(text) <= PLATFORM_MAX;
		if (*p != '/')
			return false;
	}
}

/* What other tools and kernels call them. */
static const char *
usual_name(const char *arch)
{
	static const struct {
		const char *other, *name;
	} names[] = {
		{ "x86_64", "amd64" },	 { "x86-64", "amd64" }, { "aarch64", "arm64" },
		{ "arm64/v8", "arm64" }, { "armhf", "arm/v7" }, { "armel", "arm/v6" },
		{ "i386", "386" },	 { "i686", "386" },	{ "loongarch64", "loong64" },
	};

	for (size_t i = 0; i < NELEMS(names); i++)
		if (strcmp(names[i].other, arch) == 0)
			return names[i].name;
	return arch;
}

int
platform_parse(const char *text, char **ret, struct err *e)
{
	AUTO_FREE char *lower = xstrdup(text);
	const char *os = "linux", *arch = lower;
	char *slash;

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!is_platform(lower) || strcmp(lower, os) == 0) {
		(void)err_set(e, EINVAL, "'%.100s' is not a platform", text);
		return err_hint(e, "OS/ARCHITECTURE[/VARIANT], as linux/arm64 or linux/arm/v7");
	}
	/* "arm/v7" has no system in front. */
	slash = strchr(lower, '/');
	if (slash && slash[1] != 'v') {
		*slash = '\0';
		os = lower;
		arch = slash + 1;
	}
	*ret = xasprintf("%s/%s", os, usual_name(arch));
	return 0;
}

bool
platform_matches(const char *want, const char *has)
{
	const size_t n = strlen(want);

	return strncmp(want, has, n) == 0 && (has[n] == '\0' || has[n] == '/');
}

bool
platform_fits(const char *want, const char *has)
{
	return platform_matches(want, has) || platform_matches(has, want);
}
