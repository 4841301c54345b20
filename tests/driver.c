/*
 * driver - what programs that drive a sandbox do from outside: system call filters, locks
 *
 *   driver WORD [ARG...]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} calls[] = {
	{ "uname", __NR_uname },
	{ "getppid", __NR_getppid },
	{ "seccomp", __NR_seccomp },
	{ "prctl", __NR_prctl },
};

static int
number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static int
call_number(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	return number(name);
}

/* bpf CALL ACTION: the program that answers CALL with ACTION, "kill" or the number of an error, and
 * allows all else. */
static int
do_bpf(char **a)
{
	const unsigned int action =
		strcmp(a[1], "kill") == 0
			? SECCOMP_RET_KILL_PROCESS
			: SECCOMP_RET_ERRNO | ((unsigned int)number(a[1]) & SECCOMP_RET_DATA);
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call_number(a[0]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return write(STDOUT_FILENO, program, sizeof(program)) != sizeof(program);
}

/* call NAME: what the kernel answers. */
static int
do_call(char **a)
{
	errno = 0;
	(void)syscall(call_number(a[0]), 0, 0, 0, 0);
	(void)printf("%s %d\n", a[0], errno);
	return 0;
}

/* lock FILE: does somebody hold a lock of a record of it? */
static int
do_lock(char **a)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(a[0], O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0) {
		perror(a[0]);
		return 1;
	}
	(void)printf("%s, %lld bytes at %lld\n",
		     lock.l_type == F_UNLCK   ? "free"
		     : lock.l_type == F_RDLCK ? "read"
					      : "write",
		     (long long)lock.l_len, (long long)lock.l_start);
	return close(fd);
}

/* state: what of a process is in none of its files. */
static int
do_state(char **a)
{
	int signal = -1, reaper = -1;

	(void)a;
	(void)prctl(PR_GET_PDEATHSIG, &signal);
	(void)prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	(void)printf("dumpable %d, keepcaps %d, subreaper %d, parent's death %d, securebits %d\n",
		     prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), reaper, signal,
		     prctl(PR_GET_SECUREBITS));
	return 0;
}

/* mounts: the lines of mountinfo of those mounts that are not covered by others. */
static int
do_mounts(char **a)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192], place[4096];
	int id, seen_id;

	(void)a;
	if (!f)
		return 1;
	while (fgets(line, sizeof(line), f)) {
		struct file_handle handle = { .handle_bytes = 0 };

		if (sscanf(line, "%d %*d %*s %*s %4095s", &id, place) != 2)
			continue;
		seen_id = -1;
		(void)name_to_handle_at(AT_FDCWD, place, &handle, &seen_id, 0);
		if (seen_id == id)
			(void)fputs(line, stdout);
	}
	return fclose(f);
}

static const struct word {
	const char *name;
	int (*run)(char **args);
	int n_args; /* at least */
} words[] = {
	{ "bpf", do_bpf, 2 },
	{ "call", do_call, 1 },
	{ "lock", do_lock, 1 },
	{ "mounts", do_mounts, 0 },
	{ "state", do_state, 0 },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, argv[1]) == 0 && argc - 2 >= words[i].n_args)
			return words[i].run(argv + 2);
	(void)fprintf(stderr, "driver: unknown word or too few arguments\n");
	return 99;
}
