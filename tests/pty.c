/*
 * pty - terminals and signals for tests, from both sides
 *
 *   pty WORD [ARG...]
 *
 * `pty drive` is the outer side: a terminal, a shell with one job, and a script that types and
 * looks (drive_words below).  The other words stand between a test and rootlet, or run inside as
 * payload (words, at the end).  Static, so that it works in an empty base.  Every wait has an end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 10000 /* longest wait for anything */
#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },	 { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM },	 { "CONT", SIGCONT },
	{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "WINCH", SIGWINCH }, { "CHLD", SIGCHLD },
	{ "RTMIN+3", 37 },
};

static int
signal_number(const char *name)
{
	for (size_t i = 0; i < LENGTH(signals); i++)
		if (strcmp(signals[i].name, name) == 0)
			return signals[i].number;
	return atoi(name); /* NOLINT */
}

static const char *
signal_name(int number)
{
	for (size_t i = 0; i < LENGTH(signals); i++)
		if (signals[i].number == number)
			return signals[i].name;
	return "?";
}

static int
number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static long
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
nap(int ms)
{
	(void)poll(NULL, 0, ms);
}

static void
say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(98);
}

/* Every byte value, in an order in which a lost or doubled piece shows. */
static unsigned char
pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static int
exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void
reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* --- drive: a shell with one job, which answers to the driver over a socket --- */

/* Driver to shell: 'f' to the foreground, 'b' go on in the background, 's' signal; and back: how
 * the job fares. */
struct note {
	char what; /* 'f' 'b' 's'; 'd' done so, 'p' pid, 'x' ended, 'z' stopped */
	int value;
};

