/*
 * graph - a seccomp program as a graph of nodes without duplicates
 *
 * Nodes are numbered in the order they are made, successors first, so the graph has no cycle.
 * Two nodes that do the same are one node.
 */
#ifndef SECCOMP_GRAPH_H
#define SECCOMP_GRAPH_H

#include <linux/filter.h>

#include "base/util.h"

#define GRAPH_NODES_MAX (2 * BPF_MAXINSNS)

struct node {
	uint16_t code;       /* BPF_RET | BPF_K; a load or BPF_AND; a conditional jump */
	uint32_t k;
	int next, otherwise; /* successor, when a jump is taken and when not; -1: none */
};

struct graph {
	struct node *v; /* owned */
	int n;
};

void graph_destroy(struct graph *g);
#define AUTO_GRAPH CLEANUP(graph_destroy) struct graph

/* The node that does this; -1 when the graph is full or a successor is -1. */
int graph_return(struct graph *g, uint32_t k);
int graph_step(struct graph *g, uint16_t code, uint32_t k, int next);
int graph_test(struct graph *g, uint16_t code, uint32_t k, int next, int otherwise);

/*
 * Lay the graph out as a program that starts at node @root.  @out has room for BPF_MAXINSNS.
 * Returns the number of instructions, 0 when they are too many.
 */
size_t graph_emit(const struct graph *g, int root, struct sock_filter *out);

#endif
