// SPDX-License-Identifier: Apache-2.0
#include "proxy/tries.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ring.h"
#include "base/stat.h"
#include "http/forward.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/upstream.h"
#include "proxy/worker_state.h"

enum {
	URGENT_EVERY_MS = 20, /* control hears of a failing endpoint at most this often from here */
	RETRY_FLOOR_PER_S = 10, /* of a service, all workers together (GEP-3388) */
};

struct endpoint *
tries_choose(struct exchange *x)
{
	const struct table_service *ts = x->service->now;

	if (ts == NULL)
		return NULL; /* the service left the configuration */
	/* While control changes words a region may be named that has nothing left: avoid it. */
	for (unsigned i = 0; i <= ts->region_count; i++) {
		int region = balance_region(ts, &x->pick);
		struct endpoint *ep;

		if (region < 0)
			return NULL;
		ep = balancer_pick(service_balancer(x->service, (unsigned)region,
				       x->worker->setup.index, &x->worker->rng),
		    &x->pick);
		if (ep != NULL) {
			x->region = (unsigned)region;
			return ep;
		}
		if (region < 64)
			x->pick.avoid_regions |= 1ull << region;
	}
	return NULL;
}

void
tries_begin(struct exchange *x, struct endpoint *ep)
{
	struct pool_slot *slot =
	    pool_slot(x->worker->pool, x->service, &x->service->now->regions[x->region], ep);

	pool_hold(slot->shard);
	tries_forget(x);
	x->shard = x->last = slot->shard;
	x->shard->in_flight++;
	stat_step(&x->shard->active, 1);
	stat_add(&x->shard->tries, 1);
	if (x->tries++ > 0)
		stat_add(&x->worker->stats.retries, 1);
	else
		budget_earn(
		    &x->service->budget, x->service->now->conf->retry.budget, clock_now_ms());
	x->at = (struct x_times){ .first_byte = x->at.first_byte, .head = x->at.head };
	x->request_sent = false;
	x->kept_waits = false;
	x->kept_sent = 0;
}

static void
send_kept_trailers(struct exchange *x)
{
	struct h1_parse parse = { 0 };
	struct head trailers;

	if (x->trailers == NULL)
		return;
	/* They were good when they came. */
	if (h1_parse_trailers(
		&parse, &trailers, x->trailers, x->trailers_len, &x->worker->h1_limits) != H1_DONE)
		trailers.field_count = 0;
	x->up->side.ops->send_trailers(&x->up->side, &trailers);
	x->request_sent = true;
}

/*
 * The body's bytes that came before this try could take them, as long as the endpoint takes them;
 * as: the head goes in front. False as side_ops.send_body().
 */
static bool
send_kept(struct exchange *x, const struct forward_request *as)
{
	struct side *side = &x->up->side;
	bool drained;

	do {
		struct span body = loop_span(x->worker->loop);

		body.len = replay_copy(&x->replay, x->kept_sent, body.at, LOOP_CHUNK);
		body.tail_room -= body.len;
		x->kept_sent += (uint32_t)body.len;
		stat_add(&x->shard->bytes_out, body.len);
		x->kept_waits = x->kept_sent < x->replay.len;
		x->request_sent = !x->kept_waits && x->trailers == NULL && x->request_ended;
		drained = as != NULL
		    ? side->ops->send_head(side, &x->head, as, &body, x->request_sent)
		    : side->ops->send_body(side, &body, x->request_sent);
		as = NULL;
	} while (x->kept_waits && drained);
	if (x->kept_waits)
		return false;
	send_kept_trailers(x);
	/* What is not to be sent again need not be kept. */
	if (x->answered || !method_is_idempotent(x->head.method))
		replay_drop(&x->replay, x->worker->loop->small);
	return drained;
}

bool
tries_send_more(struct exchange *x)
{
	return !x->kept_waits || send_kept(x, NULL);
}

static struct slice
authority_of(const struct endpoint *ep)
{
	const char *at = strstr(ep->url, "://");

	return slice_of(at != NULL ? at + 3 : ep->url);
}

