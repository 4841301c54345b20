#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "doctor/check.h"

#define LIMIT_MS 5000 /* for one check; each takes a few milliseconds */

void
check_set(struct doctor_finding *f, enum doctor_state state, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

void
check_remedy(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

void
check_failed(struct doctor_finding *f, const char *what)
{
	check_set(f, DOCTOR_MISSING, "%s: %s", what, strerror(errno));
}

static void __attribute__((noreturn))
run_check(const struct check *c, const struct doctor_host *h, int out)
{
	struct doctor_finding f = { .state = DOCTOR_WORKS };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	c->run(h, &f);
	_exit(write(out, &f, sizeof(f)) == sizeof(f) ? 0 : 1);
}

/* What the child says within the time, or false. */
static bool
hear(int in, struct doctor_finding *f)
{
	struct pollfd p = { .fd = in, .events = POLLIN };

	return poll(&p, 1, LIMIT_MS) == 1 && read(in, f, sizeof(*f)) == sizeof(*f);
}

static void
try_check(const struct check *c, const struct doctor_host *h, struct doctor_finding *f)
{
	int fds[2];
	pid_t pid;

	*f = (struct doctor_finding){ .state = DOCTOR_WORKS };
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		check_failed(f, "start the check");
		return;
	}
	if (pid == 0)
		run_check(c, h, fds[1]);
	(void)close(fds[1]);
	if (!hear(fds[0], f))
		check_set(f, DOCTOR_MISSING, "the check did not end within %d seconds, or crashed",
			  LIMIT_MS / 1000);
	(void)close(fds[0]);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (f->state != DOCTOR_WORKS && !f->lost[0] && c->lost)
		(void)snprintf(f->lost, sizeof(f->lost), "%s", c->lost);
}

size_t
doctor_examine(const struct doctor_host *h, struct doctor_row ret_rows[DOCTOR_ROWS_MAX])
{
	const size_t n = n_checks < DOCTOR_ROWS_MAX ? n_checks : DOCTOR_ROWS_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct check *c = &checks[i];

		ret_rows[i] = (struct doctor_row){ .name = c->name, .title = c->title,
						   .vital = c->vital };
		try_check(c, h, &ret_rows[i].found);
	}
	return n;
}

bool
doctor_can_run(const struct doctor_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].vital && rows[i].found.state == DOCTOR_MISSING)
			return false;
	return true;
}
