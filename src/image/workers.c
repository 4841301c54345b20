#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "image/workers.h"

#define WORKERS_MAX 4

static size_t
count_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > 0 ? (size_t)n : 1;
}

size_t
workers_count(size_t n)
{
	const size_t cpus = count_processors(), max = cpus < WORKERS_MAX ? cpus : WORKERS_MAX;

	return n < 1 ? 1 : n < max ? n : max;
}

struct worker {
	void (*fn)(void *arg);
	void *arg;
};

static void *
worker_main(void *arg)
{
	const struct worker *w = arg;

	w->fn(w->arg);
	return NULL;
}

/* Signals are for the thread that there was before. */
void
workers_run(size_t n, void (*fn)(void *arg), void *arg)
{
	struct worker w = { .fn = fn, .arg = arg };
	pthread_t threads[WORKERS_MAX];
	sigset_t all, before;
	size_t started = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < n && started < WORKERS_MAX &&
	       pthread_create(&threads[started], NULL, worker_main, &w) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	fn(arg);
	while (started > 0)
		(void)pthread_join(threads[--started], NULL);
}
