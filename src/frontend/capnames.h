/*
 * capnames - capabilities by name
 *
 * libcap-ng has these names too, but its constructor costs eight system calls in every process it
 * is linked to; a test compares the two.
 */
#ifndef FRONTEND_CAPNAMES_H
#define FRONTEND_CAPNAMES_H

/* The number of "net_admin", "CAP_NET_ADMIN" ..., or -1. */
int capname_to_number(const char *name);
/* The name in lower case without "cap_", or NULL. */
const char *capname_from_number(int cap);

#endif
