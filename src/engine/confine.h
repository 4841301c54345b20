/*
 * confine - what the program may do: privileges, limits, system calls (child phase C3)
 *
 * Runs in the child between clone and execve, possibly sharing its memory with init (vfork): no
 * malloc, no stdio, nothing global is changed.
 */
#ifndef ENGINE_CONFINE_H
#define ENGINE_CONFINE_H

#include "spec/spec.h"

/* Limits but the one of descriptors, umask, a session keyring of its own. */
int confine_limits(const struct spec *s, struct err *e);
/* The limit of descriptors: after all that opens one. */
int confine_descriptors(const struct spec *s, struct err *e);

/*
 * Landlock where the kernel has it: signals and abstract sockets stay inside (ABI 6, Linux 6.12),
 * and only files below "/" and those passed can be executed (ABI 2), so not this program through
 * /proc/self/exe, which would then be open to writes from inside (CVE-2019-5736).  Nor is a file
 * outside opened for writing that was given for reading, through /proc/self/fd.  A domain with file
 * rules makes mount(2) impossible, so programs with CAP_SYS_ADMIN get the scopes only, and those only
 * where they add to namespaces: a domain of any kind denies those inside it that have file rules (a
 * sandbox in this one) to link and rename between directories (REFER is denied unless allowed).
 */
int confine_landlock(const struct spec *s, struct err *e);

/*
 * The system call filters: the allow-list, and that of ownership emulation when the spec wants it:
 * both in one, s->filter_emulating, or else @notify after the first.
 *
 * Returns the notify listener (close-on-exec), or -1 in *ret_listener when there is none: either
 * none was asked for, or a sandbox around us has one already, which then answers for us (a second
 * listener is EBUSY).
 */
int confine_filters(const struct spec *s, const struct spec_filter *notify, int *ret_listener,
		    struct err *e);

/* The caller's own programs, in his order. */
int confine_programs(const struct spec *s, struct err *e);

/* Nothing inside may look into a process of ours, which has the host's memory. */
int confine_close(struct err *e);
/*
 * But as long as nothing runs inside, those outside may under s->open_init: who drives bwrap(1) opens
 * the namespaces of a sandbox that waits.  Not where a sandbox that runs is joined.
 */
bool confine_is_open(const struct spec *s);

/* The kernel kills this process when its parent ends.  A change of ids or capabilities undoes that. */
int confine_die_with_parent(struct err *e);

/*
 * Without init the death signal is all that ends the program with rootlet: a filter keeps the program
 * from taking that back.  Needs no_new_privs.
 */
int confine_death_signal(struct err *e);

/* Groups, ids and capabilities. */
int confine_ids(const struct spec *s, struct err *e);
int confine_caps(const struct spec *s, struct err *e);
/* Init that only reaps: no privileges, and what confines the program confines it. */
int confine_reaper(const struct spec *s, struct err *e);

#endif
