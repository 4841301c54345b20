/*
 * endpoint - one registry that an image can be had from, and what is known about it
 *
 * All of it is in memory: whoever speaks to a registry opens no file any more.
 */
#ifndef REGISTRY_ENDPOINT_H
#define REGISTRY_ENDPOINT_H

#include <stdbool.h>

#include "base/util.h"

struct endpoint {
	char *host;       /* owned; "registry.example:5000", as in names of images */
	char *repository; /* owned; of the image there: "team/app" */
	bool insecure;    /* a certificate is not looked at, and plain HTTP will do */
	bool loopback;    /* this machine: plain HTTP will do where there is no TLS */
	bool mirror;      /* another place has the last word: only pulled from, and failing is no error */
	char *user, *password; /* owned; NULL: anonymous */
	char *identity;   /* owned; an identity token in place of the two; NULL: none */
	char *realm_host; /* owned; another host that may be sent the password; NULL: none */
	char *ca;         /* owned; PEM: certificates beside those of the system; NULL: none */
	char *cert, *key; /* owned; PEM: what we are known by; NULL: nothing */
	/* Plain HTTP over this alone: a Unix socket, owned, to be connected to the path, owned; or -1. */
	int socket_fd;
	char *socket_path;
};
#define ENDPOINT_INIT { .socket_fd = -1 }

/* Those that are to be tried, in this order. */
struct endpoints {
	struct endpoint *v; /* owned */
	size_t n;
};
#define ENDPOINTS_INIT { .v = NULL }

void endpoint_clear(struct endpoint *p);
void endpoints_clear(struct endpoints *p);
#define AUTO_ENDPOINTS CLEANUP(endpoints_clear) struct endpoints

/* Is @host, with or without a port, a name or an address of this machine itself? */
bool endpoint_is_loopback(const char *host);

#endif
