// SPDX-License-Identifier: Apache-2.0
#include "proxy/tries.h"

#include <assert.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ring.h"
#include "base/stat.h"
#include "proxy/exchange.h"
#include "proxy/penalty.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/shunned.h"
#include "proxy/upstream.h"
#include "proxy/watch.h"
#include "proxy/worker_state.h"
#include "steer/evidence.h"
#include "steer/touched.h"

enum {
	URGENT_EVERY_MS =
	    20, /* control hears of each kind of an endpoint's failures at most so often */
	BACKOFF_STEPS = 10, /* few durations, as timers like them */
	OLD_US = 500 * 1000,
	SPREAD_STEP_MS = 5,
	SPREAD_STEPS = 4,
	STALE_WITHIN_MS = 500, /* a close that met a request tells so after a round trip */
};

/* ---- from begin to end ---- */

static void
mark_touched(const struct try *t)
{
	struct touched *touched = t->exchange->worker->setup.touched;

	if (touched != NULL)
		touched_mark(touched, t->shard->endpoint->id);
}

static void
forget(struct try *t)
{
	if (t->shard != NULL)
		pool_let_go(t->shard);
	t->shard = NULL;
}

void
tries_forget(struct exchange *x)
{
	forget(x->try);
	forget(x->rival);
}

void
tries_begin(struct try *t, const struct choice *c)
{
	struct exchange *x = t->exchange;
	struct pool_slot *slot = pool_slot(x->worker->pool, x->service, c->region, c->endpoint);

	assert(!t->active);
	pool_hold(slot->shard);
	forget(t);
	*t = (struct try){ .exchange = x,
		.region = c->region,
		.shard = slot->shard,
		.ticket = c->ticket,
		.active = true };
	t->at.lease = clock_now_us();
	t->shard->in_flight++;
	stat_step(&t->shard->active, 1);
	stat_add(&t->shard->tries, 1);
	stat_step(&t->shard->waiting, 1);
	region_shard_begin(t->region->counts);
	mark_touched(t);
	if (x->tries++ > 0)
		stat_add(&x->worker->stats.retries, 1);
	else if (x->mirror_of == NULL)
		budget_earn(
		    &x->service->budget, x->service->now->conf->retry.budget, t->at.lease / 1000);
}

void
tries_reached(struct try *t, uint64_t now_us)
{
	watch_stop(t);
	t->answered = true;
	ticket_give_back(&t->ticket);
	stat_step(&t->shard->waiting, -1);
	histogram_add(&t->shard->first_byte, now_us - t->at.sent);
	region_shard_reached(t->region->counts, now_us - t->at.sent);
	service_region_learn(t->region, now_us - t->at.sent);
}

void
tries_count_answer(struct try *t, unsigned status)
{
	stat_add(&t->shard->answered, 1);
	stat_add(&t->shard->status_class[status / 100 < 6 ? status / 100 : 0], 1);
	region_shard_answered(t->region->counts);
	mark_touched(t);
}

void
tries_answered(struct try *t, unsigned status, uint64_t now_us)
{
	tries_reached(t, now_us);
	tries_count_answer(t, status);
}

static enum urgent_kind
kind_of(enum fault why, bool aged)
{
	if (fault_class(why) == FAULT_NOT_SENT)
		return URGENT_NOT_SENT;
	return aged ? URGENT_AGED : URGENT_SENT;
}

static void
tell_control(const struct try *t, enum fault why, bool nobody_there, bool aged)
{
	const struct worker_setup *setup = &t->exchange->worker->setup;
	struct pool_slot *slot = pool_slot_of(t->exchange->worker->pool, t->shard->endpoint);
	struct pool_urgent *kind;
	uint64_t now_ms = clock_now_ms();
	uint64_t one = 1;
	struct urgent *u;

	if (setup->urgent == NULL || slot == NULL)
		return;
	kind = &slot->urgent[kind_of(why, aged)];
	kind->untold++;
	if (!nobody_there && now_ms - kind->told_ms < URGENT_EVERY_MS)
		return;
	u = ring_reserve(setup->urgent, sizeof *u);
	if (u == NULL)
		return; /* control has plenty to look at already */
	*u = (struct urgent){ t->shard->endpoint->id, why, kind->untold, nobody_there, aged };
	*kind = (struct pool_urgent){ .told_ms = now_ms };
	ring_commit(setup->urgent);
	if (setup->urgent_fd >= 0 && write(setup->urgent_fd, &one, sizeof one) < 0)
		return; /* the counter is at its limit: it is readable already */
}

