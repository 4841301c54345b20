/*
 * feed - an image on its way from a registry into the store, between the two who have to do with it
 *
 * rootlet-registry speaks to the network, and writes nowhere but into STORE/partial; rootlet-image has
 * no network, unpacks what comes, compares it, and gives it its names.  Each has one end of a pair of
 * SOCK_SEQPACKET sockets as its standard input (FEED_FD).  A message is some words, each with its NUL:
 *
 *   registry                                       image
 *   image NAME DIGEST MEDIATYPE SIZE PLATFORM  ->  the first one: DIGEST is that of the manifest or
 *                                                  the index that NAME stands for from now on
 *   same NAME DIGEST  ->                           or this one: nothing is to be done, and nobody may
 *                                                  be there to be told so
 *                                <- blob DIGEST    any of them, also a manifest, in any order
 *   ok [file [pipe]]  ->                           see feed_answer()
 *   no  ->                                         it cannot be had; the registry side says why
 *                                <- well           something is wrong with what came
 *   ok, or no  ->                                  no: because the registry side has failed
 *                                <- done           all of it is in the store
 *
 * Who asks for a blob again has no use for the pipe that he has got before, and gets all of it anew.
 * One request is under way at a time, and is answered at once, however long the blob will take: several
 * workers wait for their answers.  Either side may end at any moment, which the other takes for an end.
 * Nobody believes anything but that an answer comes.
 *
 * How far it is the registry side shows, which knows what is still to come.
 */
#ifndef IMAGE_FEED_H
#define IMAGE_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/err.h"

#define FEED_FD          STDIN_FILENO
#define FEED_MESSAGE_MAX 4096 /* bytes */
#define FEED_PARTIAL     "partial" /* in the store: what is being downloaded, by the hex of its digest */
#define FEED_ALL         "*"  /* as a platform: all that the index has */

/* What comes.  All is borrowed. */
struct feed_image {
	const char *name;       /* full, with its tag; NULL: none */
	const char *digest;     /* "sha256:HEX" */
	const char *media_type;
	uint64_t size;          /* bytes of that document */
	const char *platform;   /* as of platform_parse(), or FEED_ALL; NULL: this machine's */
};

/* --- the side of the registry: what nobody hears is no error, the next request is FEED_GONE then --- */

int feed_send_image(int fd, const struct feed_image *im, struct err *e);
int feed_send_same(int fd, const char *name, const char *digest, struct err *e);

enum feed_verb {
	FEED_BLOB,
	FEED_WELL,
	FEED_DONE,
	FEED_GONE, /* the other side has ended without a word; what was wrong it has said */
	FEED_MAX_
};
struct feed_request {
	enum feed_verb verb;
	char digest[sizeof("sha256:") + 64]; /* of FEED_BLOB; valid */
};
/* The next request.  Returns 1 when there is none yet and not @wait. */
int feed_get_request(int fd, bool wait, struct feed_request *ret, struct err *e);

/*
 * "ok": of a blob with the file that has it, open for reading, in STORE/partial or without a name.
 *
 * @pipe_fd: from there all its bytes come, from the first one on, for whoever has asked now: it is
 * closed when the blob is whole, or when it will never be; -1: it is whole already
 * @file_fd: -1, too: that was no question for a blob
 */
int feed_answer(int fd, int file_fd, int pipe_fd, struct err *e);
/* "no" */
int feed_refuse(int fd, struct err *e);

/* --- between them --- */

/* What the first message is, which stays to be read: waits for it.  FEED_FIRST_GONE: there is none. */
enum feed_first { FEED_FIRST_IMAGE, FEED_FIRST_SAME, FEED_FIRST_GONE };
int feed_peek(int fd, enum feed_first *ret, struct err *e);

/* --- the side of the image: for several threads --- */

struct feed;
struct store;

/*
 * Read the first message.
 *
 * @fd: owned by @ret from now on, also after an error
 * @s: borrowed; for files of its partial/
 */
int feed_begin(int fd, const struct store *s, struct feed **ret, struct err *e);
void feed_freep(struct feed **f);
#define AUTO_FEED CLEANUP(feed_freep) struct feed *
/* What comes; borrowed from @f.  Valid: a digest, a media type, a platform; and some name. */
const struct feed_image *feed_image(const struct feed *f);

/*
 * A blob that is not in the store, from its first byte on: while it comes, a pipe.  One thread at a time
 * has it, until feed_close_blob(); the others wait.
 */
int feed_open_blob(struct feed *f, const char *digest, struct err *e);
/* The same, of a document: waits for all of it, and has a regular file. */
int feed_open_document(struct feed *f, const char *digest, struct err *e);
/*
 * Where feed_open_blob() has succeeded; of another digest it does nothing.
 *
 * @trusted: all of it has been read, and is what its digest says: it may have its name in the store
 */
void feed_close_blob(struct feed *f, const char *digest, bool trusted);
/*
 * After an error: has the other side nothing to complain about?  Then the error is what it seems to be.
 * It is asked once, and then told that nothing more is wanted: pipes end.
 */
bool feed_is_well(struct feed *f);
/* Give those their names that are trusted. */
int feed_keep(struct feed *f, struct err *e);
/* All is well, and in the store. */
int feed_done(struct feed *f, struct err *e);

#endif
