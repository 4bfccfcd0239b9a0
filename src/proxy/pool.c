// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/connection.h"
#include "proxy/service.h"
#include "steer/table.h"

enum {
	/* A request that must not be sent twice uses a kept connection only this young. */
	CERTAIN_MS = 1000,
	/* Handshakes under way with one endpoint: more at once only make all of them slower. */
	OPENING_MAX = 64,
	WARM_LAST_MS = 3000, /* a kept connection that ends sooner is replaced already */
};

struct pool_wait {
	struct list node; /* in slot->waiting */
	struct pool_slot *slot;
	pool_ready_fn *ready;
	void *arg;
	uint64_t since_us;
	bool certain;
	struct timer timer;
};

struct pool {
	struct worker *worker;
	struct pool_slot **slots; /* by endpoint id */
	unsigned slot_count;
	struct slab *waits;
};

static void serve(void *arg);

struct pool *
pool_new(struct worker *w)
{
	struct pool *p = mem_new(sizeof *p);

	p->worker = w;
	p->waits = slab_new(sizeof(struct pool_wait), 1024);
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

static struct connection *
at_node(struct list *node)
{
	return container_of(node, struct connection, node);
}

static void
count_idle(struct pool_slot *slot, int step)
{
	slot->idle_count += (uint32_t)step;
	stat_step(&slot->shard->idle, step);
}

/* It has room for who comes next. */
static void
offer(struct connection *c)
{
	struct pool_slot *slot = c->slot;

	c->ready = true;
	list_prepend(&slot->ready, &c->node);
	if (c->leased == 0) {
		count_idle(slot, 1);
		connection_park(c, slot->keep_alive_ms);
	}
	if (slot->waiting_count > 0)
		worker_defer(slot->pool->worker, &slot->serve);
}

static void
withdraw(struct connection *c)
{
	if (!c->ready)
		return;
	c->ready = false;
	list_unlink(&c->node);
	if (c->leased == 0) {
		count_idle(c->slot, -1);
		connection_wake(c);
	}
}

/* Those that carry requests end with the last of them. */
static void
close_ready(struct pool_slot *slot)
{
	list_for_safe (node, &slot->ready) {
		struct connection *c = at_node(node);

		withdraw(c);
		if (c->leased == 0)
			pool_discard(c);
	}
}

/* Nobody waits for them any more. */
static void
close_opening(struct pool_slot *slot)
{
	list_for_safe (node, &slot->opening) {
		list_unlink(node);
		slot->connecting--;
		pool_discard(at_node(node));
	}
}

static void
slot_free(struct pool *p, struct pool_slot *slot)
{
	worker_undefer(&slot->serve);
	p->slots[slot->endpoint->id] = NULL;
	tls_session_slot_clear(&slot->session);
	pool_let_go(slot->shard);
	mem_free(slot->host);
	mem_free(slot);
}

static bool
slot_is_unused(const struct pool_slot *slot)
{
	return slot->gone && slot->connections == 0 && slot->waiting_count == 0;
}

void
pool_free(struct pool *p)
{
	for (unsigned i = 0; i < p->slot_count; i++) {
		if (p->slots[i] == NULL)
			continue;
		close_ready(p->slots[i]);
		close_opening(p->slots[i]);
		assert(p->slots[i]->connections == 0 && p->slots[i]->waiting_count == 0);
		slot_free(p, p->slots[i]);
	}
	mem_free(p->slots);
	slab_free(p->waits);
	mem_free(p);
}

/* This worker's part of a limit that all workers share; at least one. */
static uint32_t
share_of(uint32_t limit, const struct worker *w)
{
	uint32_t n = w->setup.count;
	uint32_t part = limit / n + (w->setup.index < limit % n ? 1 : 0);

	return part > 0 ? part : 1;
}

static void
refresh(struct pool *p, struct pool_slot *slot, struct service *service, struct service_region *r)
{
	const struct conf_service *conf = service->now->conf;
	const char *host = r->now->conf->host;
	struct tls_client *tls = slot->endpoint->tls ? service_tls(service, r) : NULL;

	/* What was agreed on under other rules of trust is not used under these. */
	if (slot->trust != service->trust && slot->endpoint->tls) {
		close_ready(slot);
		tls_session_slot_clear(&slot->session);
	}
	slot->tls = tls;
	slot->trust = service->trust;
	slot->generation = p->worker->generation;
	slot->protocol = &connection_h1;
	slot->gone = false;
	mem_free(slot->host);
	slot->host = host != NULL ? mem_strdup(host) : NULL;
	slot->max_connections = share_of(conf->limits.max_connections, p->worker);
	slot->max_waiting = share_of(conf->limits.max_waiting, p->worker);
	slot->max_wait_ms = conf->limits.max_wait_ms;
	slot->keep_alive_ms = conf->limits.keep_alive_ms;
	slot->keep_idle = conf->limits.keep_alive_connections;
	slot->connect_ms = conf->timeouts.connect;
}

static struct pool_slot *
slot_new(struct pool *p, struct endpoint *ep)
{
	struct pool_slot *slot = mem_new(sizeof *slot);

	slot->pool = p;
	slot->endpoint = ep;
	slot->shard = endpoint_shard(ep, p->worker->setup.index);
	pool_hold(slot->shard);
	list_init(&slot->ready);
	list_init(&slot->opening);
	list_init(&slot->waiting);
	slot->serve.fn = serve;
	slot->serve.arg = slot;
	return slot;
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
	if (slot == NULL)
		slot = p->slots[ep->id] = slot_new(p, ep);
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
		close_ready(slot);
		/* Waits are told from the loop; the slot goes when nothing uses it. */
		worker_defer(p->worker, &slot->serve);
	}
}

