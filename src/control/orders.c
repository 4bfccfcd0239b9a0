/* SPDX-License-Identifier: Apache-2.0 */
#include "control/orders.h"

#include <stddef.h>

#include "base/mem.h"
#include "conf/topology.h"
#include "net/listener.h"

struct orders *
orders_new(struct topology *topology, struct listener_set *listeners)
{
	struct orders *o = mem_new(sizeof *o);

	topology_ref(topology);
	if (listeners != NULL)
		listener_set_ref(listeners);
	o->topology = topology;
	o->listeners = listeners;
	return o;
}

void
orders_free(struct orders *o)
{
	if (o == NULL)
		return;
	if (o->listeners != NULL)
		listener_set_unref(o->listeners);
	topology_unref(o->topology);
	mem_free(o);
}
