/*
 * A drawing is one write(2) of a line that ends with "erase to the end of the line": nothing is blank
 * in between.  The last column stays free, where some terminals would begin a new line.  Nothing but
 * ASCII, no colours.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "image/progress-internal.h"

#define INTERVAL_MS 100
#define COLUMNS	    80 /* of a terminal that does not say */
#define ROWS	    24
#define COLUMNS_MAX 512
#define ERASE_LINE  "\r\033[K"

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A terminal that does not take it now, or is gone, is no reason to stop. */
static void
put(const struct progress *p, const char *text, size_t n)
{
	IGNORE(write(p->fd, text, n));
}

struct progress *
progress_new(int fd, enum progress_look look)
{
	struct progress *p;

	if (look == PROGRESS_NONE)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->fd = fd;
	p->look = look;
	p->rate = -1;
	p->start_ms = p->rate_ms = now_ms();
	p->next_ms = p->start_ms + PROGRESS_DELAY_MS;
	(void)pthread_mutex_init(&p->lock, NULL);
	return p;
}

/* --- drawing: under the lock --- */

static void
look_at_terminal(const struct progress *p, size_t *ret_columns, size_t *ret_lines)
{
	struct winsize ws = { .ws_col = 0 };

	if (ioctl(p->fd, TIOCGWINSZ, &ws) < 0)
		ws.ws_col = ws.ws_row = 0;
	*ret_columns = ws.ws_col == 0 ? COLUMNS : ws.ws_col < COLUMNS_MAX ? ws.ws_col : COLUMNS_MAX;
	*ret_lines = ws.ws_row == 0 ? ROWS : ws.ws_row;
}

static void
measure(struct progress *p, int64_t now, uint64_t bytes)
{
	const int64_t ms = now - p->rate_ms;
	double rate;

	if (ms < INTERVAL_MS || bytes < p->rate_bytes)
		return;
	rate = (double)(bytes - p->rate_bytes) * 1000 / (double)ms;
	/* Over the last two seconds or so. */
	p->rate = p->rate < 0 ? rate : p->rate + (rate - p->rate) * (ms < 2000 ? (double)ms / 2000 : 1);
	p->rate_ms = now;
	p->rate_bytes = bytes;
}

/* Back to the beginning of the first line that is drawn. */
static size_t
go_back(const struct progress *p, char *buf, size_t size)
{
	return (size_t)(p->rows_drawn ? snprintf(buf, size, "\r\033[%zuA", p->rows_drawn)
				      : snprintf(buf, size, "\r"));
}

/* Those that there is room for above the line of all. */
static size_t
draw_rows(struct progress *p, size_t width, size_t lines, char *buf, size_t size)
{
	size_t n = 0, drawn = 0;

	for (const struct progress_row *r = p->rows; r && drawn + 1 < lines; r = r->next) {
		char text[256];

		progress_row_text(r, width, text, sizeof(text));
		n += (size_t)snprintf(buf + n, size - n, "%.*s\033[K\n", (int)width, text);
		drawn++;
	}
	/* What was drawn below the last one is not there any more. */
	if (p->rows_drawn > drawn)
		n += (size_t)snprintf(buf + n, size - n, "\033[J");
	p->rows_drawn = drawn;
	return n;
}

static void
draw(struct progress *p)
{
	char text[256], all[(PROGRESS_ROWS_MAX + 1) * (sizeof(text) + 8) + 32];
	size_t width, lines, n;

	look_at_terminal(p, &width, &lines);
	width--;
	n = go_back(p, all, sizeof(all));
	n += draw_rows(p, width, lines, all + n, sizeof(all) - n);
	progress_text(p, width, text, sizeof(text));
	n += (size_t)snprintf(all + n, sizeof(all) - n, "%.*s\033[K", (int)width, text);
	put(p, all, n);
	p->drawn = true;
}

static void
erase(struct progress *p)
{
	char back[32];
	size_t n;

	if (p->drawn && p->rows_drawn) {
		n = go_back(p, back, sizeof(back));
		n += (size_t)snprintf(back + n, sizeof(back) - n, "\033[J");
		put(p, back, n);
	} else if (p->drawn) {
		put(p, ERASE_LINE, strlen(ERASE_LINE));
	}
	p->drawn = false;
	p->rows_drawn = 0;
}

/* A line, when the delay is over; else it is kept, in case it will be. */
static void
put_line(struct progress *p, const char *line)
{
	AUTO_FREE char *all = xasprintf("%s%s\n", p->held ? p->held : "", line);

	free(p->held);
	p->held = NULL;
	if (now_ms() - p->start_ms >= PROGRESS_DELAY_MS)
		put(p, all, strlen(all));
	else
		p->held = TAKE_PTR(all);
}

/* --- what the others call --- */

void
progress_freep(struct progress **p)
{
	if (*p) {
		erase(*p);
		(void)pthread_mutex_destroy(&(*p)->lock);
		free((*p)->held);
	}
	free(*p);
	*p = NULL;
}

void
progress_begin(struct progress *p, const struct progress_work *work)
{
	if (!p)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->work = *work;
	p->bytes = p->rate_bytes = 0;
	p->parts_done = 0;
	p->rate = -1;
	p->rate_ms = now_ms();
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_add(struct progress *p, uint64_t bytes)
{
	int64_t now, next;

	if (!p)
		return;
	p->bytes += bytes;
	if (p->look != PROGRESS_BAR || (now = now_ms()) < (next = p->next_ms) ||
	    !atomic_compare_exchange_strong(&p->next_ms, &next, now + INTERVAL_MS))
		return;
	(void)pthread_mutex_lock(&p->lock);
	if (p->work.doing) {
		measure(p, now, p->bytes);
		draw(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_part(struct progress *p, size_t i, uint64_t bytes)
{
	char part[64], line[160], size[16];

	if (!p)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->parts_done++;
	if (p->look == PROGRESS_LINES && p->work.done) {
		progress_part_text(p, i, part, sizeof(part));
		(void)snprintf(line, sizeof(line), "%s%s, %s", p->work.done, part,
			       progress_size_text((double)bytes, size));
		put_line(p, line);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_hide(struct progress *p)
{
	if (!p)
		return;
	(void)pthread_mutex_lock(&p->lock);
	erase(p);
	(void)pthread_mutex_unlock(&p->lock);
}

/* --- rows --- */

struct progress_row *
progress_row_new(struct progress *p, const char *label, uint64_t total)
{
	struct progress_row *r, **end;
	size_t n = 0;

	/* One of one would say the same twice. */
	if (!p || p->look != PROGRESS_BAR || p->work.n_parts == 1)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->all = p;
	r->total = total;
	(void)snprintf(r->label, sizeof(r->label), "%s", label);
	(void)pthread_mutex_lock(&p->lock);
	for (end = &p->rows; *end; end = &(*end)->next)
		n++;
	if (n < PROGRESS_ROWS_MAX)
		*end = r;
	(void)pthread_mutex_unlock(&p->lock);
	return r;
}

void
progress_row_add(struct progress_row *r, uint64_t bytes)
{
	if (r)
		r->bytes += bytes;
}

void
progress_row_freep(struct progress_row **r)
{
	struct progress *p = *r ? (*r)->all : NULL;

	if (!p)
		return;
	(void)pthread_mutex_lock(&p->lock);
	for (struct progress_row **at = &p->rows; *at; at = &(*at)->next)
		if (*at == *r) {
			*at = (*r)->next;
			break;
		}
	(void)pthread_mutex_unlock(&p->lock);
	free(*r);
	*r = NULL;
}
