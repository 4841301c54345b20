/*
 * reduce - the same program, several times smaller
 *
 * libseccomp spends two instructions on every call and looks at architecture and number once for
 * each layer.  The kernel checks, converts and compiles each instruction when a filter is loaded,
 * at every start of a sandbox.
 *
 * A program looks at three things: architecture, number, arguments.  For every covered
 * architecture and every range of numbers between which it does not distinguish, it is run on
 * paper with these two known; what remains is a constant, or a tree of tests on arguments.  The
 * new program finds the range by halving and goes on with what remains.  That is exact: all 2^32
 * numbers are in some range.  A program that does anything else with architecture or number
 * (libseccomp makes none) is left as it is.
 */
#ifndef SECCOMP_REDUCE_H
#define SECCOMP_REDUCE_H

#include <linux/filter.h>

#include "base/util.h"

/*
 * Replace the *n instructions at @insns, at most BPF_MAXINSNS, by fewer, if that can be done.
 *
 * @arches: the AUDIT_ARCH_... values that the program compares with
 */
void reduce(struct sock_filter *insns, size_t *n, const uint32_t *arches, size_t n_arches);

#endif
