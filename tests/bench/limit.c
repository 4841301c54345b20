/*
 * limit - the fastest that a sandbox like rootlet's can start
 *
 *   limit DIRECTORY[:DIRECTORY...] PROGRAM [ARG...]
 *
 * Makes the namespaces and mounts of `rootlet run --layer=ram --idmap=single --net=none DIRECTORY` by
 * bare system calls, with nothing that could be left out, no checks, no filter and no init, and
 * executes PROGRAM.  What rootlet takes longer is what it costs.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (write(fd, text, strlen(text)) < 0)
		_exit(111);
	close(fd);
}

static void
must(int r)
{
	if (r < 0)
		_exit(112);
}

static void
mount_proc_sys(void)
{
	static const char *const hidden[] = { "root/proc/keys", "root/proc/key-users",
					      "root/proc/interrupts" };

	must(mount("proc", "root/proc", "proc", QUIET, NULL));
	must(mount("root/proc/sys", "root/proc/sys", NULL, MS_BIND | MS_REC, NULL));
	must(mount(NULL, "root/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | QUIET, NULL));
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		must(mount("/dev/null", hidden[i], NULL, MS_BIND, NULL));
	(void)mount("tmpfs", "root/proc/acpi", "tmpfs", MS_RDONLY, "size=0,nr_inodes=1");
	must(mount("sysfs", "root/sys", "sysfs", MS_RDONLY | QUIET, NULL));
	(void)mount("tmpfs", "root/sys/firmware", "tmpfs", MS_RDONLY, "size=0,nr_inodes=1");
}

static void
mount_dev(void)
{
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
	char from[32], to[32];

	must(mount("tmpfs", "root/dev", "tmpfs", MS_NOSUID, NULL));
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		snprintf(from, sizeof(from), "/dev/%s", devices[i]);
		snprintf(to, sizeof(to), "root/dev/%s", devices[i]);
		must(mknod(to, S_IFREG | 0666, 0));
		must(mount(from, to, NULL, MS_BIND, NULL));
	}
	must(symlink("pts/ptmx", "root/dev/ptmx"));
	must(symlink("/proc/self/fd", "root/dev/fd"));
	must(symlink("/proc/self/fd/0", "root/dev/stdin"));
	must(symlink("/proc/self/fd/1", "root/dev/stdout"));
	must(symlink("/proc/self/fd/2", "root/dev/stderr"));
	must(mkdir("root/dev/shm", 01777));
	must(mkdir("root/dev/pts", 0755));
	must(mkdir("root/dev/mqueue", 0755));
	must(mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance"));
	must(mount("mqueue", "root/dev/mqueue", "mqueue", QUIET, NULL));
}

/* What the directory lacks. */
static void
make_places(void)
{
	static const char *const places[] = { "root/proc", "root/sys", "root/dev", "root/tmp" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		(void)mkdir(places[i], 0755);
}

static void
child(char **argv, uid_t uid, gid_t gid)
{
	char map[32], opts[4200];

	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	must(mount("tmpfs", "/", "tmpfs", MS_NOSUID, NULL));
	/* The stage, behind "/..", while the current directory is what the layers' names start from. */
	must(mkdir("/../root", 0755));
	must(mkdir("/../u", 0755));
	must(mkdir("/../w", 0755));
	snprintf(opts, sizeof(opts), "userxattr,volatile,upperdir=/../u,workdir=/../w,lowerdir=%s", argv[1]);
	must(mount("overlay", "/../root", "overlay", 0, opts));
	must(chdir("/.."));
	make_places();
	mount_proc_sys();
	mount_dev();
	must(mount("tmpfs", "root/tmp", "tmpfs", MS_NOSUID | MS_NODEV, NULL));
	must(chdir("root"));
	must((int)syscall(SYS_pivot_root, ".", "."));
	must(umount2(".", MNT_DETACH));
	must(umount2(".", MNT_DETACH));
	execv(argv[2], argv + 2);
	_exit(127);
}

int
main(int argc, char **argv)
{
	const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
				    CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET | SIGCHLD;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = (pid_t)syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
	if (pid == 0)
		child(argv, uid, gid);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 113;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 114;
}
