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

struct import_args {
	const char *message;
	bool quiet;
};

struct load_args {
	const char *input;
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
extern const struct opt images_opts[], import_opts[], image_name_opts[];

struct apply_args {
	bool list, elsewhere;
};

extern const struct opt apply_opts[];

/* What --idmap=@idmap comes to: "range", "root" or "single", or NULL after an error. */
const char *cmd_choose_kind(const char *idmap, const struct run_host *h, struct err *e);

/* Any verb that needs no id map: argv[0] tells the helper which. */
int cmd_image(int argc, char **argv);
/* One that reads or writes unpacked layers: it runs as whom they belong to, and argv[1] is the kind. */
int cmd_image_in_kind(int argc, char **argv);

/*
 * Find an image by its name, and have its layers unpacked.
 *
 * @kind: "range", "root" or "single": whose files the unpacked layers are
 * @quiet: do not show how far it is
 * @ret_layers: owned strv; their directories, topmost first
 * @ret_lock_fd: owned; as long as it is open, nobody removes the image or its layers
 */
int cmd_find_image(const char *name, const char *kind, bool quiet, const char *data_dir,
		   struct image_record *ret, char ***ret_layers, int *ret_lock_fd, struct err *e);

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
 * A run has ended: show what it changed of this machine's files, and apply or save that.
 *
 * @words: of the helper's verb end-changes: owners, layer, start, mode, file, directory, places
 */
int cmd_end_changes(char **words, struct err *e);

#endif
