/*
 * no-syscall - run a program on an older kernel, as far as system calls go
 *
 *   no-syscall NAME[,NAME...] COMMAND [ARG...]
 *
 * The named calls answer ENOSYS, in COMMAND and everything it starts.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned int nr;
} calls[] = {
	{ "clone3", __NR_clone3 },
	{ "close_range", __NR_close_range },
	{ "fsopen", __NR_fsopen },
	{ "landlock_create_ruleset", __NR_landlock_create_ruleset },
	{ "memfd_create", __NR_memfd_create },
	{ "mount_setattr", __NR_mount_setattr },
	{ "move_mount", __NR_move_mount },
	{ "open_tree", __NR_open_tree },
	{ "openat2", __NR_openat2 },
	{ "keyctl", __NR_keyctl },
	{ "statx", __NR_statx },
};
#define N_CALLS (sizeof(calls) / sizeof(*calls))

static int
find(const char *name, size_t len)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (strlen(calls[i].name) == len && strncmp(calls[i].name, name, len) == 0)
			return (int)calls[i].nr;
	return -1;
}

int
main(int argc, char **argv)
{
	struct sock_filter f[2 * N_CALLS + 4];
	struct sock_fprog prog = { .filter = f };
	unsigned short n = 0;

	if (argc < 3)
		return 99;
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (const char *p = argv[1]; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		int nr = find(p, len);

		if (nr < 0 || n + 3U > sizeof(f) / sizeof(*f)) {
			(void)fprintf(stderr, "no-syscall: unknown name in %s\n", argv[1]);
			return 99;
		}
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr,
						      0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						      SECCOMP_RET_ERRNO | ENOSYS);
		p += len;
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = n;
	/* Without no_new_privs where that is possible, so that newuidmap goes on working. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)) {
		perror("no-syscall");
		return 99;
	}
	(void)execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
