#include "seccomp/default.h"

struct seccomp_program
seccomp_default(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return (struct seccomp_program){ seccomp_default_x86_64, seccomp_default_x86_64_len };
#elif defined(__aarch64__) && !defined(__ILP32__)
	return (struct seccomp_program){ seccomp_default_aarch64, seccomp_default_aarch64_len };
#else
	return (struct seccomp_program){ NULL, 0 };
#endif
}

struct seccomp_program
seccomp_default_emulating(void)
{
	return (struct seccomp_program){ seccomp_emulate, seccomp_emulate_len };
}
