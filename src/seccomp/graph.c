#include <string.h>

#include "base/str.h"
#include "seccomp/graph.h"

void
graph_destroy(struct graph *g)
{
	free(g->v);
	g->v = NULL;
	g->n = 0;
}

static bool
is_return(const struct node *n)
{
	return BPF_CLASS(n->code) == BPF_RET;
}

static int
graph_node(struct graph *g, struct node want)
{
	for (int i = g->n - 1; i >= 0; i--) {
		const struct node *n = &g->v[i];

		if (n->code == want.code && n->k == want.k && n->next == want.next &&
		    n->otherwise == want.otherwise)
			return i;
	}
	if (g->n == GRAPH_NODES_MAX)
		return -1;
	if (!g->v)
		g->v = xcalloc(GRAPH_NODES_MAX, sizeof(*g->v));
	g->v[g->n] = want;
	return g->n++;
}

int
graph_return(struct graph *g, uint32_t k)
{
	return graph_node(g, (struct node){ BPF_RET | BPF_K, k, -1, -1 });
}

int
graph_step(struct graph *g, uint16_t code, uint32_t k, int next)
{
	if (next < 0)
		return -1;
	/* Nobody looks at what it computes. */
	if (is_return(&g->v[next]) || BPF_CLASS(g->v[next].code) == BPF_LD)
		return next;
	return graph_node(g, (struct node){ code, k, next, -1 });
}

int
graph_test(struct graph *g, uint16_t code, uint32_t k, int next, int otherwise)
{
	if (next < 0 || otherwise < 0)
		return -1;
	if (next == otherwise)
		return next;
	return graph_node(g, (struct node){ code, k, next, otherwise });
}

/*
 * Layout.  Jumps go forward only, so the program is written from its end: a node comes after its
 * successors.  A place is counted from the end, 1 for the last instruction, 0 for none yet.
 */
struct layout {
	const struct graph *g;
	struct sock_filter *end; /* behind the room for the program */
	size_t n;
	size_t *place; /* owned; of each node, or of something near that leads to it */
	bool full;
};

static void
put(struct layout *l, struct sock_filter f)
{
	if (l->n == BPF_MAXINSNS) {
		l->full = true;
		return;
	}
	l->n++;
	*(l->end - l->n) = f;
}

/* See that at most @reach instructions lie between @node and the one to be put next. */
static void
put_within_reach(struct layout *l, int node, size_t reach)
{
	const struct node *n = &l->g->v[node];

	if (l->n - l->place[node] <= reach)
		return;
	if (is_return(n))
		put(l, (struct sock_filter)BPF_STMT(n->code, n->k));
	else
		put(l, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
						    (uint32_t)(l->n - l->place[node])));
	l->place[node] = l->n;
}

static void
put_node(struct layout *l, int node)
{
	const struct node *n = &l->g->v[node];
	struct sock_filter f = { .code = n->code, .k = n->k };

	if (l->place[node] > 0 || l->full)
		return;
	if (n->otherwise >= 0)
		put_node(l, n->otherwise);
	if (n->next >= 0)
		put_node(l, n->next);
	if (n->otherwise >= 0) {
		/* The second may push the first one instruction away. */
		put_within_reach(l, n->next, 254);
		put_within_reach(l, n->otherwise, 255);
		f.jt = (uint8_t)(l->n - l->place[n->next]);
		f.jf = (uint8_t)(l->n - l->place[n->otherwise]);
	} else if (n->next >= 0) {
		put_within_reach(l, n->next, 0);
	}
	put(l, f);
	l->place[node] = l->n;
}

size_t
graph_emit(const struct graph *g, int root, struct sock_filter *out)
{
	AUTO_FREE size_t *place = xcalloc((size_t)g->n, sizeof(*place));
	struct layout l = { .g = g, .end = out + BPF_MAXINSNS, .place = place };

	put_node(&l, root);
	if (l.full)
		return 0;
	memmove(out, l.end - l.n, l.n * sizeof(*out));
	return l.n;
}
