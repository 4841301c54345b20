/*
 * progress - how far long work is, for people who wait
 *
 * Three ways to see it: a bar in the last line of a terminal, and one for each part that is under way
 * above it, which are erased at the end; a line for each part that is done, for files; nothing.  Work that takes less than PROGRESS_DELAY_MS shows
 * nothing in any way.
 *
 * There is no thread and no timer: whoever counts draws, ten times a second at most.  All functions
 * may be called by several threads at once, and with NULL: a progress that nobody sees.
 */
#ifndef IMAGE_PROGRESS_H
#define IMAGE_PROGRESS_H

#include "base/util.h"

#define PROGRESS_DELAY_MS 300

enum progress_look { PROGRESS_BAR, PROGRESS_LINES, PROGRESS_NONE };

/* What is done: "unpacking", "unpacked", "layer".  Not of an image: nothing here is made harmless. */
struct progress_work {
	const char *doing, *done;
	const char *part;  /* NULL: there are no parts */
	size_t n_parts;    /* 0: not known how many */
	uint64_t total;    /* bytes; 0: not known */
};

struct progress;

/* @fd: borrowed; where it is seen.  NULL when @look is PROGRESS_NONE. */
struct progress *progress_new(int fd, enum progress_look look);
/* Erases the bar. */
void progress_freep(struct progress **p);
#define AUTO_PROGRESS CLEANUP(progress_freep) struct progress *

/* Begin; or begin something else, from 0. @work is borrowed, with its strings, until the next one. */
void progress_begin(struct progress *p, const struct progress_work *work);
/* So many bytes more: cheap enough for every buffer. */
void progress_add(struct progress *p, uint64_t bytes);
/* Part @i, from 1, is done: it had so many bytes.  Without parts: all of it. */
void progress_part(struct progress *p, size_t i, uint64_t bytes);

/*
 * One of several things that are done at the same time: with a bar, it has one of its own above that
 * of all.  Its bytes are counted for all by progress_add().
 *
 * @label: copied, short
 *
 * NULL where there is no such bar; all functions take that.
 */
struct progress_row;
struct progress_row *progress_row_new(struct progress *p, const char *label, uint64_t total);
void progress_row_add(struct progress_row *r, uint64_t bytes);
/* To be called before that of all is freed. */
void progress_row_freep(struct progress_row **r);
#define AUTO_PROGRESS_ROW CLEANUP(progress_row_freep) struct progress_row *

/* Erase the bar, so that something else can be printed; it comes back when work goes on. */
void progress_hide(struct progress *p);

#endif
