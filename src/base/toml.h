/*
 * toml - as much of TOML as it takes to find its tables, strings and words
 *
 * https://toml.io/en/v1.0.0
 *
 * A file is read entry by entry; nothing is kept.  Escapes in strings are left as they are.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include "base/err.h"

struct toml {
	const char *p, *end; /* borrowed */
	unsigned int line;   /* from 1 on */
};

struct toml_item {
	bool is_table;     /* [PATH] or [[PATH]]: the entries that follow are in there */
	bool is_list;      /* [[PATH]]: one more table of a list */
	char **path;       /* owned strv: the parts of the name */
	unsigned int line; /* where it begins */

	/* The value of an entry: one of these. */
	char *string; /* owned */
	char *word;   /* owned; a number, true, false, a date */
	char **list;  /* owned strv; a list of strings, NULL when it is empty */
	bool is_other; /* a table in one line, or a list of other things: skipped */
};
#define TOML_ITEM_INIT { .path = NULL }
void toml_item_clear(struct toml_item *i);
#define AUTO_TOML_ITEM CLEANUP(toml_item_clear) struct toml_item

/* @data: need not be terminated */
struct toml toml_begin(const char *data, size_t len);

/* 1: @ret, which is cleared before, has an item; 0: there are no more; -EBADMSG. */
int toml_next(struct toml *t, struct toml_item *ret, struct err *e);

/* Is the name of an item this one, of one part? */
bool toml_is(const struct toml_item *i, const char *name);

#endif
