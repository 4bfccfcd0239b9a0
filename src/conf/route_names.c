/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/route_names.h"

#include <string.h>

#include "base/arena.h"
#include "conf/names.h"
#include "conf/topology.h"

static const char *
key_of(struct arena *arena, const char *host, const char *path, size_t path_len, bool exact)
{
	return arena_printf(arena, "%s %s %.*s", host, exact ? "=" : "^", (int)path_len, path);
}

const char *
route_names_key(struct arena *arena, const struct conf_route *r)
{
	return key_of(arena, r->host, r->path, strlen(r->path), r->exact);
}

static const struct conf_route *
find_key(const struct names *index, struct arena *arena, const char *host, const char *path,
    size_t path_len, bool exact)
{
	const struct name *found = names_find(index, key_of(arena, host, path, path_len, exact));

	return found == NULL ? NULL : found->thing;
}

/* An exact path, else the longest prefix that ends where a segment does. */
static const struct conf_route *
find_path(const struct names *index, struct arena *arena, const char *host, const char *path)
{
	size_t len = strlen(path);
	const struct conf_route *r = find_key(index, arena, host, path, len, true);

	for (; r == NULL && len > 0; len--)
		if (path[len] == '\0' || path[len] == '/' || path[len - 1] == '/')
			r = find_key(index, arena, host, path, len, false);
	return r;
}

/* The exact host, else the longest wildcard, else any host. */
const struct conf_route *
route_names_find(const struct names *index, struct arena *arena, const char *host, const char *path)
{
	const struct conf_route *r = find_path(index, arena, host, path);
	const char *dot = strchr(host, '.');

	for (; r == NULL && dot != NULL; dot = strchr(dot + 1, '.'))
		r = find_path(index, arena, arena_printf(arena, "*%s", dot), path);
	if (r == NULL && host[0] != '\0')
		r = find_path(index, arena, "", path);
	return r;
}
