/*
 * workers - the same work in several threads
 *
 * There are few: where a layer is read, what can overlap does so already (stream.h).  More than there
 * are processors would only take memory.
 */
#ifndef IMAGE_WORKERS_H
#define IMAGE_WORKERS_H

#include <stddef.h>

/* How many are of use for @n things to do; at least 1. */
size_t workers_count(size_t n);
/*
 * Call @fn in @n threads, of which this one is one; returns when all have returned.  A worker that
 * cannot be started is no loss but of time.
 */
void workers_run(size_t n, void (*fn)(void *arg), void *arg);

#endif
