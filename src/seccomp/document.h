/*
 * document - typed access to the members of a JSON document that a stranger wrote
 *
 * A member that is absent or null is "not there": the functions return 0 and leave *ret_* alone.
 * They return 1 when it is there, and -errno with a message that starts with the key when its type
 * or range is wrong.  Results are borrowed from the document.
 */
#ifndef SECCOMP_DOCUMENT_H
#define SECCOMP_DOCUMENT_H

#include <jansson.h>

#include "base/err.h"

int document_parse(const char *text, size_t len, json_t **ret, struct err *e);

void document_freep(json_t **doc);
#define AUTO_DOCUMENT CLEANUP(document_freep) json_t *

int document_text(const json_t *obj, const char *key, const char **ret, struct err *e);
int document_list(const json_t *obj, const char *key, const json_t **ret, struct err *e);
int document_object(const json_t *obj, const char *key, const json_t **ret, struct err *e);
int document_number(const json_t *obj, const char *key, uint64_t max, uint64_t *ret,
		    struct err *e);

/* Entry @i of @list, which must be of @type. */
int document_entry(const json_t *list, size_t i, json_type type, const json_t **ret,
		   struct err *e);

/* Fails with the name of the first member that is not in @known, a NULL-terminated list. */
int document_check_keys(const json_t *obj, const char *const *known, struct err *e);

/* Fails: "KEY: WHAT "VALUE"", with the value made fit for a terminal. */
int document_unknown(const char *key, const char *what, const char *value, struct err *e);

#endif
