#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "seccomp/reduce.h"
#include "seccomp/rules.h"

/* "Not here: go on to the next layer", and what a finished layer returns for it.  No rule can say
 * SCMP_ACT_NOTIFY: profiles that do are refused. */
#define ACT_NEXT SCMP_ACT_NOTIFY
/* The same as the answer of a rule: libseccomp refuses rules that repeat the default action. */
#define ACT_NEXT_RULE SCMP_ACT_TRACE(RULES_TRACE_MAX + 1)

struct program {
	struct sock_filter *v; /* owned */
	size_t n;
};

static void
program_destroy(struct program *p)
{
	free(p->v);
}
#define AUTO_PROGRAM CLEANUP(program_destroy) struct program

static void
filter_freep(scmp_filter_ctx *f)
{
	if (*f)
		seccomp_release(*f);
}
#define AUTO_FILTER CLEANUP(filter_freep) scmp_filter_ctx

static int
err_libseccomp(struct err *e, int code, const char *what)
{
	errno = -code;
	return err_sys(e, "%s", what);
}

/* Cover exactly the architectures of @r. */
static int
filter_set_arches(scmp_filter_ctx f, const struct rules *r, struct err *e)
{
	bool native = false;
	int err;

	for (size_t i = 0; i < r->n_arches; i++) {
		native = native || r->arches[i] == seccomp_arch_native();
		err = seccomp_arch_add(f, r->arches[i]);
		if (err < 0 && err != -EEXIST)
			return err_libseccomp(e, err, "add an architecture to the filter");
	}
	if (!native && (err = seccomp_arch_remove(f, SCMP_ARCH_NATIVE)) < 0)
		return err_libseccomp(e, err, "take the native architecture from the filter");
	return 0;
}

static int
filter_new(const struct rules *r, uint32_t default_action, uint32_t bad_arch,
	   scmp_filter_ctx *ret, struct err *e)
{
	AUTO_FILTER f = seccomp_init(default_action);
	int err;

	if (!f)
		return err_set(e, EINVAL, "start a filter: libseccomp refuses");
	if ((err = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, bad_arch)) < 0)
		return err_libseccomp(e, err, "set the answer for other architectures");
	/* A binary tree.  Without it every call walks past all those with a smaller number. */
	if ((err = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2)) < 0)
		return err_libseccomp(e, err, "ask for a binary tree");
	if ((err = filter_set_arches(f, r, e)) < 0)
		return err;
	*ret = TAKE_PTR(f);
	return 0;
}

static int
filter_add(scmp_filter_ctx f, const struct rule *rule, struct err *e)
{
	AUTO_FREE char *name = NULL;
	int err;

	err = seccomp_rule_add_array(f, rule->action, rule->nr, rule->n_args, rule->args);
	/* -EEXIST: an earlier rule of this layer covers it. */
	if (err == 0 || err == -EEXIST)
		return 0;
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, rule->nr);
	errno = -err;
	return err_sys(e, "add a rule for %s", name ? name : "a system call");
}

/* libseccomp 2.5 can write a program only to a descriptor. */
static int
filter_export(scmp_filter_ctx f, struct program *ret, struct err *e)
{
	AUTO_FD fd = memfd_create("bpf", MFD_CLOEXEC);
	AUTO_PROGRAM p = { .v = NULL };
	struct stat st;
	int err;

	if (fd < 0)
		return err_sys(e, "memfd_create");
	if ((err = seccomp_export_bpf(f, fd)) < 0)
		return err_libseccomp(e, err, "make the BPF program");
	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat of the BPF program");
	p.n = (size_t)st.st_size / sizeof(*p.v);
	p.v = xcalloc(p.n + 1, sizeof(*p.v));
	if (pread(fd, p.v, p.n * sizeof(*p.v), 0) != (ssize_t)(p.n * sizeof(*p.v)))
		return err_set(e, EIO, "read the BPF program back: short read");
	*ret = p;
	p.v = NULL;
	return 0;
}

