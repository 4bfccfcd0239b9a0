// SPDX-License-Identifier: Apache-2.0
/* Where the next try goes, and whether there is room. */
#include "proxy/tries.h"

#include "base/clock.h"
#include "base/stat.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/shunned.h"
#include "proxy/sticky.h"
#include "proxy/worker_state.h"
#include "steer/share.h"

static enum share_mode
mode_of(const struct exchange *x)
{
	const struct table_service *ts = x->service->now;

	return ts == NULL
	    ? SHARE_NOTHING /* the service left the configuration */
	    : (enum share_mode)atomic_load_explicit(&ts->steering->mode, memory_order_relaxed);
}

/* FAULT_NONE, or why nobody is to be asked. */
static enum fault
refusal_of(const struct exchange *x)
{
	switch (mode_of(x)) {
	case SHARE_NORMAL:
	case SHARE_UNPROVEN:
	case SHARE_FAIL_OPEN:
		return FAULT_NONE;
	case SHARE_FAIL_CLOSED:
		return FAULT_ALL_DOWN;
	case SHARE_NOTHING:
		break;
	}
	return FAULT_NO_ENDPOINT;
}

/* The cap of its region that the service shares with others, or NULL. */
static struct admission *
common_of(const struct steering *s)
{
	return atomic_load_explicit(&s->shares_common, memory_order_relaxed) != 0 ? s->common
										  : NULL;
}

/* Most regions have no stated capacity: then nothing global is touched. */
static bool
enter(struct choice *c, enum admission_class class)
{
	struct steering *s = c->region->steering;
	struct admission *common = common_of(s);

	c->ticket = (struct ticket){ 0 };
	if (!admission_limits(&s->admission) && (common == NULL || !admission_limits(common)))
		return true;
	return ticket_take(&c->ticket, &s->admission, common, class, clock_now_us());
}

/* What a choice looks for, and why it has found nothing yet. */
struct search {
	enum admission_class class;
	bool shuns; /* passes by those who are shunned */
	enum fault why;
	struct service_region *sooner; /* where a token comes first; NULL: nowhere soon */
	uint32_t wait_us;
};

/*
 * No region that can take it at once is left unasked for waiting. A client that has a session there
 * waits there, if it does anywhere.
 */
static void
note_full(struct search *search, struct service_region *r, bool is_wished)
{
	struct steering *s = r->steering;
	uint32_t us = ticket_wait_us(&s->admission, common_of(s), search->class, clock_now_us());

	search->why = FAULT_SHED;
	if (us == ADMISSION_NEVER || (search->sooner != NULL && us >= search->wait_us))
		return;
	search->sooner = r;
	search->wait_us = is_wished ? 0 : us;
}

/* Of a cap that fills each endpoint may have its part. */
static bool
is_passed_by(const struct exchange *x, const struct balancer *b, const struct endpoint *e,
    struct filling filling, struct search *search)
{
	if (search->shuns && shunned_is(x->worker, e))
		return true;
	if (filling.most == 0 || balancer_has_part(b, e, filling.most, filling.beside))
		return false;
	search->why = FAULT_SHED;
	return true;
}

/*
 * Who closed a kept connection under the request is asked first, while nothing else speaks against
 * him: if he has died he says so at once, where another one may be dying as well and say nothing.
 * NULL: that is not so.
 */
static struct endpoint *
asked_again(const struct exchange *x, const struct service_region *r, const struct balancer *b)
{
	const struct try *last = x->try;

	if ((x->regions_stale & service_region_bit(r)) == 0 || last->active || !last->kept ||
	    last->region != r || !balancer_may_pick(b, &x->pick, last->shard->endpoint))
		return NULL;
	return last->shard->endpoint;
}

/* An endpoint of the chosen region; NULL: there is none that may be had. Inline for its first use.
 */
static inline struct endpoint *
pick_endpoint(struct exchange *x, struct service_region *r, struct search *search)
{
	struct balancer *b =
	    service_balancer(x->service, r, x->worker->setup.index, &x->worker->rng);
	struct filling filling = admission_filling(&r->steering->admission, search->class);
	unsigned tried = x->pick.tried_count;
	struct endpoint *e = x->regions_stale != 0 ? asked_again(x, r, b) : NULL;

	if (e == NULL)
		e = balancer_pick(b, &x->pick);
	if (filling.most == 0 && !search->shuns)
		return e;
	while (e != NULL && is_passed_by(x, b, e, filling, search)) {
		if (x->pick.tried_count == PICK_MAX_TRIED)
			e = NULL;
		else {
			x->pick.tried[x->pick.tried_count++] = e->id;
			e = balancer_pick(b, &x->pick);
		}
	}
	x->pick.tried_count = tried;
	return e;
}

void
tries_give_back(struct choice *c)
{
	ticket_give_back(&c->ticket);
	*c = (struct choice){ 0 };
}

/*
 * Whoever found no room is shed. A region that is down and has no share is no way out: they would
 * be told the same there, only later, or be lost. Where nothing was full it is better than nothing.
 */
