#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "container/name.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool
container_name_is_valid(const char *name)
{
	const size_t n = strnlen(name, CONTAINER_NAME_MAX + 1);

	return n > 0 && n <= CONTAINER_NAME_MAX && strspn(name, ALNUM) > 0 &&
	       strspn(name, ALNUM "_.-") == n;
}

const char *
container_random_name(char buf[16])
{
	static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
	uint8_t random[8];

	/* Names are only to differ: what cannot be had is no reason to fail. */
	memset(random, 0, sizeof(random));
	(void)!getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < sizeof(random); i++)
		buf[i] = i % 2 ? vowels[random[i] % (sizeof(vowels) - 1)]
			       : consonants[random[i] % (sizeof(consonants) - 1)];
	buf[sizeof(random)] = '\0';
	return buf;
}
