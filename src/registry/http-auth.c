#include <ctype.h>
#include <jansson.h>
#include <libpsl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "registry/base64.h"
#include "registry/http-internal.h"

#define TOKEN_MAX   ((size_t)64 << 10) /* bytes of an answer with a token */
#define TOKEN_TRIES 3

/* --- what is known --- */

const char *
http_auth_line(struct http *h, const char *scope)
{
	const char *of = h->basic ? "" : scope;

	for (size_t i = 0; of && i < h->n_tokens; i++)
		if (strcmp(h->tokens[i].scope, of) == 0)
			return h->tokens[i].header;
	return NULL;
}

static void
remember(struct http *h, const char *scope, char *header)
{
	for (size_t i = 0; i < h->n_tokens; i++)
		if (strcmp(h->tokens[i].scope, scope) == 0) {
			secret_free(h->tokens[i].header);
			h->tokens[i].header = header;
			return;
		}
	h->tokens = xrealloc_array(h->tokens, h->n_tokens + 1, sizeof(*h->tokens));
	h->tokens[h->n_tokens++] = (struct token){ xstrdup(scope), header };
}

void
http_auth_clear(struct http *h)
{
	for (size_t i = 0; i < h->n_tokens; i++) {
		free(h->tokens[i].scope);
		secret_free(h->tokens[i].header);
	}
	free(h->tokens);
	h->tokens = NULL;
	h->n_tokens = 0;
	h->basic = false;
}

/* --- the challenge: Bearer realm="...",service="...",scope="..." --- */

void
http_challenge_clear(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	*c = (struct challenge){ .realm = NULL };
}

/* One parameter at *p, a token or a quoted string.  Owned; false at the end of them. */
static bool
next_param(const char **p, char **ret_name, char **ret_value)
{
	const char *s = *p + strspn(*p, " \t,"), *eq = s + strcspn(s, "= \t,\"");
	size_t n = 0;
	char *v;

	if (eq == s || *eq != '=')
		return false;
	*ret_name = xstrndup(s, (size_t)(eq - s));
	s = eq + 1;
	v = *ret_value = xcalloc(1, strlen(s) + 1);
	if (*s != '"') {
		n = strcspn(s, " \t,");
		memcpy(v, s, n);
		*p = s + n;
		return true;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		v[n++] = *s;
	}
	*p = *s ? s + 1 : s;
	return true;
}

static void
parse_params(const char *p, struct challenge *ret)
{
	AUTO_FREE char *name = NULL, *value = NULL;

	while (next_param(&p, &name, &value)) {
		char **to = strcasecmp(name, "realm") == 0     ? &ret->realm
			    : strcasecmp(name, "service") == 0 ? &ret->service
							       : NULL;

		if (to && !*to)
			*to = TAKE_PTR(value);
		free(name);
		free(value);
		name = value = NULL;
	}
}

void
http_parse_challenge(const char *text, struct challenge *ret)
{
	ret->bearer = strncasecmp(text, "Bearer ", 7) == 0;
	ret->basic = strncasecmp(text, "Basic", 5) == 0 && (text[5] == ' ' || !text[5]);
	if (ret->bearer)
		parse_params(text + 7, ret);
}

/* --- the password --- */

static char *
basic_line(const struct endpoint *ep)
{
	AUTO_SECRET char *pair = xasprintf("%s:%s", ep->user, ep->password);
	AUTO_SECRET char *text = base64_encode(pair, strlen(pair));

	return xasprintf("Authorization: Basic %s", text);
}

/* --- the realm --- */

/* Owned; NULL: it has none. */
static char *
host_of(const char *url)
{
	CURLU *u = curl_url();
	char *host = NULL, *ret = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		ret = xstrdup(host);
	curl_free(host);
	curl_url_cleanup(u);
	return ret;
}

/* Has it a domain at all?  An address would be taken for a name: 10.0.0.1 for one of the domain "0.1". */
static bool
has_domain(const char *host)
{
	const char *last = strrchr(host, '.');

	return last && last[1] && !isdigit((unsigned char)last[1]) && host[0] != '[' && !strchr(host, ':');
}

