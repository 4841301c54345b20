/*
 * The bash completion: tables written from the option tables, then a fixed part that reads the
 * command line by them.
 *
 * It relies on bash and, for names of images and containers, on the rootlet of $PATH.  It never runs
 * the program that is to run inside, nor hands over to that program's own completion, which might
 * run it: the program may belong to an image.
 */
#include "options/render.h"

static const char script[] =
	"# Sets words and cword: COMP_WORDS, joined again where bash has split them at \"=\" and \":\".\n"
	"_rootlet_words()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} rest word i\n"
	"\n"
	"\twords=() cword=0\n"
	"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"\t\trest=${line#\"${line%%[![:blank:]]*}\"}\n"
	"\t\tword=${COMP_WORDS[i]-}\n"
	"\t\t((i == COMP_CWORD)) && word=$rest\n"
	"\t\tif ((i > 0)) && [[ $rest == \"$line\" ]]; then\n"
	"\t\t\twords[cword]+=$word\n"
	"\t\telse\n"
	"\t\t\t((cword = i > 0 ? cword + 1 : 0))\n"
	"\t\t\twords[cword]=$word\n"
	"\t\tfi\n"
	"\t\tline=${rest#\"$word\"}\n"
	"\tdone\n"
	"}\n"
	"\n"
	"# Sets kind to the kind of value that option word $2 of command $1 takes from the next word.\n"
	"_rootlet_pending()\n"
	"{\n"
	"\tlocal i\n"
	"\n"
	"\tkind=\n"
	"\tcase $2 in\n"
	"\t--*=*) ;;\n"
	"\t--*) _rootlet_kind \"$1\" \"$2\" ;;\n"
	"\t-?*)\n"
	"\t\tfor ((i = 1; i < ${#2}; i++)); do\n"
	"\t\t\t_rootlet_kind \"$1\" \"-${2:i:1}\"\n"
	"\t\t\t[[ -n $kind ]] || continue\n"
	"\t\t\t((i == ${#2} - 1)) || kind=\n"
	"\t\t\treturn\n"
	"\t\tdone\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Reads the words before the cursor: sets cmd, operands, ended (no options any more), and kind\n"
	"# when the word at the cursor is the value of an option.\n"
	"_rootlet_scan()\n"
	"{\n"
	"\tlocal i word\n"
	"\n"
	"\tcmd='' kind='' ended='' store='' operands=()\n"
	"\tfor ((i = 1; i < cword; i++)); do\n"
	"\t\tword=${words[i]}\n"
	"\t\tif [[ -n $kind ]]; then\n"
	"\t\t\t[[ -n $cmd ]] || store=$word\n"
	"\t\t\tkind=\n"
	"\t\telif [[ -z $cmd ]]; then\n"
	"\t\t\tif [[ $word == --store ]]; then\n"
	"\t\t\t\tkind=dir\n"
	"\t\t\telif [[ $word == --store=* ]]; then\n"
	"\t\t\t\tstore=${word#*=}\n"
	"\t\t\telif [[ $word != -* ]]; then\n"
	"\t\t\t\tcmd=$word\n"
	"\t\t\tfi\n"
	"\t\telif [[ $word == -- && ${#operands[@]} -le 1 ]]; then\n"
	"\t\t\tended=1\n"
	"\t\telif [[ -z $ended && $word == -?* ]]; then\n"
	"\t\t\t_rootlet_pending \"$cmd\" \"$word\"\n"
	"\t\telif [[ ${#operands[@]} -eq 0 && $(_rootlet_operand \"$cmd\") == \"literal $word\" ]]; then\n"
	"\t\t\tcmd=$word\n"
	"\t\telse\n"
	"\t\t\toperands+=(\"$word\")\n"
	"\t\t\tended=1\n"
	"\t\tfi\n"
	"\tdone\n"
	"}\n"
	"\n"
	"# Offers $1 followed by each of the words $3... that starts with $2.\n"
	"_rootlet_add()\n"
	"{\n"
	"\tlocal prefix=$1 value=$2 word\n"
	"\n"
	"\tshift 2\n"
	"\tfor word; do\n"
	"\t\t[[ $word == \"$value\"* ]] && COMPREPLY+=(\"$prefix$word\")\n"
	"\tdone\n"
	"}\n"
	"\n"
	"# Offers file names: $1 is -f (files) or -d (directories), $2 and $3 as for _rootlet_value.\n"
	"_rootlet_paths()\n"
	"{\n"
	"\tlocal path value=${2//\\\\/}\n"
	"\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\twhile IFS= read -r path; do\n"
	"\t\tCOMPREPLY+=(\"$3$path\")\n"
	"\t# The word is as it was typed, with its quoting.\n"
	"\tdone < <(compgen \"$1\" -- \"${value#[\\\"\\']}\")\n"
	"}\n"
	"\n"
	"# Offers values of kind $1 that start with $2; $3 stands before them in the same word.\n"
	"_rootlet_value()\n"
	"{\n"
	"\tlocal word\n"
	"\n"
	"\tcase $1 in\n"
	"\twords*) _rootlet_add \"$3\" \"$2\" ${1#words} ;;\n"
	"\tcap) _rootlet_add \"$3\" \"$2\" $_rootlet_caps ;;\n"
	"\tesac\n"
	"\tcase $1 in\n"
	"\tfile | words*\\ FILE) _rootlet_paths -f \"$2\" \"$3\" ;;\n"
	"\tdir) _rootlet_paths -d \"$2\" \"$3\" ;;\n"
	"\tpath)\n"
	"\t\t# After the colon comes a path inside, which cannot be seen from here.\n"
	"\t\t[[ $2 == *:* ]] && return\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\t\t_rootlet_paths -f \"$2\" \"$3\"\n"
	"\t\t;;\n"
	"\tuser)\n"
	"\t\twhile IFS= read -r word; do\n"
	"\t\t\tCOMPREPLY+=(\"$3$word\")\n"
	"\t\tdone < <(compgen -u -- \"$2\")\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Offers the names that start with $1 and that command $2... of rootlet lists.\n"
	"_rootlet_names()\n"
	"{\n"
	"\tlocal cur=$1 name\n"
	"\n"
	"\tshift\n"
	"\twhile IFS= read -r name; do\n"
	"\t\t[[ $name == *[!A-Za-z0-9._/:@+-]* ]] || _rootlet_add '' \"$cur\" \"$name\"\n"
	"\tdone < <(command rootlet ${store:+\"--store=$store\"} \"$@\" --format=names 2>/dev/null)\n"
	"}\n"
	"\n"
	"# Offers the programs of base $1 that start with $2: names are listed, nothing is run.\n"
	"_rootlet_programs()\n"
	"{\n"
	"\tlocal base=${1/#\\~\\//~/} file name\n"
	"\n"
	"\tif [[ $2 == */* || $1 != */* ]]; then\n"
	"\t\twhile IFS= read -r name; do\n"
	"\t\t\tCOMPREPLY+=(\"$name\")\n"
	"\t\tdone < <(compgen -c -- \"$2\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tfor file in \"$base\"/{usr/local/,usr/,}{bin,sbin}/*; do\n"
	"\t\tname=${file##*/}\n"
	"\t\t# Names come from somebody else's tree: only harmless ones.\n"
	"\t\t[[ $name == *[!A-Za-z0-9._+-]* ]] || _rootlet_add '' \"$2\" \"$name\"\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_rootlet_complete()\n"
	"{\n"
	"\tlocal cur=$1\n"
	"\n"
	"\tif [[ -n $kind ]]; then\n"
	"\t\t_rootlet_value \"$kind\" \"$cur\" ''\n"
	"\telif [[ -z $cmd && $cur == --store=* ]]; then\n"
	"\t\t_rootlet_value dir \"${cur#*=}\" --store=\n"
	"\telif [[ -z $cmd ]]; then\n"
	"\t\t_rootlet_add '' \"$cur\" $_rootlet_commands --help --store= --version\n"
	"\t\t[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"\telif [[ -z $ended && $cur == --*=* ]]; then\n"
	"\t\t_rootlet_kind \"$cmd\" \"${cur%%=*}\"\n"
	"\t\t_rootlet_value \"$kind\" \"${cur#*=}\" \"${cur%%=*}=\"\n"
	"\telif [[ -z $ended && $cur == -[!-]?* ]]; then\n"
	"\t\t_rootlet_kind \"$cmd\" \"${cur:0:2}\"\n"
	"\t\t_rootlet_value \"$kind\" \"${cur:2}\" \"${cur:0:2}\"\n"
	"\telif [[ -z $ended && $cur == -* ]]; then\n"
	"\t\t_rootlet_add '' \"$cur\" $(_rootlet_options \"$cmd\")\n"
	"\t\t[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"\telif ((${#operands[@]} == 0)) || [[ $(_rootlet_operand \"$cmd\") == *... ]]; then\n"
	"\t\t_rootlet_first \"$cmd\" \"$cur\"\n"
	"\telif _rootlet_rest_is_command \"$cmd\"; then\n"
	"\t\tif ((${#operands[@]} == 1)); then\n"
	"\t\t\t_rootlet_programs \"${operands[0]}\" \"$cur\"\n"
	"\t\telse\n"
	"\t\t\t_rootlet_paths -f \"$cur\" ''\n"
	"\t\tfi\n"
	"\tfi\n"
	"}\n"
	"\n"
	"# Offers what the first operand of command $1 can be.\n"
	"_rootlet_first()\n"
	"{\n"
	"\tcase $(_rootlet_operand \"$1\") in\n"
	"\tliteral\\ *)\n"
	"\t\tset -- \"$1\" \"$2\" \"$(_rootlet_operand \"$1\")\"\n"
	"\t\t_rootlet_add '' \"$2\" \"${3#literal }\"\n"
	"\t\t;;\n"
	"\tbase)\n"
	"\t\t_rootlet_add '' \"$2\" host\n"
	"\t\t_rootlet_names \"$2\" images\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\t\t_rootlet_paths -d \"$2\" ''\n"
	"\t\t;;\n"
	"\timage*) _rootlet_names \"$2\" images ;;\n"
	"\tcontainer*) _rootlet_names \"$2\" ps --all ;;\n"
	"\tdir) _rootlet_paths -d \"$2\" '' ;;\n"
	"\tfile*) _rootlet_paths -f \"$2\" '' ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"_rootlet()\n"
	"{\n"
	"\tlocal words cword cmd kind ended store operands cur before i\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\t_rootlet_words\n"
	"\t_rootlet_scan\n"
	"\tcur=${words[cword]}\n"
	"\t_rootlet_complete \"$cur\"\n"
	"\t# What is replaced starts after the last character at which bash splits words.\n"
	"\tbefore=$cur\n"
	"\twhile [[ -n $before && ! ($before == *= && $COMP_WORDBREAKS == *=*) &&\n"
	"\t\t! ($before == *: && $COMP_WORDBREAKS == *:*) ]]; do\n"
	"\t\tbefore=${before%?}\n"
	"\tdone\n"
	"\tfor i in \"${!COMPREPLY[@]}\"; do\n"
	"\t\tCOMPREPLY[i]=${COMPREPLY[i]#\"$before\"}\n"
	"\tdone\n"
	"}\n"
	"\n"
	"complete -F _rootlet rootlet\n";

/* The kind of value of @o, as _rootlet_value reads it. */
static void
put_kind(const struct opt *o, FILE *out)
{
	char words[256];

	switch (o->value) {
	case OPT_VALUE_TEXT:
		(void)fputs("text", out);
		return;
	case OPT_VALUE_FILE:
		(void)fputs(render_has_tail(o) ? "path" : "file", out);
		return;
	case OPT_VALUE_DIR:
		(void)fputs("dir", out);
		return;
	case OPT_VALUE_WORDS:
		render_words(o, words, sizeof(words));
		(void)fprintf(out, "words %s%s", words, render_wants_file(o) ? " FILE" : "");
		return;
	case OPT_VALUE_CAP:
		(void)fputs("cap", out);
		return;
	case OPT_VALUE_USER:
		(void)fputs("user", out);
		return;
	case OPT_VALUE_NONE:
	case OPT_VALUE_MAX_:
		return;
	}
}

static void
put_kinds(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("# Sets kind to what option $2 of command $1 takes; empty: no value.\n"
		    "_rootlet_kind()\n{\n\tcase $1:$2 in\n", out);
	FOR_EACH_COMMAND(c, cmds) {
		FOR_EACH_OPTION(o, c->opts) {
			if (o->value == OPT_VALUE_NONE)
				continue;
			if (o->short_name)
				(void)fprintf(out, "\t%s:-%c%s", c->name, o->short_name,
					      o->name ? " |" : "");
			if (o->name)
				(void)fprintf(out, "%s%s:--%s", o->short_name ? " " : "\t",
					      c->name, o->name);
			(void)fputs(") kind='", out);
			put_kind(o, out);
			(void)fputs("' ;;\n", out);
		}
	}
	(void)fputs("\t*) kind= ;;\n\tesac\n}\n\n", out);
}

static void
put_options(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("_rootlet_options()\n{\n\tcase $1 in\n", out);
	FOR_EACH_COMMAND(c, cmds) {
		(void)fprintf(out, "\t%s) echo '", c->name);
		FOR_EACH_OPTION(o, c->opts) {
			if (o->short_name)
				(void)fprintf(out, "-%c ", o->short_name);
			if (o->name)
				(void)fprintf(out, "--%s%s ", o->name,
					      o->value == OPT_VALUE_NONE ? "" : "=");
		}
		(void)fputs("--help' ;;\n", out);
	}
	(void)fputs("\tesac\n}\n\n", out);
}

static void
put_operands(const struct opt_command *cmds, FILE *out)
{
	static const char *const names[] = {
		[OPERAND_NONE] = "",
		[OPERAND_BASE] = "base",
		[OPERAND_IMAGE] = "image",
		[OPERAND_CONTAINER] = "container",
		[OPERAND_DIR] = "dir",
		[OPERAND_FILE] = "file",
		[OPERAND_LITERAL] = "literal ",
	};
	static_assert(NELEMS(names) == OPERAND_MAX_, "names[] does not match enum operand");

	(void)fputs("# Prints the kind of the first operand of command $1, and ... when more of them follow.\n"
		    "_rootlet_operand()\n{\n\tcase $1 in\n", out);
	FOR_EACH_COMMAND(c, cmds) {
		char word[32];
		enum operand kind = render_operand(c, word, sizeof(word));

		if (kind != OPERAND_NONE)
			(void)fprintf(out, "\t%s) echo '%s%s%s' ;;\n", c->name, names[kind],
				      kind == OPERAND_LITERAL ? word : "",
				      render_operand_repeats(c) ? "..." : "");
	}
	(void)fputs("\tesac\n}\n\n", out);
}

static void
put_rest(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("_rootlet_rest_is_command()\n{\n\tcase $1 in\n", out);
	FOR_EACH_COMMAND(c, cmds)
		if (c->rest_is_command)
			(void)fprintf(out, "\t%s) return 0 ;;\n", c->name);
	(void)fputs("\tesac\n\treturn 1\n}\n\n", out);
}

void
opt_complete_bash(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("# bash completion of rootlet(1), written from the option tables by "
		    "\"make update-docs\"\n"
		    "# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154,SC2207\n\n", out);
	(void)fputs("_rootlet_commands='", out);
	FOR_EACH_COMMAND(c, cmds)
		(void)fprintf(out, "%s%s", c == render_next_command(cmds) ? "" : " ", c->name);
	(void)fprintf(out, "'\n_rootlet_caps='%s'\n\n", render_caps);
	put_kinds(cmds, out);
	put_options(cmds, out);
	put_operands(cmds, out);
	put_rest(cmds, out);
	(void)fputs(script, out);
}
