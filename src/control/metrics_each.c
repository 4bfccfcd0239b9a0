/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics_each.h"

#include "control/view.h"
#include "steer/steering.h"
#include "steer/table.h"

void
metrics_each_region(
    struct evbuffer *out, const struct view *v, metrics_region_fn *write, const void *arg)
{
	for (unsigned i = 0; i < v->table->service_count; i++)
		for (unsigned j = 0; j < v->table->services[i].region_count; j++)
			write(out, v, &v->table->services[i].regions[j], arg);
}

struct metric_labels
metrics_region_labels(const struct table_region *r)
{
	return (struct metric_labels){ {
	    { "service", r->steering->service },
	    { "region", r->steering->region },
	} };
}
