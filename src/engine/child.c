#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/child.h"
#include "engine/ids.h"
#include "engine/rootfs.h"
#include "engine/sync.h"
#include "kernel/sys.h"

/* C1: become somebody in the new user namespace. */
static int
own_ids(const struct child_args *a, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, "set the parent death signal");
	if (a->spec->idmap == SPEC_IDMAP_SINGLE) {
		if (ids_write_single(a->spec, e) < 0)
			return -e->code;
	} else if (sync_wait(a->sock, SYNC_IDS_MAPPED, e) < 0) {
		return -e->code;
	}
	/* From here on nothing inside may look into this process: it has the host's memory. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "become non-dumpable");
	/* Ids other than root's first: what is made in the root belongs to root inside. */
	if (a->spec->idmap == SPEC_IDMAP_RANGE &&
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

static int
child_steps(const struct child_args *a, struct program *p, struct err *e)
{
	struct rootfs r = { .spec = a->spec,
			    .sources = a->sources,
			    .layer_path = a->layer_path };

	if (own_ids(a, e) < 0 || name_host(a->spec, e) < 0 ||
	    raise_loopback(a->spec, e) < 0)
		return err_prefix(e, "set up identity");
	if (rootfs_build(&r, e) < 0)
		return err_prefix(e, "set up root");
	if (setsid() < 0 && getsid(0) != getpid())
		return err_sys(e, "make a session");
	if (open_terminal(&r, p, e) < 0)
		return err_prefix(e, "set up terminal");
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
		.exit_status = 125,
		.err = ERR_INIT,
	};

	if (child_steps(a, &p, &p.err) == 0) {
		if (a->spec->init) {
			memset(a->cmdline, 0, a->cmdline_len);
			a->init(&p);
		}
		program_exec(&p);
	}
	sync_fail(p.sock, p.exit_status, &p.err);
	_exit(p.exit_status);
}
