#include <string.h>
#include <time.h>

#include "base/str.h"
#include "frontend/passwd.h"
#include "tap.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			     "user:x:1000:1000:,,,:/home/user:/bin/bash\n"
			     "other:x:1001:1000::/home/other:\n"
			     "twin:x:1000:50::/home/twin:/bin/sh\n"
			     "user:x:2000:2000::/home/second:/bin/sh\n"
			     "short:x:3000:3001\n"
			     "nogid:x:3002\n"
			     "relative:x:3003:3003::home/x:/bin/sh\n"
			     "nohome:x:3004:3004:::/bin/sh\n"
			     "last:x:4294967294:4294967294::/l:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "user:x:1000:\n"
			    "wheel:x:10:root,user\n"
			    "extra:x:1001:other,user,last\n"
			    "extra:x:1002:\n"
			    "almost:x:1003:use,users,user2,xuser\n"
			    "bad:x:-5:user\n"
			    "none:x::user\n"
			    "cut:x:1004\n"
			    "tail:x:1005:user";

/* What became of USER[:GROUP]. */
struct result {
	int code;
	struct err e;
	struct passwd_user u;
};

static struct result
resolve_in(const char *spec, const char *users, const char *groups)
{
	struct result r = { .e = ERR_INIT, .u = { .uid = 4711, .gid = 4712 } };

	r.code = passwd_resolve(spec, users, groups, &r.u, &r.e);
	return r;
}

