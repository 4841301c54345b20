/* image-apply - changes as people see them, and what they answer */
#ifndef LIBEXEC_IMAGE_APPLY_H
#define LIBEXEC_IMAGE_APPLY_H

#include <stdio.h>

#include "image/apply.h"

/* Print the selected changes: those below @dir, those elsewhere, those that cannot be applied. */
void changes_print(FILE *to, const struct apply_list *l, const char *dir);
/* Print what the selected changes do to the contents of files, to standard error. */
void changes_print_diffs(const struct apply_list *l, const struct apply_place *places);

enum answer { ANSWER_APPLY, ANSWER_SAVE, ANSWER_NONE };
/*
 * Ask at the terminal until it is clear what to do with the selected changes; the selection may become
 * another.
 *
 * @ret_word: owned; of ANSWER_SAVE: the file
 */
enum answer changes_ask(struct apply_list *l, const struct apply_place *places, char **ret_word);

#endif
