#include <string.h>

#include "base/str.h"
#include "options/docs.h"
#include "tap.h"

struct args {
	bool tty, interactive, read_only;
	const char *net, *workdir;
	struct opt_list env;
	char volumes[64]; /* "<SRC:DST>" for each */
	int quiet;
};

static int
set_volume(void *args, const char *value, struct err *e)
{
	struct args *a = args;
	size_t n = strlen(a->volumes);

	if (!strchr(value, ':'))
		return err_set(e, EINVAL, "not SRC:DST");
	(void)snprintf(a->volumes + n, sizeof(a->volumes) - n, "<%s>", value);
	return 0;
}

static int
count_quiet(void *args, const char *value, struct err *e)
{
	struct args *a = args;

	if (value || a->quiet == 2)
		return err_set(e, EINVAL, "twice is enough");
	a->quiet++;
	return 0;
}

static const struct opt opts[] = {
	OPT_GROUP("File system"),
	OPT_FLAG(0, "read-only", struct args, read_only, "no writes", NULL),
	OPT_CALL('v', "volume", "SRC:DST[:ro]", OPT_VALUE_FILE, set_volume,
		 "share SRC of the host at DST, in a text that is long enough to be wrapped twice "
		 "in the help, which is eighty columns wide",
		 "A line.\n\n.hidden 'quoted' back\\slash -dash\n\nThird. Fourth sentence."),
	OPT_STRING('w', "workdir", "DIR", OPT_VALUE_DIR, struct args, workdir, "start there", NULL),
	OPT_GROUP("Process"),
	OPT_STRINGS('e', "env", "NAME[=VALUE]", OPT_VALUE_TEXT, struct args, env, "set", NULL),
	OPT_STRING(0, "net", "none|host|own[:NAME]", OPT_VALUE_WORDS, struct args, net, "net", NULL),
	OPT_FLAG('i', "interactive", struct args, interactive, "keep stdin", NULL),
	OPT_FLAG('t', "tty", struct args, tty, "a terminal", NULL),
	OPT_CALL('q', "quiet", NULL, OPT_VALUE_NONE, count_quiet, "say less", NULL),
	OPT_END
};

/* The same with a meaning of its own for -h. */
static const struct opt host_opts[] = {
	OPT_STRING('h', "hostname", "NAME", OPT_VALUE_TEXT, struct args, net, "its name", NULL),
	OPT_END
};

static const struct opt no_opts[] = { OPT_END };

static const struct opt_command cmds[] = {
	{ .name = "run", .synopsis = "[OPTIONS] BASE [--] [COMMAND [ARG...]]",
	  .summary = "run a program", .opts = opts, .rest_is_command = true },
	{ .name = "hide", .opts = no_opts },
	{ .name = "host", .synopsis = "DIR", .summary = "the other's one", .opts = host_opts },
	{ .name = NULL },
};

/* One run of the parser over a command line that is split at blanks. */
struct run {
	struct args args;
	struct err e;
	int result;
	int argc;
	char *words[16];
	char line[128];
};

