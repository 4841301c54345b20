/*
 * rootlet-registry - everything that speaks to registries
 *
 * argv[0] is the verb.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "cmd/cmd.h"
#include "image/places.h"
#include "libexec/registry.h"

#define TIMEOUT_MAX 86400 /* seconds */

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
} verbs[] = {
	{ "login", verb_login },
	{ "logout", verb_logout },
	{ "pull", verb_pull },
	{ "pull-missing", verb_pull },
	{ "copy", verb_copy },
	{ "push", verb_push },
	{ "push-layout", verb_push },
	{ "search", verb_search },
	{ "tags", verb_tags },
};

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "rootlet: %s\n", line);
}

int
take_lookup(const struct registry_args *a, struct lookup *ret, struct http_options *ret_http, struct err *e)
{
	uint64_t seconds = 0;
	struct places p;

	if (a->tls_verify && strcmp(a->tls_verify, "true") != 0 && strcmp(a->tls_verify, "false") != 0)
		return err_set(e, EINVAL, "--tls-verify=%s: neither true nor false", a->tls_verify);
	if (a->timeout && (parse_u64(a->timeout, TIMEOUT_MAX, &seconds, e) < 0 || seconds == 0)) {
		err_clear(e);
		return err_set(e, EINVAL, "--timeout %s: not a number of seconds from 1 to %d", a->timeout,
			       TIMEOUT_MAX);
	}
	cmd_find_places(&p);
	*ret = (struct lookup){ .places = p, .tls_verify = a->tls_verify, .authfile = a->authfile,
				.auth_host = a->auth_host, .cert_dir = a->cert_dir,
				.ssh_program = cmd_find_ssh() };
	*ret_http = (struct http_options){ .stall_s = (unsigned int)seconds,
					   .connect_s = (unsigned int)seconds,
					   .ca_file = ret->places.ca_file,
					   .say = a->debug ? say : NULL };
	return 0;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	(void)umask(077);
	for (size_t i = 0; argc > 0 && i < NELEMS(verbs); i++) {
		if (strcmp(verbs[i].name, argv[0]) != 0)
			continue;
		r = verbs[i].run(argc, argv, &e);
		if (r < 0)
			return cmd_fail(&e);
		return r == 1 ? cmd_help(verbs[i].name) : cmd_end_output();
	}
	(void)err_set(&e, EINVAL, "'%s' is not a command about registries", argc ? argv[0] : "");
	return cmd_fail(&e);
}
