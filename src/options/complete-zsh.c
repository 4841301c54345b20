/*
 * The zsh completion: one _arguments call a command.
 *
 * It never hands over to the completion of the program to be run, which might run that program.
 */
#include <string.h>

#include "options/render.h"

static const char helpers[] =
	"# Adds the names that command $1... of the rootlet of $PATH lists.\n"
	"_rootlet_names() {\n"
	"\tlocal -a names\n"
	"\n"
	"\tnames=(${(f)\"$(command rootlet ${store:+--store=$store} \"$@\" --format=names 2>/dev/null)\"})\n"
	"\tcompadd -a names\n"
	"}\n"
	"\n"
	"_rootlet_image() { _rootlet_names images }\n"
	"_rootlet_container() { _rootlet_names ps --all }\n"
	"\n"
	"_rootlet_base() {\n"
	"\t_alternative \\\n"
	"\t\t'words:base:((host\\:\"the root of this machine\"))' \\\n"
	"\t\t'images:image:_rootlet_image' \\\n"
	"\t\t'directories:directory:_directories'\n"
	"}\n"
	"\n"
	"# Names are listed, nothing is run: neither the program's own completion nor its --help.\n"
	"_rootlet_program() {\n"
	"\t_alternative 'commands:program:_path_commands' 'files:file:_files'\n"
	"}\n";

/* @s inside single quotes, with the characters that _arguments reads itself taken literally. */
static void
put_quoted(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			(void)fputs("'\\''", out);
		else {
			if (*s == ':' || *s == '[' || *s == ']' || *s == '\\')
				(void)fputc('\\', out);
			(void)fputc(*s, out);
		}
	}
}

static void
put_action(const struct opt *o, FILE *out)
{
	char words[256];

	switch (o->value) {
	case OPT_VALUE_FILE:
		(void)fputs("_files", out);
		return;
	case OPT_VALUE_DIR:
		(void)fputs("_directories", out);
		return;
	case OPT_VALUE_WORDS:
		render_words(o, words, sizeof(words));
		(void)fprintf(out, render_wants_file(o)
			      ? "{_alternative \"words\\:value\\:(%s)\" \"files\\:file\\:_files\"}"
			      : "(%s)", words);
		return;
	case OPT_VALUE_CAP:
		(void)fprintf(out, "(%s)", render_caps);
		return;
	case OPT_VALUE_USER:
		(void)fputs("_users", out);
		return;
	case OPT_VALUE_TEXT:
	case OPT_VALUE_NONE:
	case OPT_VALUE_MAX_:
		return;
	}
}

/* ":SRC:action:DEST:action": what follows as words of their own. */
static void
put_words(const struct opt *o, FILE *out)
{
	for (const char *word = o->metavar; word && *word; word += strspn(word, " ")) {
		const size_t n = strcspn(word, " ");

		(void)fprintf(out, ":%.*s:", (int)n, word);
		put_action(o, out);
		word += n;
	}
}

/* "[help]:METAVAR:action'", the end of a quoted specification. */
static void
put_rest(const struct opt *o, FILE *out)
{
	(void)fputc('[', out);
	put_quoted(o->help ? o->help : "", out);
	(void)fputc(']', out);
	if (o->kind == OPT_KIND_ACT)
		put_words(o, out);
	else if (o->value != OPT_VALUE_NONE) {
		(void)fputc(':', out);
		put_quoted(o->metavar ? o->metavar : "value", out);
		(void)fputc(':', out);
		put_action(o, out);
	}
	(void)fputs("' \\\n", out);
}

static void
put_option(const struct opt *o, FILE *out)
{
	bool value = o->value != OPT_VALUE_NONE && o->kind != OPT_KIND_ACT;
	bool repeated = o->kind == OPT_KIND_STRINGS || o->kind == OPT_KIND_CALL ||
			o->kind == OPT_KIND_ACT;

	(void)fputs("\t\t", out);
	if (repeated)
		(void)fputs("'*'", out);
	else if (o->short_name && o->name)
		(void)fprintf(out, "'(-%c --%s)'", o->short_name, o->name);
	if (o->short_name && o->name)
		(void)fprintf(out, "{-%c%s,--%s%s}'", o->short_name, value ? "+" : "", o->name,
			      value ? "=" : "");
	else if (o->name)
		(void)fprintf(out, "'--%s%s", o->name, value ? "=" : "");
	else
		(void)fprintf(out, "'-%c%s", o->short_name, value ? "+" : "");
	put_rest(o, out);
}

