/*
 * default - the filter that every sandbox gets unless told otherwise
 *
 * The programs are made from default.json when rootlet is built (rootlet-seccomp --c-name), for
 * Docker's default set of capabilities; loading them costs no libseccomp at run time.
 *
 * Not covered: an AF_VSOCK socket that a 32-bit x86 program makes with socketcall(2), whose
 * arguments are in memory.
 */
#ifndef SECCOMP_DEFAULT_H
#define SECCOMP_DEFAULT_H

#include <linux/filter.h>
#include <stddef.h>

/* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT
 * MKNOD AUDIT_WRITE SETFCAP.  A sandbox with more needs a program of its own. */
#define SECCOMP_DEFAULT_CAPS 0xa80425fbULL

struct seccomp_program {
	const struct sock_filter *insns; /* static */
	size_t n;                        /* instructions; 0: there is none */
};

extern const struct sock_filter seccomp_default_x86_64[]; /* with x86 */
extern const unsigned int seccomp_default_x86_64_len;
extern const struct sock_filter seccomp_default_aarch64[]; /* with arm */
extern const unsigned int seccomp_default_aarch64_len;
extern const struct sock_filter seccomp_emulate[]; /* for the machine rootlet was built on */
extern const unsigned int seccomp_emulate_len;

/*
 * The program for the machine that rootlet was compiled for.
 *
 * n is 0 where there is no default policy for it (any other than x86_64 and aarch64).  That is not
 * permission to run without: the caller refuses, unless the user asked for no filter.
 */
struct seccomp_program seccomp_default(void);

/*
 * The same in one program with the filter of ownership emulation (init/emulate.h): what is emulated
 * goes to the listener, everything else gets the default's answer.  One program loads faster than
 * two.
 */
struct seccomp_program seccomp_default_emulating(void);

#endif