static void __attribute__((noreturn))
job_main(int tty, bool background, char **command)
{
	pid_t self = getpid();

	(void)setpgid(0, 0);
	if (!background)
		(void)ioctl(tty, TIOCSPGRP, &self);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(tty, fd);
	if (tty > 2)
		(void)close(tty);
	reset_signals();
	(void)execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

/* What a shell does at the end of a wait: the terminal is its own again, its settings untouched. */
static bool
shell_wait(int sock, int tty, pid_t job)
{
	struct note n = { .what = 'x' };
	pid_t self = getpid();
	int status;

	if (waitpid(job, &status, WNOHANG | WUNTRACED) != job)
		return true;
	n.value = exit_status(status);
	if (WIFSTOPPED(status))
		n = (struct note){ 'z', WSTOPSIG(status) };
	(void)ioctl(tty, TIOCSPGRP, &self);
	(void)send(sock, &n, sizeof(n), MSG_NOSIGNAL);
	return n.what == 'z';
}

static void
shell_obey(const struct note *n, int sock, int tty, pid_t job)
{
	const struct note done = { 'd', 0 };

	if (n->what == 'f')
		(void)ioctl(tty, TIOCSPGRP, &job);
	if (n->what == 's')
		(void)kill(job, n->value);
	else
		(void)kill(-job, SIGCONT);
	(void)send(sock, &done, sizeof(done), MSG_NOSIGNAL);
}

static void __attribute__((noreturn))
shell_main(int sock, int tty, bool background, char **command)
{
	struct signalfd_siginfo si;
	struct note n;
	sigset_t all;
	int signal_fd;
	pid_t job;

	(void)setsid();
	(void)ioctl(tty, TIOCSCTTY, 0);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL); /* with SIGTTOU, as every shell */
	signal_fd = signalfd(-1, &all, SFD_CLOEXEC);
	job = fork();
	if (job == 0)
		job_main(tty, background, command);
	(void)setpgid(job, job);
	if (!background)
		(void)ioctl(tty, TIOCSPGRP, &job);
	n = (struct note){ 'p', job };
	(void)send(sock, &n, sizeof(n), MSG_NOSIGNAL);
	for (;;) {
		struct pollfd p[] = { { .fd = sock, .events = POLLIN },
				      { .fd = signal_fd, .events = POLLIN } };

		(void)poll(p, 2, -1);
		if (p[0].revents) {
			if (recv(sock, &n, sizeof(n), 0) != sizeof(n))
				break;
			shell_obey(&n, sock, tty, job);
		}
		if (!p[1].revents || read(signal_fd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo == SIGHUP) /* the terminal is gone: so bash does it */
			(void)kill(-job, SIGHUP);
		else if (si.ssi_signo == SIGCHLD && !shell_wait(sock, tty, job))
			_exit(0);
	}
	(void)kill(-job, SIGKILL);
	_exit(0);
}

/* --- drive: the terminal and the script --- */

static struct drive {
	int master, tty, sock;
	struct termios first;
	char *seen; /* what the terminal printed */
	size_t n_seen, matched;
	int line;
	pid_t job, shell;
	bool deaf, ended, stopped, obeyed;
	int status;
} d;

static void
show_seen(void)
{
	size_t from = d.n_seen > 1200 ? d.n_seen - 1200 : 0;

	if (d.n_seen > 10000) /* a pattern */
		from = d.n_seen - 60;
	(void)printf("the terminal shows (%zu bytes, %zu matched): ", d.n_seen, d.matched);
	for (size_t i = from; i < d.n_seen; i++) {
		unsigned char c = (unsigned char)d.seen[i];

		if (c == '\n')
			(void)printf("\n  ");
		else if (c < ' ' || c > '~')
			(void)printf("\\x%02x", c);
		else
			(void)putchar(c);
	}
	(void)puts("");
}

/* The shell ends its job when we are gone; both are over when this returns. */
static void
drive_end(void)
{
	(void)close(d.sock);
	if (d.master >= 0)
		(void)close(d.master);
	(void)waitpid(d.shell, NULL, 0);
}

static void __attribute__((noreturn))
drive_fail(const char *what, const char *arg)
{
	(void)printf("line %d: %s %s\n", d.line, what, arg ? arg : "");
	if (d.ended)
		(void)printf("the job has ended with %d\n", d.status);
	show_seen();
	drive_end();
	exit(1);
}

static void
drive_hear_shell(void)
{
	struct note n;

	if (recv(d.sock, &n, sizeof(n), 0) != sizeof(n))
		drive_fail("the shell died", NULL);
	if (n.what == 'p')
		d.job = n.value;
	d.obeyed |= n.what == 'd';
	d.stopped |= n.what == 'z';
	if (n.what != 'x')
		return;
	d.ended = true;
	d.status = n.value;
}

static void
drive_read(void)
{
	char buf[16384];
	ssize_t n = read(d.master, buf, sizeof(buf));

	if (n <= 0)
		return;
	d.seen = realloc(d.seen, d.n_seen + (size_t)n);
	if (!d.seen)
		exit(99);
	memcpy(d.seen + d.n_seen, buf, (size_t)n);
	d.n_seen += (size_t)n;
}

/* Look for news, @ms at most.  Returns whether there was something. */
static bool
pump(int ms)
{
	struct pollfd p[] = { { .fd = d.ended ? -1 : d.sock, .events = POLLIN },
			      { .fd = d.deaf ? -1 : d.master, .events = POLLIN } };

	if (poll(p, 2, ms) <= 0)
		return false;
	if (p[1].revents)
		drive_read();
	if (p[0].revents)
		drive_hear_shell();
	return true;
}

/* Pump until @done; false when the time is over, or soon after the job's end. */
static bool
pump_until(bool (*done)(const char *arg), const char *arg)
{
	long end = now_ms() + WAIT_MS, last = 0;

	while (!done(arg)) {
		if (now_ms() > end || (last && now_ms() > last))
			return false;
		if (pump(10) || (d.ended && !last))
			last = d.ended ? now_ms() + 300 : 0;
	}
	return true;
}

static size_t
unescape(const char *text, char *ret)
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		char hex[3] = "";

		if (*p != '\\' || !p[1]) {
			ret[n++] = *p;
			continue;
		}
		p++;
		if (*p == 'x' && p[1] && p[2]) {
			hex[0] = p[1];
			hex[1] = p[2];
			ret[n++] = (char)strtol(hex, NULL, 16);
			p += 2;
		} else {
			ret[n++] = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 'e' ? '\033' : *p;
		}
	}
	return n;
}

static bool
has_text(const char *arg)
{
	char want[1024];
	size_t n = unescape(arg, want);
	char *at = d.seen ? memmem(d.seen + d.matched, d.n_seen - d.matched, want, n) : NULL;

	if (!at)
		return false;
	d.matched = (size_t)(at - d.seen) + n;
	return true;
}

static bool
has_ended(const char *arg)
{
	(void)arg;
	return d.ended;
}

static bool
has_stopped(const char *arg)
{
	(void)arg;
	return d.stopped;
}

static bool
has_pid(const char *arg)
{
	(void)arg;
	return d.job > 0;
}

static bool
is_raw(const char *arg)
{
	struct termios t;

	(void)arg;
	return tcgetattr(d.tty, &t) == 0 && !(t.c_lflag & (ICANON | ECHO | ISIG)) &&
	       !(t.c_oflag & OPOST);
}

