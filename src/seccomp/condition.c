#include <linux/version.h>
#include <stdio.h>

#include "seccomp/condition.h"
#include "seccomp/document.h"
#include "seccomp/names.h"

static const char *const condition_keys[] = { "caps", "arches", "minKernel", NULL };

/* What one "includes" or "excludes" asks for; 0 or empty: nothing. */
struct condition {
	bool has_caps, has_arches, has_kernel;
	uint64_t caps;
	bool unknown_cap; /* one that nobody has */
	bool arch;        /* the target's is listed */
	unsigned int kernel;
};

static int
read_caps(const json_t *obj, struct condition *c, struct err *e)
{
	const json_t *list = NULL, *word = NULL;
	uint64_t mask;
	int r;

	if ((r = document_list(obj, "caps", &list, e)) <= 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_STRING, &word, e) < 0)
			return err_prefix(e, "caps");
		if (!name_cap(json_string_value(word), &mask))
			return document_unknown("caps", "not the name of a capability:",
						json_string_value(word), e);
		c->has_caps = true;
		c->caps |= mask;
		c->unknown_cap = c->unknown_cap || mask == 0;
	}
	return 0;
}

static int
read_arches(const json_t *obj, const struct profile_target *target, struct condition *c,
	    struct err *e)
{
	const json_t *list = NULL, *word = NULL;
	uint32_t arch, mine = 0;
	int r;

	(void)name_arch(target->arch, &mine);
	if ((r = document_list(obj, "arches", &list, e)) <= 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_STRING, &word, e) < 0)
			return err_prefix(e, "arches");
		if (!name_arch(json_string_value(word), &arch))
			return document_unknown("arches", "unknown architecture",
						json_string_value(word), e);
		c->has_arches = true;
		c->arch = c->arch || arch == mine;
	}
	return 0;
}

static int
read_kernel(const json_t *obj, struct condition *c, struct err *e)
{
	const char *text = NULL;
	unsigned int major, minor;
	char rest;
	int r;

	if ((r = document_text(obj, "minKernel", &text, e)) <= 0 || !*text)
		return r < 0 ? r : 0;
	if (sscanf(text, "%4u.%4u%c", &major, &minor, &rest) != 2)
		return document_unknown("minKernel", "not a version like 4.8:", text, e);
	c->has_kernel = true;
	c->kernel = (unsigned int)KERNEL_VERSION(major, minor, 0);
	return 0;
}

static int
read_condition(const json_t *entry, const char *key, const struct profile_target *target,
	       struct condition *c, struct err *e)
{
	const json_t *obj = NULL;
	int r;

	if ((r = document_object(entry, key, &obj, e)) <= 0)
		return r;
	if (document_check_keys(obj, condition_keys, e) < 0 || read_caps(obj, c, e) < 0 ||
	    read_arches(obj, target, c, e) < 0 || read_kernel(obj, c, e) < 0)
		return err_prefix(e, "%s", key);
	return 0;
}

static bool
kernel_reached(const struct condition *c, const struct profile_target *target)
{
	return target->kernel == 0 || target->kernel >= c->kernel;
}

static bool
included(const struct condition *c, const struct profile_target *target)
{
	if (c->has_caps && (c->unknown_cap || (c->caps & ~target->caps) != 0))
		return false;
	if (c->has_arches && !c->arch)
		return false;
	return !c->has_kernel || kernel_reached(c, target);
}

static bool
excluded(const struct condition *c, const struct profile_target *target)
{
	return (c->caps & target->caps) != 0 || c->arch ||
	       (c->has_kernel && kernel_reached(c, target));
}

int
condition_applies(const json_t *entry, const struct profile_target *target, struct err *e)
{
	struct condition in = { .caps = 0 }, out = { .caps = 0 };

	/* Absent ones are empty: they include everything and exclude nothing. */
	if (read_condition(entry, "includes", target, &in, e) < 0 ||
	    read_condition(entry, "excludes", target, &out, e) < 0)
		return -e->code;
	return included(&in, target) && !excluded(&out, target);
}
