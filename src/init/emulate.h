/*
 * emulate - ownership for a sandbox that has one id
 *
 * In a `single` id map only one uid and one gid exist, so chown(2), setuid(2) & co. would fail with
 * EINVAL.  A small seccomp filter, beside the allow-list, sends those calls to a listener; init
 * (PID 1 of the sandbox, in its mount namespace, with all capabilities in its user namespace)
 * answers them:
 *
 *  - The owner, mode and device numbers asked for are recorded in the extended attribute
 *    `user.containers.override_stat`, in the form of containers/storage and fuse-overlayfs.
 *    Linux allows user.* attributes on regular files and directories only: owners of symbolic links,
 *    FIFOs and sockets are recorded in the directory, as long as there is room for them (base/record.h),
 *    and do not go with a rename.  Nothing is kept by file systems without user.* attributes (tmpfs
 *    before Linux 6.6).  stat(2) is not emulated.
 *  - A character or block device becomes an empty regular file with a record.  The "whiteout"
 *    device 0:0, which needs no privilege, is left to the kernel.
 *  - Every process has credentials of its own that getuid(2) & co. report and that setuid(2) & co.
 *    change by the kernel's rules, uid 0 being the privileged one.  Real credentials and
 *    capabilities stay as they are: this lets programs run that drop privileges and check; it
 *    protects nothing from anybody.  A set-user-id bit has no effect on execve.
 *    What a process makes is root's, whoever it believes to be: only chown(2) and mknod(2) record.
 *  - POSIX access lists that name an id which is not mapped are accepted and ignored.
 *
 * What the answers may touch: init has more power than the program (its own descriptors, above
 * all), so a path is resolved in the program's root without magic links; those of the program
 * itself (/proc/self/fd/N, cwd, root) are understood here.  Every other magic link is left to the
 * kernel, with the program's own rights.
 *
 * Init never opens a file but with O_PATH, so no FIFO or device can hold it up.  It does read the
 * caller's memory and walk its paths: a program that may serve page faults (userfaultfd) or FUSE
 * mounts can stall it, and with it the sandbox, which then has to be killed from outside.
 */
#ifndef INIT_EMULATE_H
#define INIT_EMULATE_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/err.h"

/* The ABIs that the filter covers: this machine's and its 32-bit one. */
#if defined(__x86_64__)
#define EMULATE_ARCH_NATIVE AUDIT_ARCH_X86_64
#define EMULATE_ARCH_COMPAT AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define EMULATE_ARCH_NATIVE AUDIT_ARCH_AARCH64
#define EMULATE_ARCH_COMPAT AUDIT_ARCH_ARM
#else
#error "the system call numbers of this machine are not known here"
#endif

struct emulate;

/* Room that the filter needs at most. */
#define EMULATE_FILTER_MAX 192

/*
 * Write the filter for this machine, with its 32-bit ABI, to @out.  It does not depend on anything
 * but the machine.  To be loaded with SECCOMP_FILTER_FLAG_NEW_LISTENER.
 *
 * Returns the number of instructions, or -ENOSPC when @max is too small.
 */
int emulate_filter(struct sock_filter *out, size_t max);

/*
 * Begin to serve @listener_fd, which stays the caller's and must outlive the result.
 *
 * @proc_fd:  the procfs of init's own pid namespace (O_PATH will do), copied; -1: open /proc
 *
 * To be called when the root of init is final.  From now on the working directory of init belongs
 * to this module.  The storage is static: one at a time, and never released.
 */
int emulate_start(struct emulate **ret, int listener_fd, int proc_fd, struct err *e);

/*
 * Receive one request and answer it; for when poll(2) says that the listener is readable.
 *
 * Returns 0, also when the caller of the system call is gone, or 1 when the listener is finished.
 */
int emulate_handle(struct emulate *m);

#endif
