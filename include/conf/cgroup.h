/*
 * Limits of the cgroups (version 2) we are in. Blocks on /proc and /sys only; any thread.
 */
#ifndef CONF_CGROUP_H
#define CONF_CGROUP_H

#include <stdint.h>
#include <stdio.h>

/* What one cgroup's file says; UINT64_MAX: no limit. */
typedef uint64_t cgroup_read_fn(FILE *);

/*
 * The least that the file of this name ("memory.max") says in our cgroup and in those above it;
 * UINT64_MAX: nothing. root stands in front of /proc and /sys ("" but for tests).
 */
uint64_t cgroup_least(const char *root, const char *file, cgroup_read_fn *read);

#endif
