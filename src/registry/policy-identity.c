#include <string.h>

#include "base/str.h"
#include "image/ref.h"
#include "registry/policy-internal.h"

static const char *
text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- a reference in full, taken apart --- */

struct reference {
	char *repository; /* owned; with the registry */
	char *rest;       /* owned; ":TAG", "@DIGEST", or "" */
	bool has_tag;
};

static void
reference_clear(struct reference *r)
{
	free(r->repository);
	free(r->rest);
}
#define AUTO_REFERENCE CLEANUP(reference_clear) struct reference

static bool
split(const char *name, struct reference *ret)
{
	struct image_ref ref = IMAGE_REF_INIT;
	struct err ignored = ERR_INIT;
	const char *slash = strrchr(name, '/'), *base = slash ? slash : name;
	const char *rest = base + strcspn(base, ":@");

	if (image_ref_parse(name, &ref, &ignored) < 0)
		return false;
	ret->repository = image_ref_full_name(ref.name);
	ret->rest = xstrdup(rest);
	ret->has_tag = *rest == ':';
	image_ref_clear(&ref);
	return true;
}

static bool
is_same_repository(const struct reference *a, const struct reference *b)
{
	return strcmp(a->repository, b->repository) == 0;
}

static bool
is_same(const struct reference *a, const struct reference *b)
{
	return is_same_repository(a, b) && *a->rest && strcmp(a->rest, b->rest) == 0;
}

/* --- the kinds of identities --- */

/* The image that was asked for, the one that is signed, and the requirement. */
typedef bool match_fn(const struct reference *want, const struct reference *is, json_t *identity);

static bool
match_exact(const struct reference *want, const struct reference *is, json_t *identity)
{
	(void)identity;
	return is_same(want, is);
}

/* Asked for by its digest, it is known already to be the one with that. */
static bool
match_digest_or_exact(const struct reference *want, const struct reference *is, json_t *identity)
{
	(void)identity;
	return want->has_tag ? is_same(want, is) : is_same_repository(want, is);
}

static bool
match_repository(const struct reference *want, const struct reference *is, json_t *identity)
{
	(void)identity;
	return is_same_repository(want, is);
}

static bool
match_given(const struct reference *want, const struct reference *is, json_t *identity)
{
	AUTO_REFERENCE given = { .repository = NULL };

	(void)want;
	return split(text(identity, "dockerReference"), &given) && is_same(&given, is);
}

static bool
match_given_repository(const struct reference *want, const struct reference *is, json_t *identity)
{
	AUTO_REFERENCE given = { .repository = NULL };

	(void)want;
	return split(text(identity, "dockerRepository"), &given) && !*given.rest &&
	       is_same_repository(&given, is);
}

static bool
match_remapped(const struct reference *want, const struct reference *is, json_t *identity)
{
	const char *prefix = text(identity, "prefix");
	const size_t n = strlen(prefix);
	AUTO_REFERENCE mapped = { .has_tag = want->has_tag, .rest = xstrdup(want->rest) };

	if (path_is_below(want->repository, prefix))
		mapped.repository = xasprintf("%s%s", text(identity, "signedPrefix"), want->repository + n);
	else
		mapped.repository = xstrdup(want->repository);
	return match_digest_or_exact(&mapped, is, identity);
}

static const struct kind {
	const char *type;
	match_fn *match;
	const char *fields[3]; /* beside "type": strings, all of them needed */
} kinds[] = {
	{ "matchRepoDigestOrExact", match_digest_or_exact, { NULL } },
	{ "matchExact", match_exact, { NULL } },
	{ "matchRepository", match_repository, { NULL } },
	{ "exactReference", match_given, { "dockerReference" } },
	{ "exactRepository", match_given_repository, { "dockerRepository" } },
	{ "remapIdentity", match_remapped, { "prefix", "signedPrefix" } },
};

/* NULL: it is none that is known. */
static const struct kind *
find_kind(json_t *identity)
{
	const char *type = text(identity, "type");

	if (!identity)
		return &kinds[0];
	for (size_t i = 0; type && i < NELEMS(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

int
policy_check_identity(json_t *identity, struct err *e)
{
	const struct kind *k = find_kind(identity);
	size_t n = 1;

	if (!k)
		return err_set(e, EINVAL, "\"signedIdentity\" is of no type that is known");
	for (const char *const *f = k->fields; *f; f++, n++)
		if (!text(identity, *f) || !*text(identity, *f))
			return err_set(e, EINVAL, "\"signedIdentity\": \"%s\" is missing", *f);
	if (identity && json_object_size(identity) != n)
		return err_set(e, EINVAL, "\"signedIdentity\" has something that is not known");
	return 0;
}

int
policy_match_identity(json_t *identity, const char *name, const char *signed_for, struct err *e)
{
	AUTO_REFERENCE want = { .repository = NULL }, is = { .repository = NULL };
	const struct kind *k = find_kind(identity);
	char safe[200];

	if (k && split(name, &want) && split(signed_for, &is) && k->match(&want, &is, identity))
		return 0;
	(void)str_printable(safe, sizeof(safe), signed_for, false);
	(void)err_set(e, EPERM, "the signature is for %s, which will not do (%s)", safe, k ? k->type : "unknown");
	return err_hint(e, "cosign signs for all tags of a repository: \"signedIdentity\": "
			   "{\"type\": \"matchRepository\"} in policy.json allows that");
}