static bool
is_same(const char *arg)
{
	struct termios t = { .c_iflag = 0 };

	(void)arg;
	return tcgetattr(d.tty, &t) == 0 && t.c_iflag == d.first.c_iflag &&
	       t.c_oflag == d.first.c_oflag && t.c_cflag == d.first.c_cflag &&
	       t.c_lflag == d.first.c_lflag && memcmp(t.c_cc, d.first.c_cc, sizeof(t.c_cc)) == 0;
}

/* All that waits to be read by the next program at this terminal, complete line or not. */
static int
queue_length(void)
{
	struct termios now, raw;
	int n = -1;

	nap(50);
	(void)tcgetattr(d.tty, &now);
	raw = now;
	cfmakeraw(&raw);
	(void)tcsetattr(d.tty, TCSANOW, &raw);
	(void)ioctl(d.tty, FIONREAD, &n);
	(void)tcsetattr(d.tty, TCSANOW, &now);
	return n;
}

static bool
has_obeyed(const char *arg)
{
	(void)arg;
	return d.obeyed;
}

static bool
drive_tell_shell(char what, int value)
{
	struct note n = { what, value };

	d.stopped = d.obeyed = false;
	return send(d.sock, &n, sizeof(n), MSG_NOSIGNAL) == sizeof(n) &&
	       pump_until(has_obeyed, NULL);
}

static bool
drive_write(const char *buf, size_t n)
{
	long end = now_ms() + WAIT_MS;

	while (n > 0 && now_ms() < end) {
		ssize_t w = write(d.master, buf, n);

		if (w > 0) {
			buf += w;
			n -= (size_t)w;
			end = now_ms() + WAIT_MS;
		}
		(void)pump(w > 0 ? 0 : 10);
	}
	return n == 0;
}

static bool
word_send(const char *arg)
{
	char text[1024];

	return drive_write(text, unescape(arg, text));
}

static bool
word_key(const char *arg)
{
	char c = (char)(*arg & 0x1f);

	return drive_write(&c, 1);
}

static bool
word_expect(const char *arg)
{
	return pump_until(has_text, arg);
}

static bool
word_absent(const char *arg)
{
	size_t kept = d.matched;
	bool found;

	while (pump(50))
		;
	d.matched = 0;
	found = has_text(arg);
	d.matched = kept;
	return !found;
}

static bool
word_paste(const char *arg)
{
	size_t n = (size_t)number(arg);
	char buf[512];

	for (size_t i = 0; i < n;) {
		size_t len = 0;

		while (len < sizeof(buf) && i < n)
			buf[len++] = (char)pattern(i++);
		if (!drive_write(buf, len))
			return false;
	}
	return true;
}

static bool
word_lines(const char *arg)
{
	char line[16];

	for (int i = 0; i < number(arg); i++) {
		int n = snprintf(line, sizeof(line), "line %d\n", i);

		if (!drive_write(line, (size_t)n))
			return false;
	}
	return true;
}

/* As much as the input queues take while nobody reads. */
static bool
word_stuff(const char *arg)
{
	long end = now_ms() + number(arg);

	while (now_ms() < end) {
		if (write(d.master, "stuff\n", 6) < 0)
			(void)pump(10);
		else
			(void)pump(0);
	}
	return true;
}

static bool
has_bytes(const char *arg)
{
	return d.n_seen - d.matched >= (size_t)number(arg);
}

static bool
word_pattern(const char *arg)
{
	size_t n = (size_t)number(arg);

	if (!pump_until(has_bytes, arg))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)d.seen[d.matched + i] != pattern(i)) {
			(void)printf("byte %zu is wrong\n", i);
			return false;
		}
	d.matched += n;
	return true;
}

static bool
word_size(const char *arg)
{
	struct winsize ws = { .ws_row = 0 };
	char *end;

	ws.ws_row = (unsigned short)strtol(arg, &end, 10);
	ws.ws_col = (unsigned short)strtol(end, NULL, 10);
	return ioctl(d.master, TIOCSWINSZ, &ws) == 0;
}

static bool
word_signal(const char *arg)
{
	return drive_tell_shell('s', signal_number(arg));
}

static bool
word_fg(const char *arg)
{
	(void)arg;
	return drive_tell_shell('f', 0);
}

static bool
word_bg(const char *arg)
{
	(void)arg;
	return drive_tell_shell('b', 0);
}

/* What bash does when a job has stopped; other shells leave the settings alone. */
static bool
word_restore(const char *arg)
{
	(void)arg;
	return tcsetattr(d.tty, TCSANOW, &d.first) == 0;
}

