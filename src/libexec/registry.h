/*
 * registry - between the files of rootlet-registry: its verbs, and what they have in common
 */
#ifndef LIBEXEC_REGISTRY_H
#define LIBEXEC_REGISTRY_H

#include "cmd/registry.h"
#include "image/ref.h"
#include "registry/client.h"
#include "registry/lookup.h"

/* Each takes argv with its own name first; returns 0, 1 after --help, or -errno. */
int verb_copy(int argc, char **argv, struct err *e);
int verb_pull(int argc, char **argv, struct err *e);
int verb_push(int argc, char **argv, struct err *e);
int verb_login(int argc, char **argv, struct err *e);
int verb_logout(int argc, char **argv, struct err *e);
int verb_search(int argc, char **argv, struct err *e);
int verb_tags(int argc, char **argv, struct err *e);

/* What the options of REGISTRY_OPTS say.  @ret: borrows from @a */
int take_lookup(const struct registry_args *a, struct lookup *ret, struct http_options *ret_http,
		struct err *e);

#endif