/* The list knows names in lower case only.  Owned. */
static char *
lower(const char *host)
{
	char *s = xstrdup(host);

	for (char *c = s; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return s;
}

bool
http_is_same_site(const char *a, const char *b)
{
	AUTO_FREE char *la = lower(a), *lb = lower(b);
	const psl_ctx_t *psl = psl_builtin();
	const char *x, *y;

	if (strcmp(la, lb) == 0)
		return true;
	if (!psl || !has_domain(la) || !has_domain(lb))
		return false;
	x = psl_registrable_domain(psl, la);
	y = psl_registrable_domain(psl, lb);
	return x && y && strcmp(x, y) == 0;
}

/*
 * Any realm may be asked for a token without a password.  Without TLS it has to be our endpoint's own
 * host, and that without TLS, too.
 */
static int
check_realm(const struct http *h, const char *realm, bool *ret_trusted, struct err *e)
{
	AUTO_FREE char *host = host_of(realm), *own = host_of(h->base);
	const bool same = host && own && strcasecmp(host, own) == 0;
	char shown[128];

	if (!host || !own)
		return err_set(e, EPROTO, "it does not say validly where a token is to be had");
	(void)str_printable(shown, sizeof(shown), host, false);
	if (strncmp(realm, "https://", 8) != 0 &&
	    (strncmp(realm, "http://", 7) != 0 || strncmp(h->base, "http://", 7) != 0 || !same))
		return err_set(e, EPROTO, "it wants a token fetched from %s without TLS", shown);
	*ret_trusted = http_is_same_site(own, host) ||
		       (h->ep->realm_host && strcasecmp(h->ep->realm_host, host) == 0);
	if (!*ret_trusted && (h->ep->user || h->ep->identity)) {
		(void)err_set(e, EPERM, "it wants the password sent to another site: %s", shown);
		return err_hint(e, "where that is right: --auth-host %s", shown);
	}
	return 0;
}

/* --- fetching a token --- */

struct answer {
	char *data; /* owned */
	size_t len;
};

static size_t
take(char *data, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;

	n *= size;
	if (a->len + n > TOKEN_MAX)
		return 0;
	a->data = xrealloc_array(a->data, a->len + n + 1, 1);
	memcpy(a->data + a->len, data, n);
	a->len += n;
	a->data[a->len] = '\0';
	return n;
}

static size_t
count_header(char *data, size_t size, size_t n, void *ctx)
{
	size_t *bytes = ctx;

	(void)data;
	*bytes += n * size;
	return *bytes > HTTP_HEADERS_MAX ? 0 : n * size;
}

static void
add_field(char **to, CURL *c, const char *name, const char *value)
{
	char *escaped = value ? curl_easy_escape(c, value, 0) : NULL;
	char *old = *to;

	if (!escaped)
		return;
	*to = xasprintf("%s%s%s=%s", old, *old ? "&" : "", name, escaped);
	secret_free(old);
	curl_free(escaped);
}

/* What the answer has: owned, or NULL with an error. */
static char *
read_token(const struct answer *a, struct err *e)
{
	json_t *j = a->data ? json_loadb(a->data, a->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *t = json_string_value(json_object_get(j, "token"));
	char *line = NULL;

	if (!t)
		t = json_string_value(json_object_get(j, "access_token"));
	/* It becomes a line of a header. */
	if (t && t[0] && t[strspn(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=")] == '\0')
		line = xasprintf("Authorization: Bearer %s", t);
	else
		(void)err_set(e, EBADMSG, "the service for tokens answers without a valid one");
	json_decref(j);
	return line;
}

/* A service that is busy for a moment is asked again. */
static CURLcode
perform(const struct http *h, CURL *c, struct answer *a, size_t *header_bytes)
{
	for (unsigned int tries = 1;; tries++) {
		const CURLcode code = curl_easy_perform(c);
		long status = 0;

		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
		if (tries >= h->o.tries || tries == TOKEN_TRIES ||
		    !(code == CURLE_OK ? http_is_busy(status) : http_is_passing(code)))
			return code;
		a->len = *header_bytes = 0;
		(void)poll(NULL, 0, (int)http_back_off_ms(tries));
	}
}

static int
ask(const struct http *h, CURL *c, const char *host, struct answer *a, struct err *e)
{
	size_t header_bytes = 0;
	long status = 0;
	CURLcode code;

	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, count_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, &header_bytes);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)h->o.stall_s + h->o.connect_s);
	http_say(h, "token from %s", host);
	code = perform(h, c, a, &header_bytes);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR)
		return err_set(e, EFBIG, "fetch a token from %s: the answer has more than %zu bytes", host, TOKEN_MAX);
	if (code != CURLE_OK)
		return err_set(e, EIO, "fetch a token from %s: %s", host, curl_easy_strerror(code));
	if (status == 401 || status == 403) {
		(void)err_set(e, EACCES, "%s gives no token: %s", host,
			      h->ep->user || h->ep->identity ? "the name or password is wrong" : "who we are is not known");
		return err_hint(e, "rootlet login %s", h->ep->host);
	}
	if (status != 200)
		return err_set(e, EIO, "fetch a token from %s: status %ld", host, status);
	return 0;
}

/* Each of several, which have a space between them, by itself. */
static void
add_scopes(char **to, CURL *c, const char *scopes)
{
	for (const char *p = scopes; p && *p; p += strspn(p, " ")) {
		AUTO_FREE char *one = xstrndup(p, strcspn(p, " "));

		add_field(to, c, "scope", one);
		p += strlen(one);
	}
}

/* GET with Basic; POST, as OAuth 2 has it, for an identity token. */
static int
set_question(const struct http *h, CURL *c, const char *realm, const char *service, const char *scope,
	     bool trusted, struct curl_slist **list)
{
	AUTO_FREE char *fields = xstrdup(""), *url = NULL;
	const bool post = trusted && h->ep->identity;

	add_field(&fields, c, "service", service);
	if (post)
		add_field(&fields, c, "scope", scope);
	else
		add_scopes(&fields, c, scope);
	if (post) {
		add_field(&fields, c, "grant_type", "refresh_token");
		add_field(&fields, c, "client_id", "rootlet");
		add_field(&fields, c, "refresh_token", h->ep->identity);
		(void)curl_easy_setopt(c, CURLOPT_URL, realm);
		(void)curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, fields);
	} else {
		url = xasprintf("%s%c%s", realm, strchr(realm, '?') ? '&' : '?', fields);
		(void)curl_easy_setopt(c, CURLOPT_URL, url);
		if (trusted && h->ep->user) {
			char *line = basic_line(h->ep);

			*list = curl_slist_append(NULL, line);
			secret_free(line);
			(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, *list);
		}
	}
	explicit_bzero(fields, strlen(fields));
	return 0;
}

