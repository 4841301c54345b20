/* text-diff: what the hunks say makes one text of the other */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/text-diff.h"
#include "tests/tap.h"

struct patch {
	const char *a; /* what is left of the old text */
	size_t left;
	size_t line; /* its number, from 1 */
	char out[65536];
	size_t n;
	size_t hunks, changes;
	bool bad;
};

static void
take(struct patch *p, bool keep)
{
	const char *newline = memchr(p->a, '\n', p->left);
	const size_t n = newline ? (size_t)(newline - p->a) + 1 : p->left;

	if (keep) {
		memcpy(p->out + p->n, p->a, n);
		p->n += n;
	}
	p->a += n;
	p->left -= n;
	p->line++;
}

static void
on_line(void *arg, char mark, const char *line, size_t n)
{
	struct patch *p = arg;

	if (mark == '@') {
		unsigned long at = strtoul(strchr(line, '-') + 1, NULL, 10);
		const bool empty = strstr(line, ",0 +") != NULL;

		p->hunks++;
		while (p->line < at + (empty ? 1 : 0) && p->left > 0)
			take(p, true);
		return;
	}
	p->changes += mark != ' ';
	if (mark == '+') {
		memcpy(p->out + p->n, line, n);
		p->n += n;
		return;
	}
	p->bad |= n > p->left || memcmp(line, p->a, n) != 0;
	if (!p->bad)
		take(p, mark == ' ');
}

static bool
works(const char *a, const char *b, struct patch *p)
{
	*p = (struct patch){ .a = a, .left = strlen(a), .line = 1 };
	text_diff(a, strlen(a), b, strlen(b), on_line, p);
	while (!p->bad && p->left > 0)
		take(p, true);
	return !p->bad && p->n == strlen(b) && memcmp(p->out, b, p->n) == 0;
}

static void
random_text(char *s, size_t lines, unsigned int kinds)
{
	for (size_t i = 0; i < lines; i++)
		s += sprintf(s, "%u\n", (unsigned int)rand() % kinds); /* NOLINT */
	if (rand() % 3 == 0 && lines > 0)			       /* NOLINT */
		s[-1] = '\0';
	*s = '\0';
}

int
main(void)
{
	static struct patch p;
	static char a[32768], b[32768];
	int good = 0;

	OK(works("", "", &p) && p.hunks == 0, "nothing and nothing");
	OK(works("a\n", "a\n", &p) && p.hunks == 0, "equal texts have no hunk");
	OK(works("", "a\nb\n", &p) && p.changes == 2, "all is new");
	OK(works("a\nb\n", "", &p) && p.changes == 2, "all is gone");
	OK(works("a", "a\n", &p) && p.changes == 2, "a newline at the end counts");
	OK(works("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", &p) &&
		   p.hunks == 1 && p.changes == 2,
	   "one line of nine");
	OK(works("a\n1\n2\n3\n4\n5\n6\nb\n", "x\n1\n2\n3\n4\n5\n6\ny\n", &p) && p.hunks == 1,
	   "six equal lines are within a hunk");
	OK(works("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "x\n1\n2\n3\n4\n5\n6\n7\ny\n", &p) && p.hunks == 2,
	   "seven are not");
	srand(1);
	for (int i = 0; i < 2000; i++) {
		random_text(a, (size_t)(i % 60), (unsigned int)(1 + i % 7));
		random_text(b, (size_t)(i / 3 % 60), (unsigned int)(1 + i % 5));
		good += works(a, b, &p);
	}
	OK(good == 2000, "two thousand at random");
	random_text(a, 2500, 1000000);
	random_text(b, 2500, 1000000);
	OK(works(a, b, &p), "texts with nothing in common");
	OK(text_is_text("abc", 3) && text_is_text("", 0) && !text_is_text("a\0b", 3),
	   "what is text");
	return tap_done();
}
