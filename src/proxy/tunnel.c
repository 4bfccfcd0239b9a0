// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel.h"

#include "base/clock.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"

enum {
	SWEEP_EVERY_MS = 100,
	SPREAD_US = 10 * 1000 * 1000, /* a tenth a second */
	SLOWEST_US = 1000 * 1000, /* but not below one a second */
};

static void
on_settle(void *arg)
{
	exchange_run(arg);
}

static void on_sweep(void *arg);

enum side_go
tunnel_begin(struct exchange *x, bool drained)
{
	struct worker *w = x->worker;
	struct region_tunnels *r = &x->try->region->tunnels;

	x->state = X_TUNNEL;
	x->tunnel.begun = true;
	timer_stop(&x->total);
	x->tunnel.settle.fn = on_settle;
	x->tunnel.settle.arg = x;
	list_append(&r->list, &x->tunnel.node);
	if (r->count++ == 0)
		list_append(&w->tunnel_regions, &r->node);
	if (!timer_running(&w->tunnel_sweep))
		timer_start(w->loop->timers, &w->tunnel_sweep, SWEEP_EVERY_MS, on_sweep, w);
	stat_step(&w->stats.tunnels, 1);
	x->tunnel.client_waits = x->upstream_paused = !drained;
	exchange_arm(x);
	return drained ? SIDE_ON : SIDE_PAUSED;
}

/* The endpoint's answer is that it accepted: what it takes to connect is how quick it is. */
void
tunnel_connected(struct exchange *x)
{
	struct side *endpoint = &x->try->up->side;

	x->at.answer = clock_now_us();
	x->try->at.sent = x->try->at.lease;
	tries_answered(x->try, 0, x->at.answer);
	x->answered = true;
	(void)tunnel_begin(x, true);
	x->client_paused = false;
	x->client->ops->resume(x->client);
	endpoint->ops->resume(endpoint);
}

void
tunnel_end(struct exchange *x)
{
	struct region_tunnels *r;

	worker_undefer(&x->tunnel.settle);
	if (!list_linked(&x->tunnel.node))
		return;
	r = &x->try->region->tunnels;
	list_unlink(&x->tunnel.node);
	if (--r->count == 0)
		list_unlink(&r->node);
	stat_step(&x->worker->stats.tunnels, -1);
}

bool
tunnel_is_over(const struct exchange *x)
{
	const struct tunnel *t = &x->tunnel;

	return t->client_ended && t->endpoint_ended && !t->client_waits && !t->endpoint_waits;
}

/* An end may have been all that was missing. */
static enum side_go
after_bytes(struct exchange *x, bool end, bool drained)
{
	exchange_arm(x);
	if (end)
		return exchange_run(x) ? SIDE_ON : SIDE_OVER;
	return drained ? SIDE_ON : SIDE_PAUSED;
}

enum side_go
tunnel_on_client_bytes(struct exchange *x, struct span *bytes, bool end)
{
	struct side *to = &x->try->up->side;
	bool drained;

	x->body_in += bytes->len;
	stat_add(&x->try->shard->bytes_out, bytes->len);
	drained = to->ops->send_body(to, bytes, end); /* which may use the span up */
	x->tunnel.client_ended = end;
	x->tunnel.endpoint_waits = !drained;
	x->client_paused = !drained && !end;
	return after_bytes(x, end, drained);
}

enum side_go
tunnel_on_endpoint_bytes(struct exchange *x, struct span *bytes, bool end)
{
	bool drained;

	x->body_out += bytes->len;
	drained = x->client->ops->send_body(x->client, bytes, end);
	x->tunnel.endpoint_ended = end;
	x->tunnel.client_waits = !drained;
	x->upstream_paused = !drained && !end;
	return after_bytes(x, end, drained);
}

struct side *
tunnel_other(struct exchange *x, const struct side *side)
{
	return side == x->client ? &x->try->up->side : x->client;
}

void
tunnel_on_moved(struct exchange *x, bool from_client, uint64_t bytes, bool emptied)
{
	stat_add(&x->worker->stats.spliced, bytes);
	if (from_client) {
		x->body_in += bytes;
		stat_add(&x->try->shard->bytes_out, bytes);
		x->tunnel.endpoint_waits = x->client_paused = !emptied;
	} else {
		x->body_out += bytes;
		x->tunnel.client_waits = x->upstream_paused = !emptied;
	}
	exchange_arm(x);
}

