/*
 * oci - the documents of an image: from the store to a record, and new ones into the store
 *
 * Everything read here is hostile: types are checked, nothing is expanded, names are only compared.
 */
#ifndef IMAGE_OCI_H
#define IMAGE_OCI_H

#include "image/platform.h"
#include "image/record.h"
#include "image/store.h"

#define OCI_LAYERS_MAX IMAGE_LAYERS_MAX

/* One layer as the manifest and the config describe it. */
struct oci_layer {
	char *media_type; /* owned */
	char *digest;     /* owned; of the blob */
	char *diff_id;    /* owned; "sha256:HEX" of what is inside */
	uint64_t size;    /* bytes of the blob */
};

struct oci_image {
	char *digest;     /* owned; of the manifest */
	json_t *manifest; /* owned */
	json_t *config;   /* owned */
	struct oci_layer *layers; /* owned; bottom first */
	size_t n_layers;
};
#define OCI_IMAGE_INIT { .digest = NULL }
void oci_image_clear(struct oci_image *i);
#define AUTO_OCI_IMAGE CLEANUP(oci_image_clear) struct oci_image

/*
 * Read manifest and config, and compare what they say of each other.
 *
 * @digest: of a manifest, or of an index of several platforms
 * @platform: "OS/ARCH[/VARIANT]", which it must be for; NULL: this machine's, where there are several
 */
int oci_read(const struct store *s, const char *digest, const char *platform,
	     struct oci_image *ret, struct err *e);

/* Entrypoint, Cmd, Env ... of the config. */
int oci_fill_record(const struct oci_image *i, struct image_record *ret, struct err *e);

/* The manifest of these layers.  Owned by the caller. */
json_t *oci_new_manifest(const struct blob *config, const struct oci_layer *layers, size_t n);
/* A new image: these layers, this config (borrowed; gets rootfs), and the name. */
int oci_write(const struct store *s, json_t *config, const struct oci_layer *layers, size_t n,
	      const char *name, struct blob *ret_manifest, struct err *e);

/* What a descriptor describes; false: it has no valid digest and size, and *ret is empty. */
bool oci_read_descriptor(json_t *descriptor, struct blob *ret);

/* Does the document, by its media type or else by its form, list manifests? */
bool oci_is_index(json_t *doc);
/* The media type of a manifest, or of an index? */
bool oci_is_manifest_type(const char *type);
bool oci_is_index_type(const char *type);
/*
 * The descriptor of an index's manifest for a platform, borrowed; NULL: there is none.
 *
 * @platform: of platform_parse(); NULL: this machine's
 */
json_t *oci_choose(json_t *index, const char *platform, struct err *e);
/* A manifest or an index that is nothing else at the same time. */
int oci_check_manifest(json_t *doc, struct err *e);
int oci_check_index(json_t *doc, struct err *e);

/* "none", "gzip" or "zstd": what a layer of that media type, OCI's or Docker's, is; NULL: it is none. */
const char *oci_layer_compression(const char *media_type);

#endif
