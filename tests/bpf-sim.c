#include <stdbool.h>
#include <string.h>

#include "bpf-sim.h"

struct machine {
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
	const struct seccomp_data *data;
};

static bool
sim_load(struct machine *m, uint32_t offset)
{
	if (offset % 4 != 0 || offset + 4 > sizeof(*m->data) || offset + 4 < 4)
		return false;
	memcpy(&m->a, (const char *)m->data + offset, 4);
	return true;
}

static bool
sim_alu(struct machine *m, uint16_t op, uint32_t with)
{
	switch (op) {
	case BPF_ADD: m->a += with; return true;
	case BPF_SUB: m->a -= with; return true;
	case BPF_MUL: m->a *= with; return true;
	case BPF_AND: m->a &= with; return true;
	case BPF_OR: m->a |= with; return true;
	case BPF_XOR: m->a ^= with; return true;
	case BPF_LSH: m->a = with < 32 ? m->a << with : 0; return with < 32;
	case BPF_RSH: m->a = with < 32 ? m->a >> with : 0; return with < 32;
	case BPF_NEG: m->a = -m->a; return true;
	default: return false;
	}
}

/* Whether a conditional jump is taken; -1 for an unknown one. */
static int
sim_test(const struct machine *m, uint16_t op, uint32_t with)
{
	switch (op) {
	case BPF_JEQ: return m->a == with;
	case BPF_JGT: return m->a > with;
	case BPF_JGE: return m->a >= with;
	case BPF_JSET: return (m->a & with) != 0;
	default: return -1;
	}
}

/* Loads, stores, arithmetic.  False for what the kernel refuses. */
static bool
sim_step(struct machine *m, const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS: return sim_load(m, f->k);
	case BPF_LD | BPF_IMM: m->a = f->k; return true;
	case BPF_LDX | BPF_IMM: m->x = f->k; return true;
	case BPF_MISC | BPF_TAX: m->x = m->a; return true;
	case BPF_MISC | BPF_TXA: m->a = m->x; return true;
	default: break;
	}
	if (BPF_CLASS(f->code) == BPF_ALU)
		return sim_alu(m, BPF_OP(f->code), BPF_SRC(f->code) == BPF_X ? m->x : f->k);
	if (f->k >= BPF_MEMWORDS)
		return false;
	switch (f->code) {
	case BPF_ST: m->mem[f->k] = m->a; return true;
	case BPF_STX: m->mem[f->k] = m->x; return true;
	case BPF_LD | BPF_MEM: m->a = m->mem[f->k]; return true;
	case BPF_LDX | BPF_MEM: m->x = m->mem[f->k]; return true;
	default: return false;
	}
}

/* How many instructions a jump skips; -1 for an unknown one. */
static int64_t
sim_jump(const struct machine *m, const struct sock_filter *f)
{
	int taken;

	if (f->code == (BPF_JMP | BPF_JA))
		return f->k;
	taken = sim_test(m, BPF_OP(f->code), BPF_SRC(f->code) == BPF_X ? m->x : f->k);
	return taken < 0 ? -1 : taken ? f->jt : f->jf;
}

int
bpf_sim_run(const struct sock_filter *insns, size_t n, const struct seccomp_data *data,
	    uint32_t *ret_action)
{
	struct machine m = { .data = data };
	int64_t skip;
	int steps = 0;

	/* Jumps go forward only, so this ends. */
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &insns[pc];

		steps++;
		if (BPF_CLASS(f->code) == BPF_RET) {
			*ret_action = f->code == (BPF_RET | BPF_A) ? m.a : f->k;
			return steps;
		}
		if (BPF_CLASS(f->code) != BPF_JMP) {
			if (!sim_step(&m, f))
				return -1;
			continue;
		}
		if ((skip = sim_jump(&m, f)) < 0)
			return -1;
		pc += (size_t)skip;
	}
	return -1;
}
