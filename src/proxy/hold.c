// SPDX-License-Identifier: Apache-2.0
#include "proxy/hold.h"

#include <stdbool.h>

#include "base/mem.h"
#include "conf/topology.h"

struct hold {
	struct topology *topology; /* one reference */
	unsigned users; /* the worker itself is one, until it retires it */
};

struct hold *
hold_new(struct topology *t)
{
	struct hold *h = mem_new(sizeof *h);

	topology_ref(t);
	h->topology = t;
	h->users = 1;
	return h;
}

void
hold_retire(struct hold *h)
{
	if (h != NULL)
		hold_drop(h);
}

struct hold *
hold_take(struct hold *h)
{
	h->users++;
	return h;
}

void
hold_drop(struct hold *h)
{
	if (--h->users > 0)
		return;
	topology_unref(h->topology);
	mem_free(h);
}
