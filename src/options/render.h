/*
 * render - what help, man page and completions have in common
 *
 * Private to src/options.  A command without a summary is hidden: it works, but is listed nowhere.
 */
#ifndef OPTIONS_RENDER_H
#define OPTIONS_RENDER_H

#include "options/opt.h"

/* The first operand of a command, by its name in the synopsis. */
enum operand {
	OPERAND_NONE,    /* none, or one that cannot be guessed */
	OPERAND_BASE,    /* BASE: "host", an image or a directory */
	OPERAND_IMAGE,
	OPERAND_CONTAINER,
	OPERAND_DIR,     /* DIR */
	OPERAND_FILE,    /* FILE, PATH or TAR */
	OPERAND_LITERAL, /* a lower-case word: another command line of the program starts there */
	OPERAND_MAX_
};

enum operand render_operand(const struct opt_command *cmd, char *ret_word, size_t size);
/* Can more of them follow, "IMAGE..."? */
bool render_operand_repeats(const struct opt_command *cmd);

/* The next option at or after @o, without headings; NULL at the end. */
const struct opt *render_next_option(const struct opt *o);
#define FOR_EACH_OPTION(o, opts) \
	for (const struct opt *o = render_next_option(opts); o; o = render_next_option(o + 1))

/* The next listed command at or after @cmd; NULL at the end. */
const struct opt_command *render_next_command(const struct opt_command *cmd);
#define FOR_EACH_COMMAND(c, cmds) \
	for (const struct opt_command *c = render_next_command(cmds); c; \
	     c = render_next_command(c + 1))

/* Has the table an option of that name, so that the built-in --help or -h gives way? */
bool render_has_long(const struct opt *opts, const char *name);
bool render_has_short(const struct opt *opts, char c);

/*
 * What can be typed for an option of OPT_VALUE_WORDS, separated by blanks: the words of "a|b[:C]"
 * in lower case; those in capitals are placeholders.
 */
void render_words(const struct opt *o, char *out, size_t size);
/* Is the value a file name: OPT_VALUE_FILE, or words of which one is the placeholder FILE? */
bool render_wants_file(const struct opt *o);
/* Has the value a part after the file name: "SRC:DST"? */
bool render_has_tail(const struct opt *o);

/* The names that --cap-add takes, separated by blanks. */
extern const char render_caps[];

/* Write @s with each byte of @special preceded by @with. */
void render_escaped(const char *s, const char *special, const char *with, FILE *out);

#endif
