#include "cmd/image.h"

const struct opt apply_opts[] = {
	OPT_FLAG('l', "list", struct apply_args, list, "show what would be applied, and what cannot be",
		 "Print the changes to standard output, a letter each: A for what is new, C for what is "
		 "changed, D for what is removed; apart from them those that cannot be applied to what is "
		 "here now, with the reason. Nothing is changed."),
	OPT_FLAG(0, "elsewhere", struct apply_args, elsewhere,
		 "apply changes outside of the directory, too",
		 "A file of changes may have some outside of the directory that the command ran in: they "
		 "are listed with their whole path, and left out without this option. Look at them "
		 "first when somebody else made the file."),
	OPT_END,
};

const struct opt images_opts[] = {
	OPT_STRING(0, "format", "table|json|names", OPT_VALUE_WORDS, struct images_args, format,
		   "how to print them",
		   "\"table\" is for people; \"names\" has a name a line; \"json\" is a list of objects "
		   "with \"name\", \"digest\", \"created\" and \"size\" (bytes of its layers' blobs); an image "
		   "with several names is there as often."),
	OPT_FLAG('q', "quiet", struct images_args, quiet, "print digests only", NULL),
	OPT_END,
};

const struct opt export_opts[] = {
	OPT_STRING('o', "output", "FILE|-", OPT_VALUE_FILE, struct export_args, output,
		   "write FILE instead of standard output",
		   "It is there when all of it has been written, or not at all."),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct export_args, platform,
		   "of an image for several, the one for this platform",
		   "As linux/arm64 or linux/arm/v7. Default: this machine's. A container has one already."),
	OPT_FLAG('q', "quiet", struct export_args, quiet, "do not show how far it is", NULL),
	OPT_END,
};

const struct opt history_opts[] = {
	OPT_STRING(0, "format", "table|json", OPT_VALUE_WORDS, struct history_args, format,
		   "how to print it",
		   "\"table\" is for people; \"json\" is a list of objects with \"created\", "
		   "\"created_by\", \"comment\", \"size\" (bytes of the layer's blob) and \"layer\" "
		   "(its digest, or null)."),
	OPT_FLAG(0, "no-trunc", struct history_args, no_trunc, "do not shorten what is long", NULL),
	OPT_FLAG('q', "quiet", struct history_args, quiet, "print digests of layers only", NULL),
	OPT_END,
};

/* Of a layer: see image/unpack.h. */
#define LIMIT_OPTS(args) \
	OPT_GROUP("Limits"), \
	OPT_STRING(0, "limit-bytes", "SIZE", OPT_VALUE_TEXT, args, limits.bytes, \
		   "refuse a layer whose files are larger than SIZE together (64G)", \
		   "The size of a file with holes counts, not what it takes of the disk. SIZE is a " \
		   "number of bytes, or of units with K, M, G or T. What is allowed beyond the usual " \
		   "here remains allowed when the layer is unpacked later, at a run for example."), \
	OPT_STRING(0, "limit-entries", "N", OPT_VALUE_TEXT, args, limits.entries, \
		   "refuse a layer with more than N files and directories (4000000)", NULL), \
	OPT_STRING(0, "limit-ratio", "N", OPT_VALUE_TEXT, args, limits.ratio, \
		   "refuse more than N bytes out of each one of a compressed layer (1000)", \
		   "This is looked at once 256 MiB have come out of it.")