/* The job's first child gets SIGKILL. */
static bool
word_kill_child(const char *arg)
{
	char path[64], pid[32] = "";
	FILE *f;

	(void)arg;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", d.job, d.job);
	f = fopen(path, "re");
	if (!f || !fgets(pid, sizeof(pid), f))
		pid[0] = '\0';
	if (f)
		(void)fclose(f);
	return pid[0] && kill(number(pid), SIGKILL) == 0;
}

static bool
word_stopped(const char *arg)
{
	return pump_until(has_stopped, arg);
}

static bool
word_raw(const char *arg)
{
	return pump_until(is_raw, arg);
}

/* The settings are those of the start, now. */
static bool
word_same(const char *arg)
{
	int flags = fcntl(d.tty, F_GETFL);

	if (flags & O_NONBLOCK)
		(void)puts("the terminal is non-blocking");
	return is_same(arg) && !(flags & O_NONBLOCK);
}

/* They stay so for a while. */
static bool
word_calm(const char *arg)
{
	long end = now_ms() + number(arg);

	while (now_ms() < end) {
		if (!is_same(arg))
			return false;
		(void)pump(5);
	}
	return true;
}

static bool
word_queue(const char *arg)
{
	int n = queue_length();

	if (n != number(arg))
		(void)printf("%d bytes wait in the input queue\n", n);
	return n == number(arg);
}

static bool
word_exit(const char *arg)
{
	return pump_until(has_ended, arg) && d.status == number(arg);
}

static bool
word_running(const char *arg)
{
	(void)arg;
	while (pump(20))
		;
	return !d.ended && !d.stopped;
}

static bool
word_deaf(const char *arg)
{
	d.deaf = number(arg);
	return true;
}

static bool
word_hangup(const char *arg)
{
	(void)arg;
	(void)close(d.master);
	d.master = -1;
	return true;
}

static bool
word_nap(const char *arg)
{
	long end = now_ms() + number(arg);

	while (now_ms() < end)
		(void)pump(5);
	return true;
}

/* What a script can say, one a line. */
static const struct drive_word {
	const char *name;
	bool (*run)(const char *arg);
} drive_words[] = {
	{ "send", word_send },	     /* TEXT: type it; \n \r \e \xHH */
	{ "key", word_key },	     /* C: type control-C */
	{ "paste", word_paste },     /* N: type N bytes of the pattern, as fast as they go */
	{ "lines", word_lines },     /* N: type N lines */
	{ "stuff", word_stuff },     /* MS: type more than anybody reads */
	{ "expect", word_expect },   /* TEXT: wait for it in the output not yet matched */
	{ "absent", word_absent },   /* TEXT: it was never in the output */
	{ "pattern", word_pattern }, /* N: N bytes of the pattern come next */
	{ "size", word_size },	     /* ROWS COLUMNS: resize the window */
	{ "signal", word_signal },   /* NAME: to the job's first process */
	{ "kill-child", word_kill_child }, /* SIGKILL to the job's first child */
	{ "fg", word_fg },	     /* continue in the foreground, as a shell */
	{ "bg", word_bg },	     /* continue in the background */
	{ "stopped", word_stopped }, /* wait until the job has stopped */
	{ "raw", word_raw },	     /* wait until the terminal is raw */
	{ "restore", word_restore }, /* put back the settings of the start */
	{ "same", word_same },	     /* the terminal's settings are those of the start */
	{ "calm", word_calm },	     /* MS: and stay so */
	{ "queue", word_queue },     /* N: that many bytes wait for the terminal's next reader */
	{ "exit", word_exit },	     /* STATUS: wait for the job's end */
	{ "running", word_running }, /* the job has neither ended nor stopped */
	{ "deaf", word_deaf },	     /* 1: read no output from now on; 0: again */
	{ "hangup", word_hangup },   /* the terminal is closed */
	{ "nap", word_nap },	     /* MS */
};

static void
drive_line(char *line)
{
	char *arg = line + strcspn(line, " ");

	line[strcspn(line, "\n")] = '\0';
	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < LENGTH(drive_words); i++)
		if (strcmp(drive_words[i].name, line) == 0) {
			if (!drive_words[i].run(arg))
				drive_fail(line, arg);
			return;
		}
	drive_fail("unknown word", line);
}

/* drive [-b] [-n] COMMAND...: a job of a shell at a terminal of 24 x 80; the script is read from
 * stdin. -b: it starts in the background.  -n: the terminal is non-blocking. */
