/*
 * confine - rootlet-registry takes from itself what it does not need, before the network's first byte
 *
 * To be called by every verb once lookup_endpoints() has read all files, and the directories of what is
 * written and read have been opened; before anything is asked of a registry.  It leaves: sockets of the
 * internet, the files of the resolver, the directories that are told, for reading or for writing,
 * and what is open already.  No program, no other process, no mount, no Unix socket by its name
 * (src/seccomp/registry.json, Landlock).
 *
 * For a process with one thread; it cannot be undone.  With a sanitizer there is less of it.
 */
#ifndef REGISTRY_CONFINE_H
#define REGISTRY_CONFINE_H

#include "image/confine.h"
#include "registry/http.h"

/*
 * @o:    as for http_new() later
 * @dirs: NULL with 0 of them: no files but the resolver's
 */
int registry_confine(const struct http_options *o, const struct confine_dir *dirs, size_t n,
		     struct err *e);

#endif
