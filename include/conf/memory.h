/*
 * How much memory this process may use. Blocks on /proc and /sys only; any thread.
 */
#ifndef CONF_MEMORY_H
#define CONF_MEMORY_H

#include <stdint.h>

/*
 * Bytes, at least 1: the machine's memory, the limit of the narrowest cgroup we are in, or
 * RLIMIT_AS, whichever is the least. root stands in front of /proc and /sys ("" but for tests).
 */
uint64_t memory_usable(const char *root);

#endif
