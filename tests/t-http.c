/* t-http - headers, challenges, pages: what can be told without a registry */
#include <string.h>

#include "base/str.h"
#include "registry/client.h"
#include "registry/http-internal.h"
#include "tap.h"

static void
test_headers(void)
{
	char *headers[] = { (char[]){ "content-type:text/plain" }, (char[]){ "x:  1" }, (char[]){ "x: 2" },
			    (char[]){ "x-y: 3" }, (char[]){ "empty:" }, NULL };
	const struct http_response r = { .headers = headers }, none = HTTP_RESPONSE_INIT;

	OK(strcmp(http_header(&r, "content-type"), "text/plain") == 0, "a header needs no space");
	OK(strcmp(http_header(&r, "x"), "2") == 0, "the last of two is taken");
	OK(strcmp(http_header(&r, "empty"), "") == 0, "an empty one is there");
	OK(!http_header(&r, "x-") && !http_header(&r, "content"), "a part of a name is no name");
	OK(!http_header(&none, "x"), "none is there");
}

static bool
challenge_is(const char *text, bool bearer, bool basic, const char *realm, const char *service)
{
	CLEANUP(http_challenge_clear) struct challenge c = { .bearer = false };

	http_parse_challenge(text, &c);
	return c.bearer == bearer && c.basic == basic && (realm ? c.realm && !strcmp(realm, c.realm) : !c.realm) &&
	       (service ? c.service && !strcmp(service, c.service) : !c.service);
}

static void
test_challenges(void)
{
	OK(challenge_is("Bearer realm=\"https://a/t\",service=\"s\",scope=\"x\"", true, false, "https://a/t", "s"),
	   "realm and service are read");
	OK(challenge_is("bearer REALM=\"r\" , Service=s", true, false, "r", "s"), "in any case, quoted or not");
	OK(challenge_is("Bearer realm=\"a\\\"b\\\\\"", true, false, "a\"b\\", NULL), "a backslash quotes");
	OK(challenge_is("Bearer realm=\"a", true, false, "a", NULL), "a string that does not end is one");
	OK(challenge_is("Bearer realm=\"a\",realm=\"b\"", true, false, "a", NULL), "the first realm counts");
	OK(challenge_is("Basic realm=\"a\"", false, true, NULL, NULL), "Basic needs no realm");
	OK(challenge_is("Basically x=y", false, false, NULL, NULL), "another word is another scheme");
	OK(challenge_is("", false, false, NULL, NULL), "nothing is no challenge");
}

/* @want: NULL: the last page; "": an error */
static bool
page_is(const char *link, const char *want)
{
	AUTO_FREE char *header = xasprintf("link: %s", link), *next = NULL;
	char *headers[] = { header, NULL };
	const struct http_response r = { .headers = headers };
	struct err e = ERR_INIT;

	if (client_next_page("/v2/a/b/tags/list?n=2", &r, &next, &e) < 0)
		return want && !*want;
	return want ? next && strcmp(next, want) == 0 : !next;
}

static void
test_pages(void)
{
	OK(page_is("</v2/a/b/tags/list?last=x&n=2>; rel=\"next\"", "/v2/a/b/tags/list?last=x&n=2"), "the next page");
	OK(page_is("<list?last=x>;rel=next", "/v2/a/b/tags/list?last=x"), "beside this one");
	OK(page_is("<?last=x>; rel=next", "/v2/a/b/tags/list?last=x"), "by a query alone");
	OK(page_is("<https://evil.example/v2/x?y=z>; rel=\"next\"", "/v2/x?y=z"), "another host is not gone to");
	OK(page_is("<//evil.example/v2/x>; rel=\"next\"", "/v2/x"), "nor without a scheme");
	OK(page_is("<file:///etc/passwd>; rel=\"next\"", ""), "another place of the server is refused");
	OK(page_is("</v2/../secret>; rel=\"next\"", ""), "also by way of ..");
	OK(page_is("</v2/a/b/tags/list?n=2>; rel=\"next\"", ""), "itself is refused");
	OK(page_is("</v2/p>; rel=\"prev\", </v2/n>; rel=\"next\"", "/v2/n"), "the second of two");
	OK(page_is("</v2/p>; rel=\"prev\"; title=\"next\"", NULL), "the one before is not the next one");
	OK(page_is("</v2/p>; rel=\"nextish\"", NULL), "nor is what begins like it");
	OK(page_is("</v2/p", NULL) && page_is("", NULL), "half a link is none");
}

static void
test_sites(void)
{
	OK(http_is_same_site("registry.example.org", "auth.example.org"), "two hosts of one domain");
	OK(http_is_same_site("Registry.Example.org", "auth.EXAMPLE.org"), "in any case");
	OK(http_is_same_site("localhost", "localhost"), "a host and itself");
	OK(!http_is_same_site("a.co.uk", "b.co.uk") && !http_is_same_site("A.CO.UK", "B.CO.UK"),
	   "two owners below one suffix are two");
	OK(!http_is_same_site("a.github.io", "b.github.io"), "so are those of a place for everybody");
	OK(!http_is_same_site("10.1.0.1", "10.2.0.1"), "two addresses have no domain");
	OK(!http_is_same_site("[::1]", "[::2]"), "nor have those of IPv6");
	OK(!http_is_same_site("registry", "auth"), "two names without a dot are two");
	OK(!http_is_same_site("example.org", "example.org.evil.net"), "a name that begins the same is another");
	OK(!http_is_same_site("example.org.", "evil.org."), "a dot at the end makes no domain");
}

int
main(void)
{
	test_headers();
	test_challenges();
	test_pages();
	test_sites();
	return tap_done();
}
