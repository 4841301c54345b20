#include <ctype.h>
#include <string.h>

#include "options/render.h"

#define WIDTH 79U      /* columns, so that a terminal of 80 does not wrap by itself */
#define HELP_COLUMN 26U /* where the descriptions of options start */

/* Spaces up to column @to; on a new line when the text before ends too far right. */
static void
pad(size_t at, size_t to, FILE *out)
{
	if (at + 2 > to) {
		(void)fputc('\n', out);
		at = 0;
	}
	(void)fprintf(out, "%*s", (int)(to - at), "");
}

/* Write @text from column @indent on, wrapped between words, and a newline. */
static void
wrap(const char *text, size_t indent, FILE *out)
{
	size_t at = indent;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (at > indent && at + 1 + len > WIDTH) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			(void)fputc(' ', out);
			at++;
		}
		(void)fprintf(out, "%.*s", (int)len, text);
		at += len;
		text += len + strspn(text + len, " \n");
	}
	(void)fputc('\n', out);
}

/* "  -v, --volume=SRC:DST".  Returns how many columns that is. */
static size_t
put_label(char short_name, const char *name, char between, const char *metavar, FILE *out)
{
	const char sep[] = { metavar ? between : '\0', '\0' };
	char shorts[] = "    ";
	int n;

	if (short_name) {
		shorts[0] = '-';
		shorts[1] = short_name;
		shorts[2] = name ? ',' : ' ';
	}
	if (name)
		n = fprintf(out, "  %s--%s%s%s", shorts, name, sep, metavar ? metavar : "");
	else
		n = fprintf(out, "  %s%s", shorts, metavar ? metavar : "");
	return n < 0 ? 0 : (size_t)n;
}

static void
put_option(const struct opt *o, FILE *out)
{
	pad(put_label(o->short_name, o->name, o->kind == OPT_KIND_ACT ? ' ' : '=', o->metavar, out), HELP_COLUMN, out);
	wrap(o->help ? o->help : "", HELP_COLUMN, out);
}

/* The one-line summary as a sentence. */
static void
put_summary(const char *summary, FILE *out)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s.", summary);
	text[0] = (char)toupper((unsigned char)text[0]);
	(void)fputc('\n', out);
	wrap(text, 0, out);
}

void
opt_help(const struct opt_command *cmd, FILE *out)
{
	int n = fprintf(out, "Usage: rootlet %s ", cmd->name);

	wrap(cmd->synopsis ? cmd->synopsis : "", n > 0 ? (size_t)n : 0, out);
	if (cmd->summary)
		put_summary(cmd->summary, out);
	if (cmd->opts->kind != OPT_KIND_GROUP)
		(void)fprintf(out, "\nOptions:\n");
	for (const struct opt *o = cmd->opts; o->kind != OPT_KIND_END; o++) {
		if (o->kind == OPT_KIND_GROUP)
			(void)fprintf(out, "\n%s:\n", o->name);
		else
			put_option(o, out);
	}
	if (render_has_long(cmd->opts, "help"))
		return;
	if (cmd->opts->kind == OPT_KIND_GROUP)
		(void)fprintf(out, "\nHelp:\n");
	pad(put_label(render_has_short(cmd->opts, 'h') ? '\0' : 'h', "help", '=', NULL, out),
	    HELP_COLUMN, out);
	wrap("show this text", HELP_COLUMN, out);
}

void
opt_help_commands(const struct opt_command *cmds, FILE *out)
{
	size_t longest = 0;

	FOR_EACH_COMMAND(c, cmds)
		if (strlen(c->name) > longest)
			longest = strlen(c->name);
	FOR_EACH_COMMAND(c, cmds) {
		size_t column = longest + 4;

		(void)fprintf(out, "  %s", c->name);
		pad(2 + strlen(c->name), column, out);
		wrap(c->summary, column, out);
	}
}