static bool
is_no_way_out(const struct service_region *r)
{
	return service_region_state(r) == REGION_DOWN && !service_region_has_share(r);
}

static bool
choose_in_region(struct exchange *x, struct search *search, struct choice *c)
{
	if (search->why == FAULT_SHED && is_no_way_out(c->region))
		return false;
	c->endpoint = pick_endpoint(x, c->region, search);
	if (c->endpoint == NULL)
		return false;
	if (enter(c, search->class))
		return true;
	note_full(search, c->region, false);
	return false;
}

/* Of a client with a session, where that is. */
static bool
choose_wished(struct exchange *x, struct search *search, struct choice *c)
{
	if (!sticky_wish(x, c))
		return false;
	if (enter(c, search->class))
		return true;
	note_full(search, c->region, true);
	return false;
}

static bool
choose(struct exchange *x, struct search *search, struct choice *c)
{
	const struct table_service *ts = x->service->now;

	x->pick.exclude_regions = 0;
	if (ts->conf->sticky != NULL && choose_wished(x, search, c))
		return true;
	for (unsigned i = 0; i <= ts->region_count; i++) {
		int region = balance_region(ts, &x->pick);

		if (region < 0)
			break;
		c->region = x->service->regions[region];
		if (choose_in_region(x, search, c))
			return true;
		/* Or control is changing words, and nothing was left there when it was asked. */
		x->pick.exclude_regions |= 1ull << region;
	}
	return false;
}

enum fault
tries_choose(struct exchange *x, enum admission_class class, struct choice *c)
{
	struct search search = {
		.class = class, .shuns = shunned_any(x->worker), .why = FAULT_NO_ENDPOINT
	};

	enum fault refused = refusal_of(x);

	if (refused != FAULT_NONE)
		return refused;
	while (!choose(x, &search, c)) {
		if (search.why != FAULT_NO_ENDPOINT || !search.shuns) {
			*c = (struct choice){ .region = search.sooner };
			return search.why;
		}
		search.shuns = false; /* nobody else is there, and perhaps they are back */
	}
	return FAULT_NONE;
}

uint32_t
tries_wait_us(const struct choice *c, enum admission_class class)
{
	const struct steering *s = c->region->steering;

	return ticket_wait_us(&s->admission, common_of(s), class, clock_now_us());
}

uint32_t
tries_reserve(struct choice *c, enum admission_class class)
{
	struct steering *s = c->region->steering;

	return ticket_reserve(&s->admission, common_of(s), class, clock_now_us());
}

static struct endpoint *
endpoint_of_turn(struct exchange *x, const struct choice *c, struct search *search)
{
	struct choice wished;
	struct endpoint *e;

	if (x->service->now->conf->sticky != NULL && sticky_wish(x, &wished) &&
	    wished.region == c->region)
		return wished.endpoint;
	for (;;) {
		e = pick_endpoint(x, c->region, search);
		if (e != NULL || !search->shuns)
			return e;
		search->shuns = false;
	}
}

bool
tries_redeem(struct exchange *x, enum admission_class class, struct choice *c)
{
	struct search search = { .class = class, .shuns = shunned_any(x->worker) };
	struct steering *s = c->region->steering;

	if (refusal_of(x) != FAULT_NONE || c->region->now == NULL ||
	    service_region_state(c->region) == REGION_EVACUATED || is_no_way_out(c->region))
		return false;
	c->endpoint = endpoint_of_turn(x, c, &search);
	return c->endpoint != NULL && ticket_redeem(&c->ticket, &s->admission, common_of(s), class);
}

static void
count_full_region(struct service_region *r, enum admission_class class, uint64_t now_us)
{
	const struct steering *s = r->steering;

	switch (ticket_meets(&s->admission, common_of(s), class, now_us)) {
	case LIMIT_RATE:
		stat_add(&r->counts->shed_by_rate, 1);
		return;
	case LIMIT_IN_FLIGHT:
		stat_add(&r->counts->shed_in_flight, 1);
		return;
	case LIMIT_NONE:
		return;
	}
}

enum fault
tries_refuse(struct exchange *x, enum fault why)
{
	struct service_shard *counts = x->service->counts;

	if (why == FAULT_SHED && mode_of(x) == SHARE_FAIL_OPEN)
		why = FAULT_ALL_DOWN;
	if (why != FAULT_SHED) {
		/* Whose try has failed is told of that, and counted as an error. */
		if (x->tries == 0 || why == FAULT_ALL_DOWN)
			stat_add(&counts->refused, 1);
		return why;
	}
	stat_add(&counts->shed, 1);
	for (unsigned i = 0; i < x->service->region_count; i++) {
		if ((x->pick.exclude_regions >> i & 1) != 0)
			count_full_region(x->service->regions[i], tries_class(x), clock_now_us());
	}
	return why;
}

enum admission_class
tries_class(const struct exchange *x)
{
	return x->resent > 0 ? ADMIT_RETRY : x->priority;
}