static int
do_drive(char **a)
{
	struct winsize ws = { .ws_row = 24, .ws_col = 80 };
	bool background = false;
	char line[1024], name[64];
	int socks[2];

	d.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (d.master < 0 || grantpt(d.master) < 0 || unlockpt(d.master) < 0 ||
	    ptsname_r(d.master, name, sizeof(name)) != 0 ||
	    (d.tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		return perror("pty"), 99;
	for (; a[0] && a[0][0] == '-'; a++) {
		background |= strcmp(a[0], "-b") == 0;
		if (strcmp(a[0], "-n") == 0)
			(void)fcntl(d.tty, F_SETFL, O_NONBLOCK);
	}
	(void)ioctl(d.master, TIOCSWINSZ, &ws);
	(void)tcgetattr(d.tty, &d.first);
	(void)fcntl(d.master, F_SETFL, O_NONBLOCK);
	d.sock = socks[0];
	d.shell = fork();
	if (d.shell == 0) {
		(void)close(socks[0]);
		(void)close(d.master);
		shell_main(socks[1], d.tty, background, a);
	}
	(void)close(socks[1]);
	if (!pump_until(has_pid, NULL))
		drive_fail("no job", NULL);
	while (fgets(line, sizeof(line), stdin)) {
		d.line++;
		drive_line(line);
	}
	drive_end();
	return 0;
}

/* --- between a test and rootlet --- */

/* exec without any hope of return */
static int
become(char **command)
{
	(void)execvp(command[0], command);
	perror(command[0]);
	return 127;
}

/* mess COMMAND...: with every signal ignored and blocked. */
static int
do_mess(char **a)
{
	sigset_t all;

	for (int sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_IGN);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return become(a);
}

/* ignore SIGNAL COMMAND... */
static int
do_ignore(char **a)
{
	(void)signal(signal_number(a[0]), SIG_IGN);
	return become(a + 1);
}

/* kill SIGNAL TEXT COMMAND...: it gets SIGNAL when it has printed TEXT.  Its status is ours. */
static int
do_kill(char **a)
{
	char seen[65536] = "";
	size_t n_seen = 0;
	bool sent = false;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return perror("pty"), 99;
	pid = fork();
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		reset_signals();
		_exit(become(a + 2));
	}
	(void)close(fds[1]);
	for (;;) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };

		if (poll(&p, 1, WAIT_MS) <= 0) {
			(void)printf("nothing happens\n");
			(void)kill(pid, SIGKILL);
			break;
		}
		n = read(fds[0], seen + n_seen, sizeof(seen) - 1 - n_seen);
		if (n <= 0)
			break;
		if (write(STDOUT_FILENO, seen + n_seen, (size_t)n) < 0)
			break;
		n_seen += (size_t)n;
		if (!sent && strstr(seen, a[1])) {
			sent = true;
			(void)kill(pid, signal_number(a[0]));
		}
	}
	(void)close(fds[0]);
	(void)waitpid(pid, &status, 0);
	return exit_status(status);
}

static volatile sig_atomic_t n_received;

static void
count_signal(int sig)
{
	(void)sig;
	n_received++;
}

/* peer COMMAND...: in one process group with COMMAND; how many SIGUSR1 did it send there? */
static int
do_peer(char **a)
{
	pid_t pid;
	int status;

	(void)setpgid(0, 0);
	(void)signal(SIGUSR1, count_signal);
	pid = fork();
	if (pid == 0)
		_exit(become(a));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)printf("received %d\n", (int)n_received);
	return exit_status(status);
}

static pid_t
spawn_quietly(char **command)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		for (int fd = 0; fd < 3; fd++)
			(void)dup2(null, fd);
		reset_signals();
		_exit(become(command));
	}
	return pid;
}

/* massacre SIGNAL N MS COMMAND...: start it N times; each gets SIGNAL within MS milliseconds, and
 * then has ended within 3 seconds. */
static int
do_massacre(char **a)
{
	int sig = signal_number(a[0]), n = number(a[1]), us = number(a[2]) * 1000, bad = 0;
	unsigned int seed = (unsigned int)now_ms();

	for (int i = 0; i < n; i++) {
		int when = us / n * i + rand_r(&seed) % (us / n);
		struct timespec ts = { .tv_nsec = (long)when * 1000 };
		pid_t pid = spawn_quietly(a + 3);
		long end = now_ms() + 3000;

		(void)nanosleep(&ts, NULL);
		(void)kill(pid, sig);
		while (waitpid(pid, NULL, WNOHANG) == 0) {
			if (now_ms() > end) {
				(void)printf("%d us after its start: no end\n", when);
				bad++;
				(void)kill(pid, SIGKILL);
			}
			nap(1);
		}
	}
	return bad ? 1 : 0;
}

