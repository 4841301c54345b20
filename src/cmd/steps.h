/*
 * steps - a command that is several others, one after the other, over a store that is gone at the end
 */
#ifndef CMD_STEPS_H
#define CMD_STEPS_H

#include "base/err.h"
#include "engine/layer.h"

struct steps {
	char *scratch;      /* owned; the directory of such places */
	struct layer place; /* ours, locked; what is left of it after a crash is removed by the next run */
};
#define STEPS_INIT { .scratch = NULL, .place = LAYER_INIT }
void steps_end(struct steps *s);
#define AUTO_STEPS CLEANUP(steps_end) struct steps

int steps_begin(struct steps *s, struct err *e);
/* @name in the place, which is made by whom it is told.  Owned. */
char *steps_path(const struct steps *s, const char *name);

/*
 * Run it and wait.  An interrupted one is an error.
 *
 * @helper: a program of libexec; NULL: rootlet itself
 * @argv:   without the program's name; NULL-terminated
 * @store:  that it uses; NULL: the caller's
 * @print:  what it prints on standard output is the caller's, too
 *
 * An error of its own has been said.
 */
int steps_run(const char *helper, char *const *argv, const char *store, bool print, struct err *e);

#endif
