/*
 * What the compiler cannot know of how often things happen.
 *
 * A worker's way through a request has to share 32 KiB of instruction cache with the kernel's. What
 * calls a COLD function is moved out of that way, as is the function itself.
 */
#ifndef BASE_HINTS_H
#define BASE_HINTS_H

#include <stddef.h>

/* Called when something is refused or fails, or once in a while: never by a request that is served. */
#define COLD __attribute__((cold))

/*
 * These bytes will be asked for soon: what is not in the cache comes while something else goes on,
 * such as a system call. A hint; any address will do.
 */
static inline void
expect_bytes(const void *at, size_t size)
{
	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch((const char *)at + i, 1);
}

#endif
