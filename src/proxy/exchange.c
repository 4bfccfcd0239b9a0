// SPDX-License-Identifier: Apache-2.0
#include "proxy/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/stat.h"
#include "net/loop.h"
#include "proxy/exchange_parts.h"
#include "proxy/gzip.h"
#include "proxy/hold.h"
#include "proxy/mirror.h"
#include "proxy/pace.h"
#include "proxy/report.h"
#include "proxy/rival.h"
#include "proxy/routing.h"
#include "proxy/service.h"
#include "proxy/stalled.h"
#include "proxy/tries.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"
#include "steer/table.h"

enum next {
	MORE, /* the next step may run at once */
	WAIT, /* something must happen first */
	OVER, /* nothing is left to do */
};

struct step {
	const char *name; /* as the log and the status page show it */
	enum next (*run)(struct exchange *);
};

static enum next step_route(struct exchange *);
static enum next step_admit(struct exchange *);
static enum next step_pick(struct exchange *);
static enum next step_connect(struct exchange *);
static enum next step_send(struct exchange *);
static enum next step_head(struct exchange *);
static enum next step_wait(struct exchange *);
static enum next step_tunnel(struct exchange *);
static enum next step_failed(struct exchange *);
static enum next step_done(struct exchange *);

static const struct step steps[] = {
	[X_ROUTE] = { "route", step_route },
	[X_ADMIT] = { "admit", step_admit },
	[X_PICK] = { "pick", step_pick },
	[X_PACE] = { "pace", step_wait },
	[X_CONNECT] = { "connect", step_connect },
	[X_SEND] = { "send", step_send },
	[X_HEAD] = { "head", step_head },
	[X_RELAY] = { "relay", step_wait },
	[X_TUNNEL] = { "tunnel", step_tunnel },
	[X_FAILED] = { "failed", step_failed },
	[X_BACKOFF] = { "backoff", step_wait },
	[X_DONE] = { "done", step_done },
};

const char *
exchange_state_name(enum x_state state)
{
	return steps[state].name;
}

void
exchange_let_go_of_route(struct exchange *x)
{
	if (x->hold != NULL)
		hold_drop(x->hold);
	x->hold = NULL;
	x->shaped = NULL;
}

static void
exchange_free(struct exchange *x)
{
	struct worker *w = x->worker;

	assert(x->client == NULL && !x->try->active && !x->rival->active);
	assert(x->try->shard == NULL && x->rival->shard == NULL);
	timer_stop(&x->deadline);
	timer_stop(&x->total);
	replay_drop(&x->replay, w->loop->small);
	basic_auth_forget(x);
	gzip_end(x);
	exchange_let_go_of_route(x);
	if (x->trailers != NULL)
		slab_give(w->loop->large, x->trailers);
	slab_give(x->block_size > slab_block_size(w->loop->small) ? w->loop->large : w->loop->small,
	    x->block);
	if (x->mirror_of == NULL)
		stat_step(&w->stats.exchanges, -1);
	slab_give(w->exchange_slab, x);
}

/*
 * The only place a state changes hands. Callbacks record what happened in x and call this, so each
 * transition can be found by reading the step functions in order. False: x is gone.
 */
bool
exchange_run(struct exchange *x)
{
	enum next next;

	if (x->running) { /* a step's own call led back here: look once more */
		x->again = true;
		return true;
	}
	x->running = true;
	do {
		x->again = false;
		next = steps[x->state].run(x);
	} while (next == MORE || (next == WAIT && x->again));
	x->running = false;
	if (next != OVER)
		return true;
	exchange_free(x); /* the one place it dies, with no step on the stack */
	return false;
}

static enum next
go(struct exchange *x, enum x_state state)
{
	x->state = state;
	return MORE;
}

static enum next
go_failed(struct exchange *x, enum fault why)
{
	x->fault = why;
	return go(x, X_FAILED);
}

/* ---- deadlines ---- */

static const struct conf_timeouts *
timeouts(const struct exchange *x)
{
	static const struct conf_timeouts when_removed = {
		.connect = 1000, .try_ = 10000, .request = 15000, .idle = 60000, .tunnel = 3600000
	};

	return x->service->now != NULL ? &x->service->now->conf->timeouts : &when_removed;
}

static void
on_deadline(void *arg)
{
	struct exchange *x = arg;

	struct try *t = x->try;

	if (x->state == X_TUNNEL) {
		tunnel_on_idle(x);
		return;
	}
	/* With all of it sent that has come, the client is who we waited for. */
	if (x->state == X_HEAD && !t->request_sent && !x->client_paused && !t->kept_waits) {
		exchange_on_client_lost(x, FAULT_REQUEST_TIMEOUT);
		return;
	}
	exchange_lose_try(x, t, x->state == X_RELAY ? FAULT_STALLED_RESPONSE : FAULT_TRY_TIMEOUT);
}

static void on_total(void *arg);