/*
 * What was sent to an endpoint before it came back, and ends in vain only now, tells of the time
 * when it was away. Held against it, a few of those would take it out just as its checks let it in.
 */
static bool
is_of_the_past(const struct try *t, enum fault why)
{
	return fault_origin(why) == FAULT_LOCAL &&
	    endpoint_is_up_since(t->shard->endpoint, t->at.lease / 1000);
}

/* With the connection: others of its kind may have ended at the same moment. */
static bool
is_lost(enum fault why)
{
	return why == FAULT_RESET || why == FAULT_CLOSED;
}

void
tries_blame(struct try *t, enum fault why)
{
	bool nobody_there, old, aged;

	if (t->blamed)
		return;
	t->blamed = true;
	mark_touched(t);
	if (is_of_the_past(t, why)) {
		endpoint_shard_failed_long_ago(t->shard, why);
		return;
	}
	endpoint_shard_failed(t->shard, why);
	old = clock_now_us() - t->at.lease > EVIDENCE_AGED_MS * 1000;
	aged = old && is_lost(why);
	if (aged)
		endpoint_shard_aged(t->shard);
	if (old && why == FAULT_CUT_RESPONSE)
		endpoint_shard_cut(t->shard);
	nobody_there = !aged && shunned_note(t->exchange->worker, t->shard, why);
	if (fault_origin(why) == FAULT_LOCAL)
		tell_control(t, why, nobody_there, aged);
}

static bool
is_theirs(enum fault why)
{
	return fault_origin(why) == FAULT_LOCAL || fault_origin(why) == FAULT_UPSTREAM;
}

void
tries_end(struct try *t, enum fault why)
{
	if (!t->active)
		return;
	t->active = false;
	watch_stop(t);
	if (t->wait != NULL) {
		pool_cancel(t->wait);
		t->wait = NULL;
	}
	if (t->up != NULL) {
		struct upstream *up = t->up;

		t->up = NULL;
		up->side.ops->release(&up->side, why);
	}
	ticket_give_back(&t->ticket);
	stat_step(&t->shard->active, -1);
	if (is_theirs(why) || t->erred)
		penalty_begin(t); /* in_flight falls when it is over */
	else
		t->shard->in_flight--;
	if (!t->answered) {
		stat_step(&t->shard->waiting, -1);
		if (is_theirs(why))
			region_shard_failed(t->region->counts);
		else
			region_shard_gave_up(t->region->counts);
	}
	if (why != FAULT_NONE && fault_origin(why) != FAULT_CLIENT)
		tries_blame(t, why);
}

/* ---- and then? ---- */

/*
 * A kept connection that closed without a byte of answer: most likely the endpoint's own
 * keep-alive ended as we sent. That says nothing against it, so the same one may be asked again,
 * once in each region, and no attempt is charged. But where the request was worked on for a while,
 * something broke: when an endpoint dies, all that it was busy with would be asked of it once more,
 * at one time.
 */
static bool
was_stale(const struct exchange *x)
{
	const struct try *t = x->try;

	return t->kept && (x->regions_stale & service_region_bit(t->region)) == 0 &&
	    (x->fault == FAULT_CLOSED || x->fault == FAULT_RESET) &&
	    clock_now_us() - t->at.sent < STALE_WITHIN_MS * 1000ull;
}

/*
 * A connection that its endpoint is about to close says nothing against the endpoint: once, the
 * next one there may take the request.
 */
static bool
was_leaving(struct exchange *x)
{
	bool first = x->fault == FAULT_GOAWAY && !x->goaway_retried;

	x->goaway_retried = x->goaway_retried || first;
	return first;
}