/* A line to ask again with: owned; or NULL. */
static char *
fetch(const struct http *h, const struct challenge *ch, const char *scope, struct err *e)
{
	AUTO_FREE char *host = host_of(ch->realm), *origin = http_origin(ch->realm);
	struct curl_slist *list = NULL;
	struct answer a = { .data = NULL };
	char *line = NULL;
	bool trusted = false;
	CURL *c;

	if (check_realm(h, ch->realm, &trusted, e) < 0)
		return NULL;
	c = curl_easy_init();
	if (!c)
		abort();
	if (http_prepare(h, c, origin && http_is_ours(h, ch->realm), e) == 0 &&
	    set_question(h, c, ch->realm, ch->service, scope, trusted, &list) == 0 &&
	    ask(h, c, host, &a, e) == 0)
		line = read_token(&a, e);
	curl_easy_cleanup(c);
	curl_slist_free_all(list);
	secret_free(a.data);
	return line;
}

/* A token rather than the password, where there is the choice. */
static void
choose_challenge(const struct http_response *r, struct challenge *ret)
{
	static const char name[] = "www-authenticate:";

	for (char **h = r->headers; h && *h; h++) {
		const char *value = *h + sizeof(name) - 1;
		struct challenge c = { .bearer = false };

		if (!str_begins(*h, name))
			continue;
		http_parse_challenge(value + strspn(value, " \t"), &c);
		if ((c.bearer && c.realm && !ret->bearer) || (c.basic && !ret->bearer && !ret->basic)) {
			http_challenge_clear(ret);
			*ret = c;
		} else {
			http_challenge_clear(&c);
		}
	}
}

int
http_auth_answer(struct http *h, const char *scope, const struct http_response *r, struct err *e)
{
	CLEANUP(http_challenge_clear) struct challenge c = { .bearer = false };
	char *line;

	choose_challenge(r, &c);
	if (c.basic && h->ep->user && !h->basic) {
		h->basic = true;
		remember(h, "", basic_line(h->ep));
		return 0;
	}
	if (!c.bearer || h->basic)
		return 1;
	line = fetch(h, &c, scope, e);
	if (!line)
		return -e->code;
	remember(h, scope ? scope : "", line);
	return 0;
}
