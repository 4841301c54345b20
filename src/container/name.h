/*
 * name - what containers and their snapshots are called
 */
#ifndef CONTAINER_NAME_H
#define CONTAINER_NAME_H

#include <stdbool.h>

#define CONTAINER_NAME_MAX 128 /* bytes */

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, as with docker, and not longer than that. */
bool container_name_is_valid(const char *name);

/* A new one that can be said: "bakolitu".  Returns @buf. */
const char *container_random_name(char buf[16]);

#endif