struct upstream *
pool_take(struct pool_slot *slot, bool certain)
{
	uint64_t now_ms = certain ? clock_now_ms() : 0;

	while (!list_empty(&slot->ready)) {
		struct connection *c = at_node(slot->ready.next);
		struct upstream *up;

		if (certain && now_ms - c->alive_ms > CERTAIN_MS)
			return NULL; /* the others are older still */
		withdraw(c);
		/* One that was just opened may have tickets to read; nothing else is known. */
		if (!c->ops->is_clean(c) ||
		    (certain && c->used && c->leased == 0 && !stream_is_quiet(&c->stream))) {
			if (c->leased == 0)
				pool_discard(c);
			continue;
		}
		up = c->ops->lease(c);
		c->leased++;
		if (c->ops->has_room(c))
			offer(c);
		return up;
	}
	return NULL;
}

static struct connection *
open_one(struct pool_slot *slot, enum fault *why)
{
	struct connection *c =
	    connection_open(slot->pool->worker, slot, slot->protocol, slot->connect_ms, why);

	if (c == NULL)
		return NULL;
	c->opening = true;
	list_append(&slot->opening, &c->node);
	slot->connections++;
	slot->connecting++;
	stat_step(&slot->shard->connections, 1);
	return c;
}

static bool
may_open(const struct pool_slot *slot)
{
	return slot->connections < slot->max_connections && slot->connecting < OPENING_MAX;
}

/* At the limit the oldest idle connection, if nobody may take it, gives its place. */
static bool
has_room(struct pool_slot *slot)
{
	if (slot->connections >= slot->max_connections && !list_empty(&slot->ready) &&
	    at_node(slot->ready.prev)->leased == 0)
		pool_discard(at_node(slot->ready.prev));
	return may_open(slot);
}

static void
wait_end(struct pool_wait *wait)
{
	struct pool_slot *slot = wait->slot;

	timer_stop(&wait->timer);
	list_unlink(&wait->node);
	slot->waiting_count--;
	slab_give(slot->pool->waits, wait);
}

static void
tell(struct pool_wait *wait, struct upstream *up, enum fault why)
{
	pool_ready_fn *ready = wait->ready;
	void *arg = wait->arg;

	wait_end(wait);
	ready(arg, up, why);
}

static void
on_wait_timeout(void *arg)
{
	tell(arg, NULL, FAULT_QUEUE_TIMEOUT);
}

struct pool_wait *
pool_lease(struct pool *p, struct pool_slot *slot, bool certain, pool_ready_fn *ready, void *arg,
    enum fault *why)
{
	struct pool_wait *wait;

	if (has_room(slot)) {
		if (open_one(slot, why) == NULL)
			return NULL;
	} else if (slot->waiting_count >= slot->max_waiting) {
		*why = FAULT_QUEUE_FULL;
		return NULL;
	}
	wait = slab_take(p->waits);
	memset(wait, 0, sizeof *wait);
	wait->slot = slot;
	wait->since_us = clock_now_us();
	wait->ready = ready;
	wait->arg = arg;
	wait->certain = certain;
	list_append(&slot->waiting, &wait->node);
	slot->waiting_count++;
	/* An earlier wait may get the connection that was opened for this one. */
	timer_start(p->worker->loop->timers, &wait->timer, slot->max_wait_ms + slot->connect_ms,
	    on_wait_timeout, wait);
	return wait;
}

void
pool_cancel(struct pool_wait *wait)
{
	wait_end(wait); /* the connection on its way, if any, goes idle */
}

