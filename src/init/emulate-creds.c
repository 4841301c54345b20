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
 * what the sandbox began with.  Programs that set all limits (pam_limits, for su) must not change
 * it: for them, setting it succeeds and does nothing.
 *
 * The table only grows, to a bound: a set whose last process has gone cannot be told from one that
 * is still in use.  Sets are shared, and a system has few.
 */
#define CREDS_MAX 4096

int
creds_find(const struct emulate *m, pid_t pid, const struct cred **ret)
{
	struct rlimit lim;

	*ret = NULL;
	if (prlimit(pid, RLIMIT_LOCKS, NULL, &lim) < 0)
		return -errno;
	if (lim.rlim_cur < m->n_creds)
		*ret = &m->creds[lim.rlim_cur];
	return 0;
}

int
creds_load(const struct emulate *m, pid_t pid, struct cred *ret)
{
	const struct cred *found;
	int r = creds_find(m, pid, &found);

	*ret = found ? *found : m->base;
	return r;
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

bool
cred_is_privileged(const struct cred *c)
{
	return c->u.e == 0 || c->kept;
}

int
do_setrlimit(struct emulate *m, struct request *rq)
{
	(void)m;
	(void)rq;
	return 0;
}

/* prlimit64(PID, RESOURCE, NEW, OLD) of RLIMIT_LOCKS */
int
do_prlimit(struct emulate *m, struct request *rq)
{
	static const uint64_t infinite[2] = { UINT64_MAX, UINT64_MAX };

	if (rq->args[3] == 0)
		return 0;
	if (!request_is_alive(m, rq))
		return -ESRCH;
	return mem_write(rq->pid, rq->args[3], infinite, sizeof(infinite));
}
