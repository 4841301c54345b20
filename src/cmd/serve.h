/* serve - the command; its work is done in rootlet-serve */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include "options/opt.h"

struct serve_args {
	const char *listen; /* "ADDRESS:PORT"; NULL: the default */
	const char *auth;   /* file; NULL: nobody is asked */
	const char *tls_cert, *tls_key; /* files; NULL: plain HTTP */
	const char *limit_bytes; /* of a blob; NULL: none */
	bool read_only;
	bool stdio;         /* one connection, on standard input and output */
	bool quiet;
};

extern const struct opt serve_opts[];

int cmd_serve(int argc, char **argv);

#endif
