#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/endpoint.h"

void
endpoint_clear(struct endpoint *p)
{
	free(p->host);
	free(p->repository);
	free(p->user);
	free(p->password);
	free(p->identity);
	free(p->realm_host);
	free(p->ca);
	free(p->cert);
	free(p->key);
	free(p->socket_path);
	fd_closep(&p->socket_fd);
	*p = (struct endpoint)ENDPOINT_INIT;
}

void
endpoints_clear(struct endpoints *p)
{
	for (size_t i = 0; i < p->n; i++)
		endpoint_clear(&p->v[i]);
	free(p->v);
	*p = (struct endpoints)ENDPOINTS_INIT;
}

/* Without the port, and the brackets of an address of IPv6.  Owned. */
static char *
bare_host(const char *host)
{
	const char *end;

	if (host[0] == '[' && (end = strchr(host, ']')))
		return xstrndup(host + 1, (size_t)(end - host - 1));
	end = strchr(host, ':');
	return xstrndup(host, end ? (size_t)(end - host) : strlen(host));
}

bool
endpoint_is_loopback(const char *host)
{
	AUTO_FREE char *bare = bare_host(host);
	struct in6_addr a6;
	struct in_addr a4;

	if (strcasecmp(bare, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, bare, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, bare, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}
