#include <jansson.h>
#include <string.h>

#include "spec/spec.h"

static const char *const op_names[] = {
	[MOUNT_LAYER_DIR] = "layer-dir", [MOUNT_OVERLAY] = "overlay", [MOUNT_BIND] = "bind",
	[MOUNT_DEVICE] = "device",     [MOUNT_TMPFS] = "tmpfs",	    [MOUNT_PROC] = "proc",
	[MOUNT_SYSFS] = "sysfs",       [MOUNT_DEV] = "dev",	    [MOUNT_COPY] = "copy",
	[MOUNT_FILE] = "file",	       [MOUNT_SYMLINK] = "symlink", [MOUNT_DIR] = "dir",
	[MOUNT_MASK] = "mask",	       [MOUNT_MQUEUE] = "mqueue",   [MOUNT_WRITE] = "write",
	[MOUNT_CHMOD] = "chmod",       [MOUNT_REMOUNT_RO] = "remount-ro",
};
static_assert(NELEMS(op_names) == MOUNT_OP_MAX_, "op_names[] does not match enum mount_op");

static const char *const layer_names[] = {
	[SPEC_LAYER_AUTO] = "auto",
	[SPEC_LAYER_DISK] = "disk",
	[SPEC_LAYER_RAM] = "ram",
};
static_assert(NELEMS(layer_names) == SPEC_LAYER_MAX_, "layer_names[] does not match");

static const char *const idmap_names[] = {
	[SPEC_IDMAP_RANGE] = "range",
	[SPEC_IDMAP_ROOT] = "root",
	[SPEC_IDMAP_SINGLE] = "single",
	[SPEC_IDMAP_EXTERNAL] = "external",
	[SPEC_IDMAP_KEEP] = "keep",
};
static_assert(NELEMS(idmap_names) == SPEC_IDMAP_MAX_, "idmap_names[] does not match");

static const char *const caps_names[] = {
	[SPEC_CAPS_ROOT] = "root",
	[SPEC_CAPS_AMBIENT] = "ambient",
	[SPEC_CAPS_KEEP] = "keep",
};
static_assert(NELEMS(caps_names) == SPEC_CAPS_MAX_, "caps_names[] does not match");

static const char *const ns_names[] = { "user", "mount", "pid", "ipc", "uts", "cgroup", "net" };

/* A string that may not be UTF-8: what JSON cannot carry becomes U+FFFD. */
static json_t *
text(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	for (char *p = copy; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}

static json_t *
texts(char *const *v)
{
	json_t *a = json_array();

	for (; v && *v; v++)
		json_array_append_new(a, text(*v));
	return a;
}

static void
dump_flags(json_t *j, const struct mount_step *m)
{
	const struct {
		bool set;
		const char *name;
	} flags[] = {
		{ m->read_only, "readOnly" },	  { m->devices, "devices" },
		{ m->lowers_only, "lowersOnly" }, { m->optional, "optional" },
		{ m->unmasked, "unmasked" },	  { m->from_host, "fromHost" },
		{ m->plain, "plain" },		  { m->mirror, "mirror" },
	};

	for (size_t i = 0; i < NELEMS(flags); i++)
		if (flags[i].set)
			json_object_set_new(j, flags[i].name, json_true());
}

static json_t *
dump_step(const struct mount_step *m)
{
	json_t *j = json_pack("{s:s, s:o}", "op", op_names[m->op], "dst", text(m->dst));

	if (m->src)
		json_object_set_new(j, "src", text(m->src));
	if (m->lowers)
		json_object_set_new(j, "lowers", texts(m->lowers));
	if (m->data)
		json_object_set_new(j, "data", text(m->data));
	if (m->size)
		json_object_set_new(j, "size", json_integer((json_int_t)m->size));
	if (m->upper)
		json_object_set_new(j, "upper", text(m->upper));
	if (m->work)
		json_object_set_new(j, "work", text(m->work));
	if (m->fd >= 0)
		json_object_set_new(j, "fd", json_integer(m->fd));
	if (m->mode >= 0)
		json_object_set_new(j, "mode", json_integer(m->mode));
	if (m->parent_mode >= 0)
		json_object_set_new(j, "parentMode", json_integer(m->parent_mode));
	dump_flags(j, m);
	return j;
}

static json_t *
dump_ranges(const struct spec_id_range *r, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_pack("{s:I, s:I, s:I}", "inside",
						   (json_int_t)r[i].inside, "outside",
						   (json_int_t)r[i].outside, "count",
						   (json_int_t)r[i].count));
	return a;
}

