/*
 * partial - a blob that is being downloaded: STORE/partial/HEX
 *
 * The file stays when the download ends early, and the next one goes on behind what it has.  Whoever
 * downloads has it locked; when somebody else has, a file without a name is used.  What is in it is not
 * believed: who takes it into the store compares the digest.
 */
#ifndef REGISTRY_PARTIAL_H
#define REGISTRY_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct partial {
	int dir_fd;    /* borrowed: STORE/partial */
	int fd;        /* owned; for reading and writing */
	char name[65]; /* "": it has none */
	uint64_t have; /* bytes that are there */
};
#define PARTIAL_INIT { .fd = -1 }

/* Make and open STORE/partial. */
int partial_open_dir(int store_fd, struct err *e);

/* @digest: valid; @size: bytes of the blob: a file with more begins anew */
int partial_open(int dir_fd, const char *digest, uint64_t size, struct partial *ret, struct err *e);
/* A descriptor of it for others, who can only read.  Owned. */
int partial_reader(const struct partial *p, struct err *e);
/* It is not needed any more, or not what it should be. */
void partial_remove(struct partial *p);
void partial_close(struct partial *p);

#endif
