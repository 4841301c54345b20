#include <string.h>

#include "base/str.h"
#include "image/change.h"
#include "tap.h"

static char **
split(const char *s)
{
	char **v = NULL;
	size_t n;

	do {
		n = strcspn(s, "|");
		strv_take(&v, xstrndup(s, n));
		s += n;
	} while (*s++);
	return v;
}

/* @instructions: one or several, "|" between them; @want: the "config" object, or NULL for an error. */
static bool
gives(const char *before, const char *instructions, const char *want)
{
	AUTO_STRV list = split(instructions);
	json_t *config = json_object(), *start = json_loads(before, JSON_DECODE_ANY, NULL), *whole, *wanted;
	struct err e = ERR_INIT;
	bool good;
	int r;

	(void)json_object_set(config, "config", start);
	whole = json_deep_copy(config);
	r = oci_change_all(config, (const char *const *)list, strv_len(list), &e);
	wanted = json_loads(want ? want : before, JSON_DECODE_ANY, NULL);
	good = want ? r == 0 && e.code == 0 : r == -EINVAL && json_equal(config, whole);
	good = good && wanted && json_equal(json_object_get(config, "config"), wanted);
	if (!good) {
		AUTO_FREE char *got = json_dumps(config, JSON_COMPACT);

		(void)printf("# %s: %d %s: %s\n", instructions, r, e.msg, got);
	}
	json_decref(wanted);
	json_decref(whole);
	json_decref(start);
	json_decref(config);
	return good;
}

static bool
refused(const char *instruction, const char *message)
{
	json_t *config = json_loads("{\"config\":{\"Env\":[\"A=1\"]}}", 0, NULL);
	struct err e = ERR_INIT;
	const bool good = oci_change(config, instruction, &e) == -EINVAL && strstr(e.msg, message) &&
			  gives("{\"Env\":[\"A=1\"]}", instruction, NULL);

	if (!good)
		(void)printf("# %s\n", e.msg);
	json_decref(config);
	return good;
}

static void
test_env(void)
{
	OK(gives("{}", "ENV A=1", "{\"Env\":[\"A=1\"]}"), "ENV");
	OK(gives("{}", "env A=1 B=2", "{\"Env\":[\"A=1\",\"B=2\"]}"), "several, in lower case");
	OK(gives("{}", "ENV=A=1", "{\"Env\":[\"A=1\"]}"), "with = after the keyword");
	OK(gives("{}", " \tENV  A=1 \t", "{\"Env\":[\"A=1\"]}"), "blanks around it");
	OK(gives("{}", "ENV A=\"b c\" 'D e'=f", "{\"Env\":[\"A=b c\",\"D e=f\"]}"), "quotes");
	OK(gives("{}", "ENV A='\"$x\\' B=\"\\\"\\n'\"", "{\"Env\":[\"A=\\\"$x\\\\\",\"B=\\\"\\\\n'\"]}"),
	   "what quotes keep");
	OK(gives("{}", "ENV A=b\\ c\\=d=e", "{\"Env\":[\"A=b c=d=e\"]}"), "backslashes");
	OK(gives("{}", "ENV A=", "{\"Env\":[\"A=\"]}"), "an empty value");
	OK(gives("{}", "ENV A b  c=d", "{\"Env\":[\"A=b  c=d\"]}"), "the old form");
	OK(gives("{}", "ENV A \"b  c\"", "{\"Env\":[\"A=b  c\"]}"), "the old form with quotes");
	OK(gives("{\"Env\":[\"A=1\",\"AB=2\",\"B=3\"]}", "ENV A=4 B=5",
		 "{\"Env\":[\"A=4\",\"AB=2\",\"B=5\"]}"),
	   "what is there is replaced in its place");
	OK(gives("{\"Env\":[\"PATH=/bin\"]}", "ENV PATH=/x:$PATH B=${PATH}y C='$PATH' D=\\$PATH",
		 "{\"Env\":[\"PATH=/x:/bin\",\"B=/biny\",\"C=$PATH\",\"D=$PATH\"]}"),
	   "variables, as they were before the line");
	OK(gives("{\"Env\":[\"A=x y=z\"]}", "ENV B=$A C=${N:-no} D=${A:+yes} E=${N:+no}|ENV F=$N$ G=$1",
		 "{\"Env\":[\"A=x y=z\",\"B=x y=z\",\"C=no\",\"D=yes\",\"E=\",\"F=$\",\"G=$1\"]}"),
	   "a value is no more words; defaults");
	OK(refused("ENV", "nothing after ENV"), "ENV without anything");
	OK(refused("ENV A", "'A' is not KEY=VALUE"), "a name alone");
	OK(refused("ENV =b", "no name"), "no name");
	OK(refused("ENV A=1 B", "'B' is not KEY=VALUE"), "one of several is wrong");
	OK(refused("ENV A=\"b", "has no end"), "a quote without its end");
	OK(refused("ENV A='b", "has no end"), "the other quote");
	OK(refused("ENV A=${b", "'${'"), "a brace without its end");
	OK(refused("ENV A=${}", "'${'"), "a brace without a name");
	OK(refused("ENV A=${b%c}", "is no variable"), "what else braces could mean");
	OK(refused("ENV A=\xff", "not UTF-8"), "bytes that are no text");
	OK(refused("ENV A=1\nCMD x", "one line"), "two lines");
}

