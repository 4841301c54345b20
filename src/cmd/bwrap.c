/*
 * bwrap - `rootlet bwrap`, and rootlet under the name bwrap
 *
 * Programs that drive bubblewrap parse what it writes to --info-fd and --json-status-fd, and know 1
 * as the status of its own failures.
 */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "engine/launch.h"
#include "frontend/bwrap.h"
#include "init/init.h"
#include "kernel/sys.h"

#define EXIT_BWRAP 1 /* bwrap itself failed */

/* "<3>" is LOG_ERR. */
static int
fail(const struct err *e, const struct bwrap_report *r)
{
	const char *prefix = r->level_prefix ? "<3>" : "";
	char safe[4 * sizeof(e->msg)];

	(void)str_printable(safe, sizeof(safe), e->msg, false);
	(void)fprintf(stderr, "%sbwrap: %s\n", prefix, safe);
	if (e->hint[0]) {
		(void)str_printable(safe, sizeof(safe), e->hint, false);
		(void)fprintf(stderr, "%shint: %s\n", prefix, safe);
	}
	return EXIT_BWRAP;
}

/* As the shell that we come from calls it, links and all, when that is where we are. */
static char *
find_cwd(void)
{
	const char *pwd = getenv("PWD");
	char buf[PATH_MAX];
	struct stat a, b;

	if (pwd && pwd[0] == '/' && stat(pwd, &a) == 0 && stat(".", &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return xstrdup(pwd);
	if (getcwd(buf, sizeof(buf)) && buf[0] == '/')
		return xstrdup(buf);
	return NULL;
}

static bool
can_make_userns(void)
{
	char first = '\0';
	AUTO_FD fd = -1;

	if (access("/proc/self/ns/user", F_OK) < 0)
		return false;
	fd = sys_openat(AT_FDCWD, "/proc/sys/user/max_user_namespaces", O_RDONLY, 0);
	return fd < 0 || read(fd, &first, 1) != 1 || first != '0';
}

static uint64_t
own_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (sys_capget(&h, d) < 0)
		return 0;
	return d[0].effective | (uint64_t)d[1].effective << 32;
}

static mode_t
own_umask(void)
{
	const mode_t mask = umask(0);

	(void)umask(mask);
	return mask;
}

static int
make_spec(int argc, char **argv, struct bwrap_report *ret_report, struct spec **ret, struct err *e)
{
	AUTO_FREE char *cwd = find_cwd();
	AUTO_FREE int *fds = NULL;
	struct bwrap_host h = {
		.uid = (uid_t)getauxval(AT_EUID),
		.gid = (gid_t)getauxval(AT_EGID),
		.umask = own_umask(),
		.caps = own_caps(),
		.cwd = cwd,
		.tty = isatty(STDOUT_FILENO) ? ttyname(STDOUT_FILENO) : NULL,
		.env = environ,
		.has_userns = can_make_userns(),
		.has_cgroupns = access("/proc/self/ns/cgroup", F_OK) == 0,
	};

	if (fd_list_inherited(&fds, &h.n_fds, e) < 0)
		return -e->code;
	h.fds = fds;
	return bwrap_spec(argc, argv, &h, ret_report, ret, e);
}

int
cmd_bwrap_spec(int argc, char **argv, struct spec **ret, struct err *e)
{
	struct bwrap_report report = { .info_fd = -1 };
	const int r = make_spec(argc, argv, &report, ret, e);

	strv_freep(&report.warnings);
	return r;
}

/* A namespace of process @pid by its inode; 0 when it cannot be seen. */
static unsigned long
namespace_id(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return stat(path, &st) < 0 ? 0 : (unsigned long)st.st_ino;
}

/* "child-pid" and the namespaces that are new, each after @between. */
static void
put_started(FILE *out, pid_t pid, unsigned int ns, const char *between)
{
	static const struct {
		enum spec_ns ns;
		const char *name;
	} names[] = {
		{ SPEC_NS_CGROUP, "cgroup" }, { SPEC_NS_IPC, "ipc" }, { SPEC_NS_MOUNT, "mnt" },
		{ SPEC_NS_NET, "net" },	      { SPEC_NS_PID, "pid" }, { SPEC_NS_UTS, "uts" },
	};

	(void)fprintf(out, "\"child-pid\": %d", pid);
	for (size_t i = 0; i < NELEMS(names); i++)
		if (ns & names[i].ns)
			(void)fprintf(out, ",%s\"%s-namespace\": %lu", between, names[i].name,
				      namespace_id(pid, names[i].name));
}

struct driver {
	const struct spec *spec;
	struct bwrap_report report;
	FILE *status; /* NULL: nobody reads it */
};

/* One write for each message. */
static int
report_info(const struct driver *d, pid_t pid, struct err *e)
{
	FILE *out = fdopen(d->report.info_fd, "w");

	if (!out)
		return err_sys(e, "--info-fd %d", d->report.info_fd);
	(void)fputs("{\n    ", out);
	put_started(out, pid, d->spec->ns, "\n    ");
	(void)fputs("\n}\n", out);
	return fclose(out) == EOF ? err_sys(e, "write to --info-fd") : 0;
}

static int
report_status(const struct driver *d, pid_t pid, struct err *e)
{
	(void)fputs("{ ", d->status);
	put_started(d->status, pid, d->spec->ns, " ");
	(void)fputs(" }\n", d->status);
	return fflush(d->status) == EOF ? err_sys(e, "write to --json-status-fd") : 0;
}

static int
on_cloned(void *ctx, pid_t pid, struct err *e)
{
	struct driver *d = ctx;
	char byte;

	if (d->report.info_fd >= 0 && report_info(d, pid, e) < 0)
		return -e->code;
	if (d->status && report_status(d, pid, e) < 0)
		return -e->code;
	if (d->report.userns_block_fd < 0)
		return 0;
	while (read(d->report.userns_block_fd, &byte, 1) < 0 && errno == EINTR)
		;
	(void)close(d->report.userns_block_fd);
	return 0;
}

/* Where standard output is what we write to, the launcher would close it. */
static int
open_status(struct driver *d, struct spec *s, struct err *e)
{
	int fd = d->report.status_fd;

	if (fd < 0)
		return 0;
	if (fd < 3) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		spec_add_launcher_fd(s, fd);
	}
	d->status = fd < 0 ? NULL : fdopen(fd, "w");
	if (!d->status)
		return err_sys(e, "--json-status-fd %d", d->report.status_fd);
	return 0;
}

