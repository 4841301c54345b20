#include <ctype.h>
#include <string.h>

#include "options/render.h"

#define WIDTH 78U /* columns of the roff source */

/* What prints just that byte, or NULL: the byte itself does. */
static const char *
roff_of(char c)
{
	static const struct {
		char c;
		const char *roff;
	} table[] = {
		{ '\\', "\\e" },   { '-', "\\-" },    { '\'', "\\(aq" }, { '`', "\\(ga" },
		{ '^', "\\(ha" }, { '~', "\\(ti" }, { '"', "\\(dq" },
	};

	for (size_t i = 0; i < NELEMS(table); i++)
		if (table[i].c == c)
			return table[i].roff;
	return NULL;
}

/* The columns that @s takes in the source. */
static size_t
text_width(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += roff_of(s[i]) ? strlen(roff_of(s[i])) : 1;
	return n;
}

static size_t
put_text(const char *s, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		const char *roff = roff_of(s[i]);

		if (roff)
			(void)fputs(roff, out);
		else
			(void)fputc(s[i], out);
	}
	return text_width(s, len);
}

/* Does a sentence end with the word of @len bytes at @s?  roff wants a new line after it. */
static bool
ends_sentence(const char *s, size_t len)
{
	return len > 1 && strchr(".!?", s[len - 1]) && s[len - 2] != '.';
}

/* A word at the start of a line must not look like a request.  Returns columns. */
static size_t
put_word(const char *s, size_t len, bool first, FILE *out)
{
	if (first && s[0] == '.')
		(void)fputs("\\&", out);
	return put_text(s, len, out);
}

/* Fill one paragraph of plain text: @text up to an empty line.  Returns what follows. */
static const char *
put_paragraph(const char *text, FILE *out)
{
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " \n"), gap;

		if (at > 0 && at + 1 + text_width(text, len) > WIDTH) {
			(void)fputc('\n', out);
			at = 0;
		} else if (at > 0) {
			(void)fputc(' ', out);
			at++;
		}
		at += put_word(text, len, at == 0, out);
		gap = strspn(text + len, " \n");
		if (strncmp(text + len, "\n\n", 2) == 0) {
			text += len + gap;
			break;
		}
		if (ends_sentence(text, len) && text[len + gap]) {
			(void)fputc('\n', out);
			at = 0;
		}
		text += len + gap;
	}
	(void)fputc('\n', out);
	return text;
}

/* A one-line help as a sentence: with a capital and a full stop. */
static void
put_sentence(const char *help, FILE *out)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "%s.", help);
	text[0] = (char)toupper((unsigned char)text[0]);
	(void)put_paragraph(text, out);
}

/* "SRC:DST[:ro]": what is to be replaced in italics, what is typed as it is in bold. */
static void
put_metavar(const char *s, FILE *out)
{
	while (*s) {
		bool upper = isupper((unsigned char)*s);
		size_t len = 1;

		if (!isalnum((unsigned char)*s)) {
			(void)put_text(s++, 1, out);
			continue;
		}
		while (isalnum((unsigned char)s[len]) &&
		       (bool)isupper((unsigned char)s[len]) == upper)
			len++;
		(void)fputs(upper ? "\\fI" : "\\fB", out);
		(void)put_text(s, len, out);
		(void)fputs("\\fR", out);
		s += len;
	}
}

static void
put_label(char short_name, const char *name, char between, const char *metavar, FILE *out)
{
	(void)fputs(".TP\n", out);
	if (short_name) {
		(void)fputs("\\fB\\-", out);
		(void)put_text(&short_name, 1, out);
		(void)fprintf(out, "\\fR%s", name ? ", " : metavar ? " " : "");
	}
	if (name) {
		(void)fputs("\\fB\\-\\-", out);
		(void)put_text(name, strlen(name), out);
		(void)fprintf(out, "\\fR%.*s", metavar != NULL, &between);
	}
	if (metavar)
		put_metavar(metavar, out);
	(void)fputc('\n', out);
}

static void
put_option(const struct opt *o, FILE *out)
{
	const char *text = o->man;

	put_label(o->short_name, o->name, o->kind == OPT_KIND_ACT ? ' ' : '=', o->metavar, out);
	if (!text) {
		put_sentence(o->help ? o->help : "", out);
		return;
	}
	for (;;) {
		text = put_paragraph(text, out);
		if (!*text)
			break;
		(void)fputs(".IP\n", out);
	}
}

static void
put_heading(const char *title, FILE *out)
{
	(void)fputs(".SS ", out);
	(void)put_text(title, strlen(title), out);
	(void)fputc('\n', out);
}

void
opt_man(const struct opt_command *cmd, FILE *out)
{
	for (const struct opt *o = cmd->opts; o->kind != OPT_KIND_END; o++) {
		if (o->kind == OPT_KIND_GROUP)
			put_heading(o->name, out);
		else
			put_option(o, out);
	}
	if (render_has_long(cmd->opts, "help"))
		return;
	if (cmd->opts->kind == OPT_KIND_GROUP)
		put_heading("Help", out);
	put_label(render_has_short(cmd->opts, 'h') ? '\0' : 'h', "help", '=', NULL, out);
	put_sentence("show a summary of the options and exit", out);
}

void
opt_man_commands(const struct opt_command *cmds, FILE *out)
{
	FOR_EACH_COMMAND(c, cmds) {
		(void)fputs(".TP\n\\fBrootlet ", out);
		(void)put_text(c->name, strlen(c->name), out);
		(void)fputs("\\fR", out);
		if (c->synopsis && c->synopsis[0]) {
			(void)fputc(' ', out);
			put_metavar(c->synopsis, out);
		}
		(void)fputc('\n', out);
		put_sentence(c->summary, out);
	}
}
