/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/server_name.h"

#include <stdlib.h>
#include <string.h>

#include "conf/topology.h"

/* "*.example.com" stands under ".example.com", so that a name's tails are what is looked up. */
static const char *
key_of(const struct conf_route *r)
{
	return r->host[0] == '*' ? r->host + 1 : r->host;
}

static int
compare_routes(const void *a, const void *b)
{
	return strcmp(key_of(a), key_of(b));
}

void
conf_server_names_sort(struct conf_listener *l)
{
	if (l->server_name_count > 0)
		qsort(l->server_names, l->server_name_count, sizeof *l->server_names,
		    compare_routes);
}

static int
compare_key(const void *key, const void *route)
{
	const struct slice *name = key;
	const char *other = key_of(route);
	int order = strncmp(name->at, other, name->len);

	if (order != 0)
		return order;
	return other[name->len] == '\0' ? 0 : -1;
}

static const struct conf_route *
find(const struct conf_listener *l, struct slice key)
{
	if (l->server_name_count == 0)
		return NULL;
	return bsearch(
	    &key, l->server_names, l->server_name_count, sizeof *l->server_names, compare_key);
}

const struct conf_route *
conf_server_name_find(const struct conf_listener *l, struct slice name)
{
	const struct conf_route *r = find(l, name);

	for (size_t i = 1; r == NULL && i < name.len; i++)
		if (name.at[i] == '.')
			r = find(l, (struct slice){ name.at + i, name.len - i });
	return r != NULL ? r : find(l, (struct slice){ "", 0 });
}
