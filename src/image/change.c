#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "image/change-internal.h"

#define BLANKS " \t"

/* --- what instructions share --- */

static json_t *
part(json_t *c, const char *key, json_t *(*make)(void), json_type type, struct err *e)
{
	json_t *v = json_object_get(c, key);

	if (!v || json_is_null(v)) {
		v = make();
		(void)json_object_set_new(c, key, v);
	}
	if (json_typeof(v) == type)
		return v;
	(void)err_set(e, EINVAL, "the configuration's %s is not %s", key,
		      type == JSON_ARRAY ? "a list" : "an object");
	return NULL;
}

json_t *
change_object(json_t *c, const char *key, struct err *e)
{
	return part(c, key, json_object, JSON_OBJECT, e);
}

json_t *
change_array(json_t *c, const char *key, struct err *e)
{
	return part(c, key, json_array, JSON_ARRAY, e);
}

/* A set of names is an object of empty objects. */
static int
add_name(json_t *c, const char *key, const char *name, struct err *e)
{
	json_t *set = change_object(c, key, e);

	return set ? json_object_set_new(set, name, json_object()) : -e->code;
}

json_t *
change_list(const char *text, struct err *e)
{
	json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *v;
	size_t i;

	/* `[ -f x ] && y` is a command of the shell; ["x" and ['x'] are meant as lists. */
	if (!json_is_array(list)) {
		json_decref(list);
		if (text[0] == '[' && strchr("\"']", text[1 + strspn(text + 1, BLANKS)]))
			(void)err_set(e, EINVAL, "the list is not valid: [\"WORD\", ...] is");
		return NULL;
	}
	json_array_foreach(list, i, v) {
		if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
			continue;
		(void)err_set(e, EINVAL, "the list has something else than texts");
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *
change_command(json_t *c, const char *text, struct err *e)
{
	json_t *list = change_list(text, e), *shell;

	if (list || e->code)
		return list;
	shell = json_object_get(c, "Shell");
	list = json_array_size(shell) ? json_copy(shell) : json_pack("[s, s]", "/bin/sh", "-c");
	(void)json_array_append_new(list, json_string(text));
	return list;
}

/* The text as one word, variables and quotes gone.  Owned, not empty; NULL after an error. */
static char *
one_word(json_t *c, const char *text, struct err *e)
{
	struct word *words;
	size_t n;
	char *s;

	if (words_split(text, json_object_get(c, "Env"), true, &words, &n, e) < 0)
		return NULL;
	s = n ? TAKE_PTR(words[0].text) : xstrdup("");
	words_free(words, n);
	if (!s[0]) {
		(void)err_set(e, EINVAL, "it is empty");
		util_freep(&s);
	}
	return s;
}

/* --- KEY=VALUE ... --- */

typedef int set_fn(json_t *c, const char *key, const char *value, struct err *e);

static int
set_env(json_t *c, const char *key, const char *value, struct err *e)
{
	json_t *env = change_array(c, "Env", e), *v;
	const size_t len = strlen(key);
	AUTO_FREE char *kv = xasprintf("%s=%s", key, value);
	size_t i;

	if (!env)
		return -e->code;
	json_array_foreach(env, i, v) {
		const char *old = json_string_value(v);

		if (old && strncmp(old, key, len) == 0 && (old[len] == '=' || old[len] == '\0'))
			return json_array_set_new(env, i, json_string(kv));
	}
	return json_array_append_new(env, json_string(kv));
}

static int
set_label(json_t *c, const char *key, const char *value, struct err *e)
{
	json_t *labels = change_object(c, "Labels", e);

	return labels ? json_object_set_new(labels, key, json_string(value)) : -e->code;
}

static int
set_pair(json_t *c, struct word *w, set_fn *set, struct err *e)
{
	if (w->text[w->equal] != '=')
		return err_set(e, EINVAL, "'%s' is not KEY=VALUE", w->text);
	if (w->equal == 0)
		return err_set(e, EINVAL, "'%s' has no name before '='", w->text);
	w->text[w->equal] = '\0';
	return set(c, w->text, w->text + w->equal + 1, e);
}

/* KEY=VALUE several times, or the old form: KEY, a blank, and all that follows. */
static int
set_pairs(json_t *c, const char *text, set_fn *set, struct err *e)
{
	json_t *env = json_object_get(c, "Env");
	const size_t key_len = strcspn(text, BLANKS);
	struct word *words;
	size_t n;
	int r = 0;

	if (!memchr(text, '=', key_len) && !memchr(text, '"', key_len) && text[key_len]) {
		AUTO_FREE char *key = xstrndup(text, key_len), *value = NULL;

		value = one_word(c, text + key_len, e);
		return value ? set(c, key, value, e) : -e->code;
	}
	if (words_split(text, env, false, &words, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = set_pair(c, &words[i], set, e);
	words_free(words, n);
	return r;
}

/* --- instructions --- */

static int
change_env(json_t *c, const char *text, struct err *e)
{
	return set_pairs(c, text, set_env, e);
}

static int
change_label(json_t *c, const char *text, struct err *e)
{
	return set_pairs(c, text, set_label, e);
}

static int
change_cmd(json_t *c, const char *text, struct err *e)
{
	json_t *list = change_command(c, text, e);

	return list ? json_object_set_new(c, "Cmd", list) : -e->code;
}

static int
change_entrypoint(json_t *c, const char *text, struct err *e)
{
	json_t *list = change_command(c, text, e);

	if (!list)
		return -e->code;
	(void)json_object_del(c, "Cmd");
	return json_object_set_new(c, "Entrypoint", list);
}

static int
change_user(json_t *c, const char *text, struct err *e)
{
	AUTO_FREE char *user = one_word(c, text, e);

	if (!user)
		return -e->code;
	if (user[strcspn(user, BLANKS)])
		return err_set(e, EINVAL, "'%s' is no USER[:GROUP]", user);
	return json_object_set_new(c, "User", json_string(user));
}

static int
change_workdir(json_t *c, const char *text, struct err *e)
{
	const char *old = json_string_value(json_object_get(c, "WorkingDir"));
	AUTO_FREE char *dir = one_word(c, text, e), *whole = NULL, *clean = NULL;

	if (!dir)
		return -e->code;
	whole = dir[0] == '/' ? xstrdup(dir) : path_join(old && old[0] == '/' ? old : "/", dir);
	clean = path_clean(whole);
	return json_object_set_new(c, "WorkingDir", json_string(clean));
}

static int
add_volume(json_t *c, const char *path, struct err *e)
{
	if (path[0] != '/')
		return err_set(e, EINVAL, "'%s' is not an absolute path", path);
	return add_name(c, "Volumes", path, e);
}

static int
add_volumes(json_t *c, json_t *list, struct err *e)
{
	json_t *v;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, v)
		if (r == 0)
			r = add_volume(c, json_string_value(v), e);
	json_decref(list);
	return r;
}

static int
change_volume(json_t *c, const char *text, struct err *e)
{
	json_t *list = change_list(text, e);
	struct word *words;
	size_t n;
	int r = 0;

	if (list)
		return add_volumes(c, list, e);
	if (e->code || words_split(text, json_object_get(c, "Env"), false, &words, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_volume(c, words[i].text, e);
	words_free(words, n);
	return r;
}

static int
change_onbuild(json_t *c, const char *text, struct err *e)
{
	static const char *const refused[] = { "ONBUILD", "FROM", "MAINTAINER" };
	json_t *list = change_array(c, "OnBuild", e);
	const size_t len = strcspn(text, BLANKS);

	if (!list)
		return -e->code;
	for (size_t i = 0; i < NELEMS(refused); i++)
		if (strlen(refused[i]) == len && strncasecmp(text, refused[i], len) == 0)
			return err_set(e, EINVAL, "%s cannot be for later", refused[i]);
	return json_array_append_new(list, json_string(text));
}

/* --- the line --- */

static const struct instruction {
	const char *name;
	int (*apply)(json_t *c, const char *text, struct err *e);
} instructions[] = {
	{ "CMD", change_cmd },
	{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },
	{ "EXPOSE", change_expose },
	{ "HEALTHCHECK", change_healthcheck },
	{ "LABEL", change_label },
	{ "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },
	{ "VOLUME", change_volume },
	{ "WORKDIR", change_workdir },
};

/* The instruction, and where its arguments are; NULL after an error. */
static const struct instruction *
find(const char *line, const char **ret_text, struct err *e)
{
	const size_t len = strcspn(line, BLANKS "=");

	for (size_t i = 0; i < NELEMS(instructions); i++) {
		const char *name = instructions[i].name;

		if (strlen(name) != len || strncasecmp(line, name, len) != 0)
			continue;
		*ret_text = line + len + (line[len] == '=');
		*ret_text += strspn(*ret_text, BLANKS);
		return &instructions[i];
	}
	(void)err_set(e, EINVAL, "it is no instruction for a configuration");
	(void)err_hint(e, "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, "
			  "VOLUME and WORKDIR are");
	return NULL;
}

/* Apply @line to @c, a copy. */
static int
apply(json_t *c, const char *line, struct err *e)
{
	const struct instruction *i;
	const char *text;
	json_t *valid;

	if (strpbrk(line, "\r\n"))
		return err_set(e, EINVAL, "an instruction is one line");
	valid = json_string(line);
	json_decref(valid);
	if (!valid)
		return err_set(e, EINVAL, "it is not UTF-8");
	i = find(line, &text, e);
	if (!i)
		return -e->code;
	if (!text[0])
		return err_set(e, EINVAL, "there is nothing after %s", i->name);
	return i->apply(c, text, e);
}

static char *
trimmed(const char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	n = strlen(s);
	while (n > 0 && strchr(BLANKS, s[n - 1]))
		n--;
	return xstrndup(s, n);
}

int
oci_change(json_t *config, const char *instruction, struct err *e)
{
	AUTO_FREE char *line = trimmed(instruction);
	json_t *old = json_object_get(config, "config");
	json_t *c = json_is_object(old) ? json_deep_copy(old) : json_object();

	if (old && !json_is_object(old) && !json_is_null(old))
		(void)err_set(e, EINVAL, "the image's configuration is not an object");
	else if (apply(c, line, e) == 0) {
		(void)json_object_set_new(config, "config", c);
		return 0;
	}
	json_decref(c);
	return err_prefix(e, "--change '%s'", instruction);
}

static bool
is(const char *instruction, const char *name)
{
	AUTO_FREE char *line = trimmed(instruction);
	const size_t len = strcspn(line, BLANKS "=");

	return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

int
oci_change_all(json_t *config, const char *const *list, size_t n, struct err *e)
{
	bool own_cmd = false;

	for (size_t i = 0; i < n; i++) {
		json_t *cmd = json_incref(json_object_get(json_object_get(config, "config"), "Cmd"));

		if (oci_change(config, list[i], e) == 0 && own_cmd && is(list[i], "ENTRYPOINT"))
			(void)json_object_set(json_object_get(config, "config"), "Cmd", cmd);
		json_decref(cmd);
		if (e->code)
			return -e->code;
		own_cmd |= is(list[i], "CMD");
	}
	return 0;
}
