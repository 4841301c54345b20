/* serve - between the files of rootlet-serve */
#ifndef LIBEXEC_SERVE_H
#define LIBEXEC_SERVE_H

#include <sys/socket.h>

#include "base/err.h"

/* Where to listen. */
struct place {
	struct sockaddr_storage address;
	socklen_t len;
	bool loopback;
};

/* "ADDRESS:PORT", "[ADDRESS]:PORT", "localhost:PORT", ":PORT". */
int place_parse(const char *text, struct place *ret, struct err *e);
/* A socket that listens there; connections wait in it.  @text: for messages */
int place_listen(const struct place *p, const char *text, struct err *e);
/* Where a socket really is: "127.0.0.1:5000". */
int place_name(int fd, char *ret, size_t size, struct err *e);

/*
 * Copy between standard input and output and @fd, a connected socket, until that ends: then @done_fd,
 * an eventfd, can be read.  In threads; both descriptors stay open.
 */
int carry_start(int fd, int done_fd, struct err *e);

#endif
