#include <string.h>
#include <sys/uio.h>

#include "init/emulate-internal.h"

/* The smallest page that Linux has: no boundary is crossed within it. */
#define CHUNK 4096
#define CHUNKS_MAX 18 /* the longest value of an extended attribute, 64 KiB, on any offset */

/*
 * Cut at page boundaries, because the transfer stops before the first piece that is not readable
 * as a whole.
 */
static size_t
cut_in_pages(uint64_t addr, size_t n, struct iovec iov[CHUNKS_MAX])
{
	size_t k = 0;

	while (n > 0 && k < CHUNKS_MAX) {
		size_t len = CHUNK - (size_t)(addr % CHUNK);

		if (len > n)
			len = n;
		iov[k++] = (struct iovec){ (void *)(uintptr_t)addr, len };
		addr += len;
		n -= len;
	}
	return k;
}

static ssize_t
read_some(pid_t pid, uint64_t addr, void *buf, size_t n)
{
	struct iovec remote[CHUNKS_MAX], local = { buf, n };
	ssize_t got = process_vm_readv(pid, &local, 1, remote, cut_in_pages(addr, n, remote), 0);

	return got < 0 ? -errno : got;
}

int
mem_read(pid_t pid, uint64_t addr, void *buf, size_t n)
{
	ssize_t got = n ? read_some(pid, addr, buf, n) : 0;

	return got < 0 ? (int)got : (size_t)got == n ? 0 : -EFAULT;
}

int
mem_write(pid_t pid, uint64_t addr, const void *buf, size_t n)
{
	struct iovec remote[CHUNKS_MAX], local = { (void *)(uintptr_t)buf, n };
	ssize_t put = process_vm_writev(pid, &local, 1, remote, cut_in_pages(addr, n, remote), 0);

	return put < 0 ? -errno : (size_t)put == n ? 0 : -EFAULT;
}

ssize_t
mem_read_string(pid_t pid, uint64_t addr, char *buf, size_t size)
{
	ssize_t got = read_some(pid, addr, buf, size);
	const char *end;

	if (got < 0)
		return got;
	end = memchr(buf, '\0', (size_t)got);
	if (end)
		return end - buf;
	return (size_t)got == size ? -ENAMETOOLONG : -EFAULT;
}
