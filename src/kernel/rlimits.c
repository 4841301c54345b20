#include <string.h>
#include <sys/resource.h>

#include "base/util.h"
#include "kernel/rlimits.h"

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

int
rlimit_from_name(const char *name, size_t len)
{
	for (size_t i = 0; i < NELEMS(limits); i++)
		if (strlen(limits[i].name) == len && strncmp(limits[i].name, name, len) == 0)
			return limits[i].resource;
	return -1;
}

const char *
rlimit_name(int resource)
{
	for (size_t i = 0; i < NELEMS(limits); i++)
		if (limits[i].resource == resource)
			return limits[i].name;
	return "?";
}
