/*
 * A drawing is one write(2) of a line that ends with "erase to the end of the line": nothing is blank
 * in between.  The last column stays free, where some terminals would begin a new line.  Nothing but
 * ASCII, no colours.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "image/progress.h"

#define INTERVAL_MS 100
#define COLUMNS	    80 /* of a terminal that does not say */
#define COLUMNS_MAX 512
#define BAR_MIN	    10 /* columns, with its brackets */
#define BAR_MAX	    42
#define ERASE_LINE  "\r\033[K"

struct progress {
	int fd;
	enum progress_look look;
	int64_t start_ms;

	/* Everybody's. */
	_Atomic uint64_t bytes;
	_Atomic int64_t next_ms; /* when it is to be drawn again */

	/* Under the lock. */
	pthread_mutex_t lock;
	struct progress_work work;
	size_t parts_done;
	int64_t rate_ms; /* when the rate was measured, */
	uint64_t rate_bytes;
	double rate;     /* bytes per second; < 0: not known yet */
	bool drawn;
	char *held; /* owned; lines that came before the delay was over */
};

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

/* --- text --- */

/* 512B, 48.2M: five characters and a unit at most. */
static const char *
size_text(double v, char buf[16])
{
	static const char units[] = "BKMGTPE";
	size_t u = 0;

	while (v >= 999.5 && units[u + 1]) {
		v /= 1000;
		u++;
	}
	(void)snprintf(buf, 16, u ? "%.1f%c" : "%.0f%c", v, units[u]);
	return buf;
}

/* "layer 3/20", or "". */
static void
part_text(const struct progress *p, size_t i, char *buf, size_t size)
{
	buf[0] = '\0';
	if (p->work.part && p->work.n_parts)
		(void)snprintf(buf, size, " %s %zu/%zu", p->work.part, i, p->work.n_parts);
	else if (p->work.part)
		(void)snprintf(buf, size, " %s %zu", p->work.part, i);
}

/* What is left at this rate: "9s", "3m20s", "2h05m"; "" when nobody knows. */
static void
left_text(const struct progress *p, uint64_t bytes, char buf[16])
{
	const double s = p->rate > 0 && p->work.total > bytes ? (double)(p->work.total - bytes) / p->rate : 0;
	const unsigned int all = s < 360000 ? (unsigned int)(s + 0.5) : 0;

	buf[0] = '\0';
	if (all >= 3600)
		(void)snprintf(buf, 16, "%uh%02um", all / 3600, all / 60 % 60);
	else if (all >= 60)
		(void)snprintf(buf, 16, "%um%02us", all / 60, all % 60);
	else if (all > 0)
		(void)snprintf(buf, 16, "%us", all);
}

/* "12.5M/48.2M, 9.1M/s, 4s left", without what there is no @room for. */
static void
amount_text(const struct progress *p, uint64_t bytes, size_t room, char buf[64])
{
	char done[16], total[16], rate[16], left[16];
	size_t n;

	(void)snprintf(buf, 64, "%s%s%s", size_text((double)bytes, done), p->work.total ? "/" : "",
		       p->work.total ? size_text((double)p->work.total, total) : "");
	n = strlen(buf);
	(void)size_text(p->rate, rate);
	if (p->rate < 0 || n + strlen(rate) + strlen(", /s") > room)
		return;
	n += (size_t)snprintf(buf + n, 64 - n, ", %s/s", rate);
	left_text(p, bytes, left);
	if (left[0] && n + strlen(left) + strlen(",  left") <= room)
		(void)snprintf(buf + n, 64 - n, ", %s left", left);
}

/* "[####....] ", @width columns with the blank; nothing when there is no room for that. */
static void
bar_text(const struct progress *p, uint64_t bytes, size_t width, char *buf)
{
	const size_t inner = width > 3 ? width - 3 : 0;
	const double part = p->work.total ? (double)bytes / (double)p->work.total : 0;
	size_t full = (size_t)((part < 1 ? part : 1) * (double)inner);

	buf[0] = '\0';
	if (p->work.total == 0 || width < BAR_MIN)
		return;
	buf[0] = '[';
	memset(buf + 1, '#', full);
	memset(buf + 1 + full, '.', inner - full);
	memcpy(buf + 1 + inner, "] ", 3);
}

static size_t
columns(const struct progress *p)
{
	struct winsize ws;

	if (ioctl(p->fd, TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0)
		return COLUMNS;
	return ws.ws_col < COLUMNS_MAX ? ws.ws_col : COLUMNS_MAX;
}

/* --- drawing: under the lock --- */

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

static void
draw(struct progress *p)
{
	const uint64_t bytes = p->bytes;
	const size_t width = columns(p) - 1;
	char part[64], amount[64], bar[BAR_MAX + 1], text[256], line[sizeof(text) + 8];
	size_t used, next = p->parts_done + 1, n;

	if (p->work.n_parts && next > p->work.n_parts)
		next = p->work.n_parts;
	part_text(p, next, part, sizeof(part));
	used = strlen(p->work.doing) + strlen(part) + 1;
	amount_text(p, bytes, width > used ? width - used : 0, amount);
	used += strlen(amount);
	n = width > used ? width - used : 0;
	bar_text(p, bytes, n < BAR_MAX ? n : BAR_MAX, bar);
	(void)snprintf(text, sizeof(text), "%s%s %s%s", p->work.doing, part, bar, amount);
	(void)snprintf(line, sizeof(line), "\r%.*s\033[K", (int)width, text);
	put(p, line, strlen(line));
	p->drawn = true;
}

static void
erase(struct progress *p)
{
	if (p->drawn)
		put(p, ERASE_LINE, strlen(ERASE_LINE));
	p->drawn = false;
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
		part_text(p, i, part, sizeof(part));
		(void)snprintf(line, sizeof(line), "%s%s, %s", p->work.done, part,
			       size_text((double)bytes, size));
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
