#include <string.h>

#include "init/emulate-internal.h"

static bool
is_one_of_three(const struct ids *i, uint32_t id)
{
	return id == i->r || id == i->e || id == i->s;
}

/* The rules of setuid(2), setreuid(2), setresuid(2), setfsuid(2), for users and groups alike. */

static int
ids_set(struct ids *i, bool priv, uint32_t id)
{
	if (id == ID_NONE)
		return -EINVAL;
	if (!priv && id != i->r && id != i->s)
		return -EPERM;
	if (priv)
		i->r = i->s = id;
	i->e = i->fs = id;
	return 0;
}

static int
ids_set_re(struct ids *i, bool priv, uint32_t r, uint32_t e)
{
	const uint32_t old_r = i->r;

	if (!priv && r != ID_NONE && r != i->r && r != i->e)
		return -EPERM;
	if (!priv && e != ID_NONE && !is_one_of_three(i, e))
		return -EPERM;
	if (r != ID_NONE)
		i->r = r;
	if (e != ID_NONE)
		i->e = e;
	if (r != ID_NONE || (e != ID_NONE && e != old_r))
		i->s = i->e;
	i->fs = i->e;
	return 0;
}

static int
ids_set_res(struct ids *i, bool priv, uint32_t r, uint32_t e, uint32_t s)
{
	const struct ids old = *i;
	const uint32_t asked[] = { r, e, s };

	for (size_t k = 0; k < NELEMS(asked) && !priv; k++)
		if (asked[k] != ID_NONE && !is_one_of_three(&old, asked[k]))
			return -EPERM;
	i->r = r != ID_NONE ? r : old.r;
	i->e = e != ID_NONE ? e : old.e;
	i->s = s != ID_NONE ? s : old.s;
	i->fs = i->e;
	return 0;
}

/* Never fails, and answers with the old id. */
static uint32_t
ids_set_fs(struct ids *i, bool priv, uint32_t id)
{
	const uint32_t old = i->fs;

	if (id != ID_NONE && (priv || id == i->fs || is_one_of_three(i, id)))
		i->fs = id;
	return old;
}

static bool
has_root(const struct ids *i)
{
	return i->r == 0 || i->e == 0 || i->s == 0;
}

/* As capabilities(7) has it, for programs that change their user first and their groups later. */
static void
leave_root_id(struct cred *c, const struct ids *old)
{
	if (has_root(old) && !has_root(&c->u))
		c->kept = c->keep;
}

/* A handler that changes one kind of ids by the rule @apply, which sees i, priv and rq. */
#define SETTER(name, field, apply)                                      \
	int name(struct emulate *m, struct request *rq)                 \
	{                                                               \
		struct cred c;                                          \
		int r = creds_load(m, rq->pid, &c);                     \
		struct ids *i = &c.field;                               \
		const struct ids old = c.u;                             \
		const bool priv = r == 0 && cred_is_privileged(&c);             \
									\
		if (r == 0)                                             \
			r = (apply);                                    \
		leave_root_id(&c, &old);                                \
		return r < 0 ? r : store_if_alive(m, rq, &c);           \
	}

#define ARG(n) id_arg(rq, rq->args[n])

static int
store_if_alive(struct emulate *m, const struct request *rq, const struct cred *c)
{
	return request_is_alive(m, rq) ? creds_store(m, rq->pid, c) : -ESRCH;
}

SETTER(do_setuid, u, ids_set(i, priv, ARG(0)))
SETTER(do_setgid, g, ids_set(i, priv, ARG(0)))
SETTER(do_setreuid, u, ids_set_re(i, priv, ARG(0), ARG(1)))
SETTER(do_setregid, g, ids_set_re(i, priv, ARG(0), ARG(1)))
SETTER(do_setresuid, u, ids_set_res(i, priv, ARG(0), ARG(1), ARG(2)))
SETTER(do_setresgid, g, ids_set_res(i, priv, ARG(0), ARG(1), ARG(2)))
SETTER(do_setfsuid, u, (rq->result = id_result(rq, ids_set_fs(i, priv, ARG(0))), 0))
SETTER(do_setfsgid, g, (rq->result = id_result(rq, ids_set_fs(i, priv, ARG(0))), 0))

