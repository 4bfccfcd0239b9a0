// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/slab.h"
#include "proxy/connection.h"
#include "proxy/pool_parts.h"
#include "proxy/service.h"
#include "steer/table.h"

struct pool *
pool_new(struct worker *w)
{
	struct pool *p = mem_new(sizeof *p);

	p->worker = w;
	p->waits = slab_new(pool_wait_size(), 1024);
	p->client_slab = slab_new(sizeof(struct pool_slot), 1024);
	for (unsigned i = 0; i < POOL_CLIENT_BUCKETS; i++)
		list_init(&p->client_slots[i]);
	return p;
}

void
pool_hold(struct endpoint_shard *shard)
{
	shard->held++;
}

void
pool_let_go(struct endpoint_shard *shard)
{
	assert(shard->held > 0);
	if (--shard->held == 0)
		endpoint_shard_release(shard);
}

void
pool_slot_free(struct pool_slot *slot)
{
	struct pool *p = slot->pool;

	worker_undefer(&slot->serve);
	tls_session_slot_clear(&slot->session);
	pool_let_go(slot->shard);
	if (slot->whole != slot) {
		pool_client_free(slot);
		return;
	}
	p->slots[slot->endpoint->id] = NULL;
	mem_free(slot->host);
	mem_free(slot);
}

bool
pool_slot_is_unused(const struct pool_slot *slot)
{
	return (slot->gone || slot->whole != slot) && slot->connections == 0 &&
	    slot->waiting_count == 0 && list_empty(&slot->clients);
}

void
pool_free(struct pool *p)
{
	for (unsigned i = 0; i < p->slot_count; i++) {
		if (p->slots[i] == NULL)
			continue;
		pool_clients_close(p->slots[i]);
		pool_close_all(p->slots[i]);
		assert(p->slots[i]->connections == 0 && p->slots[i]->waiting_count == 0);
		pool_slot_free(p->slots[i]);
	}
	mem_free(p->slots);
	slab_free(p->waits);
	slab_free(p->client_slab);
	mem_free(p);
}

void
pool_close_all_idle(struct pool *p)
{
	for (unsigned i = 0; i < p->slot_count; i++)
		if (p->slots[i] != NULL)
			pool_close_idle(p->slots[i]);
}

/* One that was opened for who found another meanwhile. */
enum { RAW_KEPT_MS = 1000 };

/* This worker's part of a limit that all workers share; at least one. */
static uint32_t
share_of(uint32_t limit, const struct worker *w)
{
	uint32_t n = w->setup.count;
	uint32_t part = limit / n + (w->setup.index < limit % n ? 1 : 0);

	return part > 0 ? part : 1;
}

static void
adopt_protocol(struct pool_slot *slot, enum conf_upstream_protocol protocol, uint32_t max_streams)
{
	const struct connection_ops *ops =
	    slot->endpoint->raw ? &connection_raw : connection_ops_of(protocol);

	slot->max_streams = max_streams;
	if (slot->protocol == ops)
		return;
	pool_close_ready(slot);
	slot->protocol = ops;
	slot->places = protocol == UPSTREAM_H2 ? max_streams : 1;
}

