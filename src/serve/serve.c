/*
 * The watch: libmicrohttpd ends a connection on which nothing at all moves.  One that sends a byte
 * now and then would keep a place for ever, so headers have a deadline, and bodies a least rate.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "serve/serve-internal.h"

#define CONNECTIONS_MAX 128U
#define CONNECTION_MEMORY ((size_t)128 << 10) /* bytes: headers, and a part of a body */
#define STACK_SIZE        ((size_t)1 << 20)   /* bytes: a document is parsed on it */
#define STILL_S     60U    /* a connection on which nothing moves */
#define HEADERS_MS  30000U /* from the connection, or the last answer, to the end of the headers */
#define BODY_MS     30000U /* for BODY_BYTES of a body */
#define BODY_BYTES  ((uint64_t)16 << 10)
#define GUARD_MS    60000U
#define TLS_HANDSHAKE 0x16 /* the first byte of a connection with TLS */

uint64_t
serve_now_ms(void)
{
	struct timespec t = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
serve_say(const struct server *s, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (!s->o.say)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->o.say(s->o.say_ctx, line);
}

/* --- connections --- */

static void
set_deadline(struct server *s, struct client *c, uint64_t ms)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&s->lock);
	c->deadline_ms = ms ? serve_now_ms() + ms : 0;
	c->moved = 0;
	(void)pthread_mutex_unlock(&s->lock);
}

void
serve_moved(struct server *s, struct client *c, uint64_t bytes)
{
	if (!c)
		return;
	c->moved += bytes;
	if (bytes == 0 || c->moved >= BODY_BYTES)
		set_deadline(s, c, BODY_MS);
}

void
serve_answering(struct server *s, struct client *c)
{
	set_deadline(s, c, 0);
}

/*
 * A client that tries TLS first would wait for an answer as long as we do for the end of its line: it
 * is told at once.  What it begins with is there, as listening waits for it (TCP_DEFER_ACCEPT).
 */
static void
refuse_tls(const struct server *s, int fd)
{
	static const char answer[] = "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
				     "This is a server of plain HTTP.\n";
	unsigned char first = 0;

	if (s->o.cert || recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1 || first != TLS_HANDSHAKE)
		return;
	(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_RDWR);
}

static void
begin_client(struct server *s, struct MHD_Connection *conn, void **ctx)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *c = xcalloc(1, sizeof(*c));

	c->fd = info ? info->connect_fd : -1;
	c->deadline_ms = serve_now_ms() + HEADERS_MS;
	refuse_tls(s, c->fd);
	(void)pthread_mutex_lock(&s->lock);
	c->next = s->clients;
	s->clients = c;
	(void)pthread_mutex_unlock(&s->lock);
	*ctx = c;
}

/* Called before the descriptor is closed: it is never another's that the watch ends. */
static void
end_client(struct server *s, void **ctx)
{
	struct client *c = *ctx;

	(void)pthread_mutex_lock(&s->lock);
	for (struct client **p = &s->clients; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	(void)pthread_mutex_unlock(&s->lock);
	free(c);
	*ctx = NULL;
}

static void
connection_changed(void *cls, struct MHD_Connection *conn, void **ctx,
		   enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		begin_client(cls, conn, ctx);
	else
		end_client(cls, ctx);
}

static void
request_ended(void *cls, struct MHD_Connection *conn, void **ctx, enum MHD_RequestTerminationCode why)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	serve_request_done(cls, conn, ctx, why);
	set_deadline(cls, info ? info->socket_context : NULL, HEADERS_MS);
}

static void
watch(struct server *s, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&s->lock);
	for (struct client *c = s->clients; c; c = c->next)
		if (c->deadline_ms && c->deadline_ms <= now_ms) {
			(void)shutdown(c->fd, SHUT_RDWR);
			c->deadline_ms = 0;
		}
	if (s->guard.fd >= 0 && s->guard_until_ms <= now_ms)
		store_close(&s->guard);
	(void)pthread_mutex_unlock(&s->lock);
}

void
serve_tick(struct server *s)
{
	const uint64_t now_ms = serve_now_ms();

	watch(s, now_ms);
	uploads_tick(s->uploads, now_ms);
}

int
serve_guard(struct server *s, struct err *e)
{
	int r = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (s->guard.fd < 0)
		r = store_share(s->o.store, &s->guard, e);
	s->guard_until_ms = serve_now_ms() + GUARD_MS;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

/* --- the daemon --- */

static struct server *
new_server(const struct serve_options *o)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->o = *o;
	s->guard = (struct store)STORE_INIT;
	s->uploads = uploads_new();
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_mutex_init(&s->documents, NULL);
	return s;
}

static void
free_server(struct server *s)
{
	uploads_freep(&s->uploads);
	store_close(&s->guard);
	free(s);
}

int
serve_start(const struct serve_options *o, int listen_fd, struct server **ret, struct err *e)
{
	struct server *s = new_server(o);
	const unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
				   MHD_USE_POLL | MHD_USE_ITC | (o->cert ? MHD_USE_TLS : 0U) |
				   (listen_fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0U);
	const struct MHD_OptionItem listen_on[] = {
		{ listen_fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem tls[] = {
		{ o->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)o->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key },
		{ MHD_OPTION_END, 0, NULL },
	};

	s->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, serve_request, s, MHD_OPTION_ARRAY, listen_on,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, s,
		MHD_OPTION_NOTIFY_COMPLETED, request_ended, s, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, STILL_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
		STACK_SIZE, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!s->daemon) {
		free_server(s);
		return o->cert ? err_set(e, EINVAL, "the certificate and its key cannot be used")
			       : err_set(e, EIO, "the server cannot be started");
	}
	*ret = s;
	return 0;
}

int
serve_connection(struct server *s, int fd, struct err *e)
{
	const struct sockaddr_un nobody = { .sun_family = AF_UNIX };

	if (MHD_add_connection(s->daemon, fd, (const struct sockaddr *)&nobody, sizeof(nobody)) !=
	    MHD_YES)
		return err_set(e, EIO, "a connection cannot be served");
	return 0;
}

void
serve_stop(struct server *s)
{
	MHD_stop_daemon(s->daemon);
	free_server(s);
}
