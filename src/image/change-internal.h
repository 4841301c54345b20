/* change-internal - words of an instruction, and what several instructions put into a list */
#ifndef IMAGE_CHANGE_INTERNAL_H
#define IMAGE_CHANGE_INTERNAL_H

#include "image/change.h"

/* One word without its quotes; variables have their values. */
struct word {
	char *text;   /* owned */
	size_t equal; /* where its first "=" is that was written as such; its length when there is none */
};

/*
 * Cut @text at blanks that are not quoted.
 *
 * @env: list of "KEY=VALUE", for $KEY, ${KEY}, ${KEY:-TEXT} and ${KEY:+TEXT}; or NULL
 * @whole: blanks do not end it: there is one word
 * @ret: owned, release with words_free()
 *
 * 0, or -EINVAL.
 */
int words_split(const char *text, json_t *env, bool whole, struct word **ret, size_t *ret_n,
		struct err *e);
void words_free(struct word *words, size_t n);

/* The object or array @key of @c, made when it is missing; NULL after an error. */
json_t *change_object(json_t *c, const char *key, struct err *e);
json_t *change_array(json_t *c, const char *key, struct err *e);

/*
 * The words of a command: a JSON array of strings as it is, else @text for the shell of @c.  A new
 * reference, or NULL after an error.
 */
json_t *change_command(json_t *c, const char *text, struct err *e);
/* The same, of a JSON array alone: NULL without an error when @text is not meant as one. */
json_t *change_list(const char *text, struct err *e);

/* The instructions with a syntax of their own. */
int change_expose(json_t *c, const char *text, struct err *e);
int change_healthcheck(json_t *c, const char *text, struct err *e);
int change_stopsignal(json_t *c, const char *text, struct err *e);

#endif