static void
avoid_endpoint(struct exchange *x, uint32_t id)
{
	for (unsigned i = 0; i < x->pick.tried_count; i++)
		if (x->pick.tried[i] == id)
			return;
	if (x->pick.tried_count < PICK_MAX_TRIED)
		x->pick.tried[x->pick.tried_count++] = id;
}

void
tries_avoid(struct exchange *x, const struct try *t)
{
	avoid_endpoint(x, t->shard->endpoint->id);
	x->pick.avoid_regions |= service_region_bit(t->region);
	x->regions_failed |= service_region_bit(t->region);
}

/*
 * What did not reach one endpoint may reach the next one beside it; twice is enough. So is once for
 * a request that was lost with its connection there: who took it along as he died may not have
 * died alone, and those of a region do not all end at one moment.
 */
static void
avoid_unreached(struct exchange *x, const struct try *t)
{
	uint64_t bit = service_region_bit(t->region);

	if (((x->regions_failed | x->regions_stale) & bit) != 0) {
		tries_avoid(x, t);
		return;
	}
	avoid_endpoint(x, t->shard->endpoint->id);
	x->regions_failed |= bit;
}

/* The same, if it happens the other way round. */
void
tries_note_stale(struct exchange *x)
{
	uint64_t bit = service_region_bit(x->try->region);

	x->regions_stale |= bit;
	if ((x->regions_failed & bit) != 0)
		x->pick.avoid_regions |= bit;
}

void
tries_uncharge(struct try *t)
{
	if (t->uncharged)
		return;
	t->uncharged = true;
	t->exchange->sent_tries--;
}

bool
tries_may_go_on(struct exchange *x)
{
	const struct table_service *ts = x->service->now;

	if (x->mirror_of != NULL || x->answered || x->client == NULL || x->replay.lost ||
	    ts == NULL || x->pick.tried_count == PICK_MAX_TRIED)
		return false;
	switch (fault_class(x->fault)) {
	case FAULT_FINAL:
		return false;
	case FAULT_NOT_SENT:
		if (x->try->at.sent != 0)
			tries_uncharge(x->try); /* handed over in vain */
		if (!was_leaving(x))
			avoid_unreached(x, x->try);
		return true;
	case FAULT_MAYBE_SENT:
		break;
	}
	if (!method_is_idempotent(x->head.method))
		return false;
	if (was_stale(x)) {
		tries_note_stale(x);
		tries_uncharge(x->try);
		return true;
	}
	if (x->sent_tries >= ts->conf->retry.attempts)
		return false;
	/* A dead path amplifies nothing: what went into it is as good as unsent. */
	if (!(x->fault == FAULT_UNACKNOWLEDGED && x->try->blamed) &&
	    !budget_spend(&x->service->budget,
		(double)ts->conf->retry.budget_floor / x->worker->setup.count, clock_now_ms()))
		return false;
	tries_avoid(x, x->try);
	x->resent++;
	return true;
}

/*
 * Where a region dies, what it was busy with moves at one moment, and most of that had been there
 * for long: those few ms are nothing to it, and those that had just come go first. Nor do all of
 * its connections to the standby begin at once.
 */
static uint32_t
spread_ms(struct exchange *x, uint32_t most_ms)
{
	uint32_t ms;

	if (x->resent == 0 || !is_lost(x->fault) || clock_now_us() - x->try->at.lease < OLD_US)
		return 0;
	ms = SPREAD_STEP_MS * (1 + rng_below(&x->worker->rng, SPREAD_STEPS));
	return ms < most_ms ? ms : most_ms;
}

uint32_t
tries_backoff_ms(struct exchange *x)
{
	const struct table_service *ts = x->service->now;
	uint64_t most;
	uint32_t step;

	if (ts == NULL)
		return 0;
	if (x->resent < 2)
		return spread_ms(x, ts->conf->retry.backoff_max_ms);
	most = (uint64_t)ts->conf->retry.backoff_ms << (x->resent - 1);
	if (most > ts->conf->retry.backoff_max_ms)
		most = ts->conf->retry.backoff_max_ms;
	step = most > BACKOFF_STEPS ? (uint32_t)most / BACKOFF_STEPS : 1;
	return step * rng_below(&x->worker->rng, (uint32_t)most / step + 1);
}
