// SPDX-License-Identifier: Apache-2.0
#include "proxy/rival.h"

#include <assert.h>

#include "base/clock.h"
#include "base/timer.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/pool.h"
#include "proxy/pool_path.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"

/* So old, a hedge is worth more than the budget that forbids it. */
enum { HEDGE_ANYWAY_US = 200 * 1000 };

static enum fault
choose(struct exchange *x, enum admission_class class, struct choice *c)
{
	assert(x->try->active && !x->rival->active);
	tries_avoid(x, x->try);
	if (x->pick.tried_count == PICK_MAX_TRIED)
		return FAULT_NO_ENDPOINT;
	return tries_choose(x, class, c);
}

/* A try beside the first that has, or waits for, a connection: there, or failing that elsewhere. */
static bool
begin(struct exchange *x, enum admission_class class, struct choice *c)
{
	struct try *r = x->rival;

	do {
		enum fault why;

		tries_begin(r, c);
		exchange_connect(r);
		if (r->fault == FAULT_NONE)
			return true;
		why = r->fault;
		tries_avoid(x, r);
		tries_end(r, why);
	} while (choose(x, class, c) == FAULT_NONE);
	return false;
}

bool
rival_race(struct exchange *x)
{
	struct choice c;

	assert(x->state == X_CONNECT);
	return x->mirror_of == NULL && choose(x, tries_class(x), &c) == FAULT_NONE &&
	    begin(x, tries_class(x), &c);
}

bool
rival_may_hedge(const struct try *t)
{
	const struct exchange *x = t->exchange;
	const struct table_service *ts = x->service->now;

	return t == x->try && x->mirror_of == NULL && x->state == X_HEAD && ts != NULL &&
	    x->client != NULL && method_is_idempotent(x->head.method) && x->request_ended &&
	    !x->replay.lost && x->sent_tries < ts->conf->retry.attempts;
}

static bool
is_allowed(struct exchange *x, enum rival_why why, uint64_t age_us)
{
	switch (why) {
	case RIVAL_SUSPECT:
		return budget_spend(&x->service->budget, 0, clock_now_ms()) ||
		    age_us >= HEDGE_ANYWAY_US;
	case RIVAL_DOWN:
	case RIVAL_ENDPOINT_DOWN:
	case RIVAL_UNACKNOWLEDGED:
		return true;
	}
	return false;
}

enum rival_hedged
rival_hedge(struct exchange *x, enum rival_why why, uint64_t age_us)
{
	struct choice c;
	enum fault none;

	assert(rival_may_hedge(x->try) && !x->rival->active);
	none = choose(x, ADMIT_RETRY, &c);
	if (none != FAULT_NONE)
		return none == FAULT_SHED ? RIVAL_NOT_NOW : RIVAL_NOWHERE;
	/* Where the region is what is doubted, another endpoint of it would be no better. */
	if ((why == RIVAL_SUSPECT || why == RIVAL_DOWN) && c.region == x->try->region) {
		tries_give_back(&c);
		return RIVAL_NOWHERE;
	}
	if (!is_allowed(x, why, age_us)) {
		tries_give_back(&c);
		return RIVAL_NOT_NOW;
	}
	if (!begin(x, ADMIT_RETRY, &c))
		return RIVAL_NOWHERE;
	if (x->rival->up != NULL)
		tries_send(x->rival);
	return RIVAL_BEGUN;
}

void
rival_lost(struct exchange *x, enum fault why)
{
	struct try *r = x->rival;

	tries_avoid(x, r);
	tries_end(r, why);
	/* The leading one may have inherited its place a moment ago: then it has its own time. */
	if (x->state == X_CONNECT && x->try->wait != NULL &&
	    pool_is_late(pool_wait_slot(x->try->wait), x->try->at.lease, clock_now_us()))
		rival_race(x);
}

void
rival_takes_lead(struct exchange *x)
{
	struct try *was = x->try;

	x->try = x->rival;
	x->rival = was;
	if (x->try->at.sent != 0) {
		x->state = X_HEAD;
		exchange_arm(x);
	} else {
		x->state = X_CONNECT;
		timer_stop(&x->deadline);
	}
}

enum fault
rival_verdict(const struct try *t, uint64_t now_us)
{
	const struct pool_slot *slot = t->wait != NULL ? pool_wait_slot(t->wait) : NULL;

	if (slot == NULL || slot->whole->rtt_us == 0 || !pool_is_late(slot, t->at.lease, now_us))
		return FAULT_CLIENT_LEFT;
	return FAULT_CONNECT_TIMEOUT;
}

void
rival_let_go(struct exchange *x)
{
	struct try *r = x->rival;

	if (r->active)
		tries_end(r, r->fault != FAULT_NONE ? r->fault : rival_verdict(r, clock_now_us()));
}
