/*
 * progress-internal - between progress.c, which counts and draws, and progress-text.c
 */
#ifndef IMAGE_PROGRESS_INTERNAL_H
#define IMAGE_PROGRESS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/progress.h"

#define PROGRESS_ROWS_MAX 8

struct progress_row {
	struct progress_row *next; /* borrowed */
	struct progress *all;      /* borrowed */
	char label[24];
	uint64_t total;            /* bytes */
	_Atomic uint64_t bytes;
};

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
	struct progress_row *rows; /* borrowed: whoever has made one ends it */
	size_t rows_drawn;
	bool drawn;
	char *held; /* owned; lines that came before the delay was over */
};

/* 512B, 48.2M: five characters and a unit at most.  Returns @buf. */
const char *progress_size_text(double v, char buf[16]);
/* " layer 3/20", or "". */
void progress_part_text(const struct progress *p, size_t i, char *buf, size_t size);
/* The line of all, and of one row: what fits into @width columns; more is to be cut. */
void progress_text(const struct progress *p, size_t width, char *buf, size_t size);
void progress_row_text(const struct progress_row *r, size_t width, char *buf, size_t size);

#endif
