/*
 * pack-internal - what the parts of pack share
 *
 *   attr    what one file is: status, record, extended attributes
 *   lower   the directories below an upper: what shows through at a path
 *   walk    visits a tree in order, and compares it with what is below
 *   links   which name of a file came first
 *   pax     one entry as headers and data
 *   sink    digests, compression, output
 */
#ifndef IMAGE_PACK_INTERNAL_H
#define IMAGE_PACK_INTERNAL_H

#include <sys/stat.h>

#include "base/fd.h"
#include "image/pack.h"

/* --- attr --- */

struct xattr {
	char *name;
	char *value;
	size_t n;
};

struct attr {
	struct stat st;         /* as the kernel has it */
	mode_t type;            /* S_IFMT bits, as it is to be written */
	uint32_t mode;          /* 07777 */
	uint32_t uid, gid;
	uint32_t major, minor;  /* of a device */
	struct xattr *xattrs;   /* owned; by name; those that belong to the contents of an image */
	size_t n_xattrs;
	bool opaque;            /* overlay: nothing below shows through */
	bool marks_whiteouts;   /* overlay: files in it may be whiteouts by attribute (Linux 6.7) */
	bool marked_whiteout;   /* overlay: and this is one, in such a directory */
	bool copied_up;         /* overlay: it was below when it was first changed */
	bool elsewhere;         /* overlay: contents or place are another layer's */
};

enum attr_records {
	ATTR_RECORDS_NONE,
	ATTR_RECORDS_DEVICES, /* only that a file stands for a device, and for which */
	ATTR_RECORDS_ALL,
};
static inline enum attr_records
attr_records_of(const struct pack_options *o)
{
	return o->recorded	   ? ATTR_RECORDS_ALL
	       : o->recorded_devices ? ATTR_RECORDS_DEVICES
				     : ATTR_RECORDS_NONE;
}

/* Read what @fd (O_PATH will do) is. */
int attr_read(int fd, enum attr_records records, struct attr *ret, struct err *e);
/* What directory @dir_fd (O_PATH will do) has recorded of the owner of @name in it, which @a is of. */
void attr_take_name(int dir_fd, const char *name, enum attr_records records, struct attr *a);
/* Does the attribute belong to the contents of an image? */
bool attr_is_content(const char *name);
/* Has its owner a number in the id map?  For symbolic links and the like nobody can tell: true. */
bool attr_owner_is_known(int fd, const struct attr *a);
void attr_free(struct attr *a);
#define AUTO_ATTR CLEANUP(attr_free) struct attr
/* Mode, owner, device numbers and extended attributes, and the size of a regular file. */
bool attr_same(const struct attr *a, const struct attr *b);
bool attr_is_whiteout(const struct attr *a, bool in_marked);
/* What @st says has not changed since @a was read. */
bool attr_still(const struct attr *a, const struct stat *st);

/* Open @fd (O_PATH) for reading: no time of last access where that is allowed. */
int open_again(int fd, struct err *e);
/* The target of symbolic link @fd (O_PATH), NUL-terminated. */
int read_link(int fd, char ret[PATH_MAX], struct err *e);

/* --- lower --- */

/*
 * Open @path, of any length, below @root; no component may be a symbolic link, save that the last
 * is opened itself with O_PATH|O_NOFOLLOW.  -ENOENT and -ENOTDIR are returned without an error set.
 */
int open_below(int root, const char *path, int flags, struct err *e);

/* What an upper covers at a path. */
struct lower_hit {
	int fd;           /* owned, O_PATH; -1: nothing is there */
	struct attr attr;
	size_t *dirs;     /* owned: which lower directories are merged there */
	size_t n_dirs;
	bool whiteout;    /* nothing is there because of a whiteout */
	bool closed;      /* nothing further below shows through: opaque, or below no directory */
};
#define LOWER_HIT_INIT { .fd = -1 }
void lower_hit_free(struct lower_hit *h);
#define AUTO_HIT CLEANUP(lower_hit_free) struct lower_hit

/*
 * Look at @path in the lower directories of these numbers.  @ret is empty, and freed by the caller
 * also after a failure.
 */
int lower_find(const struct pack_options *o, const size_t *dirs, size_t n_dirs, const char *path,
	       struct lower_hit *ret, struct err *e);
