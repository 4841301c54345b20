#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "image/ref.h"
#include "serve/serve-internal.h"

#define THROWN_AWAY_MAX ((uint64_t)1 << 30) /* bytes of a body whose request has failed */
#define SMALL_MAX       ((uint64_t)8 << 20) /* bytes of a body */

enum kind {
	KIND_BASE,
	KIND_CATALOG,
	KIND_TAGS,
	KIND_MANIFEST,
	KIND_BLOB,
	KIND_UPLOADS,
	KIND_UPLOAD,
	KIND_REFERRERS,
	KIND_MAX_
};

static enum MHD_Result
get_base(struct request *r)
{
	static const char text[] = "{}";

	return serve_answer(r, MHD_HTTP_OK, serve_text("application/json", xstrdup(text), strlen(text)));
}

static const struct action serve_get_base = { .begin = get_base };

/* Each pair of these that is not here is refused. */
static const struct route {
	enum kind kind;
	const char *method;
	const struct action *action;
} routes[] = {
	{ KIND_BASE, "GET", &serve_get_base },
	{ KIND_CATALOG, "GET", &serve_get_catalog },
	{ KIND_TAGS, "GET", &serve_get_tags },
	{ KIND_MANIFEST, "GET", &serve_get_manifest },
	{ KIND_MANIFEST, "PUT", &serve_put_manifest },
	{ KIND_BLOB, "GET", &serve_get_blob },
	{ KIND_UPLOADS, "POST", &serve_post_upload },
	{ KIND_UPLOAD, "GET", &serve_get_upload },
	{ KIND_UPLOAD, "PATCH", &serve_patch_upload },
	{ KIND_UPLOAD, "PUT", &serve_put_upload },
	{ KIND_UPLOAD, "DELETE", &serve_delete_upload },
	{ KIND_REFERRERS, "GET", &serve_get_referrers },
};

const char *
serve_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *
serve_query(const struct request *r, const char *name)
{
	const char *value = MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);

	return value && strlen(value) <= SERVE_QUERY_MAX ? value : NULL;
}

/* --- what is meant --- */

/* The path ends with @middle and one word: cut both off.  Returns the word, or NULL. */
static char *
cut(char *path, const char *middle)
{
	char *slash = strrchr(path, '/');
	const size_t n = strlen(middle);

	if (!slash || (size_t)(slash - path) < n + 1 || strncmp(slash - n, middle, n) != 0)
		return NULL;
	*(slash - n) = '\0';
	return slash + 1;
}

/* @path: after "/v2/", owned by the caller, cut in pieces.  Returns KIND_MAX_ when it means nothing. */
static enum kind
take_path(char *path, const char **ret_name, const char **ret_ref)
{
	static const struct {
		const char *middle;
		enum kind kind;
	} resources[] = {
		{ "/manifests", KIND_MANIFEST },
		{ "/blobs/uploads", KIND_UPLOAD },
		{ "/blobs", KIND_BLOB },
		{ "/tags", KIND_TAGS },
		{ "/referrers", KIND_REFERRERS },
	};
	const char *ref;

	*ret_name = path;
	*ret_ref = "";
	for (size_t i = 0; i < NELEMS(resources); i++) {
		ref = cut(path, resources[i].middle);
		if (!ref)
			continue;
		*ret_ref = ref;
		if (resources[i].kind == KIND_TAGS)
			return strcmp(ref, "list") == 0 ? KIND_TAGS : KIND_MAX_;
		if (resources[i].kind == KIND_UPLOAD)
			return *ref ? KIND_UPLOAD : KIND_UPLOADS;
		return resources[i].kind == KIND_BLOB && strcmp(ref, "uploads") == 0 ? KIND_UPLOADS
										      : resources[i].kind;
	}
	return KIND_MAX_;
}

