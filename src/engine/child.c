#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/child.h"
#include "engine/confine.h"
#include "engine/ids.h"
#include "engine/inner.h"
#include "engine/rootfs.h"
#include "engine/sync.h"
#include "kernel/sys.h"

/* C1: become somebody in the new user namespace. */
static int
own_ids(const struct child_args *a, struct err *e)
{
	const struct spec *s = a->spec;

	if (!s->detached && confine_die_with_parent(e) < 0)
		return -e->code;
	if (a->hold && sync_wait(a->sock, SYNC_GO, e) < 0)
		return -e->code;
	if (s->idmap == SPEC_IDMAP_SINGLE && ids_write_single(s, e) < 0)
		return -e->code;
	if (!confine_is_open(s) && confine_close(e) < 0)
		return -e->code;
	/* Ids other than root's first: what is made in the root belongs to root inside. */
	if (s->idmap == SPEC_IDMAP_RANGE &&
	    (sys_setresgid(0) < 0 || sys_setresuid(0) < 0))
		return err_sys(e, "become root inside");
	return 0;
}

/* A new network namespace has a loopback device, but it is down. */
static int
raise_loopback(const struct spec *s, struct err *e)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	AUTO_FD fd = -1;

	if (!(s->ns & SPEC_NS_NET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return err_sys(e, "raise the loopback device");
	return 0;
}

static int
name_host(const struct spec *s, struct err *e)
{
	if (s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_sys(e, "set the host name '%s'", s->hostname);
	return 0;
}

/* The program's terminal starts with the settings of the caller's, which still is on 0. */
static void
copy_settings(int tty_fd)
{
	struct termios t;
	struct winsize ws;

	if (tcgetattr(STDIN_FILENO, &t) == 0)
		(void)tcsetattr(tty_fd, TCSANOW, &t);
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(tty_fd, TIOCSWINSZ, &ws);
}

static int
open_terminal(const struct rootfs *r, struct program *p, struct err *e)
{
	if (r->pty_fd < 0)
		return 0;
	p->tty_fd = ioctl(r->pty_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->tty_fd < 0)
		return err_sys(e, "open the terminal");
	if (r->spec->uid && fchown(p->tty_fd, r->spec->uid, (gid_t)-1) < 0)
		return err_sys(e, "give the terminal to user %u", r->spec->uid);
	if (ioctl(p->tty_fd, TIOCSCTTY, 0) < 0)
		return err_sys(e, "make the terminal controlling");
	copy_settings(p->tty_fd);
	for (int i = 0; i < 3; i++)
		if ((i < 2 || isatty(i)) && dup2(p->tty_fd, i) < 0)
			return err_sys(e, "put the terminal on %d", i);
	return sync_send_fd(p->sock, SYNC_TERMINAL, r->pty_fd, e);
}

/*
 * The first of several directories that can be entered: the program's PWD says which, in this
 * process's own copy of the environment.
 */
static void
choose_cwd(const struct spec *s, struct program *p)
{
	p->in_cwd = s->cwd_else && chdir(s->cwd) == 0;
	for (char **other = s->cwd_else; other && *other && !p->in_cwd; other++) {
		p->in_cwd = chdir(*other + strlen("PWD=")) == 0;
		for (char **v = s->env; *v; v++)
			if (strncmp(*v, "PWD=", strlen("PWD=")) == 0)
				*v = *other;
	}
}

/* Until there is something to read, or nobody left to write it. */
static void
wait_for_fd(int fd)
{
	char byte;

	while (fd >= 0 && read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static int
set_up_session(const struct rootfs *r, struct program *p, struct err *e)
{
	if (r->spec->session && setsid() < 0 && getsid(0) != getpid())
		return err_sys(e, "make a session");
	return open_terminal(r, p, e) < 0 ? err_prefix(e, "set up terminal") : 0;
}

static int
child_steps(const struct child_args *a, struct program *p, struct err *e)
{
	const struct spec *s = a->spec;
	struct rootfs r = { .spec = s, .sources = a->sources, .layer_path = a->layer_path };
	AUTO_FD proc_fd = -1;

	if (own_ids(a, e) < 0 || inner_pidns(s, a->sock, e) < 0 || name_host(s, e) < 0 ||
	    raise_loopback(s, e) < 0)
		return err_prefix(e, "set up identity");
	if (inner_open_proc(s, &proc_fd, e) < 0 || rootfs_build(&r, e) < 0)
		return err_prefix(e, "set up root");
	if (inner_userns(s, proc_fd, e) < 0)
		return err_prefix(e, "set up the inner user namespace");
	wait_for_fd(s->block_fd);
	if (confine_is_open(s) && confine_close(e) < 0)
		return -e->code;
	choose_cwd(s, p);
	if (set_up_session(&r, p, e) < 0)
		return -e->code;
	fd_closep(&r.pty_fd);
	fd_closep(&r.root_fd);
	return 0;
}

void
child_main(const struct child_args *a)
{
	struct program p = {
		.spec = a->spec,
		.sock = a->sock,
		.tty_fd = -1,
		.announce = a->announce,
		.ignored = a->ignored,
		.mask = a->mask,
		.exit_status = 125,
		.err = ERR_INIT,
	};

	for (size_t i = 0; i < a->spec->n_launcher_fds; i++)
		(void)close(a->spec->launcher_fds[i]);
	if (child_steps(a, &p, &p.err) == 0) {
		if (a->spec->init) {
			if (a->cmdline_len)
				memset(a->cmdline, 0, a->cmdline_len);
			a->init(&p);
		}
		program_exec(&p);
	}
	sync_fail(p.sock, p.exit_status, &p.err);
	_exit(p.exit_status);
}
