/* Names of images, and what a start reads of them. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/record.h"
#include "image/ref.h"
#include "tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Does @text name what is shown as @want ("NAME TAG DIGEST", "-" for none)?  NULL: refused. */
static bool
parses(const char *text, const char *want)
{
	struct image_ref r = IMAGE_REF_INIT;
	struct err e = ERR_INIT;
	AUTO_FREE char *got = NULL;
	bool same;

	if (image_ref_parse(text, &r, &e) < 0)
		return !want && e.code == EINVAL && !r.name;
	got = xasprintf("%s %s %s", r.name, r.tag ? r.tag : "-", r.digest ? r.digest : "-");
	image_ref_clear(&r);
	same = want && strcmp(got, want) == 0;
	if (want && !same)
		(void)printf("# %s: %s\n", text, got);
	return same;
}

static void
names(void)
{
	char longest[IMAGE_NAME_MAX + 2], tag[140] = "a:";

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(tag + 2, 't', 129);
	tag[131] = '\0';
	OK(parses("debian", "debian latest -"), "a name alone is latest");
	OK(parses("debian:12", "debian 12 -"), "a tag");
	OK(parses("registry:5000/team/app:tag", "registry:5000/team/app tag -"), "a registry with a port");
	OK(parses("registry:5000/app", "registry:5000/app latest -"), "a port is no tag");
	OK(parses("docker.io/library/debian:12", "debian 12 -"), "Docker Hub's own are short");
	OK(parses("docker.io/team/app", "team/app latest -"), "Docker Hub's others, too");
	OK(parses("docker.io/library/a/b", "library/a/b latest -"), "library is a part of a longer path");
	OK(parses("localhost/app", "localhost/app latest -"), "localhost is a registry");
	OK(parses("a@sha256:" HEX, "a - sha256:" HEX), "a digest");
	OK(parses("a:t@sha256:" HEX, "a t sha256:" HEX), "a tag and a digest");
	OK(parses("a__b.c-d---e/f", "a__b.c-d---e/f latest -"), "what may stand between");
	OK(parses("A", NULL) && parses("Debian:12", NULL), "capital letters are refused");
	OK(parses("EXAMPLE.org/a", "EXAMPLE.org/a latest -"), "but not in a registry");
	OK(parses("", NULL) && parses(":t", NULL) && parses("@sha256:" HEX, NULL), "no name is refused");
	OK(parses("a:", NULL) && parses("a:-t", NULL) && parses("a:.t", NULL), "odd tags are refused");
	OK(parses("a:t:u", NULL) && parses("a:t/u", NULL), "two colons are refused");
	OK(parses("a/", NULL) && parses("/a", NULL) && parses("a//b", NULL), "empty components are refused");
	OK(parses("..", NULL) && parses("../x", NULL) && parses("a/../../b", NULL) && parses(".", NULL),
	   "paths are refused");
	OK(parses("-rf", NULL) && parses("a-", NULL) && parses("a/-b", NULL), "dashes at an end are refused");
	OK(parses("a..b", NULL) && parses("a___b", NULL) && parses("a._b", NULL), "odd separators are refused");
	OK(parses("a b", NULL) && parses("a\nb", NULL) && parses("a\x1b[2J", NULL), "control bytes are refused");
	OK(parses("a=b", NULL) && parses("a:b=c", NULL), "an equals sign is refused");
	OK(parses("a@sha256:" HEX "0", NULL) && parses("a@sha256:12", NULL) && parses("a@md5:" HEX, NULL) &&
	   parses("a@sha256:../../../../../etc/passwd", NULL), "other digests are refused");
	OK(parses("a:99999999999/b", NULL) && parses("a:/b", NULL) && parses("a:x/b", NULL),
	   "odd ports are refused");
	OK(parses(longest, NULL) && !parses(longest + 1, NULL), "256 bytes are too many, 255 are not");
	OK(parses(tag, NULL), "so are 129 bytes of a tag");
}

static void
paths(void)
{
	OK(image_ref_is_path("/x") && image_ref_is_path("./x") && image_ref_is_path("../x") &&
	   image_ref_is_path(".") && image_ref_is_path("..") && image_ref_is_path("/"), "paths");
	OK(!image_ref_is_path("x/y") && !image_ref_is_path("...") && !image_ref_is_path(".x") &&
	   !image_ref_is_path(""), "names");
}

static bool
decodes(const char *data, size_t len)
{
	AUTO_IMAGE_RECORD r = IMAGE_RECORD_INIT;

	return image_record_decode(data, len, &r) == 0;
}

/* Of a literal: its last NUL belongs to the record. */
#define DECODES(literal) decodes(literal, sizeof(literal))

static void
records(void)
{
	AUTO_IMAGE_RECORD a = IMAGE_RECORD_INIT, b = IMAGE_RECORD_INIT;
	AUTO_FREE char *data = NULL;
	size_t len;

	a.digest = xstrdup("sha256:" HEX);
	strv_take(&a.layers, xstrdup(HEX));
	strv_take(&a.env, xstrdup("A=B=C"));
	strv_take(&a.env, xstrdup(""));
	strv_take(&a.cmd, xstrdup("line\nline"));
	a.user = xstrdup("");
	data = image_record_encode(&a, &len);
	OK(image_record_decode(data, len, &b) == 0 && strcmp(b.digest, a.digest) == 0 &&
	   strv_len(b.env) == 2 && strcmp(b.env[0], "A=B=C") == 0 && strcmp(b.env[1], "") == 0 &&
	   strcmp(b.cmd[0], "line\nline") == 0 && b.user && !b.workdir && !b.entrypoint,
	   "a record is read as it was written");
	OK(!decodes(data, len - 1) && !decodes(data, 5) && !decodes("", 0), "a cut one is none");
	OK(DECODES("rootlet image 2\0digest=sha256:" HEX "\0layer=" HEX), "the least that is one");
	OK(!DECODES("rootlet image 2\0digest=sha256:" HEX "\0layer=../../etc"),
	   "a layer that is no digest is none");
	OK(!DECODES("rootlet image 2\0digest=sha256:" HEX), "one without layers is none");
	OK(!DECODES("rootlet image 1\0digest=sha256:" HEX "\0layer=" HEX), "one of before is none");
	OK(!DECODES("rootlet image 2\0digest=sha256:" HEX "\0layer=" HEX "\0nonsense"),
	   "unknown words make it none");
}

int
main(void)
{
	names();
	paths();
	records();
	return tap_done();
}
