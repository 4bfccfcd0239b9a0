// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel.h"

#include "base/clock.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/connection.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/pool.h"
#include "proxy/raw.h"
#include "proxy/service.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"

/* Later than that, whoever ends a connection on which nothing was said has his reasons. */
enum { UNUSED_MS = 1000 };

static void
on_settle(void *arg)
{
	exchange_run(arg);
}

enum side_go
tunnel_begin(struct exchange *x, bool drained)
{
	x->state = X_TUNNEL;
	x->tunnel.begun = true;
	timer_stop(&x->total);
	x->tunnel.settle.fn = on_settle;
	x->tunnel.settle.arg = x;
	lasting_begin(x);
	stat_step(&x->worker->stats.tunnels, 1);
	x->tunnel.client_waits = x->upstream_paused = !drained;
	exchange_arm(x);
	return drained ? SIDE_ON : SIDE_PAUSED;
}

/* Something was said, or time has passed: it counts as answered. */
static void
prove(struct exchange *x)
{
	if (!x->tunnel.unproven)
		return;
	x->tunnel.unproven = false;
	timer_stop(&x->total);
	tries_count_answer(x->try, 0);
}

static void
on_time_passed(void *arg)
{
	prove(arg);
}

/* The endpoint's answer is that it accepted: what it takes to connect is how quick it is. */
void
tunnel_connected(struct exchange *x)
{
	struct side *endpoint = &x->try->up->side;

	x->at.answer = clock_now_us();
	x->try->at.sent = x->try->at.lease;
	tries_reached(x->try, x->at.answer);
	x->answered = true;
	(void)tunnel_begin(x, true);
	x->tunnel.unproven = true;
	timer_start(x->worker->loop->timers, &x->total, UNUSED_MS, on_time_passed, x);
	x->client_paused = false;
	x->client->ops->resume(x->client);
	endpoint->ops->resume(endpoint);
}

void
tunnel_end(struct exchange *x)
{
	worker_undefer(&x->tunnel.settle);
	prove(x);
	if (x->tunnel.begun && lasting_end(x))
		stat_step(&x->worker->stats.tunnels, -1);
}

bool
tunnel_is_over(const struct exchange *x)
{
	const struct tunnel *t = &x->tunnel;

	return t->client_ended && t->endpoint_ended && !t->client_waits && !t->endpoint_waits;
}

/* ---- the endpoint ends it before anything was said ---- */

/* Where the endpoint is told who the client is, its end may be an answer to him. */
static bool
knows_client(const struct try *t)
{
	return t->up != NULL && t->up->connection->slot->send_proxy != SEND_PROXY_OFF;
}

/*
 * Is there another endpoint to connect to? Then it is in x->alternative. Or the same one, by a
 * fresh connection in place of one that had been kept.
 */
static bool
may_move(struct exchange *x)
{
	struct try *t = x->try;

	x->fault = FAULT_CONNECT_RESET;
	if (t->kept) {
		tries_note_stale(x);
		x->answered = false;
		return true;
	}
	x->answered = false;
	t->at.sent = 0; /* nothing was */
	if (tries_may_go_on(x) && tries_choose(x, tries_class(x), &x->alternative) == FAULT_NONE)
		return true;
	x->alternative = (struct choice){ 0 };
	x->fault = FAULT_NONE;
	x->answered = true;
	t->at.sent = t->at.lease;
	return false;
}

/*
 * As if it had been closed while it was made: the client, who has not heard of it, gets another
 * one. False: there is none to be had, or something was said, and the client is to hear of the end.
 */
static bool
move_on(struct exchange *x)
{
	struct try *t = x->try;

	if (!x->tunnel.unproven || knows_client(t) || !may_move(x))
		return false;
	x->tunnel.unproven = false; /* it will not be */
	tunnel_end(x);
	x->tunnel.begun = false;
	x->at.answer = 0;
	x->client_paused = true;
	raw_pause(x->client);
	exchange_request_ended(x); /* the time to find an endpoint runs again */
	tries_end(t, t->kept ? FAULT_NONE : FAULT_CONNECT_RESET);
	exchange_go_on(x);
	exchange_run(x);
	return true;
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

	prove(x);
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

	if (end && bytes->len == 0 && move_on(x))
		return SIDE_OVER;
	prove(x);
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
	prove(x);
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

void
tunnel_on_idle(struct exchange *x)
{
	exchange_give_up(x, FAULT_TUNNEL_IDLE, true);
}

/* Protocols end connections by a reset as well; only a dead path speaks against the endpoint. */
void
tunnel_on_endpoint_lost(struct exchange *x, enum fault why)
{
	if (move_on(x))
		return;
	if (why != FAULT_UNACKNOWLEDGED)
		x->try->blamed = true;
	x->fault = why;
	x->state = X_FAILED;
	exchange_run(x);
}

/* ---- all of them ---- */

void
tunnels_end(struct worker *w)
{
	list_for_safe (node, &w->lasting_regions) {
		struct service_region *r = container_of(node, struct service_region, lasting.node);

		list_for_safe (at, &r->lasting.list) {
			struct exchange *x = container_of(at, struct exchange, lasting.node);

			if (x->state == X_TUNNEL) /* the others are requests, which have longer */
				exchange_give_up(x, FAULT_STOPPING, true);
		}
	}
}
