/*
 * container - the directories of containers that are kept
 *
 *   containers/NAME/         locked (flock) by who runs or changes it
 *   containers/NAME/record   see record.h
 *   containers/NAME/layer/N/ what spec.layer_keep is, one for each part of the stack
 *   containers/.new-XXXX/    one that is being made
 *   containers/.gone-XXXX/   one that is being removed
 *
 * Whatever has its name is complete: it is made elsewhere and renamed, the record is replaced by
 * rename(2), and directories in layer/ that the record does not name are left-overs.  The lock of a
 * container that runs is held by launcher and init, through the same open file.
 */
#ifndef CONTAINER_CONTAINER_H
#define CONTAINER_CONTAINER_H

#include "base/err.h"
#include "container/name.h"
#include "container/record.h"

struct container {
	int parent_fd; /* owned; containers/ */
	int fd;        /* owned; its directory, with the lock */
	char *path;    /* owned */
	char *name;    /* owned */
	struct container_record record;
};
#define CONTAINER_INIT { .parent_fd = -1, .fd = -1 }
void container_close(struct container *c);
#define AUTO_CONTAINER CLEANUP(container_close) struct container

enum container_lock {
	CONTAINER_LOOK,  /* none: it may run, and the record be replaced */
	CONTAINER_READ,  /* nobody runs or changes it meanwhile */
	CONTAINER_OWN,   /* nobody else does anything with it */
};

/*
 * Open container @name below @data_dir.  -ENOENT with a message when there is none, -EBUSY when the lock
 * cannot be had.
 */
int container_open(const char *data_dir, const char *name, enum container_lock lock,
		   struct container *ret, struct err *e);

/* The same to remove it: returns 1, without a record, when that cannot be read. */
int container_open_to_remove(const char *data_dir, const char *name, struct container *ret,
			     struct err *e);

/* Make one of the record in @c, with one empty directory in layer/, locked. @name NULL: a random one. */
int container_create(const char *data_dir, const char *name, struct container *c, struct err *e);

/* Replace the record. */
int container_write(const struct container *c, struct err *e);

/* The name goes at once; what it had is for container_sweep().  It must be owned. */
int container_forget(const struct container *c, struct err *e);

/* The same for directories in layer/ that the record does not name. */
void container_forget_layers(const struct container *c);
/*
 * Remove what was forgotten or never finished, as far as it can be; for files of a range the caller is in
 * the id map.
 */
void container_sweep(const char *data_dir);

/* Is somebody running it, or changing it? */
bool container_is_busy(const struct container *c);

/* All names, in order.  An owned strv; NULL: none. */
int container_list(const char *data_dir, char ***ret, struct err *e);
/* The one that was made or started last, owned; NULL: none. */
char *container_last(const char *data_dir);

/* The I-th directory in layer/, counted from the top; owned; NULL: there are no more. */
char *container_layer(const struct container *c, size_t i);
/* The number of the directory on top; none has a higher one. */
unsigned long container_top(const struct container *c);
/* Put empty directory @number on the stack, a new one.  Then the record is to be written. */
int container_push(struct container *c, unsigned long number, struct err *e);

/* Nanoseconds since 1970. */
int64_t container_now(void);

#endif