static json_t *
dump_identity(const struct spec *s)
{
	json_t *ns = json_array();

	for (size_t i = 0; i < NELEMS(ns_names); i++)
		if (s->ns & (1U << i))
			json_array_append_new(ns, json_string(ns_names[i]));
	return json_pack("{s:o, s:i, s:i, s:i, s:s, s:b, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:o}",
			 "namespaces", ns, "usernsFd", s->userns_fd, "userns2Fd", s->userns2_fd,
			 "pidnsFd", s->pidns_fd, "idmap", idmap_names[s->idmap], "idmapAuto",
			 s->idmap_auto, "uids", dump_ranges(s->uids, s->n_uids), "gids",
			 dump_ranges(s->gids, s->n_gids), "innerUserns", s->inner_userns,
			 "noUserns", s->no_userns, "assertNoUserns", s->assert_no_userns,
			 "hostRoot", s->host_root, "emulateOwners", s->emulate_owners,
			 "hostname", text(s->hostname));
}

static json_t *
dump_root(const struct spec *s)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < s->n_mounts; i++)
		json_array_append_new(steps, dump_step(&s->mounts[i]));
	return json_pack("{s:o, s:b, s:s, s:I, s:o, s:o, s:o, s:b, s:b}", "mounts", steps,
			 "mountsAsGiven", s->mounts_as_given, "layer", layer_names[s->layer],
			 "layerSize", (json_int_t)s->layer_size, "layerDir", text(s->layer_dir),
			 "layerKeep", text(s->layer_keep), "layerBelow", texts(s->layer_below),
			 "layerTold", s->layer_told, "readOnly", s->read_only);
}

static json_t *
dump_confinement(const struct spec *s)
{
	json_t *limits = json_array(), *programs = json_array();
	char caps[19];

	(void)snprintf(caps, sizeof(caps), "0x%016llx", (unsigned long long)s->caps);
	for (size_t i = 0; i < s->n_rlimits; i++)
		json_array_append_new(limits,
				      json_pack("{s:i, s:I, s:I}", "resource",
						s->rlimits[i].resource, "soft",
						(json_int_t)s->rlimits[i].limit.rlim_cur, "hard",
						(json_int_t)s->rlimits[i].limit.rlim_max));
	for (size_t i = 0; i < s->n_programs; i++)
		json_array_append_new(programs, json_integer((json_int_t)s->programs[i].n));
	return json_pack("{s:s, s:s, s:b, s:b, s:I, s:o, s:b, s:o}", "capabilities", caps,
			 "capabilitiesHow", caps_names[s->caps_how], "noNewPrivs",
			 s->no_new_privs, "newKeyring", s->new_keyring, "filterInstructions",
			 (json_int_t)s->filter.n, "programInstructions", programs, "landlock",
			 s->landlock, "rlimits", limits);
}

/* How it starts, is signalled, and ends. */
static json_t *
dump_life(const struct spec *s)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:i, s:I, s:i}", "init", s->init,
			 "openInit", s->open_init, "linger", s->linger, "detached", s->detached,
			 "dieWithParent", s->die_with_parent, "session", s->session,
			 "callerSignals", s->caller_signals, "lockFiles", texts(s->lock_files),
			 "blockFd", s->block_fd, "timeoutMs", (json_int_t)s->timeout_ms,
			 "stopSignal", s->stop_signal);
}

static json_t *
dump_process(const struct spec *s)
{
	json_t *groups = json_array(), *fds = json_array();

	for (size_t i = 0; i < s->n_groups; i++)
		json_array_append_new(groups, json_integer(s->groups[i]));
	for (size_t i = 0; i < s->n_pass_fds; i++)
		json_array_append_new(fds, json_integer(s->pass_fds[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:i, s:b, s:o}", "argv",
			 texts(s->argv), "exe", text(s->exe), "env", texts(s->env), "cwd",
			 text(s->cwd), "cwdElse", texts(s->cwd_else), "uid", (json_int_t)s->uid,
			 "gid", (json_int_t)s->gid, "groups", groups, "umask", (int)s->umask,
			 "tty", s->tty, "passFds", fds);
}

int
spec_dump(const struct spec *s, FILE *out, struct err *e)
{
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o}", "identity", dump_identity(s), "root",
			      dump_root(s), "confinement", dump_confinement(s), "process",
			      dump_process(s), "life", dump_life(s));
	int r = j ? json_dumpf(j, out, JSON_INDENT(2)) : -1;

	json_decref(j);
	if (r < 0 || fputc('\n', out) == EOF || fflush(out) == EOF)
		return err_set(e, EIO, "write the spec as JSON");
	return 0;
}
