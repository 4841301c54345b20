/*
 * rules - what a profile says, between the JSON text and the BPF program
 *
 * profile.c fills a struct rules, rules.c sorts it and gives each rule its layer, compile.c makes
 * the program.
 *
 * libseccomp keeps one tree for each call: a rule without conditions swallows those with, and a
 * call that fails all conditions falls to the default action.  "All but these" can therefore not
 * be said in one filter.  So a program is a stack of filters, laid end to end:
 *
 *	layer 0	calls with mixed answers: the strictest conditional rules
 *	layer 1	... the next stricter
 *	final	everything else, the default action
 *
 * A call that no rule of a layer matches goes on to the next.  Most calls are in "final" alone; a
 * profile without mixed answers has no other layer.
 */
#ifndef SECCOMP_RULES_H
#define SECCOMP_RULES_H

#include <linux/filter.h>
#include <seccomp.h>

#include "base/err.h"

#define RULES_MAX        4096 /* as many as a BPF program has instructions */
#define RULES_ARGS_MAX   6
#define RULES_LAYERS_MAX 8
#define RULES_ARCHES_MAX 3
#define RULES_TRACE_MAX  0xfffe /* data of SCMP_ACT_TRACE; compile.c needs one value */

enum {
	RULE_FINAL = -1, /* in the filter that ends with the default action */
	RULE_DROP = -2,  /* another rule, or the default action, says the same */
};

struct rule {
	int nr;          /* number on the machine that compiles, or libseccomp's pseudo number */
	uint32_t action; /* SCMP_ACT_... with its data */
	unsigned int n_args;
	struct scmp_arg_cmp args[RULES_ARGS_MAX];
	int layer; /* 0, 1, ... RULE_FINAL or RULE_DROP; set by rules_layer() */
};

struct rules {
	uint32_t default_action;
	uint32_t arches[RULES_ARCHES_MAX]; /* SCMP_ARCH_...; the native one first */
	size_t n_arches;
	struct rule *v; /* owned */
	size_t n, alloc;
	int n_layers; /* without the final one */
};

void rules_destroy(struct rules *r);
#define AUTO_RULES CLEANUP(rules_destroy) struct rules

/* Append a copy of @rule. */
int rules_add(struct rules *r, const struct rule *rule, struct err *e);
/* Sort by call and give every rule its layer. */
int rules_layer(struct rules *r, struct err *e);
/* Make the program; rules_layer() was called.  *ret_insns is released with free(). */
int rules_compile(const struct rules *r, struct sock_filter **ret_insns, size_t *ret_n,
		  struct err *e);

#endif
