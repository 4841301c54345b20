/*
 * check - one thing to try
 *
 * Private to src/doctor.  A function of a check runs in a child process that ends afterwards: it may
 * make namespaces, mounts and files in directories that it was given, and need not clean up.
 */
#ifndef DOCTOR_CHECK_H
#define DOCTOR_CHECK_H

#include "doctor/doctor.h"

/* @f says "works" when it is called. */
typedef void check_fn(const struct doctor_host *h, struct doctor_finding *f);

struct check {
	const char *name, *title;
	bool vital;
	check_fn *run;
	const char *lost;   /* unless the check says it itself */
};

extern const struct check checks[];
extern const size_t n_checks;

/* "missing", with what failed and errno. */
void check_failed(struct doctor_finding *f, const char *what);
void check_set(struct doctor_finding *f, enum doctor_state state, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void check_remedy(struct doctor_finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* New namespaces with this caller as root in them; false after check_failed(). */
bool check_enter(const struct doctor_host *h, struct doctor_finding *f, int flags);
/* The same, mounts private, and a tmpfs of our own as current directory. */
bool check_enter_mounts(const struct doctor_host *h, struct doctor_finding *f, int flags);

/* What forbids it, and what to do: sysctl, AppArmor, a container. */
void check_userns_remedy(const struct doctor_host *h, struct doctor_finding *f);
/* The value of a setting of the kernel, or -1. */
long check_sysctl(const char *path);

check_fn check_calls, check_userns, check_idmap, check_mounts, check_pid_proc, check_sysfs,
	check_net, check_range, check_overlay_disk, check_overlay_ram, check_overlay_nested,
	check_xattr, check_seccomp, check_notify, check_landlock, check_cgroup, check_uplink,
	check_choice, check_place;

#endif