static void
test_commands(void)
{
	OK(gives("{}", "CMD [\"a\", \"b c\"]", "{\"Cmd\":[\"a\",\"b c\"]}"), "CMD as a list");
	OK(gives("{}", "CMD=[\"a\"]", "{\"Cmd\":[\"a\"]}"), "as podman has it");
	OK(gives("{}", "CMD a \"$b\"  && c", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"a \\\"$b\\\"  && c\"]}"),
	   "CMD for the shell, as it is");
	OK(gives("{\"Shell\":[\"bash\",\"-ec\"]}", "CMD a",
		 "{\"Shell\":[\"bash\",\"-ec\"],\"Cmd\":[\"bash\",\"-ec\",\"a\"]}"),
	   "for the image's own shell");
	OK(gives("{}", "CMD [ -f x ] && y", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[ -f x ] && y\"]}"),
	   "[ is a command");
	OK(gives("{}", "CMD []", "{\"Cmd\":[]}"), "an empty list");
	OK(gives("{\"Cmd\":[\"old\"]}", "ENTRYPOINT [\"a\"]", "{\"Entrypoint\":[\"a\"]}"),
	   "ENTRYPOINT forgets the CMD from before");
	OK(gives("{\"Cmd\":[\"old\"]}", "CMD [\"b\"]|ENTRYPOINT [\"a\"]",
		 "{\"Entrypoint\":[\"a\"],\"Cmd\":[\"b\"]}"),
	   "but not the one that came with it");
	OK(gives("{}", "ENTRYPOINT a b", "{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"a b\"]}"),
	   "ENTRYPOINT for the shell");
	OK(refused("CMD [\"a\", \"b\"", "list is not valid"), "a list without its end");
	OK(refused("CMD ['a']", "list is not valid"), "the wrong quotes");
	OK(refused("CMD [\"a\", 1]", "something else than texts"), "a number");
	OK(refused("CMD [\"a\\u0000b\"]", "--change 'CMD"), "a NUL");
	OK(refused("CMD", "nothing after CMD"), "CMD without anything");
	OK(refused("ENTRYPOINT=", "nothing after ENTRYPOINT"), "ENTRYPOINT without anything");
}

static void
test_places(void)
{
	OK(gives("{}", "USER www", "{\"User\":\"www\"}"), "USER");
	OK(gives("{\"Env\":[\"U=7\"]}", "USER $U:\"8\"", "{\"Env\":[\"U=7\"],\"User\":\"7:8\"}"),
	   "USER by variable");
	OK(refused("USER a b", "is no USER"), "two users");
	OK(refused("USER \"\"", "empty"), "an empty one");
	OK(gives("{}", "WORKDIR /a/../b//c/", "{\"WorkingDir\":\"/b/c\"}"), "WORKDIR");
	OK(gives("{}", "WORKDIR a b", "{\"WorkingDir\":\"/a b\"}"), "relative without one before");
	OK(gives("{\"WorkingDir\":\"/x\"}", "WORKDIR a|WORKDIR ../b", "{\"WorkingDir\":\"/x/b\"}"),
	   "relative to the one before");
	OK(gives("{\"WorkingDir\":\"/x\"}", "WORKDIR ../../..", "{\"WorkingDir\":\"/\"}"), "not out of it");
	OK(gives("{}", "VOLUME /a \"/b c\"", "{\"Volumes\":{\"/a\":{},\"/b c\":{}}}"), "VOLUME");
	OK(gives("{\"Volumes\":{\"/x\":{}}}", "VOLUME [\"/a\"]", "{\"Volumes\":{\"/a\":{},\"/x\":{}}}"),
	   "VOLUME as a list");
	OK(refused("VOLUME a", "not an absolute path"), "a volume without a slash");
	OK(refused("VOLUME [\"\"]", "not an absolute path"), "an empty one");
	OK(gives("{\"Labels\":null}", "LABEL a=b \"c d\"=\"e f\"", "{\"Labels\":{\"a\":\"b\",\"c d\":\"e f\"}}"),
	   "LABEL");
	OK(gives("{\"Labels\":{\"a\":\"1\"}}", "LABEL a 2 3", "{\"Labels\":{\"a\":\"2 3\"}}"),
	   "LABEL, old form, again");
	OK(refused("LABEL a", "'a' is not KEY=VALUE"), "a label without a value");
}

