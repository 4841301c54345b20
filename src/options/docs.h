/*
 * docs - the parts of the documentation that are written by the option tables
 *
 * "make update-docs" puts them into man/ and completions/, where they are kept under version
 * control; a test compares.
 */
#ifndef OPTIONS_DOCS_H
#define OPTIONS_DOCS_H

#include "options/opt.h"

/*
 * Write one part.
 *
 * @cmds:  all commands, ends with a NULL name; those without a summary are left out
 * @kind:  "bash", "zsh", "fish": a completion script; "man-commands": the list of commands in
 *         man(7); "man-options:NAME": the options of command NAME in man(7)
 *
 * Returns 0, or -EINVAL for an unknown kind or command, without a word.
 */
int opt_docs(const struct opt_command *cmds, const char *kind, FILE *out);

#endif
