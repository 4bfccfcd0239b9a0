// SPDX-License-Identifier: Apache-2.0
#include "proxy/stalled.h"

#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "proxy/pool_parts.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

static struct pool_slot *
endpoint_of(const struct exchange *x)
{
	return x->try->up != NULL ? x->try->up->connection->slot->whole : NULL;
}

void
stalled_note(struct exchange *x)
{
	struct pool_slot *slot = endpoint_of(x);

	if (list_linked(&x->stalled) || slot == NULL)
		return;
	list_append(&x->worker->stalled, &x->stalled);
	pool_wake(slot);
}

void
stalled_forget(struct exchange *x)
{
	list_unlink(&x->stalled);
}

bool
stalled_gives_way(struct pool_slot *slot)
{
	list_for_safe (node, &slot->pool->worker->stalled) {
		struct exchange *x = container_of(node, struct exchange, stalled);

		if (endpoint_of(x) != slot->whole)
			continue;
		list_unlink(node);
		exchange_on_client_lost(x, FAULT_CLIENT_STALLED);
		return true;
	}
	return false;
}
