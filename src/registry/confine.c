#include <fcntl.h>
#include <jansson.h>
#include <linux/filter.h>
#include <string.h>

#include "base/fd.h"
#include "base/util.h"
#include "registry/confine.h"

#define DIRS_MAX 16

extern const struct sock_filter seccomp_registry[];
extern const unsigned int seccomp_registry_len;

/* What the C library looks a name of a host up with, and where /etc/resolv.conf may lead. */
static const char *const resolver[] = { "/etc", "/run/systemd/resolve", "/run/resolvconf",
					"/run/NetworkManager", "/usr/share/zoneinfo" };

/* Those that are there.  Returns how many. */
static size_t
open_resolver(int fds[NELEMS(resolver)])
{
	size_t n = 0;

	for (size_t i = 0; i < NELEMS(resolver); i++) {
		fds[n] = open(resolver[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		n += fds[n] >= 0;
	}
	return n;
}

static int
confine_to(const struct confine_helper *h, const struct confine_dir *dirs, size_t n, struct err *e)
{
	struct confine_dir all[DIRS_MAX + NELEMS(resolver)];
	int fds[NELEMS(resolver)], r;
	const size_t n_fds = open_resolver(fds);

	if (n > 0)
		memcpy(all, dirs, n * sizeof(*dirs));
	for (size_t i = 0; i < n_fds; i++)
		all[n + i] = (struct confine_dir){ .fd = fds[i] };
	r = confine_files(h, all, n + n_fds, e);
	for (size_t i = 0; i < n_fds; i++)
		fd_closep(&fds[i]);
	return r;
}

int
registry_confine(const struct http_options *o, const struct confine_dir *dirs, size_t n, struct err *e)
{
	const struct confine_helper h = { .name = "rootlet-registry", .filter = seccomp_registry,
					  .n = seccomp_registry_len };

	if (n > DIRS_MAX)
		return err_set(e, E2BIG, "confine: more than %d directories", DIRS_MAX);
	/* From /dev/urandom. */
	json_object_seed(0);
	if (http_init(o, e) < 0 || confine_calls(&h, e) < 0)
		return -e->code;
	return confine_to(&h, dirs, n, e);
}
