/*
 * image - between the files of rootlet-image: its verbs, and what they have in common
 */
#ifndef LIBEXEC_IMAGE_H
#define LIBEXEC_IMAGE_H

#include "cmd/image.h"
#include "image/confine.h"
#include "image/oci.h"
#include "image/progress.h"
#include "image/store.h"
#include "image/unpack.h"

/* Found what it looked for, and that is not well: said already; the exit status is 1. */
#define VERB_FAULTS 2

/* Each takes argv with its own name first; returns 0, 1 after --help, VERB_FAULTS, or -errno. */
int verb_apply(int argc, char **argv, struct err *e);
int verb_commit(int argc, char **argv, struct err *e);
int verb_commit_layer(int argc, char **argv, struct err *e);
int verb_diff(int argc, char **argv, struct err *e);
int verb_df(int argc, char **argv, struct err *e);
int verb_end_changes(int argc, char **argv, struct err *e);
int verb_export(int argc, char **argv, struct err *e);
int verb_history(int argc, char **argv, struct err *e);
int verb_images(int argc, char **argv, struct err *e);
int verb_import(int argc, char **argv, struct err *e);
int verb_inspect(int argc, char **argv, struct err *e);
int verb_load(int argc, char **argv, struct err *e);
int verb_prepare(int argc, char **argv, struct err *e);
int verb_prune(int argc, char **argv, struct err *e);
int verb_ps(int argc, char **argv, struct err *e);
int verb_receive(int argc, char **argv, struct err *e);
int verb_rmi(int argc, char **argv, struct err *e);
int verb_save(int argc, char **argv, struct err *e);
int verb_sweep_containers(int argc, char **argv, struct err *e);
int verb_tag(int argc, char **argv, struct err *e);
int verb_verify(int argc, char **argv, struct err *e);

/*
 * Become root of a user namespace with our one id, where that can be: for a layer of one id, in which
 * all files are ours, but some may not be opened by their owner.
 */
void take_override(void);

/* Of a verb that cmd_image_in_kind() calls: argv[1], which is taken out of @argv. */
const char *take_kind(int *argc, char ***argv);

/*
 * From here on nothing but the store is opened by name: what is outside is opened before.  Directories
 * outside, below which more is opened, are told to open_store_and().
 */
int open_store(bool create, struct store *ret, struct err *e);
int open_store_and(bool create, const struct confine_dir *more, size_t n, struct store *ret,
		   struct err *e);
/* To look for image @text: without a store there is none. */
int open_store_for(const char *text, struct store *ret, struct err *e);

/* What --limit-... say. */
int take_limits(const struct limit_args *a, struct unpack_limits *ret, struct err *e);

int no_image(const char *text, struct err *e);
/*
 * The descriptor's digest, owned: by name, by digest, or by the first digits of one; then by an alias,
 * and by the name that podman gives to what is made here.
 */
int find_image(const struct store *s, const char *text, char **ret, struct err *e);
/* @ret_name: owned; which name of the store that was; untouched where it was found by its digest */
int find_image_named(const struct store *s, const char *text, char **ret, char **ret_name,
		     struct err *e);

/* On standard error: a bar on a terminal that can, else lines.  NULL when @quiet. */
struct progress *new_progress(bool quiet);

/* "12.3M": three digits at most, units of 1000.  Returns @buf. */
const char *human_size(uint64_t bytes, char buf[16]);

/* Now, or SOURCE_DATE_EPOCH, as configurations have it.  Returns @buf. */
const char *created(char buf[32]);

/* A line of text for a terminal: tabs as blanks, all else that it would obey escaped.  Owned. */
char *safe_line(const char *line, size_t n);

#endif