/* Every "next layer" becomes a jump to the instruction after the program. */
static void
program_open_end(struct program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].code != (BPF_RET | BPF_K) ||
		    (p->v[i].k != ACT_NEXT && p->v[i].k != ACT_NEXT_RULE))
			continue;
		p->v[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
						       (uint32_t)(p->n - i - 1));
	}
}

static int
program_append(struct program *to, const struct program *p, struct err *e)
{
	if (to->n + p->n > BPF_MAXINSNS)
		return err_set(e, E2BIG,
			       "the program has %zu instructions, the kernel takes %d",
			       to->n + p->n, BPF_MAXINSNS);
	to->v = xrealloc_array(to->v, to->n + p->n, sizeof(*to->v));
	memcpy(to->v + to->n, p->v, p->n * sizeof(*p->v));
	to->n += p->n;
	return 0;
}

/*
 * On x86 a rule for socket(2) also makes one for socketcall(2), whose arguments are in memory: the
 * conditions are lost, and "no socket of this family" becomes "no socket".  So a layer leaves
 * socketcall and ipc alone when the profile has a rule of its own for them.
 */
static int
layer_spare_multiplexers(scmp_filter_ctx f, const struct rules *r, struct err *e)
{
	const int calls[] = { seccomp_syscall_resolve_name("socketcall"),
			      seccomp_syscall_resolve_name("ipc") };
	struct rule spare = { .action = ACT_NEXT_RULE };
	int err;

	for (size_t i = 0; i < r->n; i++) {
		spare.nr = r->v[i].nr;
		if (r->v[i].n_args > 0 || (spare.nr != calls[0] && spare.nr != calls[1]))
			continue;
		if ((err = filter_add(f, &spare, e)) < 0)
			return err;
	}
	return 0;
}

static int
layer_append(const struct rules *r, int layer, struct program *to, struct err *e)
{
	bool final = layer == RULE_FINAL;
	AUTO_FILTER f = NULL;
	AUTO_PROGRAM p = { .v = NULL };
	int err;

	err = filter_new(r, final ? r->default_action : ACT_NEXT,
			 final ? SCMP_ACT_ERRNO(ENOSYS) : ACT_NEXT, &f, e);
	if (err < 0)
		return err;
	if (!final && (err = layer_spare_multiplexers(f, r, e)) < 0)
		return err;
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].layer == layer && (err = filter_add(f, &r->v[i], e)) < 0)
			return err;
	if ((err = filter_export(f, &p, e)) < 0)
		return err;
	if (!final)
		program_open_end(&p);
	return program_append(to, &p, e);
}

static void
program_reduce(struct program *p, const struct rules *r)
{
	uint32_t audit[RULES_ARCHES_MAX];
	size_t n = 0;

	/* libseccomp's numbers are the kernel's, but for x32, which is x86_64 to the kernel. */
	for (size_t i = 0; i < r->n_arches; i++)
		if (r->arches[i] != SCMP_ARCH_X32)
			audit[n++] = r->arches[i];
	reduce(p->v, &p->n, audit, n);
}

int
rules_compile(const struct rules *r, struct sock_filter **ret_insns, size_t *ret_n,
	      struct err *e)
{
	AUTO_PROGRAM p = { .v = NULL };
	int err;

	/* What can be compiled must not depend on the kernel that happens to run here. */
	if ((err = seccomp_api_set(6)) < 0)
		return err_libseccomp(e, err, "set the libseccomp API level");
	for (int layer = 0; layer < r->n_layers; layer++)
		if ((err = layer_append(r, layer, &p, e)) < 0)
			return err;
	if ((err = layer_append(r, RULE_FINAL, &p, e)) < 0)
		return err;
	program_reduce(&p, r);
	*ret_insns = TAKE_PTR(p.v);
	*ret_n = p.n;
	return 0;
}
