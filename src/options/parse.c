#include <string.h>

#include "base/str.h"
#include "options/opt.h"

/* How a word of the command line is quoted in messages: enough to be recognised. */
#define QUOTED "'%.60s'"
/* Longest name that is looked at for a hint. */
#define NAME_MAX_LEN 40

struct parser {
	const struct opt *opts;
	int argc;
	char **argv;
	int next; /* index in argv of the next unread word */
	void *args;
};

static const struct opt *
find_long(const struct opt *opts, const char *name, size_t len)
{
	for (; opts->kind != OPT_KIND_END; opts++)
		if (opts->kind != OPT_KIND_GROUP && opts->name &&
		    strlen(opts->name) == len && strncmp(opts->name, name, len) == 0)
			return opts;
	return NULL;
}

static const struct opt *
find_short(const struct opt *opts, char c)
{
	for (; opts->kind != OPT_KIND_END; opts++)
		if (opts->kind != OPT_KIND_GROUP && opts->short_name == c)
			return opts;
	return NULL;
}

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edits (insert, delete, replace a byte) that turn the @len bytes at @a into @b. */
static unsigned int
edit_distance(const char *a, size_t len, const char *b)
{
	unsigned int row[NAME_MAX_LEN + 1];
	size_t n = strlen(b);

	if (len > NAME_MAX_LEN || n > NAME_MAX_LEN)
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= len; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = min3(row[j] + 1, row[j - 1] + 1, replaced);
		}
	}
	return row[n];
}

/* The long option most like @name, or NULL when none is near, or --help is nearer. */
static const char *
nearest_name(const struct opt *opts, const char *name, size_t len)
{
	/* One slip, and one more for every four letters: "net" is no misspelt "tty". */
	unsigned int best = 1 + (unsigned int)(len / 4);
	const unsigned int to_help = edit_distance(name, len, "help");
	const char *found = NULL;

	if (to_help <= best)
		best = to_help > 0 ? to_help - 1 : 0;
	for (; opts->kind != OPT_KIND_END; opts++) {
		unsigned int d;

		if (opts->kind == OPT_KIND_GROUP || !opts->name)
			continue;
		d = edit_distance(name, len, opts->name);
		if (d < best || (d == best && !found)) {
			best = d;
			found = opts->name;
		}
	}
	return found;
}

static int
unknown_option(const struct parser *p, const char *word, const char *name, size_t len,
	       struct err *e)
{
	const char *nearest = nearest_name(p->opts, name, len);

	(void)err_set(e, EINVAL, "unknown option " QUOTED, word);
	if (nearest)
		return err_hint(e, "did you mean --%s?", nearest);
	/* bwrap's own name can be a path. */
	if (p->argc > 0 && !strchr(p->argv[0], '/'))
		return err_hint(e, "rootlet %.40s --help lists the options", p->argv[0]);
	return err_hint(e, "--help lists the options");
}

static void
list_add(struct opt_list *list, const char *value)
{
	/* The room is the smallest power of two that holds n. */
	if ((list->n & (list->n - 1)) == 0)
		list->v = xrealloc_array(list->v, list->n ? 2 * list->n : 1, sizeof(*list->v));
	list->v[list->n++] = value;
}

/* Give @value (NULL for a flag) to the field or the function of @o. */
static int
store(const struct parser *p, const struct opt *o, const char *shown, const char *value,
      struct err *e)
{
	char *field = (char *)p->args + o->offset;

	switch (o->kind) {
	case OPT_KIND_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_KIND_STRING:
		*(const char **)field = value;
		return 0;
	case OPT_KIND_STRINGS:
		list_add((struct opt_list *)field, value);
		return 0;
	case OPT_KIND_CALL:
		if (o->call(p->args, value, e) >= 0)
			return 0;
		(void)(value ? err_prefix(e, "%s " QUOTED, shown, value)
			     : err_prefix(e, "%s", shown));
		return -EINVAL;
	case OPT_KIND_END:
	case OPT_KIND_GROUP:
	case OPT_KIND_ACT:
	case OPT_KIND_MAX_:
		break;
	}
	abort();
}