static enum kind
understand(struct request *r, const char *url)
{
	AUTO_FREE char *path = NULL;
	const char *name, *ref;
	enum kind kind;

	if (strcmp(url, "/v2") == 0 || strcmp(url, "/v2/") == 0)
		return KIND_BASE;
	if (!str_begins(url, "/v2/"))
		return KIND_MAX_;
	if (strcmp(url, "/v2/_catalog") == 0)
		return KIND_CATALOG;
	path = xstrdup(url + strlen("/v2/"));
	kind = take_path(path, &name, &ref);
	if (kind != KIND_MAX_) {
		r->name = xstrdup(name);
		r->ref = xstrdup(ref);
	}
	return kind;
}

static const struct action *
find_action(enum kind kind, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < NELEMS(routes); i++)
		if (routes[i].kind == kind && strcmp(routes[i].method, method) == 0)
			return routes[i].action;
	return NULL;
}

/* --- who may --- */

/* Is it a number, or a name of this machine, with or without a port? */
static bool
host_is_ours(const char *host)
{
	static const char local[] = "localhost";
	const size_t n = strcspn(host, ":");

	if (host[0] == '[')
		return true;
	return (n == strlen(local) && strncasecmp(host, local, n) == 0) ||
	       (n > 0 && strspn(host, "0123456789.") == n);
}

/*
 * A page in a browser must not speak to us: neither under its own name, which it has made that of
 * this machine (DNS rebinding), nor from elsewhere.
 */
static bool
is_of_a_page(const struct request *r)
{
	const char *host = serve_header(r, MHD_HTTP_HEADER_HOST);

	return serve_header(r, MHD_HTTP_HEADER_ORIGIN) ||
	       (r->server->o.local && !r->server->o.auth && host && !host_is_ours(host));
}

static bool
may_come_in(struct request *r)
{
	char *password = NULL, *user;
	bool may;

	if (!r->server->o.auth)
		return true;
	user = MHD_basic_auth_get_username_password(r->conn, &password);
	may = user && password && serve_auth_check(r->server->o.auth, user, password);
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	MHD_free(user);
	return may;
}

static enum MHD_Result
ask_who(struct request *r)
{
	struct MHD_Response *resp = serve_error_body("UNAUTHORIZED", "a name and a password are needed");

	serve_set(resp, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"rootlet\", charset=\"UTF-8\"");
	return serve_answer(r, MHD_HTTP_UNAUTHORIZED, resp);
}

static enum MHD_Result
not_allowed(struct request *r)
{
	struct MHD_Response *resp =
		serve_error_body("UNSUPPORTED", r->server->o.read_only ? "this registry is read-only"
									: "there is no such operation here");

	serve_set(resp, MHD_HTTP_HEADER_ALLOW, "GET, HEAD%s", r->server->o.read_only ? "" : ", PUT, POST, PATCH");
	return serve_answer(r, MHD_HTTP_METHOD_NOT_ALLOWED, resp);
}

/* --- a request --- */

static enum MHD_Result
begin(struct request *r, const char *url)
{
	struct err e = ERR_INIT;
	enum kind kind;

	if (is_of_a_page(r))
		return serve_error(r, MHD_HTTP_FORBIDDEN, "DENIED",
				   "not for browsers, and for no other name of this machine than localhost");
	if (!may_come_in(r))
		return ask_who(r);
	kind = understand(r, url);
	if (kind == KIND_MAX_)
		return serve_error(r, MHD_HTTP_NOT_FOUND, "UNSUPPORTED", "there is nothing of that name");
	if (r->name && !serve_is_repository(r->name))
		return serve_error(r, MHD_HTTP_NOT_FOUND, "NAME_INVALID", "'%.200s' is no name of a repository",
				   r->name);
	r->action = find_action(kind, r->method);
	if (!r->action || (r->action->writes && r->server->o.read_only))
		return not_allowed(r);
	if (store_share(r->server->o.store, &r->store, &e) < 0)
		return serve_failed(r, &e);
	return r->action->begin(r);
}