static void
refresh(struct pool *p, struct pool_slot *slot, struct service *service, struct service_region *r)
{
	const struct conf_service *conf = service->now->conf;
	const char *host = r->now->conf->host;
	struct tls_client *tls = slot->endpoint->tls ? service_tls(service, r) : NULL;

	/* What was agreed on under other rules of trust is not used under these. */
	if (slot->trust != service->trust && slot->endpoint->tls) {
		pool_close_ready(slot);
		tls_session_slot_clear(&slot->session);
	}
	if (slot->send_proxy != r->now->conf->send_proxy)
		pool_close_ready(slot);
	slot->tls = tls;
	slot->trust = service->trust;
	slot->generation = p->worker->generation;
	adopt_protocol(slot, r->now->conf->protocol, conf->limits.max_streams);
	slot->max_requests = conf->limits.max_requests;
	slot->max_age_ms = conf->limits.max_age_ms;
	slot->gone = false;
	mem_free(slot->host);
	slot->host = host != NULL ? mem_strdup(host) : NULL;
	slot->max_connections = share_of(conf->limits.max_connections, p->worker);
	slot->max_waiting = share_of(conf->limits.max_waiting, p->worker);
	slot->max_wait_ms = conf->limits.max_wait_ms;
	slot->keep_alive_ms = conf->limits.keep_alive_ms;
	/* A connection of bytes may mean a session to the endpoint: none is kept without need. */
	if (slot->endpoint->raw && slot->keep_alive_ms > RAW_KEPT_MS)
		slot->keep_alive_ms = RAW_KEPT_MS;
	slot->keep_idle = conf->limits.keep_alive_connections;
	slot->connect_ms = conf->timeouts.connect;
	slot->unacknowledged_ms = conf->timeouts.unacknowledged;
	slot->keepalive = (struct socket_keepalive){ conf->limits.tcp_keepalive_ms / 1000,
		conf->limits.tcp_keepalive_interval_ms / 1000, conf->limits.tcp_keepalive_probes };
	slot->send_proxy = r->now->conf->send_proxy;
	pool_clients_adopt(slot);
}

void
pool_slot_init(struct pool_slot *slot, struct pool *p, struct endpoint *ep)
{
	memset(slot, 0, sizeof *slot);
	slot->pool = p;
	slot->whole = slot;
	slot->endpoint = ep;
	slot->shard = endpoint_shard(ep, p->worker->setup.index);
	pool_hold(slot->shard);
	list_init(&slot->ready);
	list_init(&slot->all);
	list_init(&slot->opening);
	list_init(&slot->waiting);
	list_init(&slot->clients);
	slot->serve.fn = pool_serve;
	slot->serve.arg = slot;
}

struct pool_slot *
pool_slot(struct pool *p, struct service *service, struct service_region *r, struct endpoint *ep)
{
	struct pool_slot *slot;

	if (ep->id >= p->slot_count) {
		unsigned count = ep->id + 64;

		p->slots = mem_resize(p->slots, count * sizeof(struct pool_slot *));
		memset(p->slots + p->slot_count, 0,
		    (count - p->slot_count) * sizeof(struct pool_slot *));
		p->slot_count = count;
	}
	slot = p->slots[ep->id];
	if (slot == NULL) {
		slot = p->slots[ep->id] = mem_new(sizeof *slot);
		pool_slot_init(slot, p, ep);
	}
	assert(slot->endpoint == ep);
	if (slot->generation != p->worker->generation)
		refresh(p, slot, service, r);
	return slot;
}

struct pool_slot *
pool_slot_of(struct pool *p, const struct endpoint *ep)
{
	struct pool_slot *slot = ep->id < p->slot_count ? p->slots[ep->id] : NULL;

	return slot != NULL && slot->endpoint == ep ? slot : NULL;
}

static void
adopt_region(struct pool *p, struct service *service, struct service_region *r)
{
	for (unsigned i = 0; i < r->now->endpoint_count; i++) {
		uint32_t id = r->now->endpoints[i]->id;

		if (id < p->slot_count && p->slots[id] != NULL)
			refresh(p, p->slots[id], service, r);
	}
}

void
pool_adopt(struct pool *p)
{
	for (unsigned i = 0; i < services_count(p->worker->services); i++) {
		struct service *s = services_at(p->worker->services, i);

		for (unsigned r = 0; r < s->region_count; r++)
			adopt_region(p, s, s->regions[r]);
	}

	for (unsigned i = 0; i < p->slot_count; i++) {
		struct pool_slot *slot = p->slots[i];

		if (slot == NULL || slot->generation == p->worker->generation)
			continue;
		slot->gone = true;
		slot->tls = NULL;
		pool_close_ready(slot);
		pool_clients_adopt(slot);
		/* Waits are told from the loop; the slot goes when nothing uses it. */
		worker_defer(p->worker, &slot->serve);
	}
}
