#include <stdio.h>

#include "base/record.h"

size_t
record_format(const struct record *rec, char ret[RECORD_VALUE_SIZE])
{
	int n = snprintf(ret, RECORD_VALUE_SIZE, "%u:%u:%04o%s%s", rec->uid, rec->gid, rec->mode,
			 rec->type[0] ? ":" : "", rec->type);

	return (size_t)n;
}

bool
record_parse(const char *value, struct record *ret)
{
	struct record r = { .uid = 0 };

	if (sscanf(value, "%u:%u:%o:%31s", &r.uid, &r.gid, &r.mode, r.type) < 3)
		return false;
	r.mode &= 07777;
	*ret = r;
	return true;
}
