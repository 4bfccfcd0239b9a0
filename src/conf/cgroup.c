/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

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

static uint64_t
ask(const char *root, const char *cgroup, const char *name, cgroup_read_fn *read)
{
	char file[2 * PATH_MAX];
	uint64_t limit;
	FILE *in;

	snprintf(file, sizeof file, "%s/sys/fs/cgroup%s/%s", root, cgroup, name);
	in = fopen(file, "re");
	if (in == NULL)
		return UINT64_MAX;
	limit = read(in);
	fclose(in);
	return limit;
}

uint64_t
cgroup_least(const char *root, const char *file, cgroup_read_fn *read)
{
	uint64_t least = UINT64_MAX;
	char cgroup[PATH_MAX];

	if (!own_cgroup(root, cgroup, sizeof cgroup))
		cgroup[0] = '\0';
	for (;;) {
		uint64_t here = ask(root, cgroup, file, read);
		char *slash = strrchr(cgroup, '/');

		least = here < least ? here : least;
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}
