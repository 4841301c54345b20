#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"
#include "base/str.h"
#include "image/digest.h"
#include "serve/serve-internal.h"

#define UPLOADS_MAX 64U
#define IDLE_MS     (15 * 60 * 1000U)

struct uploads {
	pthread_mutex_t lock;
	struct upload *first;
	unsigned int n;
};

static void
upload_free(struct upload *up)
{
	free(up->name);
	fd_closep(&up->fd);
	digest_freep(&up->digest);
	free(up);
}

struct uploads *
uploads_new(void)
{
	struct uploads *u = xcalloc(1, sizeof(*u));

	(void)pthread_mutex_init(&u->lock, NULL);
	return u;
}

void
uploads_freep(struct uploads **u)
{
	while (*u && (*u)->first) {
		struct upload *up = (*u)->first;

		(*u)->first = up->next;
		upload_free(up);
	}
	free(*u);
	*u = NULL;
}

/* Returns false when there are too many. */
static bool
add(struct uploads *u, struct upload *up)
{
	bool fits;

	(void)pthread_mutex_lock(&u->lock);
	fits = u->n < UPLOADS_MAX;
	if (fits) {
		up->next = u->first;
		u->first = up;
		u->n++;
	}
	(void)pthread_mutex_unlock(&u->lock);
	return fits;
}

struct upload *
uploads_begin(struct uploads *u, const struct store *s, const char *name, struct err *e)
{
	struct upload *up;
	const int fd = store_new_blob(s, e);

	if (fd < 0)
		return NULL;
	up = xcalloc(1, sizeof(*up));
	*up = (struct upload){ .name = xstrdup(name), .fd = fd, .digest = digest_new(), .busy = true };
	/* Nobody can guess it: it is all that tells one client's from another's. */
	random_name(up->id, 17, "");
	random_name(up->id + 16, 17, "");
	if (add(u, up))
		return up;
	upload_free(up);
	(void)err_set(e, EBUSY, "%u uploads have begun, more are too many", UPLOADS_MAX);
	return NULL;
}

struct upload *
uploads_take(struct uploads *u, const char *name, const char *id, bool *ret_busy)
{
	struct upload *up;

	*ret_busy = false;
	(void)pthread_mutex_lock(&u->lock);
	for (up = u->first; up; up = up->next)
		if (strcmp(up->id, id) == 0 && strcmp(up->name, name) == 0)
			break;
	if (up && up->busy) {
		*ret_busy = true;
		up = NULL;
	}
	if (up)
		up->busy = true;
	(void)pthread_mutex_unlock(&u->lock);
	return up;
}

void
uploads_give(struct uploads *u, struct upload *up)
{
	(void)pthread_mutex_lock(&u->lock);
	up->used_ms = serve_now_ms();
	up->busy = false;
	(void)pthread_mutex_unlock(&u->lock);
}

static void
unlink_upload(struct uploads *u, const struct upload *up)
{
	for (struct upload **p = &u->first; *p; p = &(*p)->next)
		if (*p == up) {
			*p = up->next;
			u->n--;
			return;
		}
}

void
uploads_end(struct uploads *u, struct upload *up)
{
	(void)pthread_mutex_lock(&u->lock);
	unlink_upload(u, up);
	(void)pthread_mutex_unlock(&u->lock);
	upload_free(up);
}

void
uploads_tick(struct uploads *u, uint64_t now_ms)
{
	struct upload *next;

	(void)pthread_mutex_lock(&u->lock);
	for (struct upload *up = u->first; up; up = next) {
		next = up->next;
		if (up->busy || now_ms - up->used_ms < IDLE_MS)
			continue;
		unlink_upload(u, up);
		upload_free(up);
	}
	(void)pthread_mutex_unlock(&u->lock);
}