static struct request *
new_request(struct server *s, struct MHD_Connection *conn, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *r = xcalloc(1, sizeof(*r));

	r->server = s;
	r->conn = conn;
	r->client = info ? info->socket_context : NULL;
	r->method = method;
	r->store = (struct store)STORE_INIT;
	return r;
}

/* Of what has failed the rest is read, so that the client hears why; but not for ever. */
static enum MHD_Result
take_body(struct request *r, const char *data, size_t n)
{
	serve_moved(r->server, r->client, n);
	if (r->err.code || r->answered || !r->action->body) {
		r->thrown_away += n;
		return r->thrown_away > THROWN_AWAY_MAX ? MHD_NO : MHD_YES;
	}
	(void)r->action->body(r, data, n);
	return MHD_YES;
}

static enum MHD_Result
end(struct request *r)
{
	r->hold = false;
	if (r->held)
		return serve_send(r, r->held_status, TAKE_PTR(r->held));
	return r->err.code ? serve_failed(r, &r->err) : r->action->end(r);
}

enum body {
	BODY_NONE,
	BODY_SMALL, /* and on its way, whatever we say */
	BODY_BIG,
};

static enum body
expected_body(const struct request *r)
{
	const char *length = serve_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct err ignored = ERR_INIT;
	uint64_t n = 0;

	if (serve_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		return BODY_BIG;
	if (!length || (parse_u64(length, UINT64_MAX, &n, &ignored) == 0 && n == 0))
		return BODY_NONE;
	return n > SMALL_MAX || serve_header(r, MHD_HTTP_HEADER_EXPECT) ? BODY_BIG : BODY_SMALL;
}

static enum MHD_Result
count_length(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	unsigned int *n = cls;

	(void)kind;
	(void)value;
	*n += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
	      strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

/* Of two lengths a proxy may believe the other: what it takes for a body would be a request to us. */
static bool
has_two_lengths(const struct request *r)
{
	unsigned int n = 0;

	(void)MHD_get_connection_values(r->conn, MHD_HEADER_KIND, count_length, &n);
	return n > 1;
}

/*
 * What is answered at once, before a body has come, is the last on its connection.  So without a body
 * we wait for the second call; and the answer to a small one waits for the end of that.
 */
static enum MHD_Result
first_call(struct request *r, const char *url)
{
	const enum body body = expected_body(r);

	serve_moved(r->server, r->client, 0);
	if (has_two_lengths(r))
		return serve_error(r, MHD_HTTP_BAD_REQUEST, "UNSUPPORTED", "the length of the body is told twice");
	r->hold = body == BODY_SMALL;
	return body == BODY_NONE ? MHD_YES : begin(r, url);
}

enum MHD_Result
serve_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
	      const char *version, const char *data, size_t *n, void **ctx)
{
	struct request *r = *ctx;
	const size_t len = *n;
	enum MHD_Result ret = MHD_YES;

	(void)version;
	if (!r) {
		r = *ctx = new_request(cls, conn, method);
		return first_call(r, url);
	}
	*n = 0;
	if (len > 0)
		return r->action || r->answered ? take_body(r, data, len) : MHD_NO;
	if (!r->action && !r->answered)
		ret = begin(r, url);
	return ret == MHD_NO || (r->answered && !r->held) ? ret : end(r);
}

void
serve_request_done(void *cls, struct MHD_Connection *conn, void **ctx,
		   enum MHD_RequestTerminationCode why)
{
	struct request *r = *ctx;

	(void)cls;
	(void)conn;
	(void)why;
	if (!r)
		return;
	/* What has come of it stays: the client may go on. */
	if (r->upload)
		uploads_give(r->server->uploads, r->upload);
	store_close(&r->store);
	if (r->held)
		MHD_destroy_response(r->held);
	free(r->name);
	free(r->ref);
	free(r->body);
	free(r);
	*ctx = NULL;
}
