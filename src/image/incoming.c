#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/codec.h"
#include "image/incoming.h"
#include "image/layers.h"
#include "image/pack-internal.h"
#include "image/progress.h"
#include "image/stream.h"

#define HEAD      512 /* bytes: one block of tar */
#define COPY_SIZE ((size_t)1 << 20)
#define ZEROS_MAX COPY_SIZE /* that an archive of nothing may have */

struct incoming {
	int fd, blob_fd;
	struct unpack_limits limits;
	struct progress *progress; /* that of the limits */
	uint8_t head[HEAD]; /* how it begins: has been read already */
	size_t n_head;
	const struct codec *codec;
	enum pack_compression compression; /* of the blob */
	uint64_t size;                     /* of the blob, where it is stored as it is */

	/* Where it is compressed anew, by a thread. */
	bool anew;
	int pipe_in, pipe_out; /* out: of the thread, as the next ones */
	struct stream *stream;
	struct sink *sink;
	struct err err;
	pthread_t thread;
	bool started;
};

/* Bytes of a file; 0: nobody knows. */
static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static void
begin_unpacking(struct incoming *in, uint64_t total)
{
	progress_begin(in->progress, &(struct progress_work){ .doing = "unpacking",
							      .done = "unpacked",
							      .total = total });
}

/* --- what it is --- */

static int
read_head(struct incoming *in, struct err *e)
{
	while (in->n_head < HEAD) {
		ssize_t n = read(in->fd, in->head + in->n_head, HEAD - in->n_head);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the archive");
		if (n == 0)
			break;
		in->n_head += (size_t)n;
	}
	return 0;
}

/* The end of an archive, without anything before. */
static bool
is_nothing(const uint8_t *block)
{
	return block[0] == 0 && memcmp(block, block + 1, HEAD - 1) == 0;
}

