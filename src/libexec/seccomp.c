/*
 * rootlet-seccomp - compile a seccomp profile to a BPF program
 *
 * Runs when rootlet is built, to make the default programs, and at run time for a user's profile:
 * the caller hands it the profile and the place of the result as descriptors ("-"), and libseccomp
 * stays out of rootlet's own address space.
 *
 * The profile is read with no way to gain privileges, and with bounds on memory and time.
 */
#include <fcntl.h>
#include <getopt.h>
#include <linux/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "init/emulate.h"
#include "seccomp/default.h"
#include "seccomp/profile.h"
#include "seccomp/reduce.h"

#define STATUS_FAILED 125

struct args {
	struct profile_target target;
	const char *output; /* "-": standard output */
	const char *c_name; /* NULL: raw instructions */
	const char *label;  /* what messages call the profile */
	const char *profile;
	bool emulate; /* put ownership emulation in front */
};

static const char usage[] =
    "usage: rootlet-seccomp [OPTION...] --output FILE PROFILE.json\n"
    "Compile an OCI seccomp profile to a BPF program.  \"-\" is standard input or output.\n"
    "\n"
    "      --arch x86_64|aarch64  compile for this machine instead of the one here\n"
    "      --caps HEXMASK         the capabilities that the sandbox keeps (a80425fb)\n"
    "      --output FILE          where the instructions go\n"
    "      --c-name NAME          write a C source that defines NAME[] and NAME_len\n"
    "      --label TEXT           call the profile this in messages\n"
    "      --emulate              send what ownership emulation answers to the listener\n"
    "      --help                 print this text\n";

enum { OPT_ARCH = 256, OPT_CAPS, OPT_OUTPUT, OPT_C_NAME, OPT_LABEL, OPT_EMULATE, OPT_HELP };

static const struct option options[] = {
	{ "arch", required_argument, NULL, OPT_ARCH },
	{ "caps", required_argument, NULL, OPT_CAPS },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "c-name", required_argument, NULL, OPT_C_NAME },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "emulate", no_argument, NULL, OPT_EMULATE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int
parse_caps(const char *s, uint64_t *ret, struct err *e)
{
	const char *digits = strncmp(s, "0x", 2) == 0 ? s + 2 : s;
	size_t n = strlen(digits);

	if (n == 0 || n > 16 || strspn(digits, "0123456789abcdefABCDEF") != n)
		return err_set(e, EINVAL, "--caps: not a hexadecimal mask: %s", s);
	*ret = strtoull(digits, NULL, 16);
	return 0;
}

static int
check_c_name(const char *s, struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (!*s || !strchr(letters, *s) ||
	    s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")])
		return err_set(e, EINVAL, "--c-name: not a C identifier: %s", s);
	return 0;
}

static int
take_option(struct args *a, int option, const char *value, struct err *e)
{
	switch (option) {
	case OPT_ARCH:
		a->target.arch = value;
		return 0;
	case OPT_CAPS:
		return parse_caps(value, &a->target.caps, e);
	case OPT_OUTPUT:
		a->output = value;
		return 0;
	case OPT_C_NAME:
		a->c_name = value;
		return check_c_name(value, e);
	case OPT_LABEL:
		a->label = value;
		return 0;
	case OPT_EMULATE:
		a->emulate = true;
		return 0;
	default:
		return err_set(e, EINVAL, "bad usage; try --help");
	}
}

static int
parse_args(int argc, char **argv, struct args *a, struct err *e)
{
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPT_HELP) {
			(void)fputs(usage, stdout);
			exit(fflush(stdout) ? STATUS_FAILED : 0);
		}
		if ((r = take_option(a, option, optarg, e)) < 0)
			return r;
	}
	if (argc - optind != 1)
		return err_set(e, EINVAL, "exactly one profile is wanted; try --help");
	if (!a->output)
		return err_set(e, EINVAL, "--output is missing; try --help");
	a->profile = argv[optind];
	if (!a->label)
		a->label = strcmp(a->profile, "-") == 0 ? "standard input" : a->profile;
	return 0;
}

/* This machine and its kernel, where the caller did not name a machine. */
static void
complete_target(struct args *a, struct utsname *here)
{
	unsigned int major, minor;

	if (uname(here) < 0)
		return;
	if (!a->target.arch)
		a->target.arch = here->machine;
	/* A program that is built in must not depend on the kernel of the build machine. */
	if (!a->c_name && sscanf(here->release, "%4u.%4u", &major, &minor) == 2)
		a->target.kernel = (unsigned int)KERNEL_VERSION(major, minor, 0);
}

static int
limit(int resource, rlim_t value, struct err *e)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return err_sys(e, "getrlimit");
	if (now.rlim_max < value)
		value = now.rlim_max;
	if (setrlimit(resource, &(struct rlimit){ value, value }) < 0)
		return err_sys(e, "setrlimit");
	return 0;
}