/* Has process @pid @mark as one of its arguments? */
static bool
is_marked(const char *pid, const char *mark)
{
	char path[300], buf[8192];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	for (char *p = buf; p < buf + n; p += strlen(p) + 1)
		if (strcmp(p, mark) == 0)
			return true;
	return false;
}

static int
count_marked(const char *mark, bool show)
{
	DIR *proc = opendir("/proc");
	int n = 0;

	if (!proc)
		return -1;
	for (const struct dirent *e; (e = readdir(proc));) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9' || number(e->d_name) == getpid() ||
		    !is_marked(e->d_name, mark))
			continue;
		n++;
		if (show)
			(void)printf("left: process %s\n", e->d_name);
	}
	(void)closedir(proc);
	return n;
}

/* gone MARK MS: no process with argument MARK is left after MS milliseconds at most. */
static int
do_gone(char **a)
{
	long end = now_ms() + number(a[1]);

	while (count_marked(a[0], false) > 0 && now_ms() < end)
		nap(20);
	return count_marked(a[0], true) == 0 ? 0 : 1;
}

/* there MARK N: wait until N or more processes have argument MARK. */
static int
do_there(char **a)
{
	long end = now_ms() + WAIT_MS;

	while (count_marked(a[0], false) < number(a[1])) {
		if (now_ms() > end)
			return 1;
		nap(5);
	}
	return 0;
}

/* within MS COMMAND...: and it has ended by then; its status is ours. */
static int
do_within(char **a)
{
	long end = now_ms() + number(a[0]);
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(become(a + 1));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			(void)printf("still there after %s ms\n", a[0]);
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return 97;
		}
		nap(5);
	}
	return exit_status(status);
}

/* --- inside --- */

static const char *
error_name(long result)
{
	static char text[16];

	if (result >= 0)
		return "ok";
	switch (errno) {
	case EPERM: return "EPERM";
	case EIO: return "EIO";
	case ENXIO: return "ENXIO";
	case ENOTTY: return "ENOTTY";
	case ENOENT: return "ENOENT";
	case ENOSYS: return "ENOSYS";
	default:
		(void)snprintf(text, sizeof(text), "%d", errno);
		return text;
	}
}

/* Where the standard descriptors lead, and whose the terminal is. */
static int
do_tty(char **a)
{
	char name[64];
	int fd;

	(void)a;
	for (int i = 0; i < 3; i++)
		(void)printf("%d %s\n", i,
			     ttyname_r(i, name, sizeof(name)) == 0 ? name
			     : isatty(i)			   ? "foreign"
								   : "none");
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	(void)printf("/dev/tty %s\n", error_name(fd));
	if (fd >= 0)
		(void)printf("foreground %s\n", tcgetpgrp(fd) == getpgrp() ? "yes" : "no");
	(void)printf("session %s\n", getsid(0) > 0 && getpgrp() > 0 ? "own" : "foreign");
	return 0;
}

static void
say_size(void)
{
	struct winsize ws = { .ws_row = 0 };
	char text[64];

	(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &ws);
	(void)snprintf(text, sizeof(text), "size %d %d\n", ws.ws_row, ws.ws_col);
	say(text);
}

/* size N: the window's size, now and after each of N changes. */
static int
do_size(char **a)
{
	sigset_t winch;
	int sig;

	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	(void)signal(SIGWINCH, count_signal); /* one that is ignored is not queued */
	(void)sigprocmask(SIG_BLOCK, &winch, NULL);
	say_size();
	for (int i = number(a[0]); i > 0; i--) {
		(void)sigwait(&winch, &sig);
		say_size();
	}
	return 0;
}

/* first: the window's size and a setting, as early as can be. */
static int
do_first(char **a)
{
	struct termios t = { .c_iflag = 0 };
	char text[32];

	(void)a;
	(void)tcgetattr(STDIN_FILENO, &t);
	say_size();
	(void)snprintf(text, sizeof(text), "erase %d\n", t.c_cc[VERASE]);
	say(text);
	return 0;
}

static void
make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return;
	cfmakeraw(&t);
	(void)tcsetattr(fd, TCSANOW, &t);
}

/* spoil [exit]: raw, non-blocking, and no word of it at the end. */
static int
do_spoil(char **a)
{
	make_raw(STDIN_FILENO);
	for (int fd = 0; fd < 3; fd++)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	say("spoilt");
	if (!a[0])
		nap(WAIT_MS);
	return 0;
}

/* source N: the pattern. */
static int
do_source(char **a)
{
	size_t n = (size_t)number(a[0]), at = 0;
	unsigned char buf[8192];

	make_raw(STDOUT_FILENO);
	while (at < n) {
		size_t len = 0;

		while (len < sizeof(buf) && at < n)
			buf[len++] = pattern(at++);
		for (size_t done = 0; done < len;) {
			ssize_t w = write(STDOUT_FILENO, buf + done, len - done);

			if (w <= 0)
				return 1;
			done += (size_t)w;
		}
	}
	return 0;
}

