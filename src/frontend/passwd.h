/*
 * passwd - users and groups as a base's own files have them
 *
 * The text is hostile: it is only ever compared and copied.  Numbers win over names of the same
 * spelling, so a user called "1000" in the file cannot become root (CVE-2016-3697).
 */
#ifndef FRONTEND_PASSWD_H
#define FRONTEND_PASSWD_H

#include "base/err.h"

struct passwd_user {
	uint32_t uid, gid;
	char *home;       /* owned; an absolute path, or NULL */
	char *name;       /* owned; NULL when the file does not know the id */
	uint32_t *groups; /* owned; supplementary */
	size_t n_groups;
};
#define PASSWD_USER_INIT { .uid = 0 }
void passwd_user_clear(struct passwd_user *u);

/*
 * Resolve USER[:GROUP].
 *
 * @passwd, @group: NUL-terminated contents of the files, "" when there are none
 *
 * Returns 0, or -ENOENT / -EINVAL with a message.
 */
int passwd_resolve(const char *spec, const char *passwd, const char *group,
		   struct passwd_user *ret, struct err *e);

#endif
