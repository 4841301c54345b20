/* What a progress says: nothing is drawn here. */
#include <stdio.h>
#include <string.h>

#include "image/progress-internal.h"

#define BAR_MIN	10 /* columns, with its brackets */
#define BAR_MAX	42

/* 512B, 48.2M: five characters and a unit at most. */
const char *
progress_size_text(double v, char buf[16])
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
void
progress_part_text(const struct progress *p, size_t i, char *buf, size_t size)
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

	(void)snprintf(buf, 64, "%s%s%s", progress_size_text((double)bytes, done), p->work.total ? "/" : "",
		       p->work.total ? progress_size_text((double)p->work.total, total) : "");
	n = strlen(buf);
	(void)progress_size_text(p->rate, rate);
	if (p->rate < 0 || n + strlen(rate) + strlen(", /s") > room)
		return;
	n += (size_t)snprintf(buf + n, 64 - n, ", %s/s", rate);
	left_text(p, bytes, left);
	if (left[0] && n + strlen(left) + strlen(",  left") <= room)
		(void)snprintf(buf + n, 64 - n, ", %s left", left);
}

/* "[####....] ", @width columns with the blank; nothing when there is no room for that. */
static void
bar_text(uint64_t bytes, uint64_t total, size_t width, char *buf)
{
	const size_t inner = width > 3 ? width - 3 : 0;
	const double part = total ? (double)bytes / (double)total : 0;
	size_t full = (size_t)((part < 1 ? part : 1) * (double)inner);

	buf[0] = '\0';
	if (total == 0 || width < BAR_MIN)
		return;
	buf[0] = '[';
	memset(buf + 1, '#', full);
	memset(buf + 1 + full, '.', inner - full);
	memcpy(buf + 1 + inner, "] ", 3);
}

void
progress_text(const struct progress *p, size_t width, char *buf, size_t size)
{
	const uint64_t bytes = p->bytes;
	char part[64], amount[64], bar[BAR_MAX + 1];
	size_t used, next = p->parts_done + 1, n;

	if (p->work.n_parts && next > p->work.n_parts)
		next = p->work.n_parts;
	progress_part_text(p, next, part, sizeof(part));
	used = strlen(p->work.doing) + strlen(part) + 1;
	amount_text(p, bytes, width > used ? width - used : 0, amount);
	used += strlen(amount);
	n = width > used ? width - used : 0;
	bar_text(bytes, p->work.total, n < BAR_MAX ? n : BAR_MAX, bar);
	(void)snprintf(buf, size, "%s%s %s%s", p->work.doing, part, bar, amount);
}

void
progress_row_text(const struct progress_row *r, size_t width, char *buf, size_t size)
{
	const uint64_t bytes = r->bytes;
	char done[16], total[16], amount[40], bar[BAR_MAX + 1];
	size_t used, n;

	(void)snprintf(amount, sizeof(amount), "%s/%s", progress_size_text((double)bytes, done),
		       progress_size_text((double)r->total, total));
	used = strlen(r->label) + 1 + strlen(amount);
	n = width > used ? width - used : 0;
	bar_text(bytes, r->total, n < BAR_MAX ? n : BAR_MAX, bar);
	(void)snprintf(buf, size, "%s %s%s", r->label, bar, amount);
}
