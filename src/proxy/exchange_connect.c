// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "base/stat.h"
#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"

static void
take_connection(struct try *t, struct upstream *up, uint64_t now_us)
{
	const struct connection *c = up->connection;

	t->up = up;
	up->side.exchange = t->exchange;
	t->reused = t->kept = c->used;
	t->at.connected = now_us;
	t->at.connect_us = c->used ? 0 : c->connect_us;
	if (c->used)
		stat_add(&t->shard->reused, 1);
}

static void
on_lease(void *arg, struct upstream *up, enum fault why)
{
	struct try *t = arg;

	t->wait = NULL;
	watch_stop(t);
	if (up != NULL)
		take_connection(t, up, clock_now_us());
	else
		t->fault = why;
	exchange_run(t->exchange);
}

/* Connections are of one client: this one's. */
static struct pool_slot *
slot_of_client(const struct exchange *x, struct pool_slot *slot)
{
	struct proxy_header who = { .named = x->who.ip.family != IP_NONE };

	if (who.named) {
		who.source = x->who.ip;
		who.source_port = x->who.port;
		who.destination = x->facts->local;
		who.destination_port = x->facts->local_port;
	}
	return pool_client_slot(slot, &who);
}

void
exchange_connect(struct try *t)
{
	struct exchange *x = t->exchange;
	/* Where a kept connection closed under us, none is trusted a second time. */
	bool was_stale = (x->regions_stale & service_region_bit(t->region)) != 0;
	bool certain = was_stale || x->mirror_of != NULL || !method_is_idempotent(x->head.method);
	struct pool_slot *slot = pool_slot_of(x->worker->pool, t->shard->endpoint);
	struct upstream *up;

	if (slot == NULL || slot->gone) {
		t->fault = FAULT_REMOVED;
		return;
	}
	if (slot->send_proxy != SEND_PROXY_OFF)
		slot = slot_of_client(x, slot);
	up = was_stale ? NULL : pool_take(slot, certain);
	if (up != NULL) {
		take_connection(t, up, t->at.lease); /* it began just now */
		t->kept = true;
		t->at.connect_us = 0; /* a warm one: nobody waited for its handshake */
		return;
	}
	t->wait = pool_lease(x->worker->pool, slot, certain, on_lease, t, &t->fault);
	if (t->wait != NULL)
		watch_connecting(t);
}
