#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/newfile.h"

void
random_name(char *ret, size_t size, const char *prefix)
{
	struct timespec now = { .tv_sec = 0 };
	uint64_t n = 0;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n)) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		n = (uint64_t)getpid() << 32 ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	}
	(void)snprintf(ret, size, "%s%016llx", prefix, (unsigned long long)n);
}

static void
choose_name(struct new_file *f)
{
	random_name(f->temp, sizeof(f->temp), TEMP_PREFIX);
}

void
new_file_close(struct new_file *f)
{
	if (f->fd >= 0 && f->temp[0])
		(void)unlinkat(f->dir_fd, f->temp, 0);
	fd_closep(&f->fd);
	f->temp[0] = '\0';
}

int
new_file_open(int dir_fd, struct new_file *ret, struct err *e)
{
	struct new_file f = { .dir_fd = dir_fd, .temp = "" };

	f.fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (f.fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		choose_name(&f);
		f.fd = openat(dir_fd, f.temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (f.fd < 0)
		return err_sys(e, "make a file");
	*ret = f;
	return 0;
}

/* A link cannot replace what is there. */
static int
give_temp_name(struct new_file *f, struct err *e)
{
	char from[32];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", f->fd);
	choose_name(f);
	if (linkat(AT_FDCWD, from, f->dir_fd, f->temp, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	f->temp[0] = '\0';
	return err_sys(e, "give a file its name");
}

int
new_file_name(struct new_file *f, const char *name, struct err *e)
{
	if (fsync(f->fd) < 0)
		return err_sys(e, "sync");
	if (!f->temp[0] && give_temp_name(f, e) < 0)
		return -e->code;
	if (renameat(f->dir_fd, f->temp, f->dir_fd, name) < 0)
		return err_sys(e, "rename");
	f->temp[0] = '\0';
	(void)fsync(f->dir_fd);
	return 0;
}
