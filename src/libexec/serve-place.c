#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "libexec/serve.h"

#define WAITING_MAX 128 /* connections */
#define SILENCE_S   20  /* seconds until the first byte */

static int
no_place(const char *text, struct err *e)
{
	err_clear(e);
	(void)err_set(e, EINVAL, "--listen %s: not ADDRESS:PORT", text);
	return err_hint(e, "127.0.0.1:5000, [::1]:5000, localhost:5000, or :5000 for all addresses");
}

static void
take_v6(const struct in6_addr *a, uint16_t port, struct place *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->address;

	*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *a };
	ret->len = sizeof(*in6);
	ret->loopback = IN6_IS_ADDR_LOOPBACK(a);
}

static void
take_v4(const struct in_addr *a, uint16_t port, struct place *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->address;

	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = *a };
	ret->len = sizeof(*in);
	ret->loopback = ntohl(a->s_addr) >> 24 == 127;
}

int
place_parse(const char *text, struct place *ret, struct err *e)
{
	const char *colon = strrchr(text, ':');
	AUTO_FREE char *host = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	const size_t n = host ? strlen(host) : 0;
	struct in6_addr v6;
	struct in_addr v4;
	uint64_t port = 0;

	if (!colon || parse_u64(colon + 1, UINT16_MAX, &port, e) < 0)
		return no_place(text, e);
	*ret = (struct place){ .loopback = false };
	if (n == 0 || strcmp(host, "localhost") == 0) {
		take_v4(&(struct in_addr){ htonl(n ? INADDR_LOOPBACK : INADDR_ANY) }, (uint16_t)port, ret);
	} else if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &v6) != 1)
			return no_place(text, e);
		take_v6(&v6, (uint16_t)port, ret);
	} else if (inet_pton(AF_INET, host, &v4) == 1) {
		take_v4(&v4, (uint16_t)port, ret);
	} else {
		return no_place(text, e);
	}
	return 0;
}

static int
cannot(const char *text, struct err *e)
{
	const int why = errno;

	(void)err_sys(e, "listen on %s", text);
	if (why == EADDRINUSE)
		return err_hint(e, "something else listens there; --listen ADDRESS:0 takes any port that is free");
	if (why == EACCES)
		return err_hint(e, "ports below 1024 are root's");
	if (why == EADDRNOTAVAIL)
		return err_hint(e, "this machine does not have that address");
	return -e->code;
}

int
place_listen(const struct place *p, const char *text, struct err *e)
{
	AUTO_FD fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1, patience = SILENCE_S;

	if (fd < 0)
		return err_sys(e, "make a socket");
	/* What is left of an earlier one keeps nobody waiting. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Who says nothing takes no place of those that do; a kernel without it costs no more than that. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &patience, sizeof(patience));
	if (bind(fd, (const struct sockaddr *)&p->address, p->len) < 0 || listen(fd, WAITING_MAX) < 0)
		return cannot(text, e);
	return TAKE_FD(fd);
}

int
place_name(int fd, char *ret, size_t size, struct err *e)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a;
	socklen_t len = sizeof(a);
	char text[INET6_ADDRSTRLEN] = "";

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return err_sys(e, "ask for the port");
	if (a.ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		(void)snprintf(ret, size, "[%s]:%u", text, ntohs(in6->sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		(void)snprintf(ret, size, "%s:%u", text, ntohs(in->sin_port));
	}
	return 0;
}
