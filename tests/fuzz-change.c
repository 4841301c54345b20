/*
 * fuzz-change - a configuration, a NUL byte, and instructions separated by NUL bytes -> another
 * configuration or errors
 *
 * An instruction that is refused leaves everything as it was; what is accepted can be written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
next(const uint8_t **data, size_t *size)
{
	const size_t n = strnlen((const char *)*data, *size);
	char *text = xstrndup((const char *)*data, n);

	*data += n + (n < *size);
	*size -= n + (n < *size);
	return text;
}

static void
change(json_t *config, const char *instruction)
{
	json_t *before = json_deep_copy(config);
	struct err e = ERR_INIT;
	char *text;

	if (oci_change(config, instruction, &e) < 0) {
		if (e.code <= 0 || !e.msg[0] || !json_equal(before, config))
			abort();
	} else if (e.code != 0 || !json_is_object(json_object_get(config, "config"))) {
		abort();
	}
	text = json_dumps(config, JSON_COMPACT);
	if (!text)
		abort();
	free(text);
	json_decref(before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *start = next(&data, &size);
	json_t *config = json_loads(start, 0, NULL);

	if (!json_is_object(config)) {
		json_decref(config);
		config = json_object();
	}
	while (size > 0) {
		AUTO_FREE char *instruction = next(&data, &size);

		change(config, instruction);
	}
	json_decref(config);
	return 0;
}