static int
confine(struct err *e)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "no_new_privs");
	if ((r = limit(RLIMIT_CORE, 0, e)) < 0 || (r = limit(RLIMIT_CPU, 20, e)) < 0)
		return r;
#ifndef __SANITIZE_ADDRESS__ /* its shadow is larger */
	r = limit(RLIMIT_AS, 512UL << 20, e);
#endif
	return r;
}

static int
open_or(const char *path, int standard, int flags, struct err *e)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(standard, F_DUPFD_CLOEXEC, 0)
					: open(path, flags | O_CLOEXEC, 0666);

	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

/* Read to the end of file, which may be that of a pipe. */
static int
read_profile(int fd, char **ret, size_t *ret_len, struct err *e)
{
	AUTO_FREE char *text = xcalloc(PROFILE_SIZE_MAX + 1, 1);
	size_t len = 0;
	ssize_t n;

	while (len <= PROFILE_SIZE_MAX) {
		n = read(fd, text + len, PROFILE_SIZE_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static int
write_c(int fd, const char *name, const struct sock_filter *insns, size_t n, struct err *e)
{
	FILE *f = fdopen(dup(fd), "w");
	bool bad;

	if (!f)
		return err_sys(e, "write the program");
	(void)fprintf(f, "/* Made by rootlet-seccomp; do not edit. */\n"
		      "#include <linux/filter.h>\n\n"
		      "extern const struct sock_filter %s[];\n"
		      "extern const unsigned int %s_len;\n\n"
		      "const struct sock_filter %s[] = {\n", name, name, name);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "\t{ 0x%02x, %u, %u, 0x%08x },\n", insns[i].code, insns[i].jt,
			      insns[i].jf, insns[i].k);
	(void)fprintf(f, "};\nconst unsigned int %s_len = %zu;\n", name, n);
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad)
		return err_sys(e, "write the program");
	return 0;
}

/*
 * Put the filter of ownership emulation before the @n instructions at @insns; where it would allow a
 * call, the profile decides.
 */
static int
put_emulation_first(struct sock_filter **insns, size_t *n, struct err *e)
{
	const uint32_t arches[] = { EMULATE_ARCH_NATIVE, EMULATE_ARCH_COMPAT };
	struct sock_filter f[EMULATE_FILTER_MAX];
	int n_first = emulate_filter(f, NELEMS(f));
	AUTO_FREE struct sock_filter *both = NULL;

	if (n_first < 0 || (size_t)n_first + *n > BPF_MAXINSNS)
		return err_set(e, E2BIG, "the program is too long for --emulate");
	for (int i = 0; i < n_first; i++)
		if (f[i].code == (BPF_RET | BPF_K) && f[i].k == SECCOMP_RET_ALLOW)
			f[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
							    (uint32_t)(n_first - i - 1));
	both = xcalloc((size_t)n_first + *n, sizeof(*both));
	memcpy(both, f, (size_t)n_first * sizeof(*f));
	memcpy(both + n_first, *insns, *n * sizeof(*f));
	free(*insns);
	*insns = TAKE_PTR(both);
	*n += (size_t)n_first;
	reduce(*insns, n, arches, NELEMS(arches));
	return 0;
}

static int
compile(const struct args *a, int in, struct sock_filter **ret, size_t *ret_n, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	int r;

	if ((r = read_profile(in, &text, &len, e)) < 0)
		return r;
	r = profile_compile(text, len, &a->target, ret, ret_n, e);
	return r == 0 && a->emulate ? put_emulation_first(ret, ret_n, e) : r;
}

static int
run(const struct args *a, struct err *e)
{
	AUTO_FREE struct sock_filter *insns = NULL;
	AUTO_FD in = open_or(a->profile, STDIN_FILENO, O_RDONLY, e);
	AUTO_FD out = -1;
	size_t n = 0;

	if (in < 0)
		return in;
	if (compile(a, in, &insns, &n, e) < 0)
		return err_prefix(e, "%s", a->label);
	/* Opened last, so that a bad profile leaves no empty file. */
	out = open_or(a->output, STDOUT_FILENO, O_WRONLY | O_CREAT | O_TRUNC, e);
	if (out < 0)
		return out;
	return a->c_name ? write_c(out, a->c_name, insns, n, e)
			 : fd_write_all(out, insns, n * sizeof(*insns), e);
}

int
main(int argc, char **argv)
{
	struct args a = { .target.caps = SECCOMP_DEFAULT_CAPS };
	struct err e = ERR_INIT;
	struct utsname here;

	if (parse_args(argc, argv, &a, &e) < 0 || confine(&e) < 0)
		goto failed;
	complete_target(&a, &here);
	if (!a.target.arch)
		(void)err_set(&e, ENOSYS, "--arch is missing and uname does not tell");
	else if (run(&a, &e) == 0)
		return 0;
failed:
	(void)fprintf(stderr, "rootlet-seccomp: %s\n", e.msg);
	return STATUS_FAILED;
}
