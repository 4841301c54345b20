/*
 * ssh - the store of another machine as a registry, by `ssh HOST rootlet serve --stdio`
 *
 * libcurl connects to a socket of the file system, in a directory that only we may enter; a process of
 * ours that waits there becomes ssh, with the connection as its standard input and output.
 */
#ifndef REGISTRY_SSH_H
#define REGISTRY_SSH_H

#include "base/err.h"
#include "registry/endpoint.h"

/*
 * Take "ssh://[USER@]HOST[:PORT][/IMAGE]" apart.
 *
 * @text: becomes IMAGE, borrowed, NULL where there is none; what is not by ssh is left as it is
 * @ret_host: owned; untouched where it is not by ssh
 */
int ssh_take(const char **text, char **ret_host, struct err *e);

/*
 * Begin to wait for a connection.  To be called before registry_confine(): a program is started.  It ends
 * with the connection, or with this process.
 *
 * @host: of ssh_take()
 * @program: what takes ssh's place; NULL: ssh
 */
int ssh_open(const char *host, const char *program, const char *repository, struct endpoint *ret,
	     struct err *e);

#endif
