/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* Our cgroup's path in the unified hierarchy, "/a/b"; false when there is none. */
static bool
own_cgroup(const char *root, char *path, size_t size)
{
	char file[PATH_MAX], line[PATH_MAX];
	bool found = false;
	FILE *in;

	snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
	in = fopen(file, "re");
	if (in == NULL)
		return false;
	while (!found && fgets(line, sizeof line, in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::/", 4) == 0 && strlen(line + 3) < size;
		if (found)
			memcpy(path, line + 3, strlen(line + 3) + 1);
	}
	fclose(in);
	return found;
}

/* The quota of one cgroup in whole CPUs, rounded up; UINT_MAX when it has none. */
static unsigned
quota(const char *root, const char *cgroup)
{
	char file[2 * PATH_MAX];
	unsigned long long most = 0, period = 0;
	FILE *in;

	snprintf(file, sizeof file, "%s/sys/fs/cgroup%s/cpu.max", root, cgroup);
	in = fopen(file, "re");
	if (in == NULL)
		return UINT_MAX;
	/* "max 100000" holds no first number: no quota. */
	if (fscanf(in, "%llu %llu", &most, &period) != 2 || period == 0)
		most = 0;
	fclose(in);
	if (most == 0 || (most + period - 1) / period > UINT_MAX)
		return UINT_MAX;
	return (unsigned)((most + period - 1) / period);
}

unsigned
cpus_usable(const char *root)
{
	unsigned least = affinity();
	char cgroup[PATH_MAX];

	if (!own_cgroup(root, cgroup, sizeof cgroup))
		cgroup[0] = '\0';
	for (;;) {
		unsigned here = quota(root, cgroup);
		char *slash = strrchr(cgroup, '/');

		least = here < least ? here : least;
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	return least == 0 ? 1 : least;
}