const struct opt import_opts[] = {
	OPT_STRINGS('c', "change", "INSTRUCTION", OPT_VALUE_TEXT, struct import_args, changes,
		    "apply an instruction of a Dockerfile to the configuration",
		    "One of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, "
		    "VOLUME and WORKDIR, as in 'CMD [\"/bin/bash\"]' or 'ENV A=1 B=2'.  Without any, "
		    "/bin/sh is run."),
	OPT_STRING('m', "message", "TEXT", OPT_VALUE_TEXT, struct import_args, message,
		   "what the history of the image says", NULL),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct import_args, platform,
		   "what the programs in it are for",
		   "As linux/arm64 or linux/arm/v7; without a system it is linux. Default: this machine."),
	OPT_STRING(0, "compression", "gzip|zstd|none", OPT_VALUE_WORDS, struct import_args,
		   compression, "how the image's layer is stored",
		   "Without it, an archive is stored as it is; what is in xz or bzip2, and a directory, "
		   "is stored in gzip."),
	OPT_STRINGS(0, "exclude", "PATTERN", OPT_VALUE_TEXT, struct import_args, exclude,
		    "leave out what is in the directory by that name",
		    "A path from the top of the directory, like var/cache; \"*\", \"?\" and \"[...]\" "
		    "stand for anything but a slash.  What is below it is left out, too.  May be "
		    "repeated."),
	OPT_STRING(0, "owner", "UID:GID", OPT_VALUE_TEXT, struct import_args, owner,
		   "whom all that is in the directory belongs to",
		   "Without it, files belong to whom they belong to in a run with the directory: yours to "
		   "root, those of your subordinate ids to the users they are inside.  Those of others "
		   "have no owner inside, and are an error."),
	OPT_FLAG('q', "quiet", struct import_args, quiet, "do not show how far it is", NULL),
	LIMIT_OPTS(struct import_args),
	OPT_END,
};

const struct opt inspect_opts[] = {
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", OPT_VALUE_TEXT, struct inspect_args, platform,
		   "of an image for several, the one for this platform",
		   "Of an image that is there for several platforms, show what is for this one, as "
		   "linux/arm64 or linux/arm/v7. Default: this machine's."),
	OPT_END,
};

const struct opt load_opts[] = {
	OPT_STRING('i', "input", "FILE|-", OPT_VALUE_FILE, struct load_args, input,
		   "read FILE instead of standard input",
		   "A tar, compressed with gzip, zstd, xz or bzip2 or not, or a directory; in it an OCI "
		   "image layout, or what \"docker save\" and \"podman save\" write.  With \"-\", and "
		   "without this option, standard input is read.  The images get the names that the "
		   "archive gives them, and all of them or none are added."),
	OPT_STRING(0, "name", "NAME[:TAG]", OPT_VALUE_TEXT, struct load_args, name,
		   "what the one image of the archive is called, whatever the archive says",
		   "An archive of several images is refused then. Without this option, an image that has "
		   "no name in the archive has none here: it is known by its digest, which is printed."),
	OPT_FLAG(0, "no-unpack", struct load_args, no_unpack, "leave the layers packed until a run",
		 "The layers are then compared with the configuration at the first run."),
	OPT_FLAG('q', "quiet", struct load_args, quiet, "show no progress", NULL),
	LIMIT_OPTS(struct load_args),
	OPT_END,
};

const struct opt save_opts[] = {
	OPT_STRING('o', "output", "FILE|-", OPT_VALUE_FILE, struct save_args, output,
		   "write FILE instead of standard output",
		   "The file is there when all of it has been written, or not at all; one that is there "
		   "is replaced.  With --format=oci-dir it is a directory: a new or an empty one, or an "
		   "OCI image layout, to which the images are added."),
	OPT_STRING(0, "format", "oci-archive|oci-dir|docker-archive", OPT_VALUE_WORDS,
		   struct save_args, format, "what to write",
		   "\"oci-archive\", which is what is written without this option, is a tar of an OCI "
		   "image layout that is an archive of Docker's at the same time: \"docker load\", "
		   "\"podman load\" and skopeo's \"oci-archive:\" and \"docker-archive:\" read it.  "
		   "\"oci-dir\" is the layout as a directory, \"docker-archive\" what Docker wrote "
		   "before version 25."),
	OPT_STRING(0, "compression", "gzip|zstd|none", OPT_VALUE_WORDS, struct save_args, compression,
		   "compress the layers so",
		   "Without this option layers are written as they are, and the image keeps its digest; "
		   "with it, the image gets another where there is a layer that has to be compressed "
		   "otherwise.  Layers in a docker-archive are not compressed."),
	OPT_FLAG('q', "quiet", struct save_args, quiet, "show no progress", NULL),
	OPT_END,
};

const struct opt image_name_opts[] = { OPT_END };

const struct opt rmi_opts[] = {
	OPT_FLAG('f', "force", struct rmi_args, force,
		 "take all names from an image that is given by its digest",
		 "An image that is given by its digest and has several names is refused without this option."),
	OPT_END,
};

const struct opt verify_opts[] = {
	OPT_FLAG('q', "quiet", struct verify_args, quiet, "print only what differs", NULL),
	OPT_END,
};
