/*
 * opt - option tables: one table is the parser, the help, the completions and
 * the OPTIONS section of the man page
 *
 * A command has one `static const struct opt[]` that ends in OPT_END.  The
 * entries fill a per-command args struct; a field of the wrong type does not
 * compile.  Parsing allocates nothing but OPT_STRINGS vectors; string values
 * point into argv.
 */
#ifndef OPTIONS_OPT_H
#define OPTIONS_OPT_H

#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_GROUP,   /* a heading in help and man page */
	OPT_KIND_FLAG,    /* bool field := true */
	OPT_KIND_STRING,  /* const char * field := value; the last one wins */
	OPT_KIND_STRINGS, /* struct opt_list field: values in order */
	OPT_KIND_CALL,    /* function(args, value) */
	OPT_KIND_ACT,     /* function(args, option, words), for command lines in which each option
			   * takes a fixed number of words and order is meaning; opt_act() */
	OPT_KIND_MAX_
};

/* What the value is: decides what the completions offer. */
enum opt_value {
	OPT_VALUE_NONE,
	OPT_VALUE_TEXT,
	OPT_VALUE_FILE,
	OPT_VALUE_DIR,
	OPT_VALUE_WORDS, /* one of the words of .words, separated by '|' */
	OPT_VALUE_CAP,   /* a capability name */
	OPT_VALUE_USER,
	OPT_VALUE_MAX_
};

/* Values of an option that may be repeated, in the order given.  Owned: release with free(v). */
struct opt_list {
	const char **v; /* point into argv */
	size_t n;
};

struct opt;
typedef int opt_call_fn(void *args, const char *value, struct err *e);
typedef int opt_act_fn(void *args, const struct opt *o, char **words, struct err *e);

struct opt {
	enum opt_kind kind;
	char short_name;        /* 0: none */
	const char *name;       /* long name without dashes; heading of a group */
	enum opt_value value;
	const char *metavar;    /* "SRC:DST[:ro]"; for OPT_VALUE_WORDS the words, "none|host" */
	size_t offset;          /* of the field in the args struct */
	opt_call_fn *call;      /* OPT_KIND_CALL */
	opt_act_fn *act;        /* OPT_KIND_ACT */
	unsigned int n_words;   /* OPT_KIND_ACT: what it takes, 0...3 */
	unsigned int tag;       /* OPT_KIND_ACT: tells options of one function apart */
	const char *help;       /* one line, lower case, no full stop */
	const char *man;        /* longer text for the man page (roff-free, may have \n\n), or NULL */
};

/* Offset of @field in @T, and a compile error unless it has type @type. */
#define OPT_FIELD(T, field, type) \
	(offsetof(T, field) + \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((T *)0)->field), type) ? 1 : -1]))

#define OPT_GROUP(title) { .kind = OPT_KIND_GROUP, .name = (title) }
#define OPT_FLAG(s, l, T, field, h, m) \
	{ .kind = OPT_KIND_FLAG, .short_name = (s), .name = (l), .value = OPT_VALUE_NONE, \
	  .offset = OPT_FIELD(T, field, bool), .help = (h), .man = (m) }
#define OPT_STRING(s, l, meta, val, T, field, h, m) \
	{ .kind = OPT_KIND_STRING, .short_name = (s), .name = (l), .metavar = (meta), \
	  .value = (val), .offset = OPT_FIELD(T, field, const char *), .help = (h), .man = (m) }
#define OPT_STRINGS(s, l, meta, val, T, field, h, m) \
	{ .kind = OPT_KIND_STRINGS, .short_name = (s), .name = (l), .metavar = (meta), \
	  .value = (val), .offset = OPT_FIELD(T, field, struct opt_list), .help = (h), .man = (m) }
#define OPT_CALL(s, l, meta, val, fn, h, m) \
	{ .kind = OPT_KIND_CALL, .short_name = (s), .name = (l), .metavar = (meta), \
	  .value = (val), .call = (fn), .help = (h), .man = (m) }
#define OPT_END { .kind = OPT_KIND_END }

/* A command of the command line, as main(), the help, the completions and the man page see it. */
struct opt_command {
	const char *name;       /* "run" */
	const char *synopsis;   /* "[OPTIONS] BASE [--] [COMMAND [ARG...]]" */
	const char *summary;    /* one line, lower case, no full stop */
	const struct opt *opts; /* OPT_END-terminated */
	int (*main)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
	bool rest_is_command;   /* after the first operands comes a command line of its own */
};

/*
 * Parse the options of argv[1...]: long options with "=value" or the next word, unique
 * abbreviations are NOT accepted, short options can be bundled, "--" ends the options, and so does
 * the first operand.  "--help" (and "-h" unless the table has it) is recognised everywhere.
 *
 * Returns the index in argv of the first operand (argc when none); 0 when help was asked for;
 * -EINVAL with a message that names the option, and a hint with the nearest known one, otherwise.
 */
int opt_parse(const struct opt *opts, int argc, char **argv, void *args, struct err *e);

/*
 * The words, "--name=value", that opt_parse() makes @args of.  Those of OPT_KIND_CALL are not among
 * them.  An owned strv; NULL when everything is as it is without options.
 */
char **opt_words(const struct opt *opts, const void *args);

/*
 * Parse a command line of OPT_KIND_ACT and OPT_KIND_FLAG options: no "=value", no short options, no
 * help.  The options end before the first word without a dash, or with "--".  Returns the index of
 * the word after them (argc when there is none), or what @before or the option's function returned.
 *
 * @before: called before each option
 */
int opt_act(const struct opt *opts, int argc, char **argv, opt_act_fn *before, void *args,
	    struct err *e);

/* The help text of a command, at most 80 columns wide. */
void opt_help(const struct opt_command *cmd, FILE *out);
/* The list of commands: what "rootlet --help" shows. Ends with a NULL name. */
void opt_help_commands(const struct opt_command *cmds, FILE *out);
/* The OPTIONS section of man page rootlet-NAME(1), in man(7) roff. */
void opt_man(const struct opt_command *cmd, FILE *out);
/* The COMMANDS section of rootlet(1). */
void opt_man_commands(const struct opt_command *cmds, FILE *out);

/* Completion scripts for all commands. */
void opt_complete_bash(const struct opt_command *cmds, FILE *out);
void opt_complete_zsh(const struct opt_command *cmds, FILE *out);
void opt_complete_fish(const struct opt_command *cmds, FILE *out);

#endif