bool
tries_send(struct exchange *x)
{
	struct forward_request as = {
		.path = x->path,
		.client_ip = { x->facts->ip, x->facts->ip_len },
		.forwarded_host = head_slice(&x->head, x->head.host),
		.listener_port = x->facts->listener_port,
		.tls = x->facts->tls,
		.request_id = { x->request_id, sizeof x->request_id },
		.chunked = x->head.framing == FRAMING_CHUNKED,
	};
	bool drained;

	if (x->up->slot->host != NULL)
		as.host = slice_of(x->up->slot->host);
	else if (as.forwarded_host.len == 0) /* HTTP/1.0 may do without, 1.1 may not */
		as.host = authority_of(x->shard->endpoint);
	if (exchange_adds_via(x))
		as.via = SLICE("detour");
	x->sent_tries++;
	stat_add(&x->shard->bytes_out, x->head.len);
	if (x->first == NULL)
		return send_kept(x, &as);
	x->request_sent = x->request_ended;
	stat_add(&x->shard->bytes_out, x->first->len);
	drained =
	    x->up->side.ops->send_head(&x->up->side, &x->head, &as, x->first, x->request_sent);
	x->first = NULL;
	return drained;
}

static void
tell_control(struct exchange *x, enum fault why)
{
	const struct worker_setup *setup = &x->worker->setup;
	struct pool_slot *slot = pool_slot_of(x->worker->pool, x->shard->endpoint);
	uint64_t now_ms = clock_now_ms();
	uint64_t one = 1;
	struct urgent *u;

	if (setup->urgent == NULL || slot == NULL || now_ms - slot->urgent_ms < URGENT_EVERY_MS)
		return;
	slot->urgent_ms = now_ms;
	u = ring_reserve(setup->urgent, sizeof *u);
	if (u == NULL)
		return; /* control has plenty to look at already */
	u->endpoint_id = x->shard->endpoint->id;
	u->fault = why;
	ring_commit(setup->urgent);
	if (setup->urgent_fd >= 0 && write(setup->urgent_fd, &one, sizeof one) < 0)
		return; /* the counter is at its limit: it is readable already */
}

void
tries_end(struct exchange *x, enum fault why)
{
	if (x->wait != NULL) {
		pool_cancel(x->wait);
		x->wait = NULL;
	}
	if (x->up != NULL) {
		struct upstream *up = x->up;

		x->up = NULL;
		up->side.ops->release(&up->side, why);
	}
	if (x->shard == NULL)
		return;
	x->shard->in_flight--;
	stat_step(&x->shard->active, -1);
	if (why != FAULT_NONE && fault_origin(why) != FAULT_CLIENT)
		stat_add(&x->shard->faults[why], 1);
	if (fault_origin(why) == FAULT_LOCAL)
		tell_control(x, why);
	x->shard = NULL;
}

void
tries_forget(struct exchange *x)
{
	if (x->last != NULL)
		pool_let_go(x->last);
	x->last = NULL;
}

/*
 * A kept connection that closed without a byte of answer: most likely the endpoint's own
 * keep-alive ended as we sent. That says nothing against it, so the same one may be asked again,
 * once, and no attempt is charged.
 */
static bool
was_stale(const struct exchange *x)
{
	return x->reused && !x->stale_retried &&
	    (x->fault == FAULT_CLOSED || x->fault == FAULT_RESET);
}

static void
avoid(struct exchange *x, uint32_t endpoint_id)
{
	uint64_t bit = x->region < 64 ? 1ull << x->region : 0;

	x->pick.tried[x->pick.tried_count++] = endpoint_id;
	if (fault_class(x->fault) != FAULT_NOT_SENT || (x->regions_failed & bit))
		x->pick.avoid_regions |= bit;
	x->regions_failed |= bit;
}

bool
tries_may_go_on(struct exchange *x)
{
	const struct table_service *ts = x->service->now;
	uint32_t endpoint_id = x->shard->endpoint->id;

	if (x->answered || x->client == NULL || x->replay.lost || ts == NULL ||
	    x->pick.tried_count == PICK_MAX_TRIED)
		return false;
	switch (fault_class(x->fault)) {
	case FAULT_FINAL:
		return false;
	case FAULT_NOT_SENT:
		avoid(x, endpoint_id);
		return true;
	case FAULT_MAYBE_SENT:
		break;
	}
	if (!method_is_idempotent(x->head.method))
		return false;
	if (was_stale(x)) {
		x->stale_retried = true;
		x->sent_tries--;
		return true;
	}
	if (x->sent_tries >= ts->conf->retry.attempts ||
	    !budget_spend(&x->service->budget, (double)RETRY_FLOOR_PER_S / x->worker->setup.count,
		clock_now_ms()))
		return false;
	avoid(x, endpoint_id);
	return true;
}
