#include <string.h>

#include "options/render.h"

/* linux/capability.h, without the prefix; in the order of their numbers. */
const char render_caps[] =
	"ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
	"LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
	"SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
	"SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
	"MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF "
	"CHECKPOINT_RESTORE";

/* What the words of a synopsis are. */
static const struct {
	const char *word;
	enum operand kind;
} operands[] = {
	{ "BASE", OPERAND_BASE },   { "IMAGE", OPERAND_IMAGE },    { "CONTAINER", OPERAND_CONTAINER },
	{ "DIR", OPERAND_DIR },     { "FILE", OPERAND_FILE },      { "PATH", OPERAND_FILE },
	{ "TAR|-|DIR", OPERAND_FILE },
};

const struct opt *
render_next_option(const struct opt *o)
{
	while (o->kind == OPT_KIND_GROUP)
		o++;
	return o->kind == OPT_KIND_END ? NULL : o;
}

const struct opt_command *
render_next_command(const struct opt_command *cmd)
{
	while (cmd->name && !cmd->summary)
		cmd++;
	return cmd->name ? cmd : NULL;
}

bool
render_has_long(const struct opt *opts, const char *name)
{
	FOR_EACH_OPTION(o, opts)
		if (o->name && strcmp(o->name, name) == 0)
			return true;
	return false;
}

bool
render_has_short(const struct opt *opts, char c)
{
	FOR_EACH_OPTION(o, opts)
		if (o->short_name == c)
			return true;
	return false;
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* The first word of the synopsis outside of brackets.  Returns its length. */
static size_t
required_operand(const char *synopsis, const char **ret)
{
	int depth = 0;

	for (const char *s = synopsis; *s; s++) {
		if (*s == '[')
			depth++;
		else if (*s == ']')
			depth--;
		else if (depth == 0 && *s != ' ') {
			*ret = s;
			return strcspn(s, " [.");
		}
	}
	return 0;
}

/* The same, or what can be given any number of times: "[IMAGE...]". */
static size_t
first_operand(const char *synopsis, const char **ret)
{
	size_t len = required_operand(synopsis, ret);
	const char *dots = len == 0 ? strstr(synopsis, "...]") : NULL;

	if (!dots)
		return len;
	for (; dots > synopsis && dots[-1] != '[' && dots[-1] != ' '; dots--)
		len++;
	*ret = dots;
	return len;
}

bool
render_operand_repeats(const struct opt_command *cmd)
{
	const char *word = "";
	size_t len = cmd->synopsis ? first_operand(cmd->synopsis, &word) : 0;

	return strncmp(word + len, "...", 3) == 0;
}

enum operand
render_operand(const struct opt_command *cmd, char *ret_word, size_t size)
{
	const char *word = "";
	size_t len = cmd->synopsis ? first_operand(cmd->synopsis, &word) : 0;

	if (len == 0 || len >= size)
		return OPERAND_NONE;
	memcpy(ret_word, word, len);
	ret_word[len] = '\0';
	if (is_lower(word[0]))
		return OPERAND_LITERAL;
	for (size_t i = 0; i < NELEMS(operands); i++)
		if (strcmp(ret_word, operands[i].word) == 0)
			return operands[i].kind;
	return OPERAND_NONE;
}

void
render_words(const struct opt *o, char *out, size_t size)
{
	size_t n = 0;

	for (const char *s = o->metavar ? o->metavar : ""; *s; s += *s == '|') {
		size_t len = strcspn(s, "[|"), end = strcspn(s, "|");

		if (is_lower(s[0]) && n + len + 2 <= size) {
			if (n)
				out[n++] = ' ';
			memcpy(out + n, s, len);
			n += len;
		}
		s += end;
	}
	out[n] = '\0';
}

bool
render_wants_file(const struct opt *o)
{
	return o->value == OPT_VALUE_FILE ||
	       (o->value == OPT_VALUE_WORDS && o->metavar && strstr(o->metavar, "FILE"));
}

bool
render_has_tail(const struct opt *o)
{
	return o->metavar && strchr(o->metavar, ':');
}

void
render_escaped(const char *s, const char *special, const char *with, FILE *out)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			(void)fputs(with, out);
		(void)fputc(*s, out);
	}
}