static void
put_operand(const struct opt_command *cmd, FILE *out)
{
	static const char *const actions[] = {
		[OPERAND_NONE] = "",
		[OPERAND_BASE] = "base:_rootlet_base",
		[OPERAND_IMAGE] = "image:_rootlet_image",
		[OPERAND_CONTAINER] = "container:_rootlet_container",
		[OPERAND_DIR] = "directory:_directories",
		[OPERAND_FILE] = "file:_files",
		[OPERAND_LITERAL] = "",
	};
	static_assert(NELEMS(actions) == OPERAND_MAX_, "actions[] does not match enum operand");
	char word[32];
	enum operand kind = render_operand(cmd, word, sizeof(word));

	if (kind == OPERAND_LITERAL)
		/* From there on it is the command line of that other command. */
		(void)fprintf(out, "\t\t'1:command:(%s)' '*::command line:_rootlet_%s'\n", word, word);
	else if (kind == OPERAND_NONE)
		(void)fputs("\t\t':'\n", out);
	else
		(void)fprintf(out, "\t\t'%c:%s'%s\n", render_operand_repeats(cmd) ? '*' : '1',
			      actions[kind],
			      cmd->rest_is_command
			      ? " '2:program:_rootlet_program' '*:argument:_files'" : "");
}

static void
put_command(const struct opt_command *cmd, FILE *out)
{
	(void)fprintf(out, "_rootlet_%s() {\n\t_arguments -s -S -A '-*' : \\\n", cmd->name);
	FOR_EACH_OPTION(o, cmd->opts)
		put_option(o, out);
	(void)fputs("\t\t'(- *)--help[show a summary of the options]' \\\n", out);
	put_operand(cmd, out);
	(void)fputs("}\n\n", out);
}

static void
put_main(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("_rootlet() {\n\tlocal -a commands\n\tlocal store\n\n\tcommands=(\n", out);
	FOR_EACH_COMMAND(c, cmds) {
		(void)fprintf(out, "\t\t'%s:", c->name);
		put_quoted(c->summary, out);
		(void)fputs("'\n", out);
	}
	(void)fputs("\t)\n"
		    "\twhile [[ CURRENT -gt 2 && $words[2] == --store=* ]]; do\n"
		    "\t\tstore=${(Q)words[2]#--store=}\n"
		    "\t\tshift words\n\t\t((CURRENT--))\n\tdone\n"
		    "\tif ((CURRENT == 2)); then\n"
		    "\t\tif compset -P --store=; then\n"
		    "\t\t\t_directories\n"
		    "\t\telif [[ $PREFIX == -* ]]; then\n"
		    "\t\t\tcompadd -- --help --version\n"
		    "\t\t\tcompadd -S '' -- --store=\n"
		    "\t\telse\n"
		    "\t\t\t_describe -t commands command commands\n"
		    "\t\tfi\n"
		    "\t\treturn\n\tfi\n"
		    "\tshift words\n\t((CURRENT--))\n\tcase $words[1] in\n", out);
	FOR_EACH_COMMAND(c, cmds)
		(void)fprintf(out, "\t%s) _rootlet_%s ;;\n", c->name, c->name);
	(void)fputs("\tesac\n}\n\n_rootlet \"$@\"\n", out);
}

void
opt_complete_zsh(const struct opt_command *cmds, FILE *out)
{
	(void)fputs("#compdef rootlet\n# zsh completion of rootlet(1), written from the option "
		    "tables by \"make update-docs\"\n\n", out);
	(void)fputs(helpers, out);
	FOR_EACH_COMMAND(c, cmds)
		put_command(c, out);
	put_main(cmds, out);
}
