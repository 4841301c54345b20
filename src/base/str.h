/*
 * str - strings that die rather than return NULL, and vectors of them
 *
 * A strv is a NULL-terminated array of owned strings, or NULL when empty.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/util.h"

/* Out of memory ends the program with status 125 and one line. */
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

void strv_freep(char ***v);
#define AUTO_STRV CLEANUP(strv_freep) char **
size_t strv_len(char *const *v);
/* A vector of copies; NULL when @v is empty. */
char **strv_copy(char *const *v);
/* Append @s, which the vector owns from now on. */
void strv_take(char ***v, char *s);
/* Set KEY=VALUE in an environment vector, replacing the entry of that key; @kv is copied. */
void strv_env_set(char ***v, const char *kv);
/* The value of @key in an environment vector, or NULL. */
const char *strv_env_get(char *const *v, const char *key);

/*
 * Split @s at @sep; a backslash takes the next byte as it is.  An empty string gives one empty
 * part.
 */
char **str_split_escaped(const char *s, char sep);

bool str_begins(const char *s, const char *prefix);
/* Is @path @prefix, or below it?  Whole components: "/a" is no prefix of "/ab". */
bool path_is_below(const char *path, const char *prefix);
/*
 * A clean absolute path: "//", "." and ".." are resolved as text, no trailing slash; NULL when
 * @path is not absolute.
 */
char *path_clean(const char *path);
/* Two parts with one slash between them. */
char *path_join(const char *a, const char *b);

/*
 * Write @s to @out so that it is safe on a terminal: control bytes, DEL and invalid UTF-8 become
 * \xNN; text direction overrides too.  Newlines too unless @keep_newline.
 * Returns the length; the result is cut to fit and always terminated.
 */
size_t str_printable(char *out, size_t size, const char *s, bool keep_newline);

#endif
