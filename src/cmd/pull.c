/*
 * pull - two helpers and a socket between them: who speaks to the network takes nothing into the
 * store, and who does has no network; see image/feed.h
 *
 *   rootlet           rootlet-registry      rootlet-image receive
 *   socketpair, fork -> asks the registry
 *   peeks         <---- image, or same, or it has failed and said why
 *   fork ----------------------------------> reads the same message
 *   waits for both      blobs           --->  unpacks
 */
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/image.h"
#include "cmd/registry.h"
#include "image/feed.h"

#define HELPER "rootlet-registry"

/* In a child. */
static int
be_registry(char **argv, int feed_fd, bool print, pid_t parent)
{
	if (cmd_be_child(parent, print) < 0 || dup2(feed_fd, FEED_FD) < 0)
		return EXIT_ROOTLET;
	return cmd_exec_helper(HELPER, argv);
}

static int
start_registry(char **argv, bool print, pid_t *ret_pid, int *ret_feed_fd, struct err *e)
{
	const pid_t parent = getpid();
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a pair of sockets");
	cmd_expect_children();
	pid = fork();
	if (pid == 0)
		_exit(be_registry(argv, pair[0], print, parent));
	fd_closep(&pair[0]);
	if (pid < 0) {
		(void)err_sys(e, "start " HELPER);
		fd_closep(&pair[1]);
		return -e->code;
	}
	*ret_pid = pid;
	*ret_feed_fd = pair[1];
	return 0;
}

static int
wait_for_registry(pid_t pid, struct err *e)
{
	const int r = cmd_wait_helper(pid, HELPER, e);

	return r > 0 ? cmd_said(e) : r;
}

/* The message that has been peeked at stays for the second one, where ids are refused to the first. */
static int
receive(struct spec *ids, int feed_fd, bool quiet, struct err *e)
{
	int r = cmd_receive_image(ids, feed_fd, quiet, e);

	if (r > 0) {
		(void)run_idmap_again(ids);
		r = cmd_receive_image(ids, feed_fd, quiet, e);
	}
	return r;
}

static int
receive_what_comes(struct spec *ids, int feed_fd, bool quiet, struct err *e)
{
	enum feed_first first = FEED_FIRST_GONE;

	if (feed_peek(feed_fd, &first, e) < 0)
		return -e->code;
	return first == FEED_FIRST_IMAGE ? receive(ids, feed_fd, quiet, e) : 0;
}

int
cmd_pull_image(char **argv, struct spec *ids, bool print, bool quiet, struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_FD feed = -1;
	pid_t pid = -1;

	if (start_registry(argv, print, &pid, &feed, e) < 0)
		return -e->code;
	(void)receive_what_comes(ids, feed, quiet, e);
	fd_closep(&feed);
	/* Of two errors the one that is not said yet. */
	if (wait_for_registry(pid, &why) < 0 && !e->msg[0])
		*e = why;
	return -e->code;
}

/* --- when it is to be run --- */

static int
find(const struct image_query *q, struct spec *ids, struct found_image *ret, struct err *e)
{
	int r = cmd_find_image(q, ret, e);

	if (r == 1) {
		(void)run_idmap_again(ids);
		r = cmd_find_image(q, ret, e);
	}
	return r;
}

/* @verb: of rootlet-registry */
static int
pull_for(const char *verb, const struct image_query *q, struct spec *ids, struct err *e)
{
	AUTO_STRV argv = NULL;

	strv_take(&argv, xstrdup(verb));
	if (q->quiet)
		strv_take(&argv, xstrdup("--quiet"));
	if (q->platform)
		strv_take(&argv, xasprintf("--platform=%s", q->platform));
	strv_take(&argv, xstrdup("--"));
	strv_take(&argv, xstrdup(q->name));
	return cmd_pull_image(argv, ids, false, q->quiet, e);
}

/* The beginning of a digest is no name of a registry's, though it may look like one. */
static bool
may_be_digest(const char *text)
{
	const bool prefix = str_begins(text, "sha256:");
	const char *hex = prefix ? text + strlen("sha256:") : text;

	return prefix || (strlen(hex) >= 6 && hex[strspn(hex, "0123456789abcdef")] == '\0');
}

static int
find_or_pull_missing(struct image_query *q, struct spec *ids, struct found_image *ret, struct err *e)
{
	int r;

	q->may_miss = true;
	r = find(q, ids, ret, e);
	q->may_miss = false;
	if (r != FOUND_NONE)
		return r;
	return pull_for("pull-missing", q, ids, e) < 0 ? -e->code : find(q, ids, ret, e);
}

int
cmd_find_or_pull(struct image_query *q, struct spec *ids, const char *when, struct found_image *ret,
		 struct err *e)
{
	static const char *const words[] = { "missing", "always", "newer", "never" };
	size_t w = 0;

	while (when && w < NELEMS(words) && strcmp(when, words[w]) != 0)
		w++;
	if (w == NELEMS(words))
		return err_set(e, EINVAL, "--pull=%.60s: neither missing, always, newer nor never", when);
	if (w == 3 || may_be_digest(q->name))
		return find(q, ids, ret, e);
	if (w == 0)
		return find_or_pull_missing(q, ids, ret, e);
	if (pull_for("pull", q, ids, e) < 0) {
		if (w == 1)
			return -e->code;
		/* What is here will do; why it may be an old one has been said, or is now. */
		(void)cmd_fail(e);
		err_clear(e);
	}
	return find(q, ids, ret, e);
}

/* --- the command --- */

static int
pull(int argc, char **argv, struct err *e)
{
	const struct run_host h = { .uid = (uid_t)getauxval(AT_EUID),
				    .gid = (gid_t)getauxval(AT_EGID) };
	struct pull_args a = { .quiet = false };
	const int first = opt_parse(pull_opts, argc, argv, &a, e);
	AUTO_SPEC ids = NULL;

	if (first <= 0)
		return first == 0 ? 1 : first;
	if (argc - first != 1) {
		(void)err_set(e, EINVAL, "pull: the name of one image is expected");
		return err_hint(e, "rootlet pull IMAGE");
	}
	if (cmd_choose_ids(NULL, &h, &ids, e) < 0)
		return -e->code;
	return cmd_pull_image(argv, ids, true, a.quiet, e);
}

int
cmd_pull(int argc, char **argv)
{
	struct err e = ERR_INIT;
	const int r = pull(argc, argv, &e);

	if (r < 0)
		return cmd_fail(&e);
	return r > 0 ? cmd_help("pull") : 0;
}
