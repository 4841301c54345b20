#include <linux/filter.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/confine.h"
#include "image/digest.h"
#include "kernel/sys.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define DATA_MAX ((rlim_t)1 << 30) /* bytes: a zstd window, a document, what waits of a layer */

extern const struct sock_filter seccomp_image[];
extern const unsigned int seccomp_image_len;

/* --- calls --- */

static int
limit(int resource, rlim_t value, struct err *e)
{
	struct rlimit now;

	if (getrlimit((unsigned int)resource, &now) < 0)
		return err_sys(e, "get a resource limit");
	if (now.rlim_max < value)
		value = now.rlim_max;
	if (setrlimit((unsigned int)resource, &(struct rlimit){ value, value }) < 0)
		return err_sys(e, "set a resource limit");
	return 0;
}

/* Root needs these for what is in an archive; nobody else has any. */
#define CAPS_KEPT \
	(1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER | \
	 1U << CAP_FSETID | 1U << CAP_MKNOD | 1U << CAP_SETFCAP)

static int
drop_caps(uint32_t kept, struct err *e)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (sys_capget(&h, d) < 0)
		return err_sys(e, "get capabilities");
	d[0].permitted &= kept;
	d[0].effective &= kept;
	d[1].permitted = d[1].effective = 0;
	d[0].inheritable = d[1].inheritable = 0;
	return sys_capset(&h, d) < 0 ? err_sys(e, "drop capabilities") : 0;
}

/* A machine emulated by a program has none: EINVAL. */
static int
load_filter(const struct confine_helper *h, struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)h->n,
				   .filter = (struct sock_filter *)(uintptr_t)h->filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 && errno != EINVAL)
		return err_sys(e, "load the system call filter of %s", h->name);
	return 0;
}

/* The library of digests reads its configuration when it is first used. */
static void
start_digests(void)
{
	struct digest *d = digest_new();

	digest_freep(&d);
}

int
confine_calls(const struct confine_helper *h, struct err *e)
{
	start_digests();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (limit(RLIMIT_CORE, 0, e) < 0 || drop_caps(h->caps, e) < 0)
		return -e->code;
	if (SANITIZED)
		return 0;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "become non-dumpable");
	return limit(RLIMIT_DATA, DATA_MAX, e) < 0 ? -e->code : load_filter(h, e);
}

static struct confine_helper
image_helper(void)
{
	return (struct confine_helper){ .name = "rootlet-image", .filter = seccomp_image,
					.n = seccomp_image_len, .caps = CAPS_KEPT };
}

int
image_confine_calls(struct err *e)
{
	const struct confine_helper h = image_helper();

	return confine_calls(&h, e);
}

/* --- files --- */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define MAKE                                                                                       \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                            \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define WRITE                                                                                      \
	(MAKE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                    \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

/* Never allowed. */
#define OTHER (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_SOCK)

/* A new domain, or -1 where there can be none that allows links and renames between directories. */
static int
new_domain(uint64_t *ret_handled)
{
	const int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct sys_landlock_ruleset_attr a = { .handled_access_fs = READ | WRITE | OTHER };
	size_t size = sizeof(a.handled_access_fs);

	if (abi < 2)
		return -1;
	if (abi < 3)
		a.handled_access_fs &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 6) {
		a.scoped = SYS_LANDLOCK_SCOPE_ABSTRACT_UNIX | SYS_LANDLOCK_SCOPE_SIGNAL;
		size = sizeof(a);
	}
	*ret_handled = a.handled_access_fs;
	return sys_landlock_create_ruleset(&a, size, 0);
}

static int
allow(int domain, int dir, uint64_t access, struct err *e)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access, .parent_fd = dir };

	return sys_landlock_add_path(domain, &a) < 0 ? err_sys(e, "allow a directory in Landlock") : 0;
}

/* A sanitizer reads of itself, and of the program, when it has something to say. */
static int
allow_sanitizer(int domain, struct err *e)
{
	AUTO_FD root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);

	return root < 0 ? err_sys(e, "open /") : allow(domain, root, READ, e);
}

static int
allow_all(int domain, uint64_t handled, const struct store *s, const struct confine_dir *more,
	  size_t n, struct err *e)
{
	if (s && allow(domain, s->fd, handled & (READ | WRITE), e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (allow(domain, more[i].fd, handled & (more[i].write ? READ | WRITE : READ), e) < 0)
			return -e->code;
	return SANITIZED ? allow_sanitizer(domain, e) : 0;
}

struct trial {
	int domain, store;
	bool useless;
};

/*
 * Renaming a file over a directory is EISDIR, and changes nothing; where the domain does not allow
 * what it should, that is said before.
 */
static void *
trial_main(void *arg)
{
	struct trial *t = arg;

	t->useless = sys_landlock_restrict_self(t->domain) < 0 ||
		     (renameat(t->store, "index.json", t->store, "blobs/sha256") < 0 &&
		      (errno == EXDEV || errno == EACCES));
	return NULL;
}

/*
 * A domain around us without rules for files, as a sandbox of rootlet with CAP_SYS_ADMIN has it,
 * denies those inside it that have such rules to link and rename between directories.  A thread of
 * its own learns that without harm.
 */
static bool
is_useless(int domain, const struct store *s)
{
	struct trial t = { .domain = domain, .store = s->fd };
	pthread_t thread;

	if (pthread_create(&thread, NULL, trial_main, &t) != 0)
		return false;
	(void)pthread_join(thread, NULL);
	return t.useless;
}

static int
enter(const char *who, int domain, struct err *e)
{
	return sys_landlock_restrict_self(domain) < 0 ? err_sys(e, "enter the Landlock domain of %s", who) : 0;
}

int
image_confine_files(const struct store *s, const struct confine_dir *more, size_t n,
		    struct err *e)
{
	uint64_t handled = 0;
	AUTO_FD domain = new_domain(&handled);

	if (domain < 0)
		return 0;
	if (allow_all(domain, handled, s, more, n, e) < 0)
		return -e->code;
	if (s && is_useless(domain, s))
		return 0;
	return enter("rootlet-image", domain, e);
}

int
confine_files(const struct confine_helper *h, const struct confine_dir *dirs, size_t n, struct err *e)
{
	uint64_t handled = 0;
	AUTO_FD domain = new_domain(&handled);

	if (domain < 0)
		return 0;
	return allow_all(domain, handled, NULL, dirs, n, e) < 0 ? -e->code : enter(h->name, domain, e);
}
