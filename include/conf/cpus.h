/*
 * How many CPUs this process may use. Blocks on /proc and /sys only; any thread.
 */
#ifndef CONF_CPUS_H
#define CONF_CPUS_H

/*
 * At least 1. The scheduling affinity, or the CPU quota of the narrowest cgroup (version 2) we
 * are in, rounded up, if that is less: a container with a quota of 2 on a machine of 64 wants
 * two workers. root stands in front of /proc and /sys ("" but for tests).
 */
unsigned cpus_usable(const char *root);

#endif
