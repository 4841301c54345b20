#include <string.h>

#include "base/str.h"
#include "seccomp/rules.h"

/* The rules of one call, and what they have in common. */
struct group {
	struct rule *v;
	size_t n;
	const struct rule *plain;           /* the strictest without conditions, or NULL */
	uint32_t actions[RULES_LAYERS_MAX]; /* of the rules with conditions, strictest first */
	size_t n_actions;
};

void
rules_destroy(struct rules *r)
{
	free(r->v);
	r->v = NULL;
	r->n = r->alloc = 0;
}

int
rules_add(struct rules *r, const struct rule *rule, struct err *e)
{
	if (r->n >= RULES_MAX)
		return err_set(e, E2BIG, "more than %d rules", RULES_MAX);
	if (r->n == r->alloc) {
		r->alloc = r->alloc ? 2 * r->alloc : 64;
		r->v = xrealloc_array(r->v, r->alloc, sizeof(*r->v));
	}
	r->v[r->n++] = *rule;
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	/* Strictest first; and then nothing may depend on the C library's sort. */
	if (x->action != y->action)
		return (int32_t)x->action < (int32_t)y->action ? -1 : 1;
	if (x->n_args != y->n_args)
		return x->n_args < y->n_args ? -1 : 1;
	return memcmp(x->args, y->args, x->n_args * sizeof(x->args[0]));
}

static bool
rule_same(const struct rule *a, const struct rule *b)
{
	return by_number(a, b) == 0;
}

/* Note @action among those of the rules with conditions.  As signed numbers they sort by the
 * kernel's strictness: SCMP_ACT_KILL_PROCESS is negative, SCMP_ACT_ALLOW the largest. */
static int
group_add_action(struct group *g, uint32_t action, struct err *e)
{
	size_t at = 0;

	while (at < g->n_actions && (int32_t)g->actions[at] < (int32_t)action)
		at++;
	if (at < g->n_actions && g->actions[at] == action)
		return 0;
	if (g->n_actions == RULES_LAYERS_MAX)
		return err_set(e, E2BIG, "more than %d different answers for one system call",
			       RULES_LAYERS_MAX);
	memmove(&g->actions[at + 1], &g->actions[at],
		(g->n_actions - at) * sizeof(g->actions[0]));
	g->actions[at] = action;
	g->n_actions++;
	return 0;
}

static int
group_survey(struct group *g, struct err *e)
{
	int r;

	for (size_t i = 0; i < g->n; i++) {
		const struct rule *rule = &g->v[i];

		if (rule->n_args > 0) {
			if ((r = group_add_action(g, rule->action, e)) < 0)
				return r;
		} else if (!g->plain) {
			g->plain = rule; /* sorted: the strictest is first */
		}
	}
	return 0;
}

/* The layer of rules of @g with conditions that answer with @action. */
static int
group_layer_of(const struct group *g, uint32_t action, uint32_t default_action)
{
	/* What is reached when no condition holds. */
	uint32_t rest = g->plain ? g->plain->action : default_action;
	size_t at = 0;

	if (g->n_actions == 1 && action == rest)
		return RULE_DROP;
	while (g->actions[at] != action)
		at++;
	if (!g->plain && action != default_action && at + 1 == g->n_actions)
		return RULE_FINAL;
	return (int)at;
}

static void
group_assign(const struct group *g, struct rules *r)
{
	for (size_t i = 0; i < g->n; i++) {
		struct rule *rule = &g->v[i];

		if (i > 0 && rule_same(rule, &g->v[i - 1]))
			rule->layer = RULE_DROP;
		else if (rule->n_args > 0)
			rule->layer = group_layer_of(g, rule->action, r->default_action);
		else
			rule->layer = rule == g->plain && rule->action != r->default_action
					  ? RULE_FINAL
					  : RULE_DROP;
		if (rule->layer >= r->n_layers)
			r->n_layers = rule->layer + 1;
	}
}

int
rules_layer(struct rules *r, struct err *e)
{
	int err;

	if (r->n > 0)
		qsort(r->v, r->n, sizeof(*r->v), by_number);
	r->n_layers = 0;
	for (size_t i = 0, end; i < r->n; i = end) {
		struct group g = { .v = &r->v[i] };

		for (end = i; end < r->n && r->v[end].nr == r->v[i].nr; end++)
			g.n++;
		if ((err = group_survey(&g, e)) < 0)
			return err;
		group_assign(&g, r);
	}
	return 0;
}