static struct result
resolve(const char *spec)
{
	return resolve_in(spec, passwd, group);
}

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Is it "UID:GID HOME NAME GROUP,GROUP,"? "-" is nothing known. */
static bool
is(struct result r, const char *want)
{
	char got[512];
	size_t n = (size_t)snprintf(got, sizeof(got), "%u:%u %s %s ", r.u.uid, r.u.gid,
				    r.u.home ? r.u.home : "-", r.u.name ? r.u.name : "-");

	for (size_t i = 0; i < r.u.n_groups && n < sizeof(got); i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%u,", r.u.groups[i]);
	passwd_user_clear(&r.u);
	if (r.code == 0 && r.e.code == 0 && same(got, want))
		return true;
	(void)printf("# code %d: %s; %s\n", r.code, got, r.e.msg);
	return false;
}

/* Refused with a message that has @text, and nothing written. */
static bool
is_refused(struct result r, const char *text)
{
	if (r.code < 0 && r.e.code == -r.code && strstr(r.e.msg, text) && r.u.uid == 4711 &&
	    r.u.gid == 4712 && !r.u.home && !r.u.name && !r.u.groups)
		return true;
	(void)printf("# code %d, %u:%u: %s\n", r.code, r.u.uid, r.u.gid, r.e.msg);
	return false;
}

static void
test_names(void)
{
	OK(is(resolve("root"), "0:0 /root root 10,"), "a user by name");
	OK(is(resolve("daemon"), "1:1 /usr/sbin daemon "), "one without supplementary groups");
	OK(is(resolve("user"), "1000:1000 /home/user user 10,1001,1005,"),
	   "the first of two lines of one name, and its groups");
	OK(is(resolve("last"), "4294967294:4294967294 /l last 1001,"),
	   "the last line needs no newline");
	OK(is(resolve("short"), "3000:3001 - short "), "a line may end after the group id");
	OK(is(resolve("relative"), "3003:3003 - relative "), "a relative home is none");
	OK(is(resolve("nohome"), "3004:3004 - nohome "), "an empty home is none");
	OK(is_refused(resolve("nogid"), "'nogid'"), "a line without a group id is none");
	OK(is_refused(resolve("nobody"), "'nobody'"), "a missing user is named");
	OK(is_refused(resolve("User"), "'User'"), "case matters");
	OK(is_refused(resolve("use"), "'use'"), "the start of a name is not the name");
	OK(is_refused(resolve("users"), "'users'"), "nor is more than the name");
	OK(is_refused(resolve("x"), "'x'"), "the password field is no name");
}

static void
test_numbers(void)
{
	OK(is(resolve("1000"), "1000:1000 /home/user user 10,1001,1005,"),
	   "a number that the file knows, the first of two lines");
	OK(is(resolve("0"), "0:0 /root root 10,"), "number 0");
	OK(is(resolve("01"), "1:1 /usr/sbin daemon "), "leading zeros are decimal");
	OK(is(resolve("010"), "10:0 - - "), "and not octal");
	OK(is(resolve("7777"), "7777:0 - - "), "a number that the file does not know");
	OK(is(resolve("4294967294"), "4294967294:4294967294 /l last 1001,"), "the largest number");
	OK(is_refused(resolve("4294967295"), "4294967295"), "4294967295 is no user");
	OK(is_refused(resolve("4294967296"), "4294967296"), "4294967296 does not wrap to 0");
	OK(is_refused(resolve("18446744073709551616"), "18446744073709551616"),
	   "2 to the power of 64 does not wrap to 0");
	OK(is_refused(resolve("99999999999999999999999999999999999999"), "9999"),
	   "a number of any length does not wrap");
}

static void
test_groups(void)
{
	OK(is(resolve("user:extra"), "1000:1001 /home/user user "),
	   "a group by name, the first of two; then there are no supplementary groups");
	OK(is(resolve("user:50"), "1000:50 /home/user user "), "a group by number");
	OK(is(resolve("1:1"), "1:1 /usr/sbin daemon "), "user and group by number");
	OK(is(resolve("7777:8888"), "7777:8888 - - "), "numbers that no file knows");
	OK(is(resolve("root:007"), "0:7 /root root "), "a group with leading zeros is decimal");
	OK(is_refused(resolve("user:"), "group"), "an empty group is refused");
	OK(is_refused(resolve(":5"), "user"), "an empty user is refused");
	OK(is_refused(resolve(""), "user"), "an empty text is refused");
	OK(is_refused(resolve(":"), "user"), "a colon alone is refused");
	OK(is_refused(resolve("user:nogroup"), "'nogroup'"), "a missing group is named");
	OK(is_refused(resolve("user:1:2"), "'1:2'"), "a second colon is refused");
	OK(is_refused(resolve("user:bad"), "'bad'"), "a group whose id is no number is none");
	OK(is_refused(resolve("user:none"), "'none'"), "a group without an id is none");
	OK(is(resolve("user:cut"), "1000:1004 /home/user user "), "a group without a list");
	OK(is_refused(resolve("user:4294967296"), "4294967296"), "4294967296 is no group");
	OK(is_refused(resolve("user:4294967295"), "4294967295"), "nor is 4294967295");
}

/* A base that gives root's id to whatever could be taken for a number (CVE-2016-3697). */
static void
test_number_like_names(void)
{
	static const char *const names[] = { "+1", "-1", "1 ", " 1", "0x1", "+0", "-0" };
	static const char users[] = "+1:x:0:0:::\n-1:x:0:0:::\n1 :x:0:0:::\n 1:x:0:0:::\n"
				    "0x1:x:0:0:::\n+0:x:0:0:::\n-0:x:0:0:::\n";
	static const char groups[] = "+1:x:0:\n-1:x:0:\n1 :x:0:\n 1:x:0:\n0x1:x:0:\n+0:x:0:\n"
				     "-0:x:0:\n";
	bool no_user = true, no_root = true, no_group = true;

	OK(is(resolve_in("1000", "1000:x:0:0:::\n", ""), "1000:0 - - "),
	   "a user called 1000 does not get the number 1000");
	OK(is(resolve_in("1000", "1000:x:0:0::/r:\nu:x:1000:1000::/u:\n", ""),
	      "1000:1000 /u u "), "not even when it comes first");
	OK(is(resolve_in("5:1000", "", "1000:x:0:\n"), "5:1000 - - "),
	   "a group called 1000 does not get the number 1000");
	for (size_t i = 0; i < NELEMS(names); i++) {
		char spec[16];

		(void)snprintf(spec, sizeof(spec), "5:%s", names[i]);
		no_user &= is_refused(resolve(names[i]), names[i]);
		no_root &= is_refused(resolve_in(names[i], users, groups), names[i]);
		no_group &= is_refused(resolve_in(spec, users, groups), names[i]);
	}
	OK(no_user, "what is not quite a number is refused");
	OK(no_root, "it is refused also where the base has a root of that name");
	OK(no_group, "it is refused also where the base has a group 0 of that name");
}

static void
test_hostile_lines(void)
{
	struct result r;

	OK(is(resolve_in("1", "a:x:1:4294967296:::\nb:x:1:2::/b:\n", ""), "1:2 /b b "),
	   "a line with a number that is too large is skipped");
	OK(is(resolve_in("0", "a:x:4294967296:0::/a:\n", ""), "0:0 - - "),
	   "id 4294967296 in a file is not 0");
	OK(is_refused(resolve_in("a", "a:x:4294967296:0::/a:\n", ""), "'a'"),
	   "a user with id 4294967296 does not exist");
	OK(is_refused(resolve_in("a", "a:x:4294967295:0::/a:\n", ""), "'a'"),
	   "nor does one with id 4294967295");
	OK(is_refused(resolve_in("a", "a:x:-1:0:::\na:x:+1:0:::\na:x: 1:0:::\na:x:0x1:0:::\n"
				      "a:x::0:::\na:x:1 :0:::\n", ""), "'a'"),
	   "an id that is not all digits is none");
	OK(is_refused(resolve_in("a", "\n\n:::::::\n#a:x:0:0\n a:x:0:0:::\na\na:\na:x\na:x:\n", ""),
		      "'a'"), "empty, cut and commented lines are skipped");
	OK(is_refused(resolve_in("", ":x:0:0:::\n", ""), "empty"),
	   "a user without a name cannot be asked for");
	OK(is_refused(resolve_in("5:", "", ":x:0:\n"), "empty"), "nor can a group");
	OK(is_refused(resolve_in("a", "a:x:00000000000000000000000000000000000000000000000000000000"
				      "00000000000000000000000000000000000000000000000000001:0:::\n",
				 ""), "'a'"), "an id of a hundred digits is none");
	OK(is(resolve_in("a", "a:x:1:2:g:/h:/s:more:and:more\r\n", ""), "1:2 /h a "),
	   "more fields than there are do no harm");
	OK(is(resolve_in("a", "a:x:1:2\r\na:x:3:4::/h\r:\n", ""), "3:4 /h\r a "),
	   "a carriage return is a byte like any other");
	OK(is(resolve_in("a", "a:x:1:2::/proc/self/fd/9:\n", ""), "1:2 /proc/self/fd/9 a "),
	   "a home is a text, whatever it names");
	OK(is(resolve_in("a\x1b[2J", "a\x1b[2J:x:1:2:::\n", ""), "1:2 - a\x1b[2J "),
	   "a name may have any byte");
	OK(is(resolve_in("\xc3\xa9", "\xc3\xa9:x:1:2:::\n", ""), "1:2 - \xc3\xa9 "),
	   "a name may be UTF-8");
	OK(is(resolve_in("a", "a:x:1:2:::\n", "g:x:3:a,a,,a\nh:x:4:,,,\ni:x:5:,a\n"),
	      "1:2 - a 3,5,"), "odd lists of members");
	r = resolve_in("5", ":x:5:6:::\n", "h:x:1:,\n");
	OK(r.u.uid == 5 && r.u.gid == 6 && r.u.n_groups == 0, "a user without a name is in no group");
	passwd_user_clear(&r.u);
	OK(is_refused(resolve_in("root:x:0:0", "root:x:0:0:::\n", "x:0:0\n"), "'x:0:0'"),
	   "a whole line is no user");
}

/* @n copies of @line behind @first. */
static char *
many(const char *first, const char *line, size_t n)
{
	size_t len = strlen(line), head = strlen(first);
	char *text = xcalloc(head + n * len + 1, 1);

	memcpy(text, first, head);
	for (size_t i = 0; i < n; i++)
		memcpy(text + head + i * len, line, len);
	return text;
}

static double
seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
test_huge(void)
{
	AUTO_FREE char *lines = many("", "a:x:1:1:::\n", 700000);
	AUTO_FREE char *empty = many("", "\n", (size_t)8 << 20);
	AUTO_FREE char *colons = many("u:x:1:1::/h:", ":", (size_t)8 << 20);
	AUTO_FREE char *name = many("", "n", (size_t)8 << 20);
	AUTO_FREE char *members = many("g:x:1:", "user,", (size_t)1 << 20);
	AUTO_FREE char *groups = many("", "g:x:5:u\n", 100000);
	double start = seconds();
	struct result r;

	OK(is_refused(resolve_in("z", lines, lines), "'z'"), "a file of 700000 lines");
	OK(is_refused(resolve_in("z", empty, empty), "'z'"), "a file of 8 million empty lines");
	OK(is(resolve_in("u", colons, colons), "1:1 /h u "), "a line of 8 million fields");
	OK(is(resolve_in("root", "root:x:0:0:::\n", members), "0:0 - root "),
	   "a group of a million members");
	OK(is_refused(resolve_in(name, passwd, group), "not in the base"),
	   "a name of 8 MiB, and the reason is still told");
	r = resolve_in("u", "u:x:1:1:::\n", groups);
	OK(r.code == 0 && r.u.n_groups == 64, "a user of 100000 groups is in 64 of them");
	passwd_user_clear(&r.u);
	/* A hundred times what it takes. */
	OK(seconds() - start < 10, "none of them takes long");
}

static void
test_clear(void)
{
	struct result r = resolve("user");

	passwd_user_clear(&r.u);
	OK(!r.u.home && !r.u.name && !r.u.groups && r.u.n_groups == 0 && r.u.uid == 0,
	   "clear leaves nothing");
	passwd_user_clear(&r.u);
	OK(true, "it can be done twice");
}

int
main(void)
{
	test_names();
	test_numbers();
	test_groups();
	test_number_like_names();
	test_hostile_lines();
	test_huge();
	test_clear();
	return tap_done();
}
