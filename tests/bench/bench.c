/*
 * bench - start programs in turn and compare how long they take
 *
 *   bench [-n ROUNDS] [-u WARMUP] [-w MICROSECONDS] [-b SCRIPT] LABEL COMMAND... [, LABEL COMMAND...]...
 *
 * Each round starts every command once, in the order given, from fork to wait, with standard
 * descriptors on /dev/null.  What is printed: the median in milliseconds, the fastest tenth, and the
 * median over the rounds of the ratio to the first command of the same round: a machine that is slow
 * for a while is slow for both.  -w: a pause before each start, for what goes on in the background.
 * -b: what sh(1) does before each start, in no time.  The last columns are the time of processors, with
 * what was waited for, and its ratio: on a machine that is busy with other things they vary less.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"

struct subject {
	const char *label;
	char **argv;
	double *ms;    /* owned; one a round */
	double *cpu;   /* owned; ms of all processors, with what was waited for */
	double *ratio; /* owned; to the first subject */
	double *cpu_ratio; /* owned */
	int failed;    /* starts that did not exit with 0 */
};

static double
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double
ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static double
time_once(struct subject *s, const posix_spawn_file_actions_t *quiet, double *ret_cpu)
{
	double start = now_ms();
	struct rusage use = { .ru_maxrss = 0 };
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, s->argv[0], quiet, NULL, s->argv, environ) != 0 ||
	    wait4(pid, &status, 0, &use) != pid || status != 0)
		s->failed++;
	*ret_cpu = ms(use.ru_utime) + ms(use.ru_stime);
	return now_ms() - start;
}

static void
before_start(const char *script, const posix_spawn_file_actions_t *quiet)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", quiet, NULL, (char **)(uintptr_t)argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		(void)fprintf(stderr, "bench: %s: failed\n", script);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static double
quantile(double *v, size_t n, double q)
{
	qsort(v, n, sizeof(*v), compare);
	return v[(size_t)((double)(n - 1) * q)];
}

/* Cut argv at "," into subjects. */
static size_t
take_subjects(char **argv, struct subject *s, size_t max)
{
	size_t n = 0;

	while (*argv && argv[1] && n < max) {
		s[n].label = argv[0];
		s[n].argv = argv + 1;
		while (*argv && strcmp(*argv, ",") != 0)
			argv++;
		if (*argv)
			*argv++ = NULL;
		n++;
	}
	return n;
}

struct plan {
	uint64_t rounds, warmup, pause_us;
	const char *before; /* or NULL */
};

static void
run(struct subject *s, size_t n, const struct plan *p)
{
	posix_spawn_file_actions_t quiet;

	(void)posix_spawn_file_actions_init(&quiet);
	for (int fd = 0; fd < 3; fd++)
		(void)posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
	for (size_t round = 0; round < p->rounds + p->warmup; round++) {
		size_t at = round < p->warmup ? 0 : round - p->warmup;

		for (size_t i = 0; i < n; i++) {
			if (p->before)
				before_start(p->before, &quiet);
			if (p->pause_us)
				(void)usleep((useconds_t)p->pause_us);
			s[i].ms[at] = time_once(&s[i], &quiet, &s[i].cpu[at]);
			s[i].ratio[at] = s[i].ms[at] / s[0].ms[at];
			s[i].cpu_ratio[at] = s[i].cpu[at] / s[0].cpu[at];
		}
	}
	(void)posix_spawn_file_actions_destroy(&quiet);
}

static void
report(struct subject *s, size_t n, size_t rounds)
{
	(void)printf("%-34s %9s %9s %7s %9s %7s\n", "", "median ms", "best 10%", "ratio", "CPU ms",
		     "ratio");
	for (size_t i = 0; i < n; i++) {
		(void)printf("%-34s %9.3f %9.3f %7.3f %9.3f %7.3f", s[i].label,
			     quantile(s[i].ms, rounds, 0.5), quantile(s[i].ms, rounds, 0.1),
			     quantile(s[i].ratio, rounds, 0.5), quantile(s[i].cpu, rounds, 0.5),
			     quantile(s[i].cpu_ratio, rounds, 0.5));
		if (s[i].failed)
			(void)printf("  %d FAILED", s[i].failed);
		(void)printf("\n");
	}
}

int
main(int argc, char **argv)
{
	struct subject s[16] = { { .label = NULL } };
	struct plan p = { .rounds = 200, .warmup = 5 };
	struct err e = ERR_INIT;
	int option, failed = 0;
	size_t n;

	while ((option = getopt(argc, argv, "+b:n:u:w:")) != -1) {
		if (option == 'b')
			p.before = optarg;
		else if (option == '?' ||
			 parse_u64(optarg, 1000000,
				   option == 'n'   ? &p.rounds
				   : option == 'u' ? &p.warmup
						   : &p.pause_us,
				   &e) < 0)
			return 2;
	}
	(void)argc;
	n = take_subjects(argv + optind, s, NELEMS(s));
	if (n == 0 || p.rounds == 0)
		return 2;
	for (size_t i = 0; i < n; i++) {
		s[i].ms = xcalloc(p.rounds, sizeof(double));
		s[i].cpu = xcalloc(p.rounds, sizeof(double));
		s[i].ratio = xcalloc(p.rounds, sizeof(double));
		s[i].cpu_ratio = xcalloc(p.rounds, sizeof(double));
	}
	run(s, n, &p);
	report(s, n, p.rounds);
	for (size_t i = 0; i < n; i++) {
		failed |= s[i].failed;
		free(s[i].ms);
		free(s[i].cpu);
		free(s[i].ratio);
		free(s[i].cpu_ratio);
	}
	return failed ? 1 : 0;
}
