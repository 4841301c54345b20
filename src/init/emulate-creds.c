#include <string.h>
#include <sys/resource.h>

#include "base/str.h"
#include "init/emulate-internal.h"

/*
 * Where the credentials of a process are kept
 *
 * They must follow fork, vanish with the process and cost next to nothing to look up, without init
 * hearing of either event.  The resource limit RLIMIT_LOCKS does all that: Linux has not enforced
 * it since 2.6, a child inherits it, and prlimit(2) reads and sets it from outside.  Its soft value
 * is an index into a table of the sets in use; infinity, or any value that is no index, stands for
 * what the sandbox began with.  A program that plays with the limit fools nobody but itself.
 *
 * The table only grows, to a bound: a set whose last process has gone cannot be told from one that
 * is still in use.  Sets are shared, and a system has few.
 */
#define CREDS_MAX 4096

int
creds_load(const struct emulate *m, pid_t pid, struct cred *ret)
{
	struct rlimit lim;

	*ret = m->base;
	if (prlimit(pid, RLIMIT_LOCKS, NULL, &lim) < 0)
		return -errno;
	if (lim.rlim_cur < m->n_creds)
		*ret = m->creds[lim.rlim_cur];
	return 0;
}

/* The index of a set, new if need be: -EAGAIN when the table is full. */
static ssize_t
intern(struct emulate *m, const struct cred *c)
{
	for (size_t i = 0; i < m->n_creds; i++)
		if (memcmp(&m->creds[i], c, sizeof(*c)) == 0)
			return (ssize_t)i;
	if (m->n_creds == CREDS_MAX)
		return -EAGAIN;
	if (m->n_creds == m->room_creds) {
		m->room_creds = m->room_creds ? m->room_creds * 2 : 8;
		m->creds = xrealloc_array(m->creds, m->room_creds, sizeof(*m->creds));
	}
	m->creds[m->n_creds] = *c;
	return (ssize_t)m->n_creds++;
}

int
creds_store(struct emulate *m, pid_t pid, const struct cred *c)
{
	struct rlimit lim;
	ssize_t i = 0;

	if (prlimit(pid, RLIMIT_LOCKS, NULL, &lim) < 0)
		return -errno;
	if (lim.rlim_max == RLIM_INFINITY && memcmp(c, &m->base, sizeof(*c)) == 0)
		lim.rlim_cur = RLIM_INFINITY;
	else if ((i = intern(m, c)) < 0)
		return (int)i;
	else
		lim.rlim_cur = (rlim_t)i;
	return prlimit(pid, RLIMIT_LOCKS, &lim, NULL) < 0 ? -EAGAIN : 0;
}

bool
cred_in_group(const struct cred *c, uint32_t gid)
{
	if (gid == c->g.fs)
		return true;
	for (size_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

static bool
privileged(const struct cred *c)
{
	return c->u.e == 0;
}

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

/* A handler that changes one kind of ids by the rule @apply, which sees i, priv and rq. */
#define SETTER(name, field, apply)                                      \
	int name(struct emulate *m, struct request *rq)                 \
	{                                                               \
		struct cred c;                                          \
		int r = creds_load(m, rq->pid, &c);                     \
		struct ids *i = &c.field;                               \
		const bool priv = r == 0 && privileged(&c);             \
									\
		if (r == 0)                                             \
			r = (apply);                                    \
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

static int
read_groups(const struct request *rq, size_t n, uint32_t *groups)
{
	const size_t width = rq->narrow ? sizeof(uint16_t) : sizeof(uint32_t);
	uint16_t narrow[CRED_GROUPS_MAX];
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
	if (!privileged(&c))
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

static int
get_res(const struct emulate *m, const struct request *rq, const struct ids *i)
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
	struct cred c;
	int r = creds_load(m, rq->pid, &c);

	return r < 0 ? r : get_res(m, rq, &c.u);
}

int
do_getresgid(struct emulate *m, struct request *rq)
{
	struct cred c;
	int r = creds_load(m, rq->pid, &c);

	return r < 0 ? r : get_res(m, rq, &c.g);
}

#define GETTER(name, field)                                     \
	int name(struct emulate *m, struct request *rq)         \
	{                                                       \
		struct cred c;                                  \
		int r = creds_load(m, rq->pid, &c);             \
								\
		if (r == 0)                                     \
			rq->result = id_result(rq, c.field);    \
		return r;                                       \
	}

GETTER(do_getuid, u.r)
GETTER(do_geteuid, u.e)
GETTER(do_getgid, g.r)
GETTER(do_getegid, g.e)
