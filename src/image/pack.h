/*
 * pack - write a directory as a tar stream; tell what an upper directory changes
 *
 * The stream depends on nothing but what the tree is: entries in the order of their bytes, numbers
 * for owners, no times but that of the contents, holes of sparse files written out (where they are
 * is the file system's affair, and layers SHOULD NOT have them, image-spec layer.md).  It is
 * written here and not by a library, whose next version may write the same tree in other bytes.
 *
 * What is below the directory is read by descriptors alone and no link in it is followed.  A tree
 * that changes meanwhile gives an error that names what changed, or a whole entry, never a torn
 * one.
 */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include <sys/types.h>

#include "base/err.h"

#define PACK_DIGEST_SIZE 65 /* sha256 in hexadecimal and a NUL */

enum pack_from {
	PACK_TREE,  /* a tree that is whole */
	PACK_UPPER, /* the upper directory of an overlay with userxattr */
	PACK_MERGED, /* what an overlay of the directories @lower shows */
};

/* The same bytes on every machine; those of GZIP and ZSTD are of the library's version. */
enum pack_compression { PACK_NONE, PACK_GZIP, PACK_ZSTD, PACK_COMPRESSION_MAX_ };

struct progress;

struct pack_owner {
	uint32_t uid, gid;
};

struct pack_options {
	enum pack_from from;
	/* Seconds; later times become this one (SOURCE_DATE_EPOCH).  -1: none do. */
	int64_t mtime_max;
	/*
	 * Paths below the directory, without a slash in front, or patterns of fnmatch(3) for which
	 * "/" is only matched by itself; what matches is left out with all below.  NULL-terminated,
	 * or NULL.
	 */
	const char *const *exclude;
	/*
	 * Read owner, mode and device numbers from the record (base/record.h) where there is one.
	 * What has none and is the caller's belongs to 0:0.
	 */
	bool recorded;
	/*
	 * Without @recorded: of records, that a file stands for a device is believed, owner and mode
	 * are those of the file.  For layers of images and what was changed above them, where devices
	 * cannot be made: unpacking wrote the records, and copying up kept them.  A program in a
	 * container can write one, too, and gets a device into the archive, which any archive may
	 * have: it is made where devices can be made, as those are.
	 */
	bool recorded_devices;
	/* Whom all belongs to, whatever the files say; NULL: as they say. */
	const struct pack_owner *owner;
	/* An owner who has no number in the id map is an error: else he is nobody. */
	bool known_owners;
	/*
	 * Of PACK_MERGED: all directories, the topmost first.  Of PACK_UPPER: those below.  With them an entry is left out
	 * that only says what they say: a directory or file that was copied up and is unchanged, a
	 * whiteout or an opaque mark of nothing.  The parents of what is written are always
	 * written, since who unpacks a layer by itself knows no other attributes for them.
	 */
	const int *lower;
	size_t n_lower;
	/*
	 * Of PACK_UPPER: earlier upper directories, which lie between the directory and @lower, the
	 * topmost first.  What is written, or told, is what all of them together change.
	 */
	const int *earlier;
	size_t n_earlier;
	uint64_t max_bytes; /* of all files together: more is an error; 0: as many as there are */
	struct progress *progress; /* borrowed; told of the bytes of files; or NULL */
};

struct pack_result {
	char diff_id[PACK_DIGEST_SIZE]; /* of the tar stream, without "sha256:" */
	uint64_t bytes;                 /* of the tar stream */
	uint64_t entries;
	uint64_t sockets;               /* left out: tar has no such thing */
};

/* Write what is in @dir_fd (-1: PACK_MERGED needs none) to @out_fd, uncompressed. */
int pack_tree(int dir_fd, const struct pack_options *o, int out_fd, struct pack_result *ret,
	      struct err *e);
/* The same, compressed; @ret_digest and @ret_size are those of the compressed bytes. */
int pack_blob(int dir_fd, const struct pack_options *o, enum pack_compression compression,
	      int out_fd, struct pack_result *ret, char ret_digest[PACK_DIGEST_SIZE],
	      uint64_t *ret_size, struct err *e);

struct diff_entry {
	char kind;     /* 'A': new; 'C': another than below; 'D': gone */
	char type;     /* 'f', 'd', 'l', 'c', 'b', 'p', 's'; of what is gone: what it was */
	char *path;    /* without a slash in front; "" for the directory itself */
	uint64_t size; /* of a regular file, else 0 */
	/* O_PATH, borrowed, good during the call; -1: nothing is there now, or was */
	int fd, old_fd;
	mode_t old_type; /* S_IFMT bits; as the record has it, where there is one */
};

/* Open such a descriptor of a regular file for reading.  A descriptor, or -errno. */
int pack_open_again(int fd, struct err *e);

/* 0 to go on; -errno, with the error set, ends diff_layer(), which returns it. */
typedef int diff_fn(void *arg, const struct diff_entry *d, struct err *e);

/*
 * Tell @fn what the upper directory @upper_fd changes against @o->lower, a directory before what is
 * in it, names in the order of their bytes.  A directory that is gone is told, what was in it is
 * not.
 */
int diff_layer(int upper_fd, const struct pack_options *o, diff_fn *fn, void *arg, struct err *e);

#endif
