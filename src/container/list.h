/*
 * list - between the files of this room: the directory in which containers are
 */
#ifndef CONTAINER_LIST_H
#define CONTAINER_LIST_H

/* A name that no container has: ".WHAT-XXXX". */
void container_hidden_name(const char *what, char ret[32]);

#endif