static struct run *
parse_table(const struct opt *table, const char *line)
{
	static struct run r;
	char *save = NULL;

	free(r.args.env.v);
	r = (struct run){ .e = ERR_INIT };
	(void)snprintf(r.line, sizeof(r.line), "%s", line);
	r.words[r.argc++] = (char *)(uintptr_t)"run";
	for (char *w = strtok_r(r.line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		r.words[r.argc++] = w;
	r.result = opt_parse(table, r.argc, r.words, &r.args, &r.e);
	return &r;
}

static struct run *
parse(const char *line)
{
	return parse_table(opts, line);
}

static bool
fails(const char *line, const char *message)
{
	struct run *r = parse(line);
	char got[sizeof(r->e.msg) + sizeof(r->e.hint) + 8];

	(void)snprintf(got, sizeof(got), "%s%s%s", r->e.msg, r->e.hint[0] ? "\nhint: " : "",
		       r->e.hint);
	if (r->result == -EINVAL && strcmp(got, message) == 0)
		return true;
	(void)printf("# result %d, message: %s\n", r->result, got);
	return false;
}

static bool
is(const char *got, const char *want)
{
	return got && strcmp(got, want) == 0;
}

static void
test_values(void)
{
	OK(parse("")->result == 1, "no words, no operand");
	OK(is(parse("--net=none x")->args.net, "none"), "a value after =");
	OK(is(parse("--net none x")->args.net, "none"), "a value in the next word");
	OK(is(parse("--net= x")->args.net, ""), "an empty value");
	OK(is(parse("--net=a=b x")->args.net, "a=b"), "a value with =");
	OK(is(parse("--net a --net b")->args.net, "b"), "the last one wins");
	OK(is(parse("--net --tty x")->args.net, "--tty"), "a value that looks like an option");
	OK(is(parse("-v/a:/b -v /c:/d --volume=e:f")->args.volumes, "</a:/b></c:/d><e:f>"),
	   "short options take the rest of the word or the next one");
	OK(is(parse("-w=x")->args.workdir, "=x"), "= after a short option is part of the value");
	OK(parse("-qq")->args.quiet == 2, "a function without a value");
}

static void
test_lists(void)
{
	struct run *r = parse("-e A -eB=1 --env=C --env D -e E");

	OK(r->args.env.n == 5, "each use of a repeated option is kept");
	OK(is(r->args.env.v[0], "A") && is(r->args.env.v[1], "B=1") && is(r->args.env.v[4], "E"),
	   "in the order given");
}

static void
test_bundles(void)
{
	struct run *r = parse("-it x");

	OK(r->args.interactive && r->args.tty && r->result == 2, "flags can be bundled");
	r = parse("-itw /tmp x");
	OK(r->args.tty && is(r->args.workdir, "/tmp") && r->result == 3,
	   "the last of a bundle takes the next word");
	r = parse("-tw/tmp x");
	OK(is(r->args.workdir, "/tmp"), "or the rest of the bundle");
}

static void
test_end(void)
{
	struct run *r = parse("--tty base --net none");

	OK(r->result == 2 && !r->args.net, "the first operand ends the options");
	r = parse("-t -- --net");
	OK(r->result == 3 && !r->args.net, "-- ends the options");
	OK(parse("- -t")->result == 1, "a single dash is an operand");
	OK(parse("-t --")->result == 3, "-- at the end");
}

static void
test_help(void)
{
	OK(parse("--help")->result == 0, "--help");
	OK(parse("-t -h")->result == 0, "-h");
	OK(parse("-th")->result == 0, "-h in a bundle");
	OK(parse("x --help")->result == 1, "--help of the program that is run is its own");
	OK(is(parse_table(host_opts, "-h box")->args.net, "box"), "-h gives way to the table's");
	OK(parse_table(host_opts, "--help")->result == 0, "--help remains then");
}

static void
test_errors(void)
{
	OK(fails("--volum=a:b", "unknown option '--volum=a:b'\nhint: did you mean --volume?"),
	   "a slip gets a hint");
	OK(fails("--readonly", "unknown option '--readonly'\nhint: did you mean --read-only?"),
	   "a missing dash gets a hint");
	OK(fails("--xyzzy", "unknown option '--xyzzy'\nhint: rootlet run --help lists the options"),
	   "something else does not");
	OK(fails("-tx", "unknown option '-x'\nhint: rootlet run --help lists the options"),
	   "an unknown letter of a bundle is named");
	OK(fails("-net", "unknown option '-net'\nhint: did you mean --net?"),
	   "one dash too few gets a hint");
	OK(fails("--vol a:b", "unknown option '--vol'\nhint: rootlet run --help lists the options"),
	   "an abbreviation is not accepted");
	OK(fails("--tty=yes", "--tty takes no value"), "a value for a flag");
	OK(fails("--quiet=yes", "--quiet takes no value"), "a value for a function without one");
	OK(fails("--help=x", "--help takes no value"), "a value for --help");
	OK(fails("--net", "--net needs a value, none|host|own[:NAME]"), "a missing value");
	OK(fails("-iv", "-v needs a value, SRC:DST[:ro]"), "a missing value in a bundle");
	OK(fails("--volume=x", "--volume 'x': not SRC:DST"), "a function's error names the option");
	OK(fails("-vx", "-v 'x': not SRC:DST"), "as it was written");
	OK(fails("-qqq", "-q: twice is enough"), "without a value too");
}

/* Everything that a writer prints, in one string that the next call reuses. */
static char *
text_of(int (*write_to)(const char *kind, FILE *out), const char *kind)
{
	static char *text;
	size_t n;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &n);
	if (!out || write_to(kind, out) < 0) {
		if (out)
			(void)fclose(out);
		return xstrdup("");
	}
	(void)fclose(out);
	return text;
}

static int
write_docs(const char *kind, FILE *out)
{
	return opt_docs(cmds, kind, out);
}

static int
write_help(const char *kind, FILE *out)
{
	(void)kind;
	opt_help(&cmds[0], out);
	opt_help_commands(cmds, out);
	return 0;
}

static size_t
longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		longest = len > longest ? len : longest;
		text += len + (text[len] == '\n');
	}
	return longest;
}