/* In steps that grow shorter, as timers like their durations: never early, hardly late. */
static void
await_deadline(struct exchange *x, uint64_t left_ms)
{
	timer_start(
	    x->worker->loop->timers, &x->total, grpc_timer_ms((uint32_t)left_ms), on_total, x);
}

static void
on_total(void *arg)
{
	struct exchange *x = arg;
	uint64_t now_ms = clock_now_ms();

	if (x->call.timeout_ms > 0 && now_ms < x->call.due_ms) {
		await_deadline(x, x->call.due_ms - now_ms);
		return;
	}
	x->fault = x->call.timeout_ms > 0 ? FAULT_DEADLINE : FAULT_TOTAL_TIMEOUT;
	x->state = X_FAILED;
	exchange_run(x);
}

/*
 * While the client is still sending, only progress counts: an upload may take its time. From its
 * last byte on the answer is due. While we do not read it the client is who we wait for, and its
 * side has a deadline.
 */
void
exchange_arm(struct exchange *x)
{
	const struct conf_timeouts *t = timeouts(x);
	uint32_t ms = x->state == X_HEAD && x->try->request_sent ? t->try_ : t->idle;

	/* Who says how long the answer may take has the last word on it. */
	if (x->state == X_HEAD && x->try->request_sent && x->call.timeout_ms > 0)
		ms = 0;
	if (x->state == X_TUNNEL)
		ms = t->tunnel;
	else if (x->upstream_paused)
		return;
	timer_start(x->worker->loop->timers, &x->deadline, ms, on_deadline, x);
}

void
exchange_request_ended(struct exchange *x)
{
	x->request_ended = true;
	if (!x->answered)
		(void)lasting_end(x); /* what is awaited is an answer, as of any request */
	if (x->service != NULL && !x->answered && x->call.timeout_ms == 0)
		timer_start(x->worker->loop->timers, &x->total, timeouts(x)->request, on_total, x);
}

/* ---- the steps, in order ---- */

static enum next
step_route(struct exchange *x)
{
	const struct table *table = x->worker->table;

	identity_establish(&x->who, x->facts, &x->head, table != NULL ? table->topology : NULL);
	switch (routing_decide(x)) {
	case ROUTED_NOWHERE:
		return go(x, X_FAILED);
	case ROUTED_ANSWERED:
		return go(x, X_DONE);
	case ROUTED_SERVICE:
		break;
	}
	stat_add(&x->service->counts->requests, 1);
	if (x->worker->pressure >= PRESSURE_SHED && x->priority == ADMIT_LOW) {
		/* In this order: who finds it among those shed knows why. */
		stat_add(&x->service->counts->shed_for_memory, 1);
		stat_add(&x->service->counts->shed, 1);
		return go_failed(x, FAULT_SHED);
	}
	if (x->call.timeout_ms > 0) {
		x->call.due_ms = clock_now_ms() + x->call.timeout_ms;
		await_deadline(x, x->call.timeout_ms);
	}
	if (x->request_ended)
		exchange_request_ended(x);
	return go(x, X_ADMIT);
}

/* Is the client who the route asks for? Until that is known it waits, and so does its body. */
static enum next
step_admit(struct exchange *x)
{
	if (x->shaped == NULL || x->shaped->basic_auth == NULL)
		return go(x, X_PICK);
	switch (basic_auth_check(x)) {
	case AUTH_UNASKED:
	case AUTH_WAITS:
		return WAIT;
	case AUTH_GOOD:
		return go(x, X_PICK);
	case AUTH_BUSY:
		return go_failed(x, FAULT_SHED);
	case AUTH_BAD:
		break;
	}
	basic_auth_refuse(x);
	return go(x, X_DONE);
}

static enum next
step_pick(struct exchange *x)
{
	struct choice c = x->alternative;
	enum fault why = FAULT_NONE;

	x->alternative = (struct choice){ 0 };
	if (c.endpoint == NULL)
		why = tries_choose(x, tries_class(x), &c);
	if (why != FAULT_NONE) {
		if (why == FAULT_SHED && pace_begin(x, &c))
			return go(x, X_PACE);
		why = tries_refuse(x, why);
		/* Whatever made it look elsewhere: there was a place, only no room; or none. */
		if (x->fault == FAULT_NONE || why != FAULT_NO_ENDPOINT)
			x->fault = why;
		return go(x, X_FAILED);
	}
	x->fault = FAULT_NONE;
	tries_begin(x->try, &c);
	return go(x, X_CONNECT);
}

/* Two race for a connection: who has one first leads alone, who fails leaves it to the other. */
static void
settle_race(struct exchange *x)
{
	bool overtaken = x->try->up == NULL && x->rival->up != NULL;
	bool inherited = x->try->fault != FAULT_NONE && x->rival->fault == FAULT_NONE;

	if (overtaken || inherited)
		rival_takes_lead(x);
	if (x->try->up != NULL)
		rival_let_go(x);
	else if (x->rival->fault != FAULT_NONE)
		rival_lost(x, x->rival->fault);
}

