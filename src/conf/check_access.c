/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"
#include "conf/topology.h"

static void
check_rate_limit(struct load *l, const struct conf_rate_limit *r, bool requests)
{
	if (r->key == RATE_KEY_HEADER && !requests)
		report_error(&l->report, &r->where,
		    "connections have no headers to be told apart by; write key = \"client_ip\"");
	else if (r->key == RATE_KEY_HEADER && r->header == NULL)
		report_error(&l->report, &r->where,
		    "key = \"header\" does not say which one; add header = \"...\";");
	if (r->key != RATE_KEY_HEADER && r->header != NULL)
		report_warning(&l->report, &r->where,
		    "header has no effect; write key = \"header\" or remove it");
}

void
check_access(struct load *l)
{
	const struct topology *t = l->topology;

	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *one = &t->listeners[i];

		if (one->access.rate_limit != NULL)
			check_rate_limit(
			    l, one->access.rate_limit, one->protocol == PROTOCOL_HTTP);
		for (unsigned r = 0; r < one->server_name_count; r++)
			if (one->server_names[r].access.rate_limit != NULL)
				check_rate_limit(l, one->server_names[r].access.rate_limit, false);
	}
	for (unsigned i = 0; i < t->route_count; i++)
		if (t->routes[i].access.rate_limit != NULL)
			check_rate_limit(l, t->routes[i].access.rate_limit, true);
}
