#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "serve/serve-internal.h"

struct MHD_Response *
serve_empty(void)
{
	return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *
serve_text(const char *type, char *text, size_t n)
{
	struct MHD_Response *resp = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);

	if (resp)
		serve_set(resp, MHD_HTTP_HEADER_CONTENT_TYPE, "%s", type);
	else
		free(text);
	return resp;
}

struct MHD_Response *
serve_json(const char *type, json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

	return text ? serve_text(type, text, strlen(text)) : NULL;
}

void
serve_set(struct MHD_Response *resp, const char *name, const char *fmt, ...)
{
	char value[4 * SERVE_QUERY_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (resp)
		(void)MHD_add_response_header(resp, name, value);
}

enum MHD_Result
serve_send(struct request *r, unsigned int status, struct MHD_Response *resp)
{
	enum MHD_Result ret;

	serve_answering(r->server, r->client);
	ret = MHD_queue_response(r->conn, status, resp);
	MHD_destroy_response(resp);
	return ret;
}

enum MHD_Result
serve_answer(struct request *r, unsigned int status, struct MHD_Response *resp)
{
	r->answered = true;
	/* The client may go on with it as soon as it has the answer. */
	if (r->upload)
		uploads_give(r->server->uploads, TAKE_PTR(r->upload));
	if (!resp)
		return MHD_NO;
	serve_set(resp, "Docker-Distribution-Api-Version", "registry/2.0");
	serve_set(resp, "X-Content-Type-Options", "nosniff");
	if (!r->hold)
		return serve_send(r, status, resp);
	r->held = resp;
	r->held_status = status;
	return MHD_YES;
}

struct MHD_Response *
serve_error_body(const char *code, const char *message)
{
	char safe[1024];
	struct MHD_Response *resp;
	json_t *doc;

	(void)str_printable(safe, sizeof(safe), message, false);
	doc = json_pack("{s:[{s:s, s:s}]}", "errors", "code", code, "message", safe);
	resp = serve_json("application/json", doc);
	json_decref(doc);
	return resp;
}

enum MHD_Result
serve_error(struct request *r, unsigned int status, const char *code, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return serve_answer(r, status, serve_error_body(code, message));
}

enum MHD_Result
serve_failed(struct request *r, const struct err *e)
{
	switch (e->code) {
	case EBUSY:
		return serve_error(r, MHD_HTTP_TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "%s", e->msg);
	case EFBIG:
		return serve_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "SIZE_INVALID", "%s", e->msg);
	case ENOSPC:
	case EDQUOT:
		return serve_error(r, MHD_HTTP_INSUFFICIENT_STORAGE, "UNKNOWN", "%s", e->msg);
	default:
		return serve_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "UNKNOWN", "%s", e->msg);
	}
}