static enum next
step_connect(struct exchange *x)
{
	struct try *t = x->try;

	if (t->up == NULL && t->wait == NULL && t->fault == FAULT_NONE)
		exchange_connect(t);
	if (x->rival->active)
		settle_race(x);
	if (x->try->up != NULL)
		return go(x, X_SEND);
	return x->try->fault != FAULT_NONE ? go_failed(x, x->try->fault) : WAIT;
}

static enum next
step_send(struct exchange *x)
{
	bool drained;

	if (x->tunnel.raw) {
		tunnel_connected(x);
		return WAIT;
	}
	if (x->head.expect_continue && !x->request_ended && x->client != NULL) {
		x->head.expect_continue = false; /* said once, whatever comes of this try */
		x->continued = true;
		x->client->ops->proceed(x->client);
	}
	drained = tries_send(x->try);
	mirror_when_sent(x);
	if (x->client_paused && drained && x->client != NULL) {
		x->client_paused = false;
		x->client->ops->resume(x->client);
	}
	x->state = X_HEAD;
	if (!x->request_ended)
		lasting_begin_call(x);
	exchange_arm(x);
	return WAIT;
}

/* While the answer is awaited a hedge may have come to its connection, or not. */
static enum next
step_head(struct exchange *x)
{
	struct try *r = x->rival;

	if (r->active && r->fault != FAULT_NONE)
		rival_lost(x, r->fault);
	else if (r->active && r->up != NULL && r->at.sent == 0)
		tries_send(r);
	return step_wait(x);
}

static enum next
step_wait(struct exchange *x)
{
	return x->response_ended ? go(x, X_DONE) : WAIT;
}

static enum next
step_tunnel(struct exchange *x)
{
	return tunnel_is_over(x) ? go(x, X_DONE) : WAIT;
}

/* When to come again; 0: nobody knows. Spread, so that those turned away do not come back as one.
 */
static uint32_t
retry_after(struct exchange *x)
{
	if (x->fault == FAULT_RATE_LIMITED)
		return x->retry_after_s;
	return fault_status(x->fault) == 503 ? 5 + rng_below(&x->worker->rng, 11) : 0;
}

void
exchange_answer_failure(struct exchange *x)
{
	uint32_t retry_after_s = retry_after(x);
	char field[32];
	struct own_answer a = {
		.status = fault_status(x->fault),
		.text = slice_of(fault_text(x->fault)),
	};

	if (x->tunnel.raw)
		return; /* nothing to say it with */
	if (retry_after_s > 0) {
		a.extra.at = field;
		a.extra.len =
		    (size_t)snprintf(field, sizeof field, "Retry-After: %u\r\n", retry_after_s);
	}
	call_fail(x, &a);
	exchange_answer(x, &a);
}

static void
on_rested(void *arg)
{
	struct exchange *x = arg;

	x->state = X_PICK;
	exchange_run(x);
}

void
exchange_go_on(struct exchange *x)
{
	uint32_t ms = tries_backoff_ms(x);

	(void)lasting_end(x); /* there */
	/* By the table of then: a retry sees the regions as they are when it goes out. */
	x->state = ms > 0 ? X_BACKOFF : X_PICK;
	timer_start(x->worker->loop->timers, &x->deadline, ms, on_rested, x);
}

void
exchange_lose_try(struct exchange *x, struct try *t, enum fault why)
{
	if (x->rival->active) {
		if (t == x->try)
			rival_takes_lead(x);
		rival_lost(x, why);
	} else {
		x->fault = why;
		x->state = X_FAILED;
	}
	exchange_run(x);
}

void
exchange_give_up(struct exchange *x, enum fault why, bool gently)
{
	x->try->blamed = true;
	x->tunnel.gently = gently && x->state == X_TUNNEL;
	x->fault = why;
	x->state = X_FAILED;
	exchange_run(x);
}

static enum next
step_failed(struct exchange *x)
{
	enum fault why = x->fault;
	bool again = x->try->active && tries_may_go_on(x);

	timer_stop(&x->deadline);
	rival_let_go(x);
	tries_end(x->try, x->tunnel.gently ? FAULT_NONE : why);
	if (again) {
		exchange_go_on(x);
		return MORE;
	}
	if (x->answered)
		call_broke_off(x);
	else if (x->client != NULL && fault_status(why) != 499)
		exchange_answer_failure(x);
	return go(x, X_DONE);
}

static enum next
step_done(struct exchange *x)
{
	struct side *client = x->client;

	stalled_forget(x);
	if (x->pace.began_us != 0)
		pace_end(x);
	rival_let_go(x);
	tunnel_end(x);
	(void)lasting_end(x);
	tries_end(x->try, x->fault); /* after a failure it has been done already */
	report_exchange(x);
	tries_forget(x);
	if (client != NULL) {
		x->client = NULL;
		/* What was told by us is whole, whatever made it necessary. */
		client->ops->release(client,
		    x->own_answer || x->call.told || x->tunnel.gently ? FAULT_NONE : x->fault);
	}
	return OVER;
}