/* From the loop, with no exchange on the stack: gives connections to those who wait. */
static void
serve(void *arg)
{
	struct pool_slot *slot = arg;
	enum fault why = FAULT_NONE;

	while (!list_empty(&slot->waiting)) {
		struct pool_wait *wait = container_of(slot->waiting.next, struct pool_wait, node);
		struct upstream *up;

		if (slot->gone) {
			tell(wait, NULL, FAULT_NO_ENDPOINT);
			continue;
		}
		up = pool_take(slot, wait->certain);
		if (up != NULL) {
			tell(wait, up, FAULT_NONE);
			continue;
		}
		if (slot->waiting_count <= slot->connecting || !has_room(slot))
			break;
		if (open_one(slot, &why) == NULL)
			tell(wait, NULL, why);
	}
	if (slot_is_unused(slot))
		slot_free(slot->pool, slot);
}

/*
 * The failure of a connection is told to the first who waits if it was opened for it, or later. An
 * older one was opened for somebody who has found another: it matters only if too few are left.
 */
static void
tell_of_failure(struct pool_slot *slot, uint64_t started_us, enum fault why)
{
	struct pool_wait *first;

	if (list_empty(&slot->waiting))
		return;
	first = container_of(slot->waiting.next, struct pool_wait, node);
	if (started_us >= first->since_us || slot->waiting_count > slot->connecting)
		tell(first, NULL, why);
}

/* Not by rules that a reload has replaced meanwhile? */
static bool
is_trusted(const struct connection *c)
{
	return !c->slot->endpoint->tls || c->trust == c->slot->trust;
}

void
pool_on_opened(struct connection *c, enum fault why)
{
	struct pool_slot *slot = c->slot;
	uint64_t started_us = c->connect_started_us;

	assert(c->opening);
	list_unlink(&c->node);
	slot->connecting--;
	if (why == FAULT_NONE) {
		c->opening = false;
		stat_add(&slot->shard->connects, 1);
	}
	if (why == FAULT_NONE && !slot->gone && is_trusted(c)) {
		offer(c);
		return;
	}
	pool_discard(c);
	if (why != FAULT_NONE)
		tell_of_failure(slot, started_us, why);
}

static bool
is_wanted(const struct connection *c)
{
	const struct pool_slot *slot = c->slot;

	if (slot->gone || !is_trusted(c))
		return false;
	if (c->leased > 0)
		return true;
	return !slot->pool->worker->draining &&
	    (slot->waiting_count > 0 ||
		(slot->keep_alive_ms > 0 && slot->idle_count < slot->keep_idle));
}

void
pool_return(struct connection *c)
{
	assert(c->leased > 0);
	withdraw(c);
	c->leased--;
	if (!c->ops->is_clean(c) || !is_wanted(c)) {
		if (c->leased == 0)
			pool_discard(c);
		return;
	}
	if (c->ops->has_room(c))
		offer(c);
}

void
pool_discard(struct connection *c)
{
	struct pool_slot *slot = c->slot;

	withdraw(c);
	slot->connections--;
	stat_step(&slot->shard->connections, -1);
	connection_close(c);
	if (slot->waiting_count > 0 || slot_is_unused(slot))
		worker_defer(slot->pool->worker, &slot->serve);
}

/* ---- connections kept without need ---- */

void
pool_close_idle(struct pool_slot *slot)
{
	list_for_safe (node, &slot->ready)
		if (at_node(node)->leased == 0)
			pool_discard(at_node(node));
}

/* Connections that will still be there in a while; the last used come first. */
static uint32_t
lasting_idle(const struct pool_slot *slot, uint32_t enough)
{
	uint64_t now_ms = clock_now_ms();
	uint32_t last_ms =
	    slot->keep_alive_ms / 4 < WARM_LAST_MS ? slot->keep_alive_ms / 4 : WARM_LAST_MS;
	uint32_t count = 0;

	list_for (node, &slot->ready) {
		const struct connection *c = at_node(node);

		if (count == enough ||
		    (c->leased == 0 && now_ms - c->idle_since_ms + last_ms >= slot->keep_alive_ms))
			break;
		count++;
	}
	return count;
}

void
pool_warm(struct pool_slot *slot, uint32_t wanted)
{
	uint32_t have = slot->connecting + lasting_idle(slot, wanted);
	enum fault why;

	if (wanted > slot->keep_idle)
		wanted = slot->keep_idle;
	/* One that fails is the probes' business, not traffic's. */
	for (; have < wanted + slot->waiting_count && may_open(slot); have++)
		if (open_one(slot, &why) == NULL)
			return;
}
