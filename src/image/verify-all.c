/*
 * Several threads take one layer or blob after the other, the largest first, so that none is alone
 * with a large one at the end.  What they find is kept with each.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/layers.h"
#include "image/progress.h"
#include "image/verify-internal.h"
#include "image/workers.h"

#define MODELS_MEMORY ((size_t)16 << 20)
#define TOLD_MEMORY   ((size_t)4 << 20)

struct all {
	const struct store *store;
	struct verify_how how;
	struct verify_item **order; /* owned */
	size_t n;
	atomic_size_t next, told; /* in @order; bytes */
};

/* One of them, as its worker has it. */
struct one {
	struct all *all;
	struct verify_item *it;
};

void
verify_item_clear(struct verify_item *it)
{
	layers_clear(&it->what);
	free(it->told);
	it->told = NULL;
}

static void
keep(struct verify_item *it, const char *text)
{
	const size_t n = strlen(text) + 1;

	if (it->room - it->n_told < n) {
		it->room = (it->room + n) * 2;
		it->told = xrealloc_array(it->told, it->room, 1);
	}
	memcpy(it->told + it->n_told, text, n);
	it->n_told += n;
}

static void
collect(void *arg, const char *path, const char *what)
{
	const struct one *o = arg;
	const size_t n = (path ? strlen(path) : 0) + strlen(what) + 4;

	if (o->it->again || atomic_fetch_add(&o->all->told, n) + n > TOLD_MEMORY) {
		o->it->again = true;
		return;
	}
	keep(o->it, path ? "/" : "");
	keep(o->it, path ? path : "");
	keep(o->it, what);
}

static int
look(const struct store *s, const struct verify_how *how, const struct verify_item *it, verify_fn *fn,
     void *arg, struct verify_result *ret, struct err *e)
{
	return it->what.diff_id ? verify_layer(s, how, &it->what, fn, arg, ret, e)
				: verify_blob(s, how, it->what.digest, fn, arg, ret, e);
}

static void
worker(void *arg)
{
	struct all *a = arg;

	for (size_t i; (i = atomic_fetch_add(&a->next, 1)) < a->n;) {
		struct verify_item *it = a->order[i];
		struct one one = { .all = a, .it = it };
		int r = look(a->store, &a->how, it, collect, &one, &it->result, &it->err);

		it->again |= r == -ENOBUFS;
	}
}

static int
by_size(const void *a, const void *b)
{
	const struct verify_item *x = *(struct verify_item *const *)a;
	const struct verify_item *y = *(struct verify_item *const *)b;

	return x->what.size < y->what.size ? 1 : x->what.size > y->what.size ? -1 : 0;
}

void
verify_all(const struct store *s, const char *kind, struct verify_item *items, size_t n)
{
	struct progress_work work = { .doing = "verifying", .done = "verified" };
	struct allowance models = ALLOWANCE_INIT(MODELS_MEMORY);
	AUTO_FREE struct verify_item **order = xcalloc(n, sizeof(struct verify_item *));
	const size_t threads = workers_count(n);
	struct all a = { .store = s, .order = order, .n = n };

	for (size_t i = 0; i < n; i++) {
		order[i] = &items[i];
		work.total += items[i].what.size;
	}
	if (n > 1)
		qsort(order, n, sizeof(struct verify_item *), by_size);
	a.how = (struct verify_how){ .kind = kind, .memory = STREAM_MEMORY / threads,
				     .models = &models, .progress = s->progress };
	progress_begin(s->progress, &work);
	workers_run(threads, worker, &a);
	progress_part(s->progress, 1, work.total);
	progress_hide(s->progress);
	allowance_destroy(&models);
}

int
verify_tell(const struct store *s, const char *kind, struct verify_item *it, verify_fn *fn, void *arg,
	    struct verify_result *ret, struct err *e)
{
	const struct verify_how alone = { .kind = kind, .memory = STREAM_MEMORY };

	if (it->again)
		return look(s, &alone, it, fn, arg, ret, e);
	for (const char *p = it->told, *end = p + it->n_told; p < end;) {
		const char *path = p + strlen(p) + 1, *what = path + strlen(path) + 1;

		fn(arg, *p ? path : NULL, what);
		p = what + strlen(what) + 1;
	}
	if (it->err.code) {
		*e = it->err;
		return -e->code;
	}
	*ret = it->result;
	return 0;
}
