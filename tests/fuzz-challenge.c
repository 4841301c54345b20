/* fuzz-challenge - what a registry says about who may come, and where its lists go on */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "registry/client.h"
#include "registry/http-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is a part of the text: nothing is made up, nothing is read twice. */
static void
check_challenge(const char *text)
{
	struct challenge c = { .bearer = false };
	size_t n;

	http_parse_challenge(text, &c);
	n = (c.realm ? strlen(c.realm) : 0) + (c.service ? strlen(c.service) : 0);
	if ((c.bearer && c.basic) || n > strlen(text) || (!c.bearer && n > 0))
		abort();
	http_challenge_clear(&c);
	if (c.realm || c.service)
		abort();
}

/* Wherever it leads: to the same registry, by an address that is one line. */
static void
check_link(char *text)
{
	char *headers[] = { xasprintf("link: %s", text), NULL };
	const struct http_response r = { .status = 200, .headers = headers };
	char *next = NULL;
	struct err e = ERR_INIT;

	if (client_next_page("/v2/a/tags/list?n=1", &r, &next, &e) < 0) {
		if (e.code <= 0 || next)
			abort();
	} else if (next) {
		if (!str_begins(next, "/v2/") || e.code)
			abort();
		for (const char *c = next; *c; c++)
			if ((unsigned char)*c < ' ' || *c == '\x7f')
				abort();
	}
	free(next);
	free(headers[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xcalloc(size + 1, 1);

	if (size > 0)
		memcpy(text, data, size);
	check_challenge(text);
	check_link(text);
	return 0;
}