/* sink N: N bytes of the pattern must come in. */
static int
do_sink(char **a)
{
	size_t n = (size_t)number(a[0]), at = 0;
	unsigned char buf[1000];
	char text[64];

	make_raw(STDIN_FILENO);
	say("ready");
	while (at < n) {
		ssize_t r = read(STDIN_FILENO, buf, sizeof(buf));

		if (r <= 0)
			break;
		for (ssize_t i = 0; i < r; i++)
			if (buf[i] != pattern(at++)) {
				say("wrong byte");
				return 1;
			}
		if (at % 3 == 0)
			nap(1); /* slower than it is typed */
	}
	(void)snprintf(text, sizeof(text), "got %zu", at);
	say(text);
	return 0;
}

/* lines: each line of the terminal, until the end of the file. */
static int
do_lines(char **a)
{
	char buf[4096], text[5000];
	ssize_t n;

	(void)a;
	say("ready\n");
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		(void)snprintf(text, sizeof(text), "<%.*s>\n", (int)n - (buf[n - 1] == '\n'), buf);
		say(text);
	}
	say(n == 0 ? "end of file\n" : "error\n");
	return 0;
}

/* catch N: tells N signals as they come, then exits with 40+N. */
static int
do_catch(char **a)
{
	static const int caught[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, 37 };
	const int n = number(a[0]);
	struct timespec wait = { .tv_sec = WAIT_MS / 1000 };
	sigset_t set;
	char text[32];

	sigemptyset(&set);
	for (size_t i = 0; i < LENGTH(caught); i++) {
		(void)signal(caught[i], count_signal);
		sigaddset(&set, caught[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	say("ready\n");
	for (int i = 0; i < n; i++) {
		int sig = sigtimedwait(&set, NULL, &wait);

		if (sig < 0 && errno == EINTR) { /* stopped and continued */
			i--;
			continue;
		}
		if (sig < 0)
			return 1;
		(void)snprintf(text, sizeof(text), "got %s\n", signal_name(sig));
		say(text);
	}
	return 40 + n;
}

/* wait [MS]: a moment between two words. */
static int
do_wait(char **a)
{
	say("ready\n");
	nap(a[0] ? number(a[0]) : 3 * WAIT_MS);
	say("done\n");
	return 0;
}

/* unread MS: a raw terminal, which it never reads. */
static int
do_unread(char **a)
{
	make_raw(STDIN_FILENO);
	return do_wait(a);
}

/* stubborn: ignores what can be ignored. */
static int
do_stubborn(char **a)
{
	char *none[] = { NULL };

	(void)a;
	for (int sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_IGN);
	return do_wait(none);
}

/* children STATUS: leaves some behind: in the group, in a session of its own, and an orphan. */
static int
do_children(char **a)
{
	for (int i = 0; i < 3; i++) {
		if (fork() != 0)
			continue;
		if (i == 1)
			(void)setsid();
		if (i == 2 && fork() != 0)
			_exit(0);
		(void)signal(SIGTERM, SIG_IGN);
		(void)signal(SIGHUP, SIG_IGN);
		nap(3 * WAIT_MS);
		_exit(0);
	}
	nap(20);
	return number(a[0]);
}

static int
count_zombies(void)
{
	DIR *proc = opendir("/proc");
	char path[300], line[300];
	int n = 0;

	for (const struct dirent *e; proc && (e = readdir(proc));) {
		FILE *f;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(line, sizeof(line), f) && strstr(line, ") Z "))
			n++;
		(void)fclose(f);
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

/* zombies: five orphans end; does anybody bury them? */
static int
do_zombies(char **a)
{
	long end = now_ms() + 2000;
	pid_t pid = fork();

	(void)a;
	if (pid == 0) {
		for (int i = 0; i < 5; i++)
			if (fork() == 0) {
				nap(50);
				_exit(0);
			}
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
	nap(100);
	while (count_zombies() > 0 && now_ms() < end)
		nap(10);
	(void)printf("zombies %d\n", count_zombies());
	return 0;
}

/* group: SIGUSR1 to everybody in this process group. */
static int
do_group(char **a)
{
	(void)a;
	(void)signal(SIGUSR1, count_signal);
	(void)kill(0, SIGUSR1);
	(void)printf("own %d\n", (int)n_received);
	return 0;
}

/* close MS: says something, closes standard input and output and stays for a while. */
static int
do_close(char **a)
{
	say("said\n");
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	nap(number(a[0]));
	return 0;
}

/* links FILE: where the standard descriptors lead, and the number of all that are open. */
static int
do_links(char **a)
{
	char link[4096];
	int open_fds = 0;
	FILE *f;

	for (int fd = 0; fd < 1024; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	f = fopen(a[0], "we");
	for (int fd = 0; f && fd < 3; fd++) {
		char path[32];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, link, sizeof(link));
		(void)fprintf(f, "%.*s\n", n < 0 ? 0 : (int)n, link);
	}
	if (!f)
		return 1;
	(void)fprintf(f, "%d\n", open_fds);
	return fclose(f);
}

#define SLOTS 5 /* descriptors 0, 1, 2, /dev/tty, /dev/console */

static void
print_ioctl(const char *what, unsigned long request, char *arg)
{
	int fds[SLOTS] = { 0, 1, 2, -1, -1 };

	fds[3] = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	fds[4] = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	(void)printf("%s", what);
	for (int i = 0; i < SLOTS; i++)
		if (i < 3 || fds[i] >= 0)
			(void)printf(" %s", error_name(syscall(__NR_ioctl, fds[i], request, arg)));
	(void)puts("");
	for (int i = 3; i < SLOTS; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

#ifdef __x86_64__
static long
call_i386(long nr, long a, long b, long c)
{
	long r = nr;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	if ((int)r < 0 && (int)r > -4096) {
		errno = -(int)r;
		return -1;
	}
	return r;
}

static void
print_i386(const char *what, long request, char *arg)
{
	(void)printf("%s", what);
	for (int fd = 0; fd < 3; fd++)
		(void)printf(" %s", error_name(call_i386(54, fd, request, (long)arg)));
	(void)puts("");
}
#endif

/* Does a kernel for 64 bits answer calls of 32 bits?  Asked in a child, which may be killed. */
static int
do_has_i386(char **a)
{
	(void)a;
#ifdef __x86_64__
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(call_i386(20, 0, 0, 0) == getpid() ? 0 : 1);
	(void)waitpid(pid, &status, 0);
	return exit_status(status);
#else
	return 1;
#endif
}

/* inject [i386]: put bytes into the input queue of every terminal within reach. */
static int
do_inject(char **a)
{
	const unsigned long high = 0xdead00000000UL;
	char *byte = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
				  | MAP_32BIT
#endif
			  ,
			  -1, 0);

	if (byte == MAP_FAILED)
		return 99;
	*byte = 'x';
	if (!a[0]) {
		print_ioctl("TIOCSTI", TIOCSTI, byte);
		print_ioctl("TIOCSTI+high", high | TIOCSTI, byte);
		print_ioctl("TIOCLINUX", TIOCLINUX, byte);
		print_ioctl("TIOCLINUX+high", high | TIOCLINUX, byte);
		return 0;
	}
#ifdef __x86_64__
	print_i386("TIOCSTI", TIOCSTI, byte);
	print_i386("TIOCLINUX", TIOCLINUX, byte);
#endif
	return 0;
}

static const struct word {
	const char *name;
	int (*run)(char **args);
	int n_args; /* at least */
} words[] = {
	/* outside */
	{ "drive", do_drive, 1 },	{ "gone", do_gone, 2 },
	{ "has-i386", do_has_i386, 0 }, { "ignore", do_ignore, 2 },
	{ "kill", do_kill, 3 },		{ "massacre", do_massacre, 4 },
	{ "mess", do_mess, 1 },		{ "peer", do_peer, 1 },
	{ "there", do_there, 2 },	{ "within", do_within, 2 },
	/* inside */
	{ "catch", do_catch, 1 },	{ "children", do_children, 1 },
	{ "close", do_close, 1 },	{ "first", do_first, 0 },
	{ "group", do_group, 0 },	{ "inject", do_inject, 0 },
	{ "lines", do_lines, 0 },	{ "links", do_links, 1 },
	{ "sink", do_sink, 1 },		{ "size", do_size, 1 },
	{ "source", do_source, 1 },	{ "spoil", do_spoil, 0 },
	{ "stubborn", do_stubborn, 0 }, { "tty", do_tty, 0 },
	{ "unread", do_unread, 1 },	{ "wait", do_wait, 0 },
	{ "zombies", do_zombies, 0 },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < LENGTH(words); i++)
		if (strcmp(words[i].name, argv[1]) == 0 && argc - 2 >= words[i].n_args)
			return words[i].run(argv + 2);
	(void)fprintf(stderr, "pty: unknown word or too few arguments\n");
	return 99;
}
