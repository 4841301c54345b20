/*
 * The layers of an image at the same time: a few workers take one after the other, the largest first,
 * so that none is alone with a large one at the end.
 *
 * All of them together may take no more memory for decompression than one alone.  A layer that needs
 * more than its share waits until the others are done.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "image/feed.h"
#include "image/layers.h"
#include "image/progress.h"
#include "image/stream.h"
#include "image/workers.h"

enum state { STATE_WAITS, STATE_LARGE, STATE_TAKEN };

struct all {
	const struct store *store;
	const char *kind;
	const struct oci_layer *layers;
	size_t n_layers;
	size_t memory; /* for each worker */
	char (*temps)[TEMP_NAME_SIZE]; /* owned; one a layer, of whoever has taken it */
	atomic_bool stop;

	/* Under the lock. */
	pthread_mutex_t lock;
	enum state *states; /* owned; one a layer */
	size_t n_done;
	struct err err; /* the first one */
};

/* The largest of those in @state is the caller's now; false when there is none. */
static bool
take(struct all *a, enum state state, size_t *ret)
{
	bool found = false;

	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n_layers && !a->stop; i++)
		if (a->states[i] == state && (!found || a->layers[i].size > a->layers[*ret].size)) {
			found = true;
			*ret = i;
		}
	if (found)
		a->states[*ret] = STATE_TAKEN;
	(void)pthread_mutex_unlock(&a->lock);
	return found;
}

/* @e: NULL after success */
static void
done(struct all *a, size_t i, const struct err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	if (!e)
		progress_part(a->store->progress, ++a->n_done, a->layers[i].size);
	else if (!a->stop) {
		a->err = *e;
		(void)err_prefix(&a->err, "layer %zu", i + 1);
		a->stop = true;
		/* Others may wait for what comes slowly: then it ends. */
		if (a->store->feed)
			(void)feed_is_well(a->store->feed);
	}
	(void)pthread_mutex_unlock(&a->lock);
}

static void
wait_for_memory(struct all *a, size_t i)
{
	(void)pthread_mutex_lock(&a->lock);
	a->states[i] = STATE_LARGE;
	(void)pthread_mutex_unlock(&a->lock);
}

static void
work(struct all *a, enum state state, size_t memory)
{
	size_t i = 0;

	while (take(a, state, &i)) {
		struct err e = ERR_INIT;
		int r = layers_unpack(a->store, a->kind, &a->layers[i], memory, &a->stop, a->temps[i],
				      &e);

		if (r == -ENOBUFS && memory < STREAM_MEMORY)
			wait_for_memory(a, i);
		else
			done(a, i, r < 0 ? &e : NULL);
	}
}

static void
worker(void *arg)
{
	struct all *a = arg;

	work(a, STATE_WAITS, a->memory);
}

/* Those that are there are taken from the start.  Returns how many are to be looked at. */
static size_t
look(struct all *a)
{
	const bool comes = a->store->feed != NULL;
	struct progress_work p = { .doing = comes ? "pulling" : "unpacking",
				   .done = comes ? "pulled" : "unpacked", .part = "layer" };

	for (size_t i = 0; i < a->n_layers; i++) {
		if (layers_has(a->store, a->kind, &a->layers[i]) &&
		    !store_is_new_blob(a->store, a->layers[i].digest)) {
			a->states[i] = STATE_TAKEN;
			continue;
		}
		p.total += a->layers[i].size;
		p.n_parts++;
	}
	if (p.n_parts > 0)
		progress_begin(a->store->progress, &p);
	return p.n_parts;
}

/* Also of those that are there: what an image is must not depend on that. */
static int
check_types(const struct oci_image *im, struct err *e)
{
	for (size_t i = 0; i < im->n_layers; i++)
		if (layers_check_type(&im->layers[i], e) < 0)
			return err_prefix(e, "layer %zu", i + 1);
	return 0;
}

int
layers_unpack_all(const struct store *s, const char *kind, const struct oci_image *im, struct err *e)
{
	AUTO_FREE enum state *states = xcalloc(im->n_layers, sizeof(*states));
	AUTO_FREE char (*temps)[TEMP_NAME_SIZE] = xcalloc(im->n_layers, sizeof(*temps));
	struct all a = { .store = s, .kind = kind, .layers = im->layers, .n_layers = im->n_layers,
			 .temps = temps, .states = states, .lock = PTHREAD_MUTEX_INITIALIZER, .err = ERR_INIT };
	const size_t missing = look(&a), n = workers_count(missing);

	if (check_types(im, e) < 0)
		return -e->code;
	if (missing > 0) {
		/* What is made with its mode needs none given. */
		const mode_t mask = umask(0);

		a.memory = STREAM_MEMORY / n;
		workers_run(n, worker, &a);
		work(&a, STATE_LARGE, STREAM_MEMORY);
		(void)umask(mask);
		if (a.err.code == 0)
			(void)layers_name(s, kind, im->layers, temps, im->n_layers, &a.err);
	}
	(void)pthread_mutex_destroy(&a.lock);
	if (a.err.code == 0)
		return 0;
	layers_drop(s, kind, temps, im->n_layers);
	*e = a.err;
	return -e->code;
}
