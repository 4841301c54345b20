#include "cmd/cmd.h"
#include "cmd/serve.h"

const struct opt serve_opts[] = {
	OPT_STRING(0, "listen", "ADDRESS:PORT", OPT_VALUE_TEXT, struct serve_args, listen,
		   "listen there (127.0.0.1:5000)",
		   "Listen there instead of on 127.0.0.1:5000: an address, or localhost. Port 0 is any that "
		   "is free, which is then said. Without an address (:5000) every machine that can reach "
		   "this one is answered."),
	OPT_FLAG(0, "read-only", struct serve_args, read_only, "let images be pulled, and none be pushed", NULL),
	OPT_STRING(0, "auth", "FILE", OPT_VALUE_FILE, struct serve_args, auth,
		   "ask for a name and a password of FILE",
		   "Answer nobody who does not give a name and a password of FILE, which has lines "
		   "NAME:HASH as htpasswd -B writes them (bcrypt). It is read once."),
	OPT_STRING(0, "tls-cert", "FILE", OPT_VALUE_FILE, struct serve_args, tls_cert,
		   "speak TLS, with this certificate (PEM)", NULL),
	OPT_STRING(0, "tls-key", "FILE", OPT_VALUE_FILE, struct serve_args, tls_key,
		   "the key of the certificate (PEM)", NULL),
	OPT_STRING(0, "limit-bytes", "SIZE", OPT_VALUE_TEXT, struct serve_args, limit_bytes,
		   "refuse a layer that has more",
		   "Refuse a layer, or another blob, that has more bytes than SIZE, as it comes. "
		   "Without it the disk is the limit."),
	OPT_FLAG(0, "stdio", struct serve_args, stdio, "speak on standard input and output, and end with them",
		 "Speak HTTP on standard input and output, which are one connection, and end with it: "
		 "what push and pull of ssh://HOST/IMAGE start on HOST. Nobody is asked for a password."),
	OPT_FLAG('q', "quiet", struct serve_args, quiet, "do not tell what is pulled and pushed", NULL),
	OPT_END,
};

int
cmd_serve(int argc, char **argv)
{
	(void)argc;
	return cmd_exec_helper("rootlet-serve", argv);
}
