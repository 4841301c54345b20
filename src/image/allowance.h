/*
 * allowance - the memory that several threads may have together
 *
 * Who would take more than is left waits until others have given theirs back.  One of them may go on
 * all the same, or all could wait for each other: so together they have the allowance, and what one
 * alone may need.
 */
#ifndef IMAGE_ALLOWANCE_H
#define IMAGE_ALLOWANCE_H

#include <pthread.h>
#include <stddef.h>

struct allowance {
	size_t max; /* bytes */

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t used;
	const void *over; /* who may go on; NULL: nobody yet */
};
#define ALLOWANCE_INIT(bytes) \
	{ .max = (bytes), .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }
void allowance_destroy(struct allowance *a);

/* @who: any address, the same for all that a thread takes */
void allowance_take(struct allowance *a, const void *who, size_t n);
/* All that @who has. */
void allowance_return(struct allowance *a, const void *who, size_t n);

#endif
