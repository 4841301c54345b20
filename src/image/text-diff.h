/*
 * text-diff - what makes one text of another, as the hunks of a unified diff
 *
 * Myers' algorithm ("An O(ND) Difference Algorithm", 1986).  Texts that have little in common, where it
 * takes long, are told as one that is gone and one that is new, between their equal beginnings and
 * ends.
 */
#ifndef IMAGE_TEXT_DIFF_H
#define IMAGE_TEXT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A line of the output: @mark is ' ', '-' or '+' and @line one of the texts' with its newline, if it has
 * one; or '@', and @line is the whole head of a hunk, without newline.
 */
typedef void text_diff_fn(void *arg, char mark, const char *line, size_t n);

void text_diff(const char *a, size_t n_a, const char *b, size_t n_b, text_diff_fn *fn, void *arg);

/* Nothing in it is zero: people can read it. */
bool text_is_text(const char *s, size_t n);

#endif
