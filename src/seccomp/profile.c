#include "seccomp/document.h"
#include "seccomp/entry.h"
#include "seccomp/names.h"
#include "seccomp/profile.h"
#include "seccomp/rules.h"

static const char *const profile_keys[] = {
	"$schema",      "comment", "defaultAction", "defaultErrnoRet",  "defaultErrno", "architectures",
	"archMap",      "flags",   "listenerPath",  "listenerMetadata", "syscalls",     NULL,
};
static const char *const archmap_keys[] = { "architecture", "subArchitectures", NULL };

/* Note an architecture of the profile, if the target can run it. */
static void
arch_note(struct rules *rules, uint32_t arch)
{
	bool x86 = rules->arches[0] == SCMP_ARCH_X86_64;

	for (size_t i = 0; i < rules->n_arches; i++)
		if (rules->arches[i] == arch)
			return;
	if (x86 ? arch == SCMP_ARCH_X86 || arch == SCMP_ARCH_X32 : arch == SCMP_ARCH_ARM)
		rules->arches[rules->n_arches++] = arch;
}

static int
read_arches(const json_t *obj, const char *key, struct rules *rules, struct err *e)
{
	const json_t *list = NULL, *word = NULL;
	uint32_t arch;
	int r;

	if ((r = document_list(obj, key, &list, e)) <= 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_STRING, &word, e) < 0)
			return err_prefix(e, "%s", key);
		if (!name_arch(json_string_value(word), &arch))
			return document_unknown(key, "unknown architecture",
						json_string_value(word), e);
		arch_note(rules, arch);
	}
	return 0;
}

static int
read_archmap_entry(const json_t *entry, struct rules *rules, struct err *e)
{
	const char *name = NULL;
	uint32_t arch;
	int r;

	if ((r = document_check_keys(entry, archmap_keys, e)) < 0 ||
	    (r = document_text(entry, "architecture", &name, e)) < 0)
		return r;
	if (!name)
		return err_set(e, EINVAL, "architecture: missing");
	if (!name_arch(name, &arch))
		return document_unknown("architecture", "unknown architecture", name, e);
	if (arch != rules->arches[0])
		return 0;
	return read_arches(entry, "subArchitectures", rules, e);
}

static int
read_archmap(const json_t *doc, struct rules *rules, struct err *e)
{
	const json_t *list = NULL, *entry = NULL;
	int r;

	if ((r = document_list(doc, "archMap", &list, e)) <= 0)
		return r;
	if (json_array_size(json_object_get(doc, "architectures")) > 0)
		return err_set(e, EINVAL, "archMap: not together with \"architectures\"");
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_OBJECT, &entry, e) < 0)
			return err_prefix(e, "archMap");
		if (read_archmap_entry(entry, rules, e) < 0)
			return err_prefix(e, "archMap[%zu]", i);
	}
	return 0;
}

static int
read_flags(const json_t *doc, struct err *e)
{
	const json_t *list = NULL, *word = NULL;
	int r;

	if ((r = document_list(doc, "flags", &list, e)) <= 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_STRING, &word, e) < 0)
			return err_prefix(e, "flags");
		if (!name_is_flag(json_string_value(word)))
			return document_unknown("flags", "unknown flag", json_string_value(word), e);
	}
	return 0;
}

static int
read_syscalls(const json_t *doc, const struct profile_target *target, struct rules *rules,
	      struct err *e)
{
	const json_t *list = NULL, *entry = NULL;
	int r;

	if ((r = document_list(doc, "syscalls", &list, e)) <= 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_OBJECT, &entry, e) < 0)
			return err_prefix(e, "syscalls");
		if (entry_read(entry, target, rules, e) < 0)
			return err_prefix(e, "syscalls[%zu]", i);
	}
	return 0;
}

static int
refuse_listener(const json_t *doc, struct err *e)
{
	const char *path = NULL, *data = NULL;
	int r;

	if ((r = document_text(doc, "listenerPath", &path, e)) < 0 ||
	    (r = document_text(doc, "listenerMetadata", &data, e)) < 0)
		return r;
	if (path && *path)
		return err_set(e, ENOTSUP, "listenerPath: a listening process is not supported");
	return 0;
}

static int
read_document(const json_t *doc, const struct profile_target *target, struct rules *rules,
	      struct err *e)
{
	int r;

	if (!json_is_object(doc))
		return err_set(e, EINVAL, "the profile is not a JSON object");
	if ((r = document_check_keys(doc, profile_keys, e)) < 0 ||
	    (r = entry_read_action(doc, "defaultAction", "defaultErrnoRet", "defaultErrno",
				   &rules->default_action, e)) < 0 ||
	    (r = read_arches(doc, "architectures", rules, e)) < 0 ||
	    (r = read_archmap(doc, rules, e)) < 0 || (r = read_flags(doc, e)) < 0 ||
	    (r = refuse_listener(doc, e)) < 0)
		return r;
	return read_syscalls(doc, target, rules, e);
}

static int
target_arch(const struct profile_target *target, struct rules *rules, struct err *e)
{
	if (!name_arch(target->arch, &rules->arches[0]) ||
	    (rules->arches[0] != SCMP_ARCH_X86_64 && rules->arches[0] != SCMP_ARCH_AARCH64))
		return document_unknown("target", "cannot compile for", target->arch, e);
	rules->n_arches = 1;
	return 0;
}

int
profile_compile(const char *json, size_t len, const struct profile_target *target,
		struct sock_filter **ret_insns, size_t *ret_n, struct err *e)
{
	AUTO_DOCUMENT doc = NULL;
	AUTO_RULES rules = { .v = NULL };
	int r;

	if (len > PROFILE_SIZE_MAX)
		return err_set(e, EFBIG, "the profile is larger than %d bytes", PROFILE_SIZE_MAX);
	if ((r = target_arch(target, &rules, e)) < 0 ||
	    (r = document_parse(json, len, &doc, e)) < 0 ||
	    (r = read_document(doc, target, &rules, e)) < 0 ||
	    (r = rules_layer(&rules, e)) < 0)
		return r;
	return rules_compile(&rules, ret_insns, ret_n, e);
}