static void
test_values(void)
{
	OK(gives("{}", "EXPOSE 80 443/tcp 53/udp",
		 "{\"ExposedPorts\":{\"80/tcp\":{},\"443/tcp\":{},\"53/udp\":{}}}"),
	   "EXPOSE");
	OK(gives("{}", "EXPOSE 7000-7002/sctp",
		 "{\"ExposedPorts\":{\"7000/sctp\":{},\"7001/sctp\":{},\"7002/sctp\":{}}}"),
	   "a range");
	for (const char *const *p = (const char *const[]){ "0", "65536", "80/", "80/x", "a", "9-8", "1-", "-1",
							   "80:80", "", NULL };
	     *p; p++) {
		AUTO_FREE char *line = xasprintf("EXPOSE 1 \"%s\"", *p);

		OK(refused(line, "is no port"), "no port: '%s'", *p);
	}
	OK(gives("{}", "STOPSIGNAL SIGQUIT", "{\"StopSignal\":\"SIGQUIT\"}"), "STOPSIGNAL");
	OK(gives("{}", "STOPSIGNAL 9|STOPSIGNAL hup", "{\"StopSignal\":\"hup\"}"), "number, name");
	OK(gives("{}", "STOPSIGNAL SIGRTMIN+3", "{\"StopSignal\":\"SIGRTMIN+3\"}"), "what systemd wants");
	for (const char *const *p = (const char *const[]){ "0", "65", "SIGX", "SIG", "RTMIN-1", "RTMIN+99", "KILL 9",
							   "RTMIN+", NULL };
	     *p; p++) {
		AUTO_FREE char *line = xasprintf("STOPSIGNAL %s", *p);

		OK(refused(line, "is no signal"), "no signal: '%s'", *p);
	}
	OK(gives("{}", "ONBUILD RUN x  y|ONBUILD CMD z", "{\"OnBuild\":[\"RUN x  y\",\"CMD z\"]}"), "ONBUILD");
	OK(refused("ONBUILD onbuild RUN x", "cannot be for later"), "ONBUILD ONBUILD");
	OK(refused("ONBUILD FROM x", "cannot be for later"), "ONBUILD FROM");
}

static void
test_health(void)
{
	OK(gives("{}", "HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}"), "HEALTHCHECK NONE");
	OK(gives("{}", "HEALTHCHECK CMD a b", "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a b\"]}}"),
	   "a command for the shell");
	OK(gives("{}",
		 "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 --start-period=1.5s "
		 "--start-interval=0s cmd [\"a\"]",
		 "{\"Healthcheck\":{\"Interval\":90000000000,\"Timeout\":500000000,\"Retries\":3,"
		 "\"StartPeriod\":1500000000,\"StartInterval\":0,\"Test\":[\"CMD\",\"a\"]}}"),
	   "options");
	OK(refused("HEALTHCHECK a", "CMD"), "neither NONE nor CMD");
	OK(refused("HEALTHCHECK CMD", "CMD"), "CMD without anything");
	OK(refused("HEALTHCHECK --retries=1 NONE", "CMD"), "NONE with options");
	OK(refused("HEALTHCHECK --retries=-1 CMD a", "'-1'"), "a negative number");
	OK(refused("HEALTHCHECK --what=1 CMD a", "'--what=1'"), "an unknown option");
	OK(refused("HEALTHCHECK --interval=1 CMD a", "'1' is no time"), "a time without its unit");
	OK(refused("HEALTHCHECK --interval=1us CMD a", "out of range"), "too short a time");
	OK(refused("HEALTHCHECK --interval=999999999h CMD a", "out of range"), "too long a time");
}

static void
test_documents(void)
{
	json_t *config = json_object();
	struct err e = ERR_INIT;

	OK(oci_change(config, "USER a", &e) == 0 &&
		   json_is_object(json_object_get(config, "config")),
	   "a document without a configuration gets one");
	json_decref(config);
	OK(gives("null", "USER a", "{\"User\":\"a\"}"), "so does one that has null there");
	OK(gives("[]", "USER a", NULL), "a configuration that is a list is left alone");
	OK(gives("{\"Env\":{}}", "ENV A=1", NULL), "so is Env that is no list");
	OK(gives("{\"Volumes\":[]}", "VOLUME /a", NULL), "and Volumes that is one");
	OK(gives("{\"Env\":[1,\"A\",\"B=2\"]}", "ENV A=1 B=$A", "{\"Env\":[1,\"A=1\",\"B=\"]}"),
	   "odd items of Env are passed over");
	OK(refused("RUN x", "no instruction"), "an instruction for something else");
	OK(refused("", "no instruction"), "nothing");
	OK(refused("= x", "no instruction"), "an equals sign");
	OK(refused("ENVIRONMENT a=b", "no instruction"), "a longer word");
}

int
main(void)
{
	test_env();
	test_commands();
	test_places();
	test_values();
	test_health();
	test_documents();
	return tap_done();
}
