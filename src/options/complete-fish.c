/*
 * The fish completion: functions that read the command line, then one "complete" an option.
 *
 * It never hands over to the completion of the program to be run, which might run that program.
 */
#include "options/render.h"

static const char functions[] =
	"# Prints what stands before the cursor: the command, the number of its operands, and 1 when no\n"
	"# options can come any more.\n"
	"function __rootlet_state\n"
	"    set -l tokens (commandline -opc)\n"
	"    set -l command ''\n"
	"    set -l operands 0\n"
	"    set -l ended 0\n"
	"    set -l skip 0\n"
	"    for token in $tokens[2..-1]\n"
	"        if test $skip = 1\n"
	"            set skip 0\n"
	"        else if test -z \"$command\"\n"
	"            if test \"$token\" = --store\n"
	"                set skip 1\n"
	"            else if not string match -q -- '-*' $token\n"
	"                set command $token\n"
	"            end\n"
	"        else if test \"$token\" = --; and test $operands -le 1\n"
	"            set ended 1\n"
	"        else if test $operands = 0; and test $ended = 0; and string match -q -- '-?*' $token\n"
	"            if __rootlet_takes_next $command $token\n"
	"                set skip 1\n"
	"            end\n"
	"        else if test $operands = 0; and test \"$token\" = (__rootlet_literal $command)\n"
	"            set command $token\n"
	"        else\n"
	"            set operands (math $operands + 1)\n"
	"            set ended 1\n"
	"        end\n"
	"    end\n"
	"    # The value of --store: no command, nor an option.\n"
	"    test -z \"$command\"; and test $skip = 1; and set operands 1\n"
	"    echo \"$command $operands $ended\"\n"
	"end\n"
	"\n"
	"# Does option word $argv[2] of command $argv[1] take the next word as its value?\n"
	"function __rootlet_takes_next\n"
	"    set -l with_value (__rootlet_with_value $argv[1])\n"
	"    string match -q -- '--*=*' $argv[2]; and return 1\n"
	"    if string match -q -- '--*' $argv[2]\n"
	"        contains -- $argv[2] $with_value\n"
	"        return\n"
	"    end\n"
	"    set -l letters (string split '' -- (string sub -s 2 -- $argv[2]))\n"
	"    for i in (seq (count $letters))\n"
	"        if contains -- -$letters[$i] $with_value\n"
	"            test $i = (count $letters)\n"
	"            return\n"
	"        end\n"
	"    end\n"
	"    return 1\n"
	"end\n"
	"\n"
	"# Is the word at the cursor one of the program's commands?\n"
	"function __rootlet_at_command\n"
	"    test ' 0 0' = (__rootlet_state | string collect)\n"
	"end\n"
	"\n"
	"# Can options of command $argv[1] stand at the cursor?\n"
	"function __rootlet_at_options\n"
	"    test \"$argv[1] 0 0\" = (__rootlet_state)\n"
	"end\n"
	"\n"
	"# Prints the names that command $argv of the rootlet of $PATH lists.\n"
	"function __rootlet_names\n"
	"    set -l tokens (commandline -opc)\n"
	"    set -l store\n"
	"    if string match -q -- '--store=*' $tokens[2]\n"
	"        set store $tokens[2]\n"
	"    else if test \"$tokens[2]\" = --store\n"
	"        set store $tokens[2..3]\n"
	"    end\n"
	"    command rootlet $store $argv --format=names 2>/dev/null\n"
	"end\n"
	"\n"
	"# Is the word at the cursor operand $argv[2] (0: the first, 2+: a later one, +: any) of $argv[1]?\n"
	"function __rootlet_at_operand\n"
	"    set -l state (string split ' ' -- (__rootlet_state))\n"
	"    test \"$state[1]\" = $argv[1]; or return 1\n"
	"    test $argv[2] = +; and return 0\n"
	"    if test $argv[2] = 2+\n"
	"        test $state[2] -ge 2\n"
	"    else\n"
	"        test $state[2] = $argv[2]\n"
	"    end\n"
	"end\n"
	"\n"
	"complete -c rootlet -f\n"
	"complete -c rootlet -n __rootlet_at_command -l help -d 'show the commands'\n"
	"complete -c rootlet -n \"test ' 1 0' = (__rootlet_state | string collect)\" "
	"-a '(__fish_complete_directories)'\n"
	"complete -c rootlet -n __rootlet_at_command -l store -r -a '(__fish_complete_directories)' "
	"-d 'keep everything in this directory'\n"
	"complete -c rootlet -n __rootlet_at_command -l version -d 'show the version'\n";

static void
put_quoted(const char *s, FILE *out)
{
	(void)fputc('\'', out);
	render_escaped(s, "\\'", "\\", out);
	(void)fputc('\'', out);
}

