/*
 * bpf-sim - run a seccomp program on paper
 *
 * An interpreter for classic BPF as seccomp(2) allows it, as far as filters use it.  It is the
 * oracle of the tests: it shares no code with what made the program.
 */
#ifndef TESTS_BPF_SIM_H
#define TESTS_BPF_SIM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Run @n instructions on @data.  Returns the number of instructions executed and sets *ret_action
 * (SECCOMP_RET_...), or -1 when the kernel would have refused the program: an instruction it does
 * not know, a load or a jump out of bounds, no return at the end.
 */
int bpf_sim_run(const struct sock_filter *insns, size_t n, const struct seccomp_data *data,
		uint32_t *ret_action);

#endif
