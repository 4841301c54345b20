/*
 * registry - the commands about registries
 *
 * Their work is done in rootlet-registry; here is what `rootlet` has of them: the tables for help and
 * documentation.
 */
#ifndef CMD_REGISTRY_H
#define CMD_REGISTRY_H

#include "options/opt.h"

struct spec;

/* How a registry is spoken to: the same options in all commands. */
struct registry_args {
	const char *tls_verify; /* "true", "false"; NULL: as registries.conf says */
	const char *authfile;   /* NULL: where docker and podman have it */
	const char *auth_host;  /* another host that may be sent the password; NULL: none */
	const char *cert_dir;   /* in place of those of certs.d; NULL */
	const char *timeout;    /* seconds; NULL: the default */
	bool debug;
};

#define REGISTRY_OPTS(args) \
	OPT_GROUP("Registry"), \
	OPT_STRING(0, "tls-verify", "true|false", OPT_VALUE_WORDS, args, registry.tls_verify, \
		   "false: take any certificate, and plain HTTP, from this registry", \
		   "Without it that is for registries that registries.conf calls insecure; and plain HTTP " \
		   "is for those of this machine (localhost, 127.0.0.1, [::1]), where there is no TLS."), \
	OPT_STRING(0, "authfile", "FILE", OPT_VALUE_FILE, args, registry.authfile, \
		   "take names and passwords from FILE", \
		   "Without it: $REGISTRY_AUTH_FILE, or those of podman and docker, in this order."), \
	OPT_STRING(0, "auth-host", "HOST", OPT_VALUE_TEXT, args, registry.auth_host, \
		   "HOST may be sent the password as well, where the registry says so", \
		   "A registry may have its tokens given out by another host. That of the same domain " \
		   "is sent the password without this option, no other one."), \
	OPT_STRING(0, "cert-dir", "DIR", OPT_VALUE_DIR, args, registry.cert_dir, \
		   "take certificates from DIR: *.crt of CAs, *.cert and *.key of ours", \
		   "Without it: certs.d/HOST[:PORT] of /etc/containers and /etc/docker, and of the " \
		   "user's own configuration of containers."), \
	OPT_STRING(0, "timeout", "SECONDS", OPT_VALUE_TEXT, args, registry.timeout, \
		   "give up a transfer that stands still so long (30)", NULL), \
	OPT_FLAG(0, "debug", args, registry.debug, "show what is asked and answered", \
		 "Passwords and tokens are not shown.")

struct pull_args {
	struct registry_args registry;
	const char *platform; /* as the user wrote it; NULL: this machine's */
	bool all_platforms, quiet;
};

struct push_args {
	struct registry_args registry;
	const char *compression; /* NULL: as it is */
	bool all_tags, quiet;
};

#define COPY_DOCKER "docker://" /* how a registry is written */

struct copy_args {
	struct registry_args registry;
	bool all, with_referrers, quiet;
};

struct tags_args {
	struct registry_args registry;
};

struct login_args {
	struct registry_args registry;
	const char *user; /* NULL: is asked for */
	bool password_stdin, get_login;
};

struct logout_args {
	const char *authfile; /* NULL: where login has it */
	bool all;
};

struct search_args {
	struct registry_args registry;
	const char *limit; /* NULL: the default */
	bool quiet;
};

extern const struct opt login_opts[], logout_opts[], search_opts[];
extern const struct opt copy_opts[], pull_opts[], push_opts[], tags_opts[];

/* $ROOTLET_SSH; NULL: ssh itself. */
const char *cmd_find_ssh(void);

/* A verb of rootlet-registry. */
int cmd_registry(int argc, char **argv);
/* With --compression the image is written anew before. */
int cmd_push(int argc, char **argv);
/* From a registry, a layout, an archive or the store to another one: see copy.c. */
int cmd_copy(int argc, char **argv);
/* Pull: rootlet-registry, with the command line as it is, and rootlet-image; see image/feed.h. */
int cmd_pull(int argc, char **argv);
/*
 * The same from within another command.  An error without a message has been said.
 *
 * @argv: "pull", options, image
 * @ids: of cmd_choose_ids(), and changed by run_idmap_again() where a range is refused
 * @print: the digest on standard output
 * @quiet: do not show how far it is
 */
int cmd_pull_image(char **argv, struct spec *ids, bool print, bool quiet, struct err *e);

#endif