static void
test_help_text(void)
{
	const char *text = text_of(write_help, NULL);

	OK(longest_line(text) < 80, "the help is less than 80 columns wide");
	OK(strstr(text, "Usage: rootlet run [OPTIONS] BASE [--]"), "it starts with the synopsis");
	OK(strstr(text, "\nFile system:\n"), "it has the headings");
	OK(strstr(text, "\n  -w, --workdir=DIR       start there\n"), "it has the options");
	OK(strstr(text, "\n      --read-only         no writes\n"), "long names are aligned");
	OK(strstr(text, "\n  -h, --help "), "it mentions itself");
	OK(strstr(text, "\n  host  the other's one\n"), "commands are listed");
	OK(!strstr(text, "hide"), "a command without a summary is not");
}

static void
test_man(void)
{
	const char *text = text_of(write_docs, "man-options:run");

	OK(strstr(text, ".SS File system\n.TP\n\\fB\\-\\-read\\-only\\fR\nNo writes.\n"),
	   "the man page has headings and options");
	OK(strstr(text, "\\fB\\-v\\fR, \\fB\\-\\-volume\\fR=\\fISRC\\fR:\\fIDST\\fR[:\\fBro\\fR]\n"),
	   "what is to be replaced is in italics");
	OK(strstr(text, "\n\\&.hidden \\(aqquoted\\(aq back\\eslash \\-dash\n"),
	   "nothing of the text is taken for roff");
	OK(strstr(text, "A line.\n.IP\n"), "an empty line makes a paragraph");
	OK(strstr(text, "\nThird.\nFourth sentence.\n"), "a sentence starts a line");
	text = text_of(write_docs, "man-commands");
	OK(strstr(text, "\\fBrootlet host\\fR \\fIDIR\\fR\nThe other\\(aqs one.\n"), "commands");
}

static void
test_scripts(void)
{
	OK(strstr(text_of(write_docs, "bash"), "run:--net) kind='words none host own' ;;"),
	   "bash knows the words of an option");
	OK(strstr(text_of(write_docs, "zsh"), "'--net=[net]:none|host|own\\[\\:NAME\\]:(none host own)'"),
	   "zsh does");
	OK(strstr(text_of(write_docs, "fish"), "-l net -x -a 'none host own' -d 'net'"),
	   "fish does");
	OK(strstr(text_of(write_docs, "fish"), "-a host -d 'the other\\'s one'"),
	   "quotes are quoted");
	OK(opt_docs(cmds, "troff", stdout) == -EINVAL, "an unknown kind is refused");
	OK(opt_docs(cmds, "man-options:nothing", stdout) == -EINVAL, "an unknown command is refused");
}

int
main(void)
{
	test_values();
	test_lists();
	test_bundles();
	test_end();
	test_help();
	test_errors();
	test_help_text();
	test_man();
	test_scripts();
	(void)parse("");
	return tap_done();
}
