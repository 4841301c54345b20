/*
 * fuzz-bwrap - the words of bwrap's command line, separated by NUL bytes -> a spec or an error
 *
 * What comes out is valid, starts with an empty root, and has something to run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "frontend/bwrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 512

/* Every descriptor is number 0, which has nothing to read: others may be anything here. */
static void
tame(char *word)
{
	if (strlen(word) <= 4 && word[strspn(word, "0123456789")] == '\0' && word[0])
		memcpy(word, "0", 2);
}

static void
check(const struct spec *s)
{
	struct err e = ERR_INIT;

	if (spec_validate(s, &e) < 0 || s->mounts[0].op != MOUNT_LAYER_DIR)
		abort();
	if (!s->argv || !s->argv[0] || !strv_env_get(s->env, "PWD"))
		abort();
	if (s->landlock || s->filter.n || !s->no_new_privs || !s->mounts_as_given)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const env[] = { (char *)(uintptr_t)"HOME=/home/u",
				     (char *)(uintptr_t)"PWD=/x", NULL };
	const struct bwrap_host h = { .uid = 1000, .gid = 1000, .umask = 022, .cwd = "/x",
				      .env = env, .has_userns = true, .has_cgroupns = true };
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t)"bwrap" }, *text = xcalloc(size + 1, 1);
	struct bwrap_report report;
	struct err e = ERR_INIT;
	AUTO_SPEC s = NULL;
	int argc = 1, r, null = open("/dev/null", O_RDONLY);

	(void)dup2(null, STDIN_FILENO);
	(void)close(null);
	if (size)
		memcpy(text, data, size);
	for (size_t i = 0; i < size && argc <= WORDS_MAX; argc++) {
		argv[argc] = text + i;
		i += strlen(text + i) + 1;
		tame(argv[argc]);
	}
	r = bwrap_spec(argc, argv, &h, &report, &s, &e);
	if (r < 0 && (e.code == 0 || e.msg[0] == '\0' || s))
		abort();
	if (r == BWRAP_RUN)
		check(s);
	strv_freep(&report.warnings);
	free(text);
	return 0;
}
