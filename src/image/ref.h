/*
 * ref - names of images, as Docker writes them
 *
 * [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST], https://github.com/distribution/reference
 *
 * Docker Hub's own names are kept short: docker.io/library/debian is debian.  A name is never used
 * as a part of a path.
 */
#ifndef IMAGE_REF_H
#define IMAGE_REF_H

#include <stdbool.h>

#include "base/err.h"

#define IMAGE_NAME_MAX   255 /* bytes, without tag and digest */
#define IMAGE_DIGEST_HEX 64

struct image_ref {
	char *name;   /* owned; with the registry, where it is not Docker Hub */
	char *tag;    /* owned; NULL: there is a digest alone */
	char *digest; /* owned; "sha256:HEX", or NULL */
};
#define IMAGE_REF_INIT { .name = NULL }
void image_ref_clear(struct image_ref *r);

/* Is this operand a path rather than the name of an image?  "/x", "./x", "../x", ".", "..". */
bool image_ref_is_path(const char *text);

/* 0, or -EINVAL.  Without tag and digest the tag is "latest". */
int image_ref_parse(const char *text, struct image_ref *ret, struct err *e);

/* The name that the store knows it by: NAME:TAG.  Owned; NULL where there is no tag. */
char *image_ref_name(const struct image_ref *r);

/* What somebody wants to call an image, as image_ref_name() has it.  @ret: owned */
int image_ref_new_name(const char *text, char **ret, struct err *e);

/* A name of the store as Docker writes it in full: docker.io/library/debian:12.  Owned. */
char *image_ref_full_name(const char *name);

/* "sha256:" and 64 hexadecimal digits in lower case, nothing else. */
bool image_digest_is_valid(const char *text);

#endif
