/* prompt - ask the user at the terminal, or read what a script gives on standard input */
#ifndef LIBEXEC_PROMPT_H
#define LIBEXEC_PROMPT_H

#include "base/err.h"

/* One line of the controlling terminal.  @secret: it is not shown.  @ret: owned */
int prompt_terminal(const char *question, bool secret, char **ret, struct err *e);

/* All of standard input, without the end of the line.  @ret: owned */
int prompt_stdin(char **ret, struct err *e);

#endif
