#include <string.h>

#include "base/str.h"
#include "doctor/doctor.h"

#define STATE_WIDTH 9U
#define TITLE_WIDTH 23U

static const struct {
	const char *word, *color;
} states[] = {
	[DOCTOR_WORKS] = { "works", "\033[32m" },
	[DOCTOR_DEGRADED] = { "degraded", "\033[33m" },
	[DOCTOR_MISSING] = { "missing", "\033[31m" },
};
static_assert(NELEMS(states) == DOCTOR_STATE_MAX_, "states[] does not match enum doctor_state");

/* @text from column @at on, wrapped between words with @indent columns in front, and a newline. */
static void
put_wrapped(const char *text, size_t at, size_t indent, size_t width, FILE *out)
{
	char safe[2048];

	(void)str_printable(safe, sizeof(safe), text, false);
	for (const char *p = safe; *p;) {
		const size_t len = strcspn(p, " ");

		if (at > indent && at + 1 + len >= width) {
			(void)fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			(void)fputc(' ', out);
			at++;
		}
		(void)fprintf(out, "%.*s", (int)len, p);
		at += len;
		p += len + strspn(p + len, " ");
	}
	(void)fputc('\n', out);
}

static void
put_note(const char *label, const char *text, size_t width, FILE *out)
{
	const size_t indent = STATE_WIDTH + 1 + strlen("lost: ");

	if (!text[0])
		return;
	(void)fprintf(out, "%*s%-6s", (int)STATE_WIDTH + 1, "", label);
	put_wrapped(text, indent, indent, width, out);
}

static void
put_row(const struct doctor_row *r, size_t width, bool color, FILE *out)
{
	const char *word = states[r->found.state].word;
	const size_t column = STATE_WIDTH + 1 + TITLE_WIDTH + 1;

	(void)fprintf(out, "%s%s%s%*s", color ? states[r->found.state].color : "", word,
		      color ? "\033[0m" : "", (int)(STATE_WIDTH + 1 - strlen(word)), "");
	(void)fprintf(out, r->found.detail[0] ? "%-*s " : "%-.*s", (int)TITLE_WIDTH, r->title);
	put_wrapped(r->found.detail, column, column, width, out);
	put_note("lost:", r->found.lost, width, out);
	put_note("do:", r->found.remedy, width, out);
}

void
doctor_print_table(const struct doctor_row *rows, size_t n, unsigned int width, bool color,
		   FILE *out)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		put_row(&rows[i], width, color, out);
		bad += rows[i].found.state != DOCTOR_WORKS;
	}
	if (!doctor_can_run(rows, n))
		(void)fputs("\nrootlet cannot run here.\n", out);
	else if (bad)
		(void)fprintf(out, "\nrootlet runs here; of %zu things %zu %s not all there.\n", n, bad,
			      bad == 1 ? "is" : "are");
	else
		(void)fputs("\nrootlet runs here, with everything it can use.\n", out);
}

/* JSON wants UTF-8 and no control bytes; nothing else appears in what we say. */
static void
put_json_string(const char *s, FILE *out)
{
	char safe[2048];

	(void)str_printable(safe, sizeof(safe), s, false);
	(void)fputc('"', out);
	for (const char *p = safe; *p; p++) {
		if (*p == '"' || *p == '\\')
			(void)fputc('\\', out);
		(void)fputc(*p, out);
	}
	(void)fputc('"', out);
}

static void
put_json_field(const char *name, const char *value, const char *after, FILE *out)
{
	(void)fprintf(out, "\"%s\": ", name);
	put_json_string(value, out);
	(void)fputs(after, out);
}

void
doctor_print_json(const struct doctor_row *rows, size_t n, FILE *out)
{
	(void)fprintf(out, "{\n  \"canRun\": %s,\n  \"checks\": [",
		      doctor_can_run(rows, n) ? "true" : "false");
	for (size_t i = 0; i < n; i++) {
		const struct doctor_row *r = &rows[i];

		(void)fprintf(out, "%s\n    { ", i ? "," : "");
		put_json_field("name", r->name, ", ", out);
		put_json_field("title", r->title, ", ", out);
		(void)fprintf(out, "\"vital\": %s, ", r->vital ? "true" : "false");
		put_json_field("state", states[r->found.state].word, ", ", out);
		put_json_field("detail", r->found.detail, ", ", out);
		put_json_field("lost", r->found.lost, ", ", out);
		put_json_field("remedy", r->found.remedy, " }", out);
	}
	(void)fputs("\n  ]\n}\n", out);
}