static int
run(struct driver *d, struct spec *s)
{
	const bool tells = d->report.info_fd >= 0 || d->report.status_fd >= 0;
	struct launch_hooks hooks = { .ctx = d, .cloned = tells ? on_cloned : NULL };
	struct launch_result res = { .exit_status = EXIT_BWRAP };
	struct err e = ERR_INIT;

	if (open_status(d, s, &e) < 0 || launch_run(d->spec, init_main, &hooks, &res, &e) < 0) {
		if (res.exit_status == 126 || res.exit_status == 127) {
			const struct err cause = e;

			(void)err_set(&e, cause.code, "execvp %s", cause.msg);
		}
		return fail(&e, &d->report);
	}
	if (d->status) {
		(void)fprintf(d->status, "{ \"exit-code\": %d }\n", res.exit_status);
		(void)fflush(d->status);
	}
	return res.exit_status;
}

/* Under bwrap's name it begins as there. */
static int
show_help(const char *name)
{
	int r;

	if (strcmp(name, "bwrap") != 0)
		(void)printf(BWRAP_USAGE "\n\n");
	r = cmd_help("bwrap");

	return r ? EXIT_BWRAP : 0;
}

int
cmd_bwrap(int argc, char **argv)
{
	struct driver d = { .report = { .info_fd = -1, .status_fd = -1, .userns_block_fd = -1 } };
	struct err e = ERR_INIT;
	struct spec *s = NULL;
	int r = make_spec(argc, argv, &d.report, &s, &e);

	for (char **line = d.report.warnings; line && *line; line++)
		(void)fprintf(stderr, "%s\n", *line);
	if (r < 0)
		return fail(&e, &d.report);
	if (r == BWRAP_HELP)
		return show_help(argv[0]);
	if (r == BWRAP_VERSION_ONLY) {
		(void)printf("bubblewrap %s\n", BWRAP_VERSION);
		return cmd_end_output() ? EXIT_BWRAP : 0;
	}
	d.spec = s;
	/* Nothing is freed: the end of the process does that at a stroke. */
	exit(run(&d, s));
}
