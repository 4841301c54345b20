#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/cmd.h"
#include "doctor/doctor.h"

struct doctor_args {
	const char *format;
};

const struct opt doctor_opts[] = {
	OPT_STRING(0, "format", "table|json", OPT_VALUE_WORDS, struct doctor_args, format,
		   "how to print it",
		   "\"table\" is for people; \"json\" is one object with \"canRun\" and the list "
		   "\"checks\", in which each has \"name\", \"title\", \"vital\", \"state\" (works, "
		   "degraded or missing), \"detail\", \"lost\" and \"remedy\"."),
	OPT_END,
};

static unsigned int
terminal_width(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 40)
		return 80;
	return ws.ws_col > 100 ? 100 : ws.ws_col;
}

static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static bool
in_container(void)
{
	return getenv("container") || getenv("KUBERNETES_SERVICE_HOST") ||
	       access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static int
examine(bool json)
{
	AUTO_FREE char *data_dir = cmd_find_data_dir();
	struct doctor_row rows[DOCTOR_ROWS_MAX];
	char self[PATH_MAX] = "/usr/bin/rootlet";
	const struct doctor_host h = {
		.uid = (uid_t)getauxval(AT_EUID),
		.gid = (gid_t)getauxval(AT_EGID),
		.data_dir = data_dir,
		.self = self,
		.path = getenv("PATH"),
		.in_container = in_container(),
	};
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t n;
	int r;

	if (len > 0)
		self[len] = '\0';
	cmd_expect_children();
	n = doctor_examine(&h, rows);
	if (json)
		doctor_print_json(rows, n, stdout);
	else
		doctor_print_table(rows, n, terminal_width(), wants_color(), stdout);
	r = cmd_end_output();
	return r ? r : !doctor_can_run(rows, n);
}

int
cmd_doctor(int argc, char **argv)
{
	struct doctor_args a = { .format = "table" };
	struct err e = ERR_INIT;
	int first = opt_parse(doctor_opts, argc, argv, &a, &e);

	if (first == 0)
		return cmd_help("doctor");
	if (first > 0 && first < argc)
		first = err_set(&e, EINVAL, "doctor: '%s': no argument is expected", argv[first]);
	else if (first > 0 && strcmp(a.format, "table") != 0 && strcmp(a.format, "json") != 0)
		first = err_set(&e, EINVAL, "--format: '%s' is neither table nor json", a.format);
	return first < 0 ? cmd_fail(&e) : examine(strcmp(a.format, "json") == 0);
}
