#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "registry/client.h"
#include "registry/search.h"

#define PAGE_MAX  ((size_t)4 << 20) /* bytes of one answer */
#define PAGES_MAX 10000
#define V1_PAGE   100 /* results that Docker Hub gives at a time */

void
search_clear(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].description);
	}
	free(s->v);
	*s = (struct search){ .limit = s->limit };
}

static void
add(struct search *s, struct found f)
{
	s->v = xrealloc_array(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = f;
}

/* 1: it has none, or not for us */
static int
get(struct http *h, const char *url, const char *scope, struct http_response *r, struct err *e)
{
	const struct http_request q = { .method = "GET", .url = url, .scope = scope, .body_fd = -1,
					.sink_fd = -1, .max = PAGE_MAX };

	if (http_do(h, &q, r, e) < 0)
		return -e->code;
	switch (r->status) {
	case 200:
		return 0;
	case 401:
	case 403:
	case 404:
	case 405:
	case 501:
		return 1;
	default:
		return http_refused(r, "search", e);
	}
}

/* --- /v2/_catalog --- */

static int
take_page(const struct http_response *r, const char *term, struct search *s, struct err *e)
{
	json_t *j = json_loadb(r->body, r->len, 0, NULL), *list = json_object_get(j, "repositories"), *v;
	int ret = 0;
	size_t i;

	if (!json_is_object(j) || (list && !json_is_array(list) && !json_is_null(list)))
		ret = err_set(e, EBADMSG, "the list of repositories cannot be read");
	for (i = 0; ret == 0 && s->n < s->limit && (v = json_array_get(list, i)); i++) {
		const char *name = json_string_value(v);

		if (name && strcasestr(name, term))
			add(s, (struct found){ .name = xstrdup(name) });
	}
	json_decref(j);
	return ret;
}

static int
search_catalog(struct http *h, const char *term, struct search *s, struct err *e)
{
	AUTO_FREE char *url = xstrdup("/v2/_catalog?n=1000");

	for (int page = 0; url && s->n < s->limit; page++) {
		AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
		char *next;
		int got;

		if (page == PAGES_MAX)
			return err_set(e, ELOOP, "the list of repositories has no end");
		got = get(h, url, "registry:catalog:*", &r, e);
		if (got != 0)
			return got;
		if (take_page(&r, term, s, e) < 0 || client_next_page(url, &r, &next, e) < 0)
			return -e->code;
		free(url);
		url = next;
	}
	return 0;
}

/* --- /v1/search --- */

/* As a part of a URL.  Owned. */
static char *
escape(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *to = xcalloc(strlen(text) + 1, 3), *out = to;

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~", c)) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	return to;
}

static void
take_result(json_t *v, struct search *s)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	const char *text = json_string_value(json_object_get(v, "description"));
	const json_int_t stars = json_integer_value(json_object_get(v, "star_count"));

	if (name && s->n < s->limit)
		add(s, (struct found){ .name = xstrdup(name), .description = text && *text ? xstrdup(text) : NULL,
				       .stars = stars > 0 ? (uint64_t)stars : 0,
				       .official = json_is_true(json_object_get(v, "is_official")) });
}

/* @ret: how many there were */
static int
take_results(const struct http_response *r, size_t max, struct search *s, size_t *ret, struct err *e)
{
	json_t *j = json_loadb(r->body, r->len, 0, NULL), *list = json_object_get(j, "results");
	const bool valid = json_is_array(list);

	*ret = json_array_size(list);
	for (size_t i = 0; i < *ret && i < max; i++)
		take_result(json_array_get(list, i), s);
	json_decref(j);
	return valid ? 0 : err_set(e, EBADMSG, "the results of the search cannot be read");
}

static int
search_v1(struct http *h, const char *term, struct search *s, struct err *e)
{
	AUTO_FREE char *escaped = escape(term);
	size_t got = V1_PAGE;

	for (int page = 1; got == V1_PAGE && s->n < s->limit && page <= PAGES_MAX; page++) {
		AUTO_FREE char *url = xasprintf("/v1/search?q=%s&n=%d&page=%d", escaped, V1_PAGE, page);
		AUTO_HTTP_RESPONSE r = HTTP_RESPONSE_INIT;
		const int status = get(h, url, NULL, &r, e);

		if (status != 0)
			return status;
		if (take_results(&r, V1_PAGE, s, &got, e) < 0)
			return -e->code;
	}
	return 0;
}

int
search_registry(struct http *h, bool hub, const char *term, struct search *s, struct err *e)
{
	const int r = hub ? 1 : search_catalog(h, term, s, e);

	return r == 1 ? search_v1(h, term, s, e) : r;
}
