/*
 * newfile - a file that is there with all of its contents, or not at all
 *
 * Where the file system can, it has no name until the end: then nothing is left, whatever becomes of
 * the process.  Elsewhere it has an odd one until it is closed.
 */
#ifndef BASE_NEWFILE_H
#define BASE_NEWFILE_H

#include "base/err.h"

/* What is not yet what it will be, or not any more, begins with that. */
#define TEMP_PREFIX    ".tmp-"
#define TEMP_NAME_SIZE 32

/*
 * @prefix and sixteen hexadecimal digits, as nobody else has chosen them: cut to fit, terminated.
 * Never fails: where there are no random bytes, the process and the time are taken.
 */
void random_name(char *ret, size_t size, const char *prefix);

struct new_file {
	int fd;     /* owned; -1: closed */
	int dir_fd; /* borrowed: where it will be */
	char temp[TEMP_NAME_SIZE]; /* its odd name, or "" */
};
#define NEW_FILE_INIT { .fd = -1, .dir_fd = -1, .temp = "" }
/* Without new_file_name() before it, the file is gone. */
void new_file_close(struct new_file *f);
#define AUTO_NEW_FILE CLEANUP(new_file_close) struct new_file

int new_file_open(int dir_fd, struct new_file *ret, struct err *e);
/* Everything is written: sync, and be @name, whatever had that name before. */
int new_file_name(struct new_file *f, const char *name, struct err *e);

#endif
