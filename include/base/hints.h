/*
 * What the compiler cannot know of how often things happen.
 *
 * A worker's way through a request has to share 32 KiB of instruction cache with the kernel's. What
 * calls a COLD function is moved out of that way, as is the function itself.
 */
#ifndef BASE_HINTS_H
#define BASE_HINTS_H

/* Called when something is refused or fails, or once in a while: never by a request that is served. */
#define COLD __attribute__((cold))

#endif
