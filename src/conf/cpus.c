/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cpus.h"

#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include "conf/cgroup.h"

static unsigned
affinity(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	/* More CPUs than a cpu_set_t has room for. */
	return online > 0 ? (unsigned)online : 1;
}

/* The quota of one cgroup in whole CPUs, rounded up. */
static uint64_t
quota(FILE *in)
{
	unsigned long long most = 0, period = 0;

	/* "max 100000" holds no first number: no quota. */
	if (fscanf(in, "%llu %llu", &most, &period) != 2 || period == 0 || most == 0)
		return UINT64_MAX;
	return (most + period - 1) / period;
}

unsigned
cpus_usable(const char *root)
{
	unsigned cpus = affinity();
	uint64_t least = cgroup_least(root, "cpu.max", quota);

	if (least < cpus)
		cpus = (unsigned)least;
	return cpus == 0 ? 1 : cpus;
}