/* From the loop: the side that tells us is still on the stack, and must outlive its own call. */
static void
settle(struct exchange *x)
{
	exchange_arm(x);
	if (tunnel_is_over(x))
		worker_defer(x->worker, &x->tunnel.settle);
}

void
tunnel_on_client_drained(struct exchange *x)
{
	struct side *from = &x->try->up->side;

	x->tunnel.client_waits = false;
	if (x->upstream_paused) {
		x->upstream_paused = false;
		from->ops->resume(from);
	}
	settle(x);
}

void
tunnel_on_endpoint_drained(struct exchange *x)
{
	x->tunnel.endpoint_waits = false;
	if (x->client_paused) {
		x->client_paused = false;
		x->client->ops->resume(x->client);
	}
	settle(x);
}

/* For a reason of ours: gently, each side hears an end of its bytes; or else a reset. */
static void
give_up(struct exchange *x, enum fault why, bool gently)
{
	x->try->blamed = true;
	x->tunnel.gently = gently;
	x->fault = why;
	x->state = X_FAILED;
	exchange_run(x);
}

void
tunnel_on_idle(struct exchange *x)
{
	give_up(x, FAULT_TUNNEL_IDLE, true);
}

/* Protocols end their connections by a reset as well; only a dead path speaks against the endpoint. */
void
tunnel_on_endpoint_lost(struct exchange *x, enum fault why)
{
	if (why != FAULT_UNACKNOWLEDGED)
		x->try->blamed = true;
	x->fault = why;
	x->state = X_FAILED;
	exchange_run(x);
}

/* ---- when their region goes down ---- */

static bool
is_due(const struct tunnel *t, uint64_t down_for_us)
{
	switch (t->on_region_down.what) {
	case ON_DOWN_KEEP:
		return false;
	case ON_DOWN_DRAIN:
		return down_for_us >= t->on_region_down.drain_ms * 1000ull;
	case ON_DOWN_RESET:
		return true;
	}
	return false;
}

static void
end_some(struct region_tunnels *r, uint64_t now_us)
{
	uint64_t gap_us = SPREAD_US / (r->had > 0 ? r->had : 1);

	if (gap_us > SLOWEST_US)
		gap_us = SLOWEST_US;
	if (r->next_us + SWEEP_EVERY_MS * 1000 < now_us)
		r->next_us = now_us - SWEEP_EVERY_MS * 1000; /* none were due: no debt builds up */
	list_for_safe (node, &r->list) {
		struct exchange *x = container_of(node, struct exchange, tunnel.node);

		if (r->next_us > now_us)
			return;
		if (!is_due(&x->tunnel, now_us - r->down_us))
			continue;
		r->next_us += gap_us;
		give_up(x, FAULT_REGION_LEFT, x->tunnel.on_region_down.what == ON_DOWN_DRAIN);
	}
}

static bool
is_left(const struct service_region *r)
{
	enum region_state state = service_region_state(r);

	return state == REGION_DOWN || state == REGION_EVACUATED;
}

static void
on_sweep(void *arg)
{
	struct worker *w = arg;
	uint64_t now_us = clock_now_us();

	list_for_safe (node, &w->tunnel_regions) {
		struct service_region *r = container_of(node, struct service_region, tunnels.node);

		if (!is_left(r)) {
			r->tunnels.down_us = 0;
			continue;
		}
		if (r->tunnels.down_us == 0) {
			r->tunnels.down_us = r->tunnels.next_us = now_us;
			r->tunnels.had = r->tunnels.count;
		}
		end_some(&r->tunnels, now_us);
	}
	if (!list_empty(&w->tunnel_regions))
		timer_start(w->loop->timers, &w->tunnel_sweep, SWEEP_EVERY_MS, on_sweep, w);
}

void
tunnels_open(struct worker *w)
{
	list_init(&w->tunnel_regions);
}

void
tunnels_close(struct worker *w)
{
	timer_stop(&w->tunnel_sweep);
}

void
tunnels_end(struct worker *w)
{
	list_for_safe (node, &w->tunnel_regions) {
		struct service_region *r = container_of(node, struct service_region, tunnels.node);

		list_for_safe (at, &r->tunnels.list)
			give_up(
			    container_of(at, struct exchange, tunnel.node), FAULT_STOPPING, true);
	}
}
