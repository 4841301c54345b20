#include <string.h>

#include "seccomp/condition.h"
#include "seccomp/document.h"
#include "seccomp/entry.h"
#include "seccomp/names.h"

#define ERRNO_MAX 4095 /* what the kernel lets a filter answer */

static const char *const syscall_keys[] = {
	"comment",  "name", "names",    "action",   "errnoRet",
	"errno",    "args", "includes", "excludes", "priority",
	NULL,
};
static const char *const arg_keys[] = { "index", "value", "valueTwo", "op", NULL };

/* The data of an action: errno, or the number a tracer gets. */
static int
read_action_data(const json_t *obj, const char *number_key, const char *name_key,
		 uint32_t *action, struct err *e)
{
	uint32_t base = *action & 0xffff0000U;
	uint64_t max = base == SCMP_ACT_TRACE(0) ? RULES_TRACE_MAX : ERRNO_MAX;
	uint64_t n = EPERM;
	const char *name = NULL;
	uint32_t code;
	int given, r;

	if ((given = document_number(obj, number_key, max, &n, e)) < 0)
		return given;
	if ((r = document_text(obj, name_key, &name, e)) < 0)
		return r;
	if (r > 0 && *name) {
		if (!name_errno(name, &code))
			return document_unknown(name_key, "unknown error name", name, e);
		n = code;
		given = 1;
	}
	if (base == SCMP_ACT_ERRNO(0) || base == SCMP_ACT_TRACE(0))
		*action = base | (uint32_t)n;
	else if (given)
		return err_set(e, EINVAL, "%s: has a meaning with SCMP_ACT_ERRNO and "
			       "SCMP_ACT_TRACE only", number_key);
	return 0;
}

int
entry_read_action(const json_t *obj, const char *key, const char *number_key, const char *name_key,
	    uint32_t *ret, struct err *e)
{
	const char *word = NULL;
	uint32_t action;
	int r;

	if ((r = document_text(obj, key, &word, e)) < 0)
		return r;
	if (r == 0)
		return err_set(e, EINVAL, "%s: missing", key);
	if (!name_action(word, &action))
		return document_unknown(key, "unknown action", word, e);
	if (action == SCMP_ACT_NOTIFY)
		return err_set(e, ENOTSUP, "%s: SCMP_ACT_NOTIFY needs a listening process, "
			       "which is not supported", key);
	if ((r = read_action_data(obj, number_key, name_key, &action, e)) < 0)
		return r;
	*ret = action;
	return 0;
}

static int
read_arg(const json_t *entry, struct scmp_arg_cmp *ret, struct err *e)
{
	uint64_t index = 0, one = 0, two = 0;
	const char *op = NULL;
	enum scmp_compare cmp;
	int r;

	if ((r = document_check_keys(entry, arg_keys, e)) < 0 ||
	    (r = document_number(entry, "value", UINT64_MAX, &one, e)) < 0 ||
	    (r = document_number(entry, "valueTwo", UINT64_MAX, &two, e)) < 0 ||
	    (r = document_text(entry, "op", &op, e)) < 0 ||
	    (r = document_number(entry, "index", RULES_ARGS_MAX - 1, &index, e)) < 0)
		return r;
	if (r == 0)
		return err_set(e, EINVAL, "index: missing");
	if (!op)
		return err_set(e, EINVAL, "op: missing");
	if (!name_compare(op, &cmp))
		return document_unknown("op", "unknown comparison", op, e);
	/* For a masked comparison the format has the mask first, and so has libseccomp. */
	*ret = (struct scmp_arg_cmp){
		.arg = (unsigned int)index,
		.op = cmp,
		.datum_a = one,
		.datum_b = cmp == SCMP_CMP_MASKED_EQ ? two : 0,
	};
	return 0;
}

/* The conditions of one entry of "syscalls". */
struct conditions {
	struct scmp_arg_cmp v[4 * RULES_ARGS_MAX];
	size_t n;
	bool any; /* two are about one argument: each of them alone is a rule */
};

static int
read_args(const json_t *entry, struct conditions *ret, struct err *e)
{
	const json_t *list = NULL, *arg = NULL;
	unsigned int seen = 0;
	int r;

	if ((r = document_list(entry, "args", &list, e)) <= 0)
		return r;
	if (json_array_size(list) > NELEMS(ret->v))
		return err_set(e, E2BIG, "args: more than %zu conditions", NELEMS(ret->v));
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_OBJECT, &arg, e) < 0)
			return err_prefix(e, "args");
		if (read_arg(arg, &ret->v[i], e) < 0)
			return err_prefix(e, "args[%zu]", i);
		ret->any = ret->any || (seen & (1U << ret->v[i].arg)) != 0;
		seen |= 1U << ret->v[i].arg;
		ret->n++;
	}
	return 0;
}

/* Make the rules of one call. */
static int
add_rules(struct rules *rules, struct rule *rule, const struct conditions *c, struct err *e)
{
	int r;

	if (!c->any) {
		rule->n_args = (unsigned int)c->n;
		memcpy(rule->args, c->v, c->n * sizeof(c->v[0]));
		return rules_add(rules, rule, e);
	}
	rule->n_args = 1;
	for (size_t i = 0; i < c->n; i++) {
		rule->args[0] = c->v[i];
		if ((r = rules_add(rules, rule, e)) < 0)
			return r;
	}
	return 0;
}

static int
add_call(struct rules *rules, const char *name, uint32_t action, const struct conditions *c,
	 struct err *e)
{
	struct rule rule = { .action = action };

	rule.nr = seccomp_syscall_resolve_name(name);
	if (rule.nr == __NR_SCMP_ERROR)
		return 0;
	return add_rules(rules, &rule, c, e);
}

static int
add_names(const json_t *entry, uint32_t action, const struct conditions *c, struct rules *rules,
	  struct err *e)
{
	const json_t *list = NULL, *word = NULL;
	const char *name = NULL;
	int r;

	if ((r = document_text(entry, "name", &name, e)) < 0 ||
	    (r = document_list(entry, "names", &list, e)) < 0)
		return r;
	if ((name && *name) && json_array_size(list) > 0)
		return err_set(e, EINVAL, "name: not together with \"names\"");
	if (!name && !list)
		return err_set(e, EINVAL, "names: missing");
	if (name && *name)
		return add_call(rules, name, action, c, e);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (document_entry(list, i, JSON_STRING, &word, e) < 0)
			return err_prefix(e, "names");
		if ((r = add_call(rules, json_string_value(word), action, c, e)) < 0)
			return r;
	}
	return 0;
}

int
entry_read(const json_t *entry, const struct profile_target *target, struct rules *rules,
	   struct err *e)
{
	struct conditions c = { .n = 0 };
	uint32_t action;
	int applies, r;

	if ((r = document_check_keys(entry, syscall_keys, e)) < 0 ||
	    (r = entry_read_action(entry, "action", "errnoRet", "errno", &action, e)) < 0 ||
	    (r = read_args(entry, &c, e)) < 0 ||
	    (applies = r = condition_applies(entry, target, e)) < 0)
		return r;
	if (!applies)
		return 0;
	return add_names(entry, action, &c, rules, e);
}
