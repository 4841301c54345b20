/*
 * image - the commands about images
 *
 * Their options are parsed, and their work is done, in rootlet-image.  Here is what `rootlet` has of
 * them: the tables for help and documentation, and the way from a name to what a start needs.
 */
#ifndef CMD_IMAGE_H
#define CMD_IMAGE_H

#include "frontend/run.h"
#include "image/record.h"
#include "options/opt.h"

struct images_args {
	const char *format;
	bool quiet;
};

struct export_args {
	const char *output;
	const char *platform;
	bool quiet;
};

struct history_args {
	const char *format;
	bool no_trunc;
	bool quiet;
};

/* How large a layer may be; NULL: as it is without the option. */
struct limit_args {
	const char *bytes, *entries, *ratio;
};

struct import_args {
	struct limit_args limits;
	const char *message;
	const char *platform;
	const char *compression;
	const char *owner;
	struct opt_list changes;
	struct opt_list exclude;
	bool quiet;
};

struct load_args {
	struct limit_args limits;
	const char *input;
	const char *name;
	bool no_unpack;
	bool quiet;
};

struct verify_args {
	bool quiet;
};

extern const struct opt verify_opts[];
struct save_args {
	const char *output;
	const char *format;
	const char *compression; /* NULL: as it is */
	bool quiet;
};

extern const struct opt load_opts[], save_opts[];
struct rmi_args {
	bool force;
};

extern const struct opt rmi_opts[];
struct inspect_args {
	const char *platform;
};

extern const struct opt export_opts[], history_opts[];
extern const struct opt images_opts[], import_opts[], inspect_opts[], image_name_opts[];
struct prune_args {
	bool all, dry_run, force;
	const char *format;
};

struct df_args {
	const char *format;
};

extern const struct opt prune_opts[], df_opts[];

struct apply_args {
	bool list, elsewhere;
};

extern const struct opt apply_opts[];

/* What --idmap=@idmap comes to, for user 0: in a spec that is to be freed. */
int cmd_choose_ids(const char *idmap, const struct run_host *h, struct spec **ret, struct err *e);
/* Whose the files of images are with that id map: "range", "root" or "single". */
const char *cmd_kind_of(const struct spec *ids);

/*
 * The machine as it is, for a process that is root of the caller's subordinate ids, with all
 * capabilities over their files.
 */
int cmd_range_spec(char *const *argv, struct spec **ret, struct err *e);

/* Any verb that needs no id map: argv[0] tells the helper which. */
int cmd_image(int argc, char **argv);
/* One that reads or writes unpacked layers: it runs as whom they belong to, and argv[1] is the kind. */
int cmd_image_in_kind(int argc, char **argv);
/* The same of export, which may be told the name of a container, too. */
int cmd_export(int argc, char **argv);

/* What is looked for.  Nothing is owned. */
struct image_query {
	const char *name;     /* as the user wrote it */
	const struct spec *ids; /* of cmd_choose_ids(): whose the files of the unpacked layers are */
	const char *platform; /* of platform_parse(); NULL: this machine's, where there are several */
	const char *data_dir;
	bool quiet;           /* do not show how far it is */
	bool may_miss;        /* that there is none is no error */
};

struct found_image {
	struct image_record record; /* owned */
	char **layers; /* owned strv; their directories, topmost first */
	int lock_fd;   /* owned; as long as it is open, nobody removes the image or its layers */
};
#define FOUND_IMAGE_INIT { .lock_fd = -1 }
void cmd_found_image_clear(struct found_image *f);

/*
 * Find an image by its name or an alias, and have its layers unpacked.  Returns 1 when the ids of a range
 * are refused, which was chosen by us: then there may be another choice, run_idmap_again(); and
 * FOUND_NONE where q->may_miss and there is none.
 */
#define FOUND_NONE 2
int cmd_find_image(const struct image_query *q, struct found_image *ret, struct err *e);

/*
 * The same for whoever may pull it: ids that are refused are changed.
 *
 * @q: its ids are @ids
 * @when: "missing", "always", "newer", "never"; NULL: missing
 */
int cmd_find_or_pull(struct image_query *q, struct spec *ids, const char *when,
		     struct found_image *ret, struct err *e);

/*
 * The plan, which has the layers of a range, gets those of a single id, unpacked if need be.  An error
 * of -ECANCELED has been said.
 */
struct run_plan;
int cmd_take_layers_of_single(struct run_plan *plan, struct err *e);

/*
 * The unpacked layers of an image that is known, whether or not it still has a name.  The lock is had
 * where there is something to lock.
 */
int cmd_find_layers(const struct image_record *r, const char *kind, const char *data_dir,
		    char ***ret_layers, int *ret_lock_fd, struct err *e);

/* Run the helper as whom the files of @kind belong to; an error without a message was its own. */
int cmd_help_in_kind(const char *kind, char **argv, struct err *e);

/* Make image @name of image @digest and the overlay's upper directory @upper. */
int cmd_commit_layer(const char *kind, const char *upper, const char *digest, const char *name,
		     bool quiet, struct err *e);

/*
 * Take an image into the store that comes on @feed_fd; see image/feed.h.  Returns 1 when the ids of a range
 * are refused: then nothing has been read.
 */
int cmd_receive_image(const struct spec *ids, int feed_fd, bool quiet, struct err *e);

/*
 * A run has ended: show what it changed of this machine's files, and apply or save that.
 *
 * @kind: "root" or "single": whose the files in the layer are
 * @words: of the helper's verb end-changes: owners, layer, start, mode, file, directory, places
 */
int cmd_end_changes(const char *kind, char **words, struct err *e);

#endif