/* Is the non-directory @a, open on @fd, the same in all as @h? */
int lower_same_file(int fd, const struct attr *a, const struct lower_hit *h, bool *ret,
		    struct err *e);

/* --- walk --- */

/* The names in a directory, ordered by their bytes. */
struct names {
	char *arena;  /* owned: a flag and a NUL-terminated name, again and again */
	size_t used, room;
	char **sorted; /* owned */
	size_t n;
};
int names_read(struct names *names, int dir_fd, bool lower, struct err *e);
void names_sort(struct names *names);
void names_free(struct names *names);
/* Did the name come from a directory below? */
static inline bool
name_is_lower(const char *name)
{
	return name[-1] != 0;
}

enum change { CHANGE_ADDED, CHANGE_ALTERED, CHANGE_DELETED, CHANGE_SAME };

struct node {
	const char *path;        /* "" for the top */
	int fd;                  /* O_PATH; -1 when deleted */
	const struct attr *attr; /* of what is gone when deleted, and known; else of the whiteout */
	const struct lower_hit *was; /* what is below; good during the visit */
	enum change change;      /* ADDED when there is nothing to compare with */
	bool hides;              /* deleted: by a whiteout; directory: it is opaque over one */
	bool cut_off;            /* in an opaque directory: nothing below shows through */
};

/* A directory on the way to where the walk is. */
struct frame {
	int fd;            /* owned; -1 when it was closed meanwhile */
	size_t path_len;
	struct names names;
	size_t next;
	struct attr attr;
	size_t *dirs;      /* owned: lower directories to compare with */
	size_t n_dirs;
	size_t *ups;       /* owned: of walk.uppers, those that are merged there; NULL: the only one */
	size_t n_ups;
	bool cut_off;      /* what is in it is cut off from below */
	bool written;      /* for the visitor */
};

struct walk {
	const struct pack_options *o;
	int top_fd;
	bool tell_hidden;  /* visit what opaque directories hide, as deleted */
	/* Called for a directory with its frame on the stack, before what is in it. */
	int (*visit)(struct walk *w, const struct node *n, struct err *e);
	void *arg;

	struct pack_options uppers; /* with several uppers as @lower, the walk's directory first */
	char *path;
	size_t path_room;
	struct frame *frames;
	size_t depth, room;
};
int walk_tree(struct walk *w, struct err *e);
/* The path of a frame, as a string to be freed. */
char *walk_frame_path(const struct walk *w, size_t i);

/* --- links --- */

struct links;
struct links *links_new(void);
void links_freep(struct links **l);
#define AUTO_LINKS CLEANUP(links_freep) struct links *
/*
 * The path under which the file was met before, or NULL: then it is remembered by @path.  Returned
 * memory is good until the next call.
 */
const char *links_seen(struct links *l, const struct stat *st, const char *path);

/* --- sink --- */

struct sink;
struct sink *sink_new(int out_fd, enum pack_compression compression);
void sink_freep(struct sink **s);
#define AUTO_SINK CLEANUP(sink_freep) struct sink *
int sink_write(struct sink *s, const void *data, size_t n, struct err *e);
/* Room for bytes that the caller puts there himself, at least one; then how many they are. */
int sink_room(struct sink *s, char **ret, size_t *ret_n, struct err *e);
void sink_advance(struct sink *s, size_t n);
int sink_finish(struct sink *s, struct err *e);
/* After sink_finish(): the digests and lengths of what went in, and of what came out. */
uint64_t sink_bytes_in(const struct sink *s);
uint64_t sink_bytes_out(const struct sink *s);
void sink_digest_in(const struct sink *s, char ret[PACK_DIGEST_SIZE]);
void sink_digest_out(const struct sink *s, char ret[PACK_DIGEST_SIZE]);

/* --- pax --- */

struct pax_entry {
	const char *path;
	char type;            /* '0' file, '1' hard link, '2' symlink, '3' '4' device, '5' '6' */
	uint32_t mode, uid, gid, major, minor;
	uint64_t size;
	struct timespec mtime;
	const char *target;   /* of a link, or NULL */
	const struct xattr *xattrs;
	size_t n_xattrs;
};
/* The headers of an entry; @size bytes and pax_pad() are to follow. */
int pax_header(struct sink *s, const struct pax_entry *t, struct err *e);
int pax_pad(struct sink *s, uint64_t size, struct err *e);
int pax_end(struct sink *s, struct err *e);

#endif