/* Which options take the next word, and which operand starts another command's line. */
static void
put_tables(const struct opt_command *cmds, FILE *out)
{
	char word[32];

	(void)fputs("function __rootlet_with_value\n    switch $argv[1]\n", out);
	FOR_EACH_COMMAND(c, cmds) {
		(void)fprintf(out, "        case %s\n            printf '%%s\\n'", c->name);
		FOR_EACH_OPTION(o, c->opts) {
			if (o->value == OPT_VALUE_NONE)
				continue;
			if (o->short_name)
				(void)fprintf(out, " -%c", o->short_name);
			if (o->name)
				(void)fprintf(out, " --%s", o->name);
		}
		(void)fputs("\n", out);
	}
	(void)fputs("    end\nend\n\nfunction __rootlet_literal\n    switch $argv[1]\n", out);
	FOR_EACH_COMMAND(c, cmds)
		if (render_operand(c, word, sizeof(word)) == OPERAND_LITERAL)
			(void)fprintf(out, "        case %s\n            echo %s\n", c->name, word);
	(void)fputs("        case '*'\n            echo\n    end\nend\n\n", out);
}

/* -x: a value that is no file, -r: one that is. */
static void
put_value(const struct opt *o, FILE *out)
{
	char words[256];

	switch (o->value) {
	case OPT_VALUE_TEXT:
		(void)fputs(" -x", out);
		return;
	case OPT_VALUE_FILE:
		(void)fputs(" -r -F", out);
		return;
	case OPT_VALUE_DIR:
		(void)fputs(" -x -a '(__fish_complete_directories)'", out);
		return;
	case OPT_VALUE_WORDS:
		render_words(o, words, sizeof(words));
		(void)fprintf(out, " %s -a '%s'", render_wants_file(o) ? "-r -F" : "-x", words);
		return;
	case OPT_VALUE_CAP:
		(void)fprintf(out, " -x -a '%s'", render_caps);
		return;
	case OPT_VALUE_USER:
		(void)fputs(" -x -a '(__fish_complete_users)'", out);
		return;
	case OPT_VALUE_NONE:
	case OPT_VALUE_MAX_:
		return;
	}
}

static void
put_option(const struct opt_command *cmd, const struct opt *o, FILE *out)
{
	(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_options %s'", cmd->name);
	if (o->short_name)
		(void)fprintf(out, " -s %c", o->short_name);
	if (o->name)
		(void)fprintf(out, " -l %s", o->name);
	put_value(o, out);
	(void)fputs(" -d ", out);
	put_quoted(o->help ? o->help : "", out);
	(void)fputc('\n', out);
}

static void
put_operand(const struct opt_command *cmd, FILE *out)
{
	char word[32] = "";
	const char *offer = NULL;

	switch (render_operand(cmd, word, sizeof(word))) {
	case OPERAND_BASE:
		offer = "-a 'host (__rootlet_names images) (__fish_complete_directories)'";
		break;
	case OPERAND_IMAGE:
		offer = "-a '(__rootlet_names images)'";
		break;
	case OPERAND_CONTAINER:
		offer = "-a '(__rootlet_names ps --all)'";
		break;
	case OPERAND_DIR:
		offer = "-a '(__fish_complete_directories)'";
		break;
	case OPERAND_FILE:
		offer = "-F";
		break;
	case OPERAND_LITERAL:
		(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_operand %s 0' -a %s\n",
			      cmd->name, word);
		return;
	case OPERAND_NONE:
	case OPERAND_MAX_:
		return;
	}
	(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_operand %s %c' %s\n", cmd->name,
		      render_operand_repeats(cmd) ? '+' : '0', offer);
	if (!cmd->rest_is_command)
		return;
	(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_operand %s 1' "
		      "-a '(__fish_complete_command)'\n", cmd->name);
	(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_operand %s 2+' -F\n", cmd->name);
}

void
opt_complete_fish(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("# fish completion of rootlet(1), written from the option tables by "
		    "\"make update-docs\"\n\n", out);
	put_tables(cmds, out);
	(void)fputs(functions, out);
	FOR_EACH_COMMAND(c, cmds) {
		(void)fprintf(out, "\ncomplete -c rootlet -n __rootlet_at_command -a %s -d ",
			      c->name);
		put_quoted(c->summary, out);
		(void)fputc('\n', out);
		FOR_EACH_OPTION(o, c->opts)
			put_option(c, o, out);
		(void)fprintf(out, "complete -c rootlet -n '__rootlet_at_options %s' -l help "
			      "-d 'show a summary of the options'\n", c->name);
		put_operand(c, out);
	}
}