/* A header whose sum is right. */
static bool
is_header(const uint8_t *block)
{
	char digits[9] = "";
	long sum = 8 * ' ';

	for (size_t i = 0; i < HEAD; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	memcpy(digits, block + 148, 8);
	return strtol(digits, NULL, 8) == sum;
}

static int
not_tar(struct err *e)
{
	return err_set(e, EBADMSG, "not a tar archive, nor one in gzip, zstd, xz or bzip2");
}

static int
look(struct incoming *in, struct err *e)
{
	if (read_head(in, e) < 0)
		return -e->code;
	if (in->n_head == 0)
		return err_set(e, ENODATA, "the archive is empty: not even the end of one is there");
	in->codec = codec_find(in->head, in->n_head);
	if (in->codec->n_magic == 0 &&
	    (in->n_head < HEAD || (!is_header(in->head) && !is_nothing(in->head))))
		return not_tar(e);
	return 0;
}

/* In what it is stored when nothing else is asked for. */
static enum pack_compression
own_compression(const struct incoming *in)
{
	if (in->codec == &codec_zstd)
		return PACK_ZSTD;
	return in->codec->n_magic == 0 ? PACK_NONE : PACK_GZIP;
}

static bool
is_stored_as(const struct incoming *in, enum pack_compression c)
{
	return c == own_compression(in) && in->codec != &codec_xz && in->codec != &codec_bzip2;
}

/* --- as it is --- */

static int
copy(struct incoming *in, struct err *e)
{
	const struct progress_work work = { .doing = "reading", .total = size_of(in->fd) };
	AUTO_FREE char *buf = xcalloc(COPY_SIZE, 1);
	ssize_t n;

	progress_begin(in->progress, &work);
	if (fd_write_all(in->blob_fd, in->head, in->n_head, e) < 0)
		return err_prefix(e, "store the archive");
	in->size = in->n_head;
	while ((n = read(in->fd, buf, COPY_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the archive");
		if (fd_write_all(in->blob_fd, buf, (size_t)n, e) < 0)
			return err_prefix(e, "store the archive");
		in->size += (uint64_t)n;
		progress_add(in->progress, (uint64_t)n);
		if (in->size > ZEROS_MAX && is_nothing(in->head))
			return not_tar(e);
		if (in->size > unpack_stream_max(&in->limits))
			return err_set(e, EFBIG, "larger than its limits allow: %llu bytes",
				       (unsigned long long)unpack_stream_max(&in->limits));
	}
	begin_unpacking(in, in->size);
	return lseek(in->blob_fd, 0, SEEK_SET) < 0 ? err_sys(e, "read the archive") : 0;
}

/* --- compressed anew --- */

/* Who unpacks it would take the other compression off, too, and nobody the blob's. */
static int
check_once(const void *p, size_t n, struct err *e)
{
	if (codec_find(p, n)->n_magic == 0)
		return 0;
	(void)err_set(e, EBADMSG, "not a tar archive: what comes out is compressed once more");
	return err_hint(e, "unpack it as often as it takes, and import the rest");
}

static int
pump(struct incoming *in, struct err *e)
{
	const void *p;
	ssize_t n = stream_next(in->stream, &p, e);

	if (n > 0 && check_once(p, (size_t)n, e) < 0)
		return -e->code;
	for (; n > 0; n = stream_next(in->stream, &p, e))
		if (sink_write(in->sink, p, (size_t)n, e) < 0 ||
		    fd_write_all(in->pipe_out, p, (size_t)n, e) < 0)
			return -e->code;
	return n < 0 ? (int)n : sink_finish(in->sink, e);
}

/* All signals are blocked: a pipe that nobody reads any more is an error, not a death. */
static void *
pump_main(void *arg)
{
	struct incoming *in = arg;

	(void)pump(in, &in->err);
	fd_closep(&in->pipe_out);
	return NULL;
}

static int
start_thread(struct incoming *in, struct err *e)
{
	sigset_t all, saved;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &saved);
	r = pthread_create(&in->thread, NULL, pump_main, in);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (r != 0)
		return err_set(e, r, "start a thread: %s", strerrordesc_np(r));
	in->started = true;
	return 0;
}

static int
start_anew(struct incoming *in, struct err *e)
{
	/* How much may come out is for who unpacks it to say. */
	const struct stream_limits limits = { .bytes = UINT64_MAX,
					      .ratio = in->limits.ratio,
					      .progress = in->progress };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	begin_unpacking(in, size_of(in->fd));
	in->anew = true;
	in->pipe_in = fds[0];
	in->pipe_out = fds[1];
	in->sink = sink_new(in->blob_fd, in->compression);
	if (stream_open_after(in->head, in->n_head, in->fd, &limits, &in->stream, e) < 0)
		return -e->code;
	return start_thread(in, e);
}

static void
join(struct incoming *in)
{
	if (in->started)
		(void)pthread_join(in->thread, NULL);
	in->started = false;
}

/* --- for the caller --- */

int
incoming_open(int fd, const enum pack_compression *compression, int blob_fd,
	      const struct unpack_limits *limits, struct incoming **ret, struct err *e)
{
	AUTO_INCOMING in = xcalloc(1, sizeof(*in));

	in->fd = fd;
	in->blob_fd = blob_fd;
	in->limits = *limits;
	in->progress = limits->progress;
	in->pipe_in = in->pipe_out = -1;
	if (look(in, e) < 0)
		return -e->code;
	in->compression = compression ? *compression : own_compression(in);
	if ((is_stored_as(in, in->compression) ? copy(in, e) : start_anew(in, e)) < 0)
		return -e->code;
	*ret = TAKE_PTR(in);
	return 0;
}

void
incoming_freep(struct incoming **p)
{
	struct incoming *in = *p;

	*p = NULL;
	if (!in)
		return;
	fd_closep(&in->pipe_in);
	if (in->stream)
		stream_stop(in->stream);
	join(in);
	fd_closep(&in->pipe_out);
	stream_closep(&in->stream);
	sink_freep(&in->sink);
	free(in);
}

int
incoming_tar_fd(const struct incoming *in)
{
	return in->anew ? in->pipe_in : in->blob_fd;
}

int
incoming_blame(struct incoming *in, struct err *e)
{
	fd_closep(&in->pipe_in);
	if (in->stream)
		stream_stop(in->stream);
	join(in);
	if (in->err.code != 0 && in->err.code != EPIPE && in->err.code != ECANCELED)
		*e = in->err;
	return -e->code;
}

struct progress *
incoming_progress(const struct incoming *in)
{
	return in->anew ? NULL : in->progress;
}

static int
finish_anew(struct incoming *in, struct oci_layer *ret, struct err *e)
{
	char digest[PACK_DIGEST_SIZE];

	join(in);
	if (in->err.code != 0) {
		*e = in->err;
		return -e->code;
	}
	sink_digest_out(in->sink, digest);
	ret->digest = xasprintf("sha256:%s", digest);
	ret->size = sink_bytes_out(in->sink);
	return 0;
}

int
incoming_finish(struct incoming *in, const struct unpack_result *unpacked, struct oci_layer *ret,
		struct err *e)
{
	struct oci_layer l = { .size = in->size };

	if (in->anew && finish_anew(in, &l, e) < 0)
		return -e->code;
	if (!in->anew)
		l.digest = xasprintf("sha256:%s", unpacked->digest);
	l.diff_id = xasprintf("sha256:%s", unpacked->diff_id);
	l.media_type = xstrdup(layers_compressed_type(in->compression));
	*ret = l;
	return 0;
}