int
do_prctl(struct emulate *m, struct request *rq)
{
	struct cred c;

	if (creds_load(m, rq->pid, &c) < 0 || rq->args[1] > 1 || c.keep == rq->args[1])
		return ANSWER_NATIVE;
	c.keep = (uint32_t)rq->args[1];
	c.kept = c.kept && c.keep;
	(void)store_if_alive(m, rq, &c);
	return ANSWER_NATIVE;
}

static int
read_groups(const struct request *rq, size_t n, uint32_t *groups)
{
	const size_t width = rq->narrow ? sizeof(uint16_t) : sizeof(uint32_t);
	uint16_t narrow[CRED_GROUPS_MAX] = { 0 };
	int r = mem_read(rq->pid, rq->args[1], rq->narrow ? (void *)narrow : groups, n * width);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (rq->narrow)
			groups[i] = id_arg(rq, narrow[i]);
		if (groups[i] == ID_NONE)
			return -EINVAL;
	}
	return r;
}

int
do_setgroups(struct emulate *m, struct request *rq)
{
	const uint32_t n = (uint32_t)rq->args[0];
	struct cred c;
	int r = creds_load(m, rq->pid, &c);

	if (r < 0)
		return r;
	if (!cred_is_privileged(&c))
		return -EPERM;
	if (n > CRED_GROUPS_MAX)
		return -EINVAL;
	memset(c.groups, 0, sizeof(c.groups));
	c.n_groups = n;
	r = read_groups(rq, n, c.groups);
	return r < 0 ? r : store_if_alive(m, rq, &c);
}

/* The kernel writes only to whom it asked: look once more before we do. */
static int
write_ids(const struct emulate *m, const struct request *rq, uint64_t addr, const uint32_t *ids,
	  size_t n)
{
	uint16_t narrow[CRED_GROUPS_MAX];

	if (!request_is_alive(m, rq))
		return -ESRCH;
	if (!rq->narrow)
		return mem_write(rq->pid, addr, ids, n * sizeof(*ids));
	for (size_t i = 0; i < n; i++)
		narrow[i] = (uint16_t)id_result(rq, ids[i]);
	return mem_write(rq->pid, addr, narrow, n * sizeof(*narrow));
}

int
do_getgroups(struct emulate *m, struct request *rq)
{
	const int size = (int)rq->args[0];
	struct cred c;
	int r = creds_load(m, rq->pid, &c);

	if (r < 0)
		return r;
	rq->result = c.n_groups;
	if (size < 0 || (size > 0 && (uint32_t)size < c.n_groups))
		return -EINVAL;
	if (size == 0 || c.n_groups == 0)
		return 0;
	return write_ids(m, rq, rq->args[1], c.groups, c.n_groups);
}

/*
 * Who never changed is who the kernel says: also in a user namespace that a process made for itself,
 * where that is somebody else than outside.
 */
static int
find_changed(const struct emulate *m, const struct request *rq, const struct cred **ret)
{
	int r = creds_find(m, rq->pid, ret);

	return r == 0 && !*ret ? ANSWER_NATIVE : r;
}

static int
write_res(const struct emulate *m, const struct request *rq, const struct ids *i)
{
	int r = write_ids(m, rq, rq->args[0], &i->r, 1);

	if (r == 0)
		r = write_ids(m, rq, rq->args[1], &i->e, 1);
	if (r == 0)
		r = write_ids(m, rq, rq->args[2], &i->s, 1);
	return r;
}

int
do_getresuid(struct emulate *m, struct request *rq)
{
	const struct cred *c;
	int r = find_changed(m, rq, &c);

	return r ? r : write_res(m, rq, &c->u);
}

int
do_getresgid(struct emulate *m, struct request *rq)
{
	const struct cred *c;
	int r = find_changed(m, rq, &c);

	return r ? r : write_res(m, rq, &c->g);
}

#define GETTER(name, field)                                      \
	int name(struct emulate *m, struct request *rq)          \
	{                                                        \
		const struct cred *c;                            \
		int r = find_changed(m, rq, &c);                 \
								 \
		if (r == 0)                                      \
			rq->result = id_result(rq, c->field);    \
		return r;                                        \
	}

GETTER(do_getuid, u.r)
GETTER(do_geteuid, u.e)
GETTER(do_getgid, g.r)
GETTER(do_getegid, g.e)
