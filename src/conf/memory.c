/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include "conf/cgroup.h"

static uint64_t
machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

static uint64_t
address_space(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/* "max": none. */
static uint64_t
bytes(FILE *in)
{
	unsigned long long limit;

	return fscanf(in, "%llu", &limit) == 1 ? limit : UINT64_MAX;
}

uint64_t
memory_usable(const char *root)
{
	uint64_t cgroup = cgroup_least(root, "memory.max", bytes);
	uint64_t least = machine(), space = address_space();

	least = space < least ? space : least;
	least = cgroup < least ? cgroup : least;
	return least == 0 ? 1 : least;
}
