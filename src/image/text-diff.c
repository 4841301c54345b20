#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "image/text-diff.h"

#define CONTEXT	 3    /* equal lines around a change */
#define COST_MAX 1500 /* changed lines: what is remembered for it grows with the square */

struct lines {
	const char **at; /* owned; one more than there are: the end */
	size_t n;
	bool *changed; /* owned */
};

static struct lines
split(const char *s, size_t n)
{
	struct lines l = { .n = 0 };
	const char *end = s + n;
	size_t room = 0;

	for (const char *p = s;;) {
		const char *newline;

		if (l.n == room) {
			room = room * 2 + 64;
			l.at = xrealloc_array(l.at, room, sizeof(*l.at));
		}
		l.at[l.n] = p;
		if (p >= end)
			break;
		newline = memchr(p, '\n', (size_t)(end - p));
		p = newline ? newline + 1 : end;
		l.n++;
	}
	l.changed = xcalloc(l.n + 1, sizeof(*l.changed));
	return l;
}

static size_t
length(const struct lines *l, size_t i)
{
	return (size_t)(l->at[i + 1] - l->at[i]);
}

static bool
same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	const size_t n = length(a, i);

	return n == length(b, j) && memcmp(a->at[i], b->at[j], n) == 0;
}

/* The part of the two texts between equal ends. */
struct middle {
	const struct lines *a, *b;
	size_t from_a, from_b;
	int n, m;
};

static bool
same_in(const struct middle *s, int x, int y)
{
	return same(s->a, s->from_a + (size_t)x, s->b, s->from_b + (size_t)y);
}

/* How far diagonal @k comes with one change more than @v has, and equal lines after it. */
static int
furthest(const struct middle *s, const int *v, int d, int k)
{
	int x = k == -d || (k != d && v[k - 1] < v[k + 1]) ? v[k + 1] : v[k - 1] + 1;

	while (x < s->n && x - k < s->m && same_in(s, x, x - k))
		x++;
	return x;
}

/* From the end back to the beginning: which step came to where we are. */
static void
mark(const struct middle *s, int **trace, int d)
{
	int x = s->n, y = s->m;

	for (; d > 0; d--) {
		const int *v = trace[d - 1] + d; /* of d - 1 changes: from -d to d */
		const int k = x - y;
		const bool down = k == -d || (k != d && v[k - 1] < v[k + 1]);
		const int from_k = down ? k + 1 : k - 1, from_x = v[from_k],
			  from_y = from_x - from_k;

		if (down)
			s->b->changed[s->from_b + (size_t)from_y] = true;
		else
			s->a->changed[s->from_a + (size_t)from_x] = true;
		x = from_x;
		y = from_y;
	}
}

static void
mark_all(const struct middle *s)
{
	for (int i = 0; i < s->n; i++)
		s->a->changed[s->from_a + (size_t)i] = true;
	for (int i = 0; i < s->m; i++)
		s->b->changed[s->from_b + (size_t)i] = true;
}

/* trace[d] is how far each diagonal came with @d changes: 2 * d + 3 numbers, one to spare on each side. */
static void
compare(const struct middle *s)
{
	AUTO_FREE int **trace = xcalloc(COST_MAX + 1, sizeof(*trace));
	const int zero[3] = { 0, 0, 0 };
	bool found = false;
	int d = 0;

	for (; d <= COST_MAX && !found; d++) {
		const int *before = d ? trace[d - 1] + d : zero + 1;
		int *now;

		trace[d] = xcalloc((size_t)d * 2 + 3, sizeof(**trace));
		now = trace[d] + d + 1;
		for (int k = -d; k <= d && !found; k += 2) {
			if (d == 0) {
				while (now[0] < s->n && now[0] < s->m && same_in(s, now[0], now[0]))
					now[0]++;
			} else {
				now[k] = furthest(s, before, d, k);
			}
			found = now[k] >= s->n && now[k] - k >= s->m;
		}
	}
	if (found)
		mark(s, trace, d - 1);
	else
		mark_all(s);
	for (int i = 0; i < d; i++)
		free(trace[i]);
}

/* --- hunks --- */

struct out {
	const struct lines *a, *b;
	text_diff_fn *fn;
	void *arg;
};

static void
put_head(const struct out *o, size_t i, size_t n_a, size_t j, size_t n_b)
{
	char head[128];
	int n = snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@", i + (n_a ? 1 : 0), n_a,
			 j + (n_b ? 1 : 0), n_b);

	o->fn(o->arg, '@', head, (size_t)n);
}

/* Lines from @i and @j up to @end_i and @end_j, where only what has changed differs. */
static void
put_lines(const struct out *o, size_t i, size_t end_i, size_t j, size_t end_j)
{
	while (i < end_i || j < end_j) {
		if (i < end_i && o->a->changed[i]) {
			o->fn(o->arg, '-', o->a->at[i], length(o->a, i));
			i++;
		} else if (j < end_j && o->b->changed[j]) {
			o->fn(o->arg, '+', o->b->at[j], length(o->b, j));
			j++;
		} else {
			o->fn(o->arg, ' ', o->a->at[i], length(o->a, i));
			i++;
			j++;
		}
	}
}

static bool
changes_at(const struct out *o, size_t i, size_t j)
{
	return (i < o->a->n && o->a->changed[i]) || (j < o->b->n && o->b->changed[j]);
}

/* A hunk from the change at @i, @j on; both become the place after it. */
static void
put_hunk(const struct out *o, size_t *i, size_t *j)
{
	const size_t lead = *i < CONTEXT ? *i : CONTEXT, start_i = *i - lead, start_j = *j - lead;
	size_t equal = 0;

	while ((*i < o->a->n || *j < o->b->n) && equal <= (size_t)2 * CONTEXT) {
		if (*i < o->a->n && o->a->changed[*i]) {
			++*i;
			equal = 0;
		} else if (*j < o->b->n && o->b->changed[*j]) {
			++*j;
			equal = 0;
		} else {
			++*i;
			++*j;
			equal++;
		}
	}
	if (equal > CONTEXT) {
		*i -= equal - CONTEXT;
		*j -= equal - CONTEXT;
	}
	put_head(o, start_i, *i - start_i, start_j, *j - start_j);
	put_lines(o, start_i, *i, start_j, *j);
}

static void
put_hunks(const struct out *o)
{
	size_t i = 0, j = 0;

	while (i < o->a->n || j < o->b->n) {
		if (changes_at(o, i, j)) {
			put_hunk(o, &i, &j);
		} else {
			i++;
			j++;
		}
	}
}

void
text_diff(const char *a, size_t n_a, const char *b, size_t n_b, text_diff_fn *fn, void *arg)
{
	struct lines la = split(a, n_a), lb = split(b, n_b);
	const struct out o = { &la, &lb, fn, arg };
	size_t front = 0, back = 0;

	while (front < la.n && front < lb.n && same(&la, front, &lb, front))
		front++;
	while (back < la.n - front && back < lb.n - front &&
	       same(&la, la.n - 1 - back, &lb, lb.n - 1 - back))
		back++;
	compare(&(const struct middle){ &la, &lb, front, front, (int)(la.n - front - back),
					(int)(lb.n - front - back) });
	put_hunks(&o);
	free(la.at);
	free(la.changed);
	free(lb.at);
	free(lb.changed);
}

bool
text_is_text(const char *s, size_t n)
{
	return n == 0 || !memchr(s, '\0', n);
}
