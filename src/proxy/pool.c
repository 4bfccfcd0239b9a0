// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool_parts.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/connection.h"
#include "proxy/service.h"
#include "proxy/stalled.h"
#include "steer/table.h"

enum {
	/* A request that must not be sent twice uses a kept connection only this young. */
	CERTAIN_MS = 1000,
	/* Handshakes under way with one endpoint: more at once only make all of them slower. */
	OPENING_MAX = 64,
	ANSWER_MS = 250,     /* for a PING, beside the path's round trips */
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

static struct connection *
at_node(struct list *node)
{
	return container_of(node, struct connection, node);
}

static void
count_idle(struct pool_slot *slot, int step)
{
	slot->idle_count += (uint32_t)step;
	if (slot->whole != slot)
		slot->whole->idle_count += (uint32_t)step;
	stat_step(&slot->shard->idle, step);
}

static void
count_opening(struct pool_slot *slot, int step)
{
	slot->connecting += (uint32_t)step;
	if (slot->whole != slot)
		slot->whole->connecting += (uint32_t)step;
}

static void
count_connection(struct pool_slot *slot, int step)
{
	slot->connections += (uint32_t)step;
	if (slot->whole != slot)
		slot->whole->connections += (uint32_t)step;
	stat_step(&slot->shard->connections, step);
}

static void
count_waiting(struct pool_slot *slot, int step)
{
	slot->waiting_count += (uint32_t)step;
	if (slot->whole != slot)
		slot->whole->waiting_count += (uint32_t)step;
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
void
pool_close_ready(struct pool_slot *slot)
{
	list_for_safe (node, &slot->ready) {
		struct connection *c = at_node(node);

		withdraw(c);
		if (c->leased == 0)
			pool_discard(c);
	}
}

/* Nobody waits for them any more. */
void
pool_close_opening(struct pool_slot *slot)
{
	list_for_safe (node, &slot->opening) {
		list_unlink(node);
		count_opening(slot, -1);
		pool_discard(at_node(node));
	}
}

/*
 * Some are in neither list: those without room, that end with their last request or by their timer
 * (settle()), and those whose leases are over but not given back yet. Of the latter some are asked
 * whether they are alive, and so in the list of those that open.
 */
void
pool_close_all(struct pool_slot *slot)
{
	pool_close_ready(slot);
	list_for (node, &slot->opening)
		at_node(node)->leased = 0;
	pool_close_opening(slot);
	list_for_safe (node, &slot->all) {
		struct connection *c = container_of(node, struct connection, in_all);

		c->leased = 0;
		pool_discard(c);
	}
}

/* Lends what room it has; without any, and without use, it may not stay for ever. */
static void
settle(struct connection *c)
{
	if (c->ops->has_room(c))
		offer(c);
	else if (c->leased == 0)
		connection_park(c, c->slot->keep_alive_ms);
}

struct upstream *
pool_take(struct pool_slot *slot, bool certain)
{
	uint64_t now_ms = certain ? clock_now_ms() : 0;

	while (!list_empty(&slot->ready)) {
		struct connection *c = at_node(slot->ready.next);
		struct upstream *up;
		bool must_be_quiet;

		expect_bytes(c, sizeof *c); /* it has rested */
		if (certain && now_ms - c->alive_ms > CERTAIN_MS)
			return NULL; /* the others are older still */
		if (certain && c->ops->verify != NULL && !pool_is_quiet(c))
			return NULL; /* it is asked */
		must_be_quiet = certain || !pool_seen_quiet(c);
		withdraw(c);
		if (!c->ops->is_clean(c) || (must_be_quiet && !pool_is_quiet(c))) {
			if (c->leased == 0)
				pool_discard(c);
			continue;
		}
		if (!c->ops->has_room(c)) { /* any more: the endpoint has said so since */
			settle(c);
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

static void
await(struct connection *c)
{
	c->opening = true;
	list_append(&c->slot->opening, &c->node);
	count_opening(c->slot, 1);
}

/* Who does not answer by then may be busy: a new connection is worth more than waiting. */
static uint32_t
answer_within_ms(const struct pool_slot *slot)
{
	uint32_t ms = ANSWER_MS + 4 * slot->whole->rtt_us / 1000;

	return slot->connect_ms > 0 && slot->connect_ms < ms ? slot->connect_ms : ms;
}

void
pool_verify(struct connection *c)
{
	if (c->opening || c->ops->verify == NULL)
		return;
	withdraw(c);
	await(c);
	connection_verify(c, answer_within_ms(c->slot));
}

static struct connection *
open_one(struct pool_slot *slot, enum fault *why)
{
	struct connection *c =
	    connection_open(slot->pool->worker, slot, slot->protocol, slot->connect_ms, why);

	if (c == NULL)
		return NULL;
	await(c);
	list_append(&slot->all, &c->in_all);
	count_connection(slot, 1);
	return c;
}

static bool
may_open(const struct pool_slot *slot)
{
	const struct pool_slot *whole = slot->whole;

	return whole->connections < whole->max_connections && whole->connecting < OPENING_MAX;
}

static struct connection *
oldest_idle(struct pool_slot *slot)
{
	if (slot->whole != slot)
		return pool_clients_oldest_idle(slot->whole);
	if (list_empty(&slot->ready) || at_node(slot->ready.prev)->leased > 0)
		return NULL;
	return at_node(slot->ready.prev);
}

/* At the limit the oldest idle connection, if nobody may take it, gives its place. */
static bool
has_room(struct pool_slot *slot)
{
	if (slot->whole->connections >= slot->whole->max_connections) {
		struct connection *idle = oldest_idle(slot);

		if (idle != NULL)
			pool_discard(idle);
	}
	return may_open(slot);
}

/* Places on connections that are being opened, where one connection has many. */
static uint32_t
coming(const struct pool_slot *slot)
{
	return slot->places > 1 ? slot->connecting * slot->places : 0;
}

/* For one more who waits? */
static bool
needs_one(const struct pool_slot *slot)
{
	return slot->places == 1 || slot->waiting_count >= coming(slot);
}

size_t
pool_wait_size(void)
{
	return sizeof(struct pool_wait);
}

static void
wait_end(struct pool_wait *wait)
{
	struct pool_slot *slot = wait->slot;

	timer_stop(&wait->timer);
	list_unlink(&wait->node);
	count_waiting(slot, -1);
	slab_give(slot->pool->waits, wait);
	if (pool_slot_is_unused(slot))
		worker_defer(slot->pool->worker, &slot->serve);
}

struct pool_slot *
pool_wait_slot(const struct pool_wait *wait)
{
	return wait->slot;
}

static void
tell(struct pool_wait *wait, struct upstream *up, enum fault why)
{
	pool_ready_fn *ready = wait->ready;
	void *arg = wait->arg;

	wait_end(wait);
	ready(arg, up, why);
}

/* Is a connection on its way for this one, not only for those before it, or about to be given? */
static bool
is_awaited(const struct pool_wait *wait)
{
	const struct pool_slot *slot = wait->slot;
	uint64_t coming = (uint64_t)slot->connecting * slot->places + !list_empty(&slot->ready);

	list_for (node, &slot->waiting) {
		if (coming == 0 || node == &wait->node)
			break;
		coming--;
	}
	return coming > 0;
}

static void on_wait_timeout(void *arg);

/* An earlier wait may get the connection that was opened for this one. */
static void
bound(struct pool_wait *wait)
{
	struct pool_slot *slot = wait->slot;
	uint32_t ms = slot->max_wait_ms + slot->connect_ms;

	timer_start(
	    slot->pool->worker->loop->timers, &wait->timer, ms > 0 ? ms : 1, on_wait_timeout, wait);
}

/* A connect that may take for ever is no queue. */
static void
on_wait_timeout(void *arg)
{
	struct pool_wait *wait = arg;

	if (wait->slot->connect_ms == 0 && is_awaited(wait))
		bound(wait);
	else
		tell(wait, NULL, FAULT_QUEUE_TIMEOUT);
}

struct pool_wait *
pool_lease(struct pool *p, struct pool_slot *slot, bool certain, pool_ready_fn *ready, void *arg,
    enum fault *why)
{
	struct pool_wait *wait;

	/* What may be used once it has answered is better than one more. */
	if (certain && slot->protocol->verify != NULL && !list_empty(&slot->ready))
		pool_verify(at_node(slot->ready.next));
	if (needs_one(slot) && has_room(slot)) {
		if (open_one(slot, why) == NULL)
			goto fail;
	} else if (slot->whole->waiting_count >= slot->whole->max_waiting + coming(slot)) {
		*why = FAULT_QUEUE_FULL;
		goto fail;
	}
	wait = slab_take(p->waits);
	memset(wait, 0, sizeof *wait);
	wait->slot = slot;
	wait->since_us = clock_now_us();
	wait->ready = ready;
	wait->arg = arg;
	wait->certain = certain;
	list_append(&slot->waiting, &wait->node);
	count_waiting(slot, 1);
	if (!list_empty(&p->worker->stalled))
		worker_defer(p->worker, &slot->serve);
	bound(wait);
	return wait;
fail:
	if (pool_slot_is_unused(slot))
		worker_defer(p->worker, &slot->serve);
	return NULL;
}

void
pool_cancel(struct pool_wait *wait)
{
	wait_end(wait); /* the connection on its way, if any, goes idle */
}

void
pool_wake(struct pool_slot *slot)
{
	if (slot->waiting_count > 0)
		worker_defer(slot->pool->worker, &slot->serve);
	else if (slot->whole->waiting_count > 0)
		pool_clients_serve_one(slot->whole);
}

/* From the loop, with no exchange on the stack: gives connections to those who wait. */
void
pool_serve(void *arg)
{
	struct pool_slot *slot = arg;
	enum fault why = FAULT_NONE;

	while (!list_empty(&slot->waiting)) {
		struct pool_wait *wait = container_of(slot->waiting.next, struct pool_wait, node);
		struct upstream *up;

		if (slot->gone) {
			tell(wait, NULL, FAULT_REMOVED);
			continue;
		}
		up = pool_take(slot, wait->certain);
		if (up != NULL) {
			tell(wait, up, FAULT_NONE);
			continue;
		}
		if (slot->waiting_count <= slot->connecting * slot->places)
			break;
		if (!has_room(slot)) {
			if (!stalled_gives_way(slot))
				break;
			continue;
		}
		if (open_one(slot, &why) == NULL)
			tell(wait, NULL, why);
	}
	if (pool_slot_is_unused(slot))
		pool_slot_free(slot);
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
	if (started_us >= first->since_us || slot->waiting_count > slot->connecting * slot->places)
		tell(first, NULL, why);
}

/* To be used further: not by rules that a reload has replaced meanwhile. */
static bool
is_fit(const struct connection *c)
{
	const struct pool_slot *slot = c->slot;

	return !slot->gone && c->ops == slot->protocol &&
	    (!slot->endpoint->tls || c->trust == slot->trust);
}

void
pool_on_opened(struct connection *c, enum fault why)
{
	struct pool_slot *slot = c->slot;
	uint64_t started_us = c->connect_started_us;
	bool asked = c->asked;

	assert(c->opening);
	list_unlink(&c->node);
	count_opening(slot, -1);
	if (why == FAULT_NONE)
		c->opening = false;
	if (why == FAULT_NONE && is_fit(c)) {
		settle(c);
		return;
	}
	/* One that does not answer any more takes nothing new; what is on it has its deadlines. */
	c->opening = why != FAULT_NONE && c->leased == 0;
	c->dirty = c->dirty || why != FAULT_NONE;
	if (c->leased == 0)
		pool_discard(c);
	if (why != FAULT_NONE && asked && slot->waiting_count > 0)
		worker_defer(slot->pool->worker, &slot->serve); /* a new one tells more */
	else if (why != FAULT_NONE)
		tell_of_failure(slot, started_us, why);
}

static bool
is_wanted(const struct connection *c)
{
	const struct pool_slot *slot = c->slot;

	if (!is_fit(c))
		return false;
	if (c->leased > 0)
		return true;
	if (slot->pool->worker->draining)
		return false;
	if (slot->waiting_count > 0)
		return true;
	/* Other clients wait for its place. */
	if (slot->whole->waiting_count > 0 && !may_open(slot))
		return false;
	return slot->keep_alive_ms > 0 && slot->whole->idle_count < slot->whole->keep_idle;
}

void
pool_return(struct connection *c)
{
	assert(c->leased > 0);
	withdraw(c);
	c->leased--;
	c->returned_turn = c->worker->loop->turn;
	if (c->opening)
		return; /* its answer decides */
	if (c->ops->is_clean(c) && is_wanted(c))
		settle(c);
	else if (c->leased == 0)
		pool_discard(c);
}

void
pool_look(struct connection *c)
{
	if (!c->ready && !c->opening && c->ops->is_clean(c) && is_fit(c) && c->ops->has_room(c))
		offer(c);
}

void
pool_discard(struct connection *c)
{
	struct pool_slot *slot = c->slot;

	withdraw(c);
	list_unlink(&c->in_all);
	count_connection(slot, -1);
	connection_close(c);
	if (slot->whole != slot && slot->whole->waiting_count > 0)
		pool_clients_serve_one(slot->whole);
	if (slot->waiting_count > 0 || pool_slot_is_unused(slot))
		worker_defer(slot->pool->worker, &slot->serve);
}

/* ---- connections kept without need ---- */

void
pool_close_idle(struct pool_slot *slot)
{
	list_for_safe (node, &slot->clients)
		pool_close_idle(container_of(node, struct pool_slot, in_whole));
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

	/* Without a request there is no use for one, or nobody knows of which client it would be.
	 */
	if (slot->endpoint->raw || slot->send_proxy != SEND_PROXY_OFF)
		return;
	if (wanted > slot->keep_idle)
		wanted = slot->keep_idle;
	if (wanted > 0 && slot->places > 1)
		wanted = 1; /* it has places for many */
	/* One that fails is the probes' business, not traffic's. */
	for (; have < wanted + slot->waiting_count / slot->places && may_open(slot); have++)
		if (open_one(slot, &why) == NULL)
			return;
}
