/*
 * doctor - what this machine lets an ordinary user do, found out by doing it
 *
 * Every check runs in a process of its own, with a time limit, and tries the real thing: what
 * version numbers and settings promise is not always what a container or a security module lets
 * through.  Nothing is left behind.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

enum doctor_state {
	DOCTOR_WORKS,
	DOCTOR_DEGRADED, /* something is lost */
	DOCTOR_MISSING,
	DOCTOR_STATE_MAX_
};

/* What a check found. */
struct doctor_finding {
	enum doctor_state state;
	char detail[120]; /* what was seen, or "" */
	char lost[120];   /* what cannot be had because of it, or "" */
	char remedy[400]; /* one line: a command, or what to ask for; or "" */
};

struct doctor_row {
	const char *name;  /* for programs: "user-namespaces" */
	const char *title; /* for people */
	bool vital;        /* without it rootlet cannot run anything */
	struct doctor_finding found;
};

/* Facts about the caller; nothing is owned. */
struct doctor_host {
	uid_t uid;
	gid_t gid;
	const char *data_dir; /* where layers lie; NULL: none */
	const char *self;     /* path of this program, for AppArmor's profile */
	const char *path;     /* to look for programs in */
	bool in_container;    /* somebody's container, as far as one can tell */
};

#define DOCTOR_ROWS_MAX 24

/* Try everything.  Returns the number of rows. */
size_t doctor_examine(const struct doctor_host *h, struct doctor_row ret_rows[DOCTOR_ROWS_MAX]);

/* Can rootlet run at all? */
bool doctor_can_run(const struct doctor_row *rows, size_t n);

/* For people, @width columns wide; @color: with escape sequences. */
void doctor_print_table(const struct doctor_row *rows, size_t n, unsigned int width, bool color,
			FILE *out);
void doctor_print_json(const struct doctor_row *rows, size_t n, FILE *out);

#endif
