#include <linux/seccomp.h>
#include <string.h>

#include "base/str.h"
#include "seccomp/graph.h"
#include "seccomp/reduce.h"

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define OFF_NR   offsetof(struct seccomp_data, nr)
#define OFF_ARCH offsetof(struct seccomp_data, arch)

/* What is in the accumulator. */
enum known { KNOWN_NOT, KNOWN_NR, KNOWN_ARCH, KNOWN_MAX_ };

struct reducer {
	const struct sock_filter *in;
	size_t n_in;
	const uint32_t *arches;
	size_t n_arches;
	struct graph graph;
	uint32_t nr, arch; /* of the run on paper */
	/* Per instruction and content of the accumulator, the node made in run @run. */
	struct memo {
		unsigned int run;
		int node;
	} (*memo)[KNOWN_MAX_];
	unsigned int run;
	uint32_t *edges; /* where a range of numbers starts, sorted */
	size_t n_edges;
};

static int walk(struct reducer *r, size_t pc, enum known a);

static bool
is_arch(const struct reducer *r, uint32_t k)
{
	for (size_t i = 0; i < r->n_arches; i++)
		if (r->arches[i] == k)
			return true;
	return false;
}

/* Whether a test of the number or the architecture holds; -1: not of a kind that we know. */
static int
holds(const struct reducer *r, const struct sock_filter *f, enum known a)
{
	if (a == KNOWN_ARCH)
		return f->code == (BPF_JMP | BPF_JEQ | BPF_K) && is_arch(r, f->k) ? r->arch == f->k
										  : -1;
	switch (f->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return r->nr == f->k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return r->nr > f->k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return r->nr >= f->k;
	default:
		return -1;
	}
}

static int
walk_test(struct reducer *r, size_t pc, enum known a)
{
	const struct sock_filter *f = &r->in[pc];
	size_t yes = pc + 1 + f->jt, no = pc + 1 + f->jf;
	int h;

	if (BPF_SRC(f->code) != BPF_K)
		return -1;
	if (a == KNOWN_NOT)
		return graph_test(&r->graph, f->code, f->k, walk(r, yes, a), walk(r, no, a));
	h = holds(r, f, a);
	return h < 0 ? -1 : walk(r, h ? yes : no, a);
}

static int
walk_insn(struct reducer *r, size_t pc, enum known a)
{
	const struct sock_filter *f = &r->in[pc];

	if (f->code == (BPF_RET | BPF_K))
		return graph_return(&r->graph, f->k);
	if (f->code == (BPF_JMP | BPF_JA))
		return walk(r, pc + 1 + f->k, a);
	if (BPF_CLASS(f->code) == BPF_JMP)
		return walk_test(r, pc, a);
	if (f->code == LOAD && f->k == OFF_NR)
		return walk(r, pc + 1, KNOWN_NR);
	if (f->code == LOAD && f->k == OFF_ARCH)
		return walk(r, pc + 1, KNOWN_ARCH);
	if (f->code == LOAD ||
	    (f->code == (BPF_ALU | BPF_AND | BPF_K) && a == KNOWN_NOT))
		return graph_step(&r->graph, f->code, f->k, walk(r, pc + 1, KNOWN_NOT));
	return -1;
}

/* The node that does what the program does from @pc on; -1 when it cannot be told. */
static int
walk(struct reducer *r, size_t pc, enum known a)
{
	struct memo *m;

	if (pc >= r->n_in)
		return -1;
	m = &r->memo[pc][a];
	if (m->run != r->run)
		*m = (struct memo){ r->run, walk_insn(r, pc, a) };
	return m->node;
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Wherever a test could come out differently a new range starts. */
static void
find_edges(struct reducer *r)
{
	size_t n = 0;

	r->edges[n++] = 0;
	for (size_t i = 0; i < r->n_in; i++) {
		if (BPF_CLASS(r->in[i].code) != BPF_JMP || BPF_OP(r->in[i].code) == BPF_JA)
			continue;
		r->edges[n++] = r->in[i].k;
		if (r->in[i].k < UINT32_MAX)
			r->edges[n++] = r->in[i].k + 1;
	}
	qsort(r->edges, n, sizeof(*r->edges), by_value);
	r->n_edges = 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || r->edges[i] != r->edges[r->n_edges - 1])
			r->edges[r->n_edges++] = r->edges[i];
}

struct range {
	uint32_t from; /* up to the start of the next one */
	int node;
};

/* A tree of tests that finds the range of the number in the accumulator. */
static int
search_tree(struct graph *g, const struct range *v, size_t n)
{
	size_t half = n / 2;

	if (n == 1)
		return v->node;
	/* One number in the middle of others. */
	if (n == 3 && v[0].node == v[2].node && v[2].from == v[1].from + 1)
		return graph_test(g, BPF_JMP | BPF_JEQ | BPF_K, v[1].from, v[1].node, v[0].node);
	return graph_test(g, BPF_JMP | BPF_JGE | BPF_K, v[half].from,
			  search_tree(g, v + half, n - half), search_tree(g, v, half));
}

/* What the program does for one architecture. */
static int
reduce_arch(struct reducer *r, uint32_t arch, struct range *ranges)
{
	size_t n = 0;
	int node;

	r->arch = arch;
	for (size_t i = 0; i < r->n_edges; i++) {
		r->nr = r->edges[i];
		r->run++;
		if ((node = walk(r, 0, KNOWN_NOT)) < 0)
			return -1;
		if (n == 0 || ranges[n - 1].node != node)
			ranges[n++] = (struct range){ r->nr, node };
	}
	return graph_step(&r->graph, LOAD, OFF_NR, search_tree(&r->graph, ranges, n));
}

static int
reduce_all(struct reducer *r, struct range *ranges)
{
	/* No architecture is 0: this stands for all that the program does not know. */
	int node = is_arch(r, 0) ? -1 : reduce_arch(r, 0, ranges);

	for (size_t i = r->n_arches; i-- > 0;)
		node = graph_test(&r->graph, BPF_JMP | BPF_JEQ | BPF_K, r->arches[i],
				  reduce_arch(r, r->arches[i], ranges), node);
	return graph_step(&r->graph, LOAD, OFF_ARCH, node);
}

void
reduce(struct sock_filter *insns, size_t *n, const uint32_t *arches, size_t n_arches)
{
	AUTO_FREE struct sock_filter *out = xcalloc(BPF_MAXINSNS, sizeof(*out));
	AUTO_FREE void *memo = xcalloc(*n, sizeof(struct memo[KNOWN_MAX_]));
	AUTO_FREE uint32_t *edges = xcalloc(2 * *n + 1, sizeof(*edges));
	AUTO_FREE struct range *ranges = xcalloc(2 * *n + 1, sizeof(*ranges));
	struct reducer r = { .in = insns, .n_in = *n, .arches = arches, .n_arches = n_arches,
			     .memo = memo, .edges = edges };
	size_t n_out = 0;
	int root;

	find_edges(&r);
	if ((root = reduce_all(&r, ranges)) >= 0)
		n_out = graph_emit(&r.graph, root, out);
	graph_destroy(&r.graph);
	if (n_out == 0 || n_out >= *n)
		return;
	memcpy(insns, out, n_out * sizeof(*out));
	*n = n_out;
}
