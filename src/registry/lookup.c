#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/ref.h"
#include "registry/auth.h"
#include "registry/certs.h"
#include "registry/conf.h"
#include "registry/lookup.h"
#include "registry/ssh.h"

#define HUB      "docker.io"
#define HUB_HOST "registry-1.docker.io" /* what answers for it */

const char *
lookup_shown_host(const struct endpoint *ep)
{
	return strcmp(ep->host, HUB_HOST) == 0 ? HUB : ep->host;
}

/* @full: HOST[:PORT][/PATH] */
static struct endpoint
split(const char *full)
{
	const size_t n = strcspn(full, "/");
	AUTO_FREE char *host = xstrndup(full, n);
	struct endpoint ep = ENDPOINT_INIT;

	ep.host = strcmp(host, HUB) == 0 ? xstrdup(HUB_HOST) : TAKE_PTR(host);
	ep.repository = xstrdup(full[n] ? full + n + 1 : "");
	ep.loopback = endpoint_is_loopback(ep.host);
	return ep;
}

static int
take_auth(const char *full, const struct lookup *l, struct endpoint *ep, struct err *e)
{
	AUTO_AUTH a = AUTH_INIT;
	const int r = auth_find(&l->places, l->authfile, full, &a, e);

	if (r != 0)
		return r < 0 ? r : 0;
	ep->user = TAKE_PTR(a.user);
	ep->password = TAKE_PTR(a.password);
	ep->identity = TAKE_PTR(a.identity);
	return 0;
}

/* What the files say of one place, and what the user says of the registry that he has named. */
static int
fill(const char *full, const struct lookup *l, bool insecure, bool own, bool known, struct endpoint *ret,
     struct err *e)
{
	struct endpoint ep = split(full);

	ep.insecure = insecure;
	ep.mirror = !own;
	if (l->tls_verify && (own || strcmp(l->tls_verify, "true") == 0))
		ep.insecure = strcmp(l->tls_verify, "false") == 0;
	ep.realm_host = own && l->auth_host ? xstrdup(l->auth_host) : NULL;
	if ((known && take_auth(full, l, &ep, e) < 0) ||
	    certs_read(&l->places, own ? l->cert_dir : NULL, lookup_shown_host(&ep), &ep, e) < 0) {
		endpoint_clear(&ep);
		return -e->code;
	}
	*ret = ep;
	return 0;
}

static int
add(const char *full, const struct lookup *l, bool insecure, bool own, struct endpoints *to, struct err *e)
{
	struct endpoint ep;

	if (fill(full, l, insecure, own, true, &ep, e) < 0)
		return -e->code;
	to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
	to->v[to->n++] = ep;
	return 0;
}

static int
check_blocked(const struct conf_registry *r, const char *name, struct err *e)
{
	if (!r || !r->blocked)
		return 0;
	return err_set(e, EPERM, "%s: registry %s is blocked in %s", name, r->prefix, r->file);
}

static int
add_mirrors(const struct conf_registry *r, const char *full, const struct lookup *l, struct endpoints *to,
	    struct err *e)
{
	if (r->digests_only && !l->by_digest)
		return 0;
	for (size_t i = 0; i < r->n_mirrors; i++) {
		const struct conf_place *m = &r->mirrors[i];
		AUTO_FREE char *there = conf_rewrite(r, m, full);

		if (l->by_digest ? m->no_digests : m->no_tags)
			continue;
		if (add(there, l, m->insecure, false, to, e) < 0)
			return -e->code;
	}
	return 0;
}

/* What is sent there is not sent elsewhere; and what is insecure is the place, not the name. */
static int
add_itself(const struct conf_registry *r, const char *full, const struct lookup *l, struct endpoints *to,
	   struct err *e)
{
	AUTO_FREE char *there = r ? conf_rewrite(r, &r->own, full) : xstrdup(full);

	if (l->push && strcmp(there, full) != 0)
		return add(full, l, false, true, to, e);
	return add(there, l, r && r->own.insecure, true, to, e);
}

static int
find_by_ssh(const char *name, const struct lookup *l, struct endpoints *ret, struct err *e)
{
	struct endpoint ep = ENDPOINT_INIT;

	if (ssh_open(l->ssh, l->ssh_program, name, &ep, e) < 0)
		return -e->code;
	ret->v = xcalloc(1, sizeof(*ret->v));
	ret->v[0] = ep;
	ret->n = 1;
	return 0;
}

int
lookup_endpoints(const char *name, const struct lookup *l, struct endpoints *ret, struct err *e)
{
	AUTO_FREE char *full = image_ref_full_name(name);
	AUTO_ENDPOINTS found = ENDPOINTS_INIT;
	const struct conf_registry *r;
	AUTO_CONF c = CONF_INIT;

	if (l->ssh)
		return find_by_ssh(name, l, ret, e);
	if (conf_read(&l->places, &c, e) < 0)
		return -e->code;
	r = conf_find(&c, full);
	if (check_blocked(r, full, e) < 0 ||
	    (r && !l->push && add_mirrors(r, full, l, &found, e) < 0) ||
	    add_itself(r, full, l, &found, e) < 0)
		return -e->code;
	*ret = found;
	found = (struct endpoints)ENDPOINTS_INIT;
	return 0;
}

int
lookup_registry(const char *name, const struct lookup *l, bool known, struct endpoint *ret, struct err *e)
{
	const struct conf_registry *r;
	AUTO_FREE char *there = NULL;
	AUTO_CONF c = CONF_INIT;

	if (conf_read(&l->places, &c, e) < 0)
		return -e->code;
	r = conf_find(&c, name);
	if (check_blocked(r, name, e) < 0)
		return -e->code;
	there = r ? conf_rewrite(r, &r->own, name) : xstrdup(name);
	return fill(name, l, r && r->own.insecure && strcmp(there, name) == 0, true, known, ret, e);
}

int
lookup_search_registries(const struct lookup *l, char ***ret, struct err *e)
{
	AUTO_CONF c = CONF_INIT;

	if (conf_read(&l->places, &c, e) < 0)
		return -e->code;
	*ret = TAKE_PTR(c.search);
	if (!*ret)
		strv_take(ret, xstrdup(HUB));
	return 0;
}