/* The value of @o, which is @attached or else the next word. */
static int
store_with_value(struct parser *p, const struct opt *o, const char *shown, const char *attached,
		 struct err *e)
{
	if (o->value == OPT_VALUE_NONE && attached)
		return err_set(e, EINVAL, "%s takes no value", shown);
	if (o->value != OPT_VALUE_NONE && !attached) {
		if (p->next >= p->argc)
			return err_set(e, EINVAL, "%s needs a value, %s", shown,
				       o->metavar ? o->metavar : "VALUE");
		attached = p->argv[p->next++];
	}
	return store(p, o, shown, attached, e);
}

/* @word is "--name" or "--name=value".  Returns 1 when it asks for help. */
static int
parse_long(struct parser *p, const char *word, struct err *e)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct opt *o = find_long(p->opts, name, len);
	char shown[NAME_MAX_LEN + 3] = "--";

	if (!o && len == 4 && strncmp(name, "help", 4) == 0)
		return name[len] ? err_set(e, EINVAL, "--help takes no value") : 1;
	if (!o)
		return unknown_option(p, word, name, len, e);
	memcpy(shown + 2, name, len < NAME_MAX_LEN ? len : NAME_MAX_LEN);
	return store_with_value(p, o, shown, name[len] ? name + len + 1 : NULL, e);
}

/* @word is "-abc": flags, and at most one option with a value, which takes the rest. */
static int
parse_bundle(struct parser *p, const char *word, struct err *e)
{
	for (const char *c = word + 1; *c; c++) {
		const struct opt *o = find_short(p->opts, *c);
		const char shown[] = { '-', *c, '\0' };
		int r;

		if (!o && *c == 'h')
			return 1;
		if (!o && c == word + 1 && c[1])
			/* Most likely a long option with one dash: "-volume". */
			return unknown_option(p, word, c, strcspn(c, "="), e);
		if (!o)
			return unknown_option(p, shown, c, 1, e);
		if (o->value != OPT_VALUE_NONE)
			return store_with_value(p, o, shown, c[1] ? c + 1 : NULL, e);
		r = store(p, o, shown, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int
opt_parse(const struct opt *opts, int argc, char **argv, void *args, struct err *e)
{
	struct parser p = { .opts = opts, .argc = argc, .argv = argv, .next = 1, .args = args };

	while (p.next < argc) {
		const char *word = argv[p.next];
		int r;

		if (word[0] != '-' || word[1] == '\0')
			break;
		p.next++;
		if (strcmp(word, "--") == 0)
			break;
		r = word[1] == '-' ? parse_long(&p, word, e) : parse_bundle(&p, word, e);
		if (r != 0)
			return r < 0 ? -EINVAL : 0;
	}
	return p.next;
}

/* @next: the words after the option.  Returns how many it took. */
static int
act(const struct opt *o, int n_left, char **next, void *args, struct err *e)
{
	static const char *const counts[] = { "no argument", "one argument", "two arguments",
					      "three arguments" };

	if (o->kind == OPT_KIND_FLAG) {
		*(bool *)((char *)args + o->offset) = true;
		return 0;
	}
	if (n_left < (int)o->n_words)
		return err_set(e, EINVAL, "--%s takes %s", o->name, counts[o->n_words]);
	return o->act(args, o, next, e) < 0 ? -e->code : (int)o->n_words;
}

int
opt_act(const struct opt *opts, int argc, char **argv, opt_act_fn *before, void *args,
	struct err *e)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-') {
		const char *word = argv[i++];
		const struct opt *o = NULL;
		int n;

		if (strcmp(word, "--") == 0)
			break;
		if (word[1] == '-')
			o = find_long(opts, word + 2, strlen(word + 2));
		if (!o) {
			const char *name = word + strspn(word, "-");

			(void)unknown_option(&(const struct parser){ .opts = opts }, word, name,
					     strlen(name), e);
			return -e->code;
		}
		n = before(args, o, argv + i, e);
		if (n >= 0)
			n = act(o, argc - i, argv + i, args, e);
		if (n < 0)
			return n;
		i += n;
	}
	return i;
}
