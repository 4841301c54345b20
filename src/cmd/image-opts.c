#include "cmd/image.h"

const struct opt images_opts[] = {
	OPT_STRING(0, "format", "table|json|names", OPT_VALUE_WORDS, struct images_args, format,
		   "how to print them",
		   "\"table\" is for people; \"names\" has a name a line; \"json\" is a list of objects "
		   "with \"names\", \"digest\", \"created\" and \"size\" (bytes of its blobs)."),
	OPT_FLAG('q', "quiet", struct images_args, quiet, "print digests only", NULL),
	OPT_END,
};

const struct opt import_opts[] = {
	OPT_STRING('m', "message", "TEXT", OPT_VALUE_TEXT, struct import_args, message,
		   "what the history of the image says", NULL),
	OPT_FLAG('q', "quiet", struct import_args, quiet, "do not show how far it is", NULL),
	OPT_END,
};

const struct opt image_name_opts[] = { OPT_END };
