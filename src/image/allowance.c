#include "image/allowance.h"

void
allowance_destroy(struct allowance *a)
{
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
}

void
allowance_take(struct allowance *a, const void *who, size_t n)
{
	(void)pthread_mutex_lock(&a->lock);
	while (a->used + n > a->max && a->over && a->over != who)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	a->used += n;
	if (a->used > a->max && !a->over)
		a->over = who;
	(void)pthread_mutex_unlock(&a->lock);
}

void
allowance_return(struct allowance *a, const void *who, size_t n)
{
	(void)pthread_mutex_lock(&a->lock);
	a->used -= n;
	if (a->over == who)
		a->over = NULL;
	(void)pthread_cond_broadcast(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
}
