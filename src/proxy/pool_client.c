// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "base/slab.h"
#include "proxy/connection.h"
#include "proxy/pool_parts.h"
#include "base/hash.h"

static uint64_t
hash_of(const struct pool_slot *whole, const struct proxy_header *who)
{
	struct {
		struct ip source, destination;
		uint16_t source_port, destination_port;
	} key = { who->source, who->destination, who->source_port, who->destination_port };

	return hash_bytes(
	    &key, sizeof key, whole->pool->worker->setup.rate_seed + whole->endpoint->id);
}

static bool
is_of(const struct pool_slot *slot, const struct pool_slot *whole, const struct proxy_header *who)
{
	return slot->whole == whole && ip_equal(&slot->who.source, &who->source) &&
	    ip_equal(&slot->who.destination, &who->destination) &&
	    slot->who.source_port == who->source_port &&
	    slot->who.destination_port == who->destination_port;
}

/* What the endpoint's slot has from its configuration, its clients' have from it. */
static void
copy_policy(struct pool_slot *slot, const struct pool_slot *whole)
{
	slot->generation = whole->generation;
	slot->gone = whole->gone;
	slot->host = whole->host;
	slot->tls = whole->tls;
	slot->trust = whole->trust;
	slot->send_proxy = whole->send_proxy;
	slot->max_streams = whole->max_streams;
	slot->max_requests = whole->max_requests;
	slot->max_age_ms = whole->max_age_ms;
	slot->max_wait_ms = whole->max_wait_ms;
	slot->keep_alive_ms = whole->keep_alive_ms;
	slot->connect_ms = whole->connect_ms;
	slot->keepalive = whole->keepalive;
	if (slot->protocol != whole->protocol) {
		slot->protocol = whole->protocol;
		slot->places = whole->places;
	}
}

struct pool_slot *
pool_client_slot(struct pool_slot *whole, const struct proxy_header *who)
{
	struct pool *p = whole->pool;
	struct list *bucket = &p->client_slots[hash_of(whole, who) % POOL_CLIENT_BUCKETS];
	struct pool_slot *slot;

	list_for (node, bucket) {
		slot = container_of(node, struct pool_slot, in_bucket);
		if (!is_of(slot, whole, who))
			continue;
		list_unlink(&slot->in_whole);
		list_prepend(&whole->clients, &slot->in_whole);
		return slot;
	}
	slot = slab_take(p->client_slab);
	pool_slot_init(slot, p, whole->endpoint);
	slot->whole = whole;
	slot->who = *who;
	copy_policy(slot, whole);
	list_prepend(bucket, &slot->in_bucket);
	list_prepend(&whole->clients, &slot->in_whole);
	return slot;
}

void
pool_client_free(struct pool_slot *slot)
{
	struct pool_slot *whole = slot->whole;

	list_unlink(&slot->in_bucket);
	list_unlink(&slot->in_whole);
	slab_give(slot->pool->client_slab, slot);
	if (pool_slot_is_unused(whole))
		worker_defer(whole->pool->worker, &whole->serve);
}

void
pool_clients_adopt(struct pool_slot *whole)
{
	list_for_safe (node, &whole->clients) {
		struct pool_slot *slot = container_of(node, struct pool_slot, in_whole);
		bool other = slot->gone != whole->gone || slot->trust != whole->trust ||
		    slot->protocol != whole->protocol || slot->send_proxy != whole->send_proxy;

		copy_policy(slot, whole);
		if (other)
			pool_close_ready(slot);
		worker_defer(slot->pool->worker, &slot->serve);
	}
}

void
pool_clients_close(struct pool_slot *whole)
{
	list_for_safe (node, &whole->clients) {
		struct pool_slot *slot = container_of(node, struct pool_slot, in_whole);

		pool_close_all(slot);
		assert(slot->connections == 0 && slot->waiting_count == 0);
		pool_slot_free(slot);
	}
}

struct connection *
pool_clients_oldest_idle(struct pool_slot *whole)
{
	for (struct list *node = whole->clients.prev; node != &whole->clients; node = node->prev) {
		struct pool_slot *slot = container_of(node, struct pool_slot, in_whole);
		struct connection *c;

		if (list_empty(&slot->ready))
			continue;
		c = container_of(slot->ready.prev, struct connection, node);
		if (c->leased == 0)
			return c;
	}
	return NULL;
}

void
pool_clients_serve_one(struct pool_slot *whole)
{
	for (struct list *node = whole->clients.prev; node != &whole->clients; node = node->prev) {
		struct pool_slot *slot = container_of(node, struct pool_slot, in_whole);

		if (slot->waiting_count > slot->connecting) {
			worker_defer(slot->pool->worker, &slot->serve);
			return;
		}
	}
}
