/* SPDX-License-Identifier: Apache-2.0 */
#include "control/health.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stat.h"
#include "base/timer.h"
#include "base/watchdog.h"
#include "conf/topology.h"
#include "control/controller.h"
#include "control/expiry.h"
#include "control/fact_log.h"
#include "control/probe.h"
#include "control/site.h"
#include "control/state.h"
#include "net/loop.h"
#include "steer/rng.h"
#include "steer/table.h"

enum {
	/*
	 * Delays are drawn from so many different ones: fine enough to spread the probes, few
	 * enough for the timers, which keep a queue for each duration.
	 */
	DELAY_STEPS = 32,
	/* The first probes of n endpoints are spread over n ms, at most over their interval. */
	FIRST_GAP_MS = 1,
};

/* What is known of one endpoint. Holds a reference on it. */
struct health {
	struct list node; /* in health_set.all */
	struct health_set *set;
	struct endpoint *endpoint;
	struct site *site;         /* borrowed from the sites adopted last */
	unsigned round;            /* of adoption in which it was last seen */
	bool fresh;                /* its first probe is not scheduled yet */
	bool suspected;            /* a worker could not reach it since the last probe began */
	unsigned fast_left;        /* probes to come at the fast interval, because traffic failed */
	bool asked;                /* the probe under way answers a suspicion */
	uint64_t trusted_until_ms; /* such a probe has passed: suspicions ask for no other one */
	uint64_t started_ms;       /* of the last probe */
	struct check_track track;
	struct timer timer; /* next probe */
	struct probe probe;
};

struct health_set {
	struct health_setup setup;
	struct rng rng;
	struct list all;
	struct health **by_id; /* by endpoint id; NULL where there is none */
	unsigned by_id_size;
	unsigned round;
	const struct state *resumed; /* borrowed until the first adoption is over */
	struct fact_log log;
};

static void on_due(void *arg);

struct health_set *
health_set_new(const struct health_setup *setup)
{
	struct health_set *set = mem_new(sizeof *set);

	set->setup = *setup;
	rng_seed(&set->rng, clock_now_us() ^ clock_wall_us());
	list_init(&set->all);
	return set;
}

static void
health_free(struct health *h)
{
	timer_stop(&h->timer);
	probe_close(&h->probe);
	list_unlink(&h->node);
	h->set->by_id[h->endpoint->id] = NULL;
	endpoint_unref(h->endpoint);
	mem_free(h);
}

void
health_set_free(struct health_set *set)
{
	if (set == NULL)
		return;
	list_for_safe (node, &set->all)
		health_free(container_of(node, struct health, node));
	mem_free(set->by_id);
	mem_free(set);
}

static uint32_t
random_step(struct health_set *set)
{
	return rng_below(&set->rng, DELAY_STEPS) * (UINT32_MAX / DELAY_STEPS + 1);
}

static void
tell(struct health *h)
{
	h->set->setup.verdict(h->set->setup.arg, h->endpoint, &h->track);
}

/* Probes, then rest: the delay counts from the start of the last probe. */
static void
schedule(struct health *h, uint64_t now_ms)
{
	static const struct check_track unproven; /* in transition: the fast interval */
	const struct check_track *t = h->fast_left > 0 ? &unproven : &h->track;
	uint64_t next_ms = check_next_ms(t, h->site->check, random_step(h->set));
	uint64_t spent_ms = now_ms - h->started_ms;

	timer_start(h->set->setup.loop->timers, &h->timer,
	    next_ms > spent_ms ? (uint32_t)(next_ms - spent_ms) : 1, on_due, h);
}

static void
on_due(void *arg)
{
	struct health *h = arg;

	timer_stop(&h->timer);
	h->started_ms = clock_now_ms();
	h->asked = h->suspected;
	h->suspected = false;
	if (h->fast_left > 0)
		h->fast_left--;
	probe_start(&h->probe, h->site);
}

/*
 * Traffic failed while the probe was under way: its result may be older than that, so the next
 * one follows at once.
 */
static void
probe_soon(struct health *h, uint64_t now_ms)
{
	uint64_t spent_ms = now_ms - h->started_ms;

	if (spent_ms >= HEALTH_URGENT_GAP_MS)
		on_due(h);
	else
		timer_start(h->set->setup.loop->timers, &h->timer,
		    (uint32_t)(HEALTH_URGENT_GAP_MS - spent_ms), on_due, h);
}

static bool
is_unreachable(enum endpoint_reason reason)
{
	return reason == REASON_CHECK_REFUSED || reason == REASON_CHECK_UNREACHABLE ||
	    reason == REASON_CHECK_TIMEOUT;
}

static void
judge(struct health *h, const struct check_result *result, uint64_t now_ms)
{
	struct check_track was = h->track;

	if (check_step(&h->track, result, h->site->check, now_ms) &&
	    h->track.state == ENDPOINT_DOWN && is_unreachable(h->track.reason))
		h->set->setup.unreachable(h->set->setup.arg, h->endpoint);
	/* How often it has passed by now need not be told each time, only why it is where it is. */
	if (h->track.state != was.state || h->track.reason != was.reason ||
	    h->track.certain != was.certain)
		tell(h);
}

static void
on_result(struct probe *probe, const struct probe_result *r, void *arg)
{
	struct health *h = arg;
	struct health_set *set = h->set;
	uint64_t now_ms = clock_now_ms();

	stat_add(&set->setup.stats->checks, 1);
	if (r->answered)
		atomic_store_explicit(
		    &h->endpoint->last_check_us, r->latency_us, memory_order_relaxed);
	(void)expiry_note(h->endpoint, r->certificate_ends_s, h->site->region->tls.verify,
	    (int64_t)(clock_wall_us() / 1000000));
	if (!r->check.passed)
		h->trusted_until_ms = 0;
	else if (h->asked)
		h->trusted_until_ms = now_ms + HEALTH_TRUST_MS;
	if (r->evidence) {
		if (!r->check.passed)
			stat_add(&set->setup.stats->checks_failed, 1);
		judge(h, &r->check, now_ms);
	}
	if (h->suspected)
		probe_soon(h, now_ms);
	else
		schedule(h, now_ms);
}

/* Without a check an endpoint counts as up from the start. */
static void
take_as_up(struct health *h, uint64_t now_ms)
{
	h->track = (struct check_track){
		.state = ENDPOINT_UP,
		.reason = REASON_NOT_CHECKED,
		.since_ms = now_ms,
	};
}

/* Before its first check: as it was before a restart, if that is known. */
static void
begin_unproven(struct health *h, uint64_t now_ms)
{
	const struct state *state = h->set->resumed;
	const struct state_endpoint *known =
	    state != NULL ? state_find_endpoint(state, h->endpoint) : NULL;

	h->track = (struct check_track){
		.state = ENDPOINT_UNKNOWN,
		.reason = REASON_FIRST_CHECK_PENDING,
		.since_ms = now_ms,
	};
	if (known == NULL)
		return;
	h->track.state = known->up ? ENDPOINT_UP : ENDPOINT_DOWN;
	h->track.certain = !known->up;
	h->track.reason = REASON_RESTORED;
	h->track.detail = (uint32_t)(state_age_ms(state) / 1000);
}

static bool
has_check(const struct site *s)
{
	return s->check->type != CHECK_NONE;
}

static void
index_by_id(struct health_set *set, struct health *h)
{
	uint32_t id = h->endpoint->id;

	if (id >= set->by_id_size) {
		unsigned size = set->by_id_size > 0 ? set->by_id_size : 64;

		while (size <= id)
			size *= 2;
		set->by_id = mem_resize(set->by_id, size * sizeof(struct health *));
		while (set->by_id_size < size)
			set->by_id[set->by_id_size++] = NULL;
	}
	assert(set->by_id[id] == NULL);
	set->by_id[id] = h;
}

static struct health *
health_new(struct health_set *set, struct endpoint *e, struct site *site, uint64_t now_ms)
{
	struct health *h = mem_new(sizeof *h);

	h->set = set;
	h->endpoint = e;
	endpoint_ref(e);
	h->site = site;
	probe_init(&h->probe, set->setup.loop, e, on_result, h);
	list_append(&set->all, &h->node);
	index_by_id(set, h);
	if (has_check(site)) {
		begin_unproven(h, now_ms);
		h->fresh = true;
	} else
		take_as_up(h, now_ms);
	return h;
}

/*
 * The endpoint is still there under a new configuration: its state stays, and so does a probe that
 * would be just the same now.
 */
static void
move(struct health *h, struct site *site, bool same_probe, uint64_t now_ms)
{
	bool had_check = has_check(h->site);
	bool waiting = timer_running(&h->timer);

	if (h->site == site)
		return;
	h->site = site;
	if (same_probe && had_check) {
		probe_move(&h->probe, site);
		if (waiting)
			schedule(h, now_ms); /* intervals may be others now */
		return;
	}
	if (!had_check && !has_check(site))
		return;
	timer_stop(&h->timer);
	probe_close(&h->probe);
	if (!has_check(site)) {
		if (h->track.state != ENDPOINT_UP || h->track.reason != REASON_NOT_CHECKED)
			take_as_up(h, now_ms);
		return;
	}
	h->track.streak = 0;
	h->fresh = true;
}

/* Endpoints of one region move from one site to one other: compare those two once. */
struct move_memo {
	const struct site *from;
	const struct site *to;
	bool equal;
};

static bool
same_probe(struct move_memo *memo, const struct site *from, const struct site *to)
{
	if (from == to)
		return true;
	if (memo->from != from || memo->to != to)
		*memo = (struct move_memo){ from, to, site_equal(from, to) };
	return memo->equal;
}

static void
adopt_region(
    struct health_set *set, const struct table_region *region, struct site *site, uint64_t now_ms)
{
	struct move_memo memo = { NULL, NULL, false };

	for (unsigned i = 0; i < region->endpoint_count; i++) {
		struct endpoint *e = region->endpoints[i];
		struct health *h = e->id < set->by_id_size ? set->by_id[e->id] : NULL;

		if (h == NULL)
			h = health_new(set, e, site, now_ms);
		else
			move(h, site, same_probe(&memo, h->site, site), now_ms);
		assert(h->endpoint == e);
		h->round = set->round;
		tell(h);
	}
}

/* Few new endpoints are probed at once, many over their interval, so that a start is no herd. */
static void
schedule_fresh(struct health_set *set, uint64_t now_ms)
{
	uint32_t fresh = 0;

	list_for (node, &set->all)
		fresh += container_of(node, struct health, node)->fresh;
	list_for (node, &set->all) {
		struct health *h = container_of(node, struct health, node);
		uint32_t first_ms, spread_ms;

		if (!h->fresh)
			continue;
		h->fresh = false;
		h->started_ms = now_ms;
		first_ms = check_first_ms(h->site->check, random_step(set));
		spread_ms = rng_below(&set->rng, DELAY_STEPS) * fresh * FIRST_GAP_MS / DELAY_STEPS;
		timer_start(set->setup.loop->timers, &h->timer,
		    1 + (first_ms < spread_ms ? first_ms : spread_ms), on_due, h);
	}
}

void
health_set_adopt(struct health_set *set, const struct table *table, struct sites *sites)
{
	uint64_t now_ms = clock_now_ms();

	set->round++;
	for (unsigned s = 0; s < table->service_count; s++) {
		watchdog_work();
		for (unsigned r = 0; r < table->services[s].region_count; r++)
			adopt_region(
			    set, &table->services[s].regions[r], sites_at(sites, s, r), now_ms);
	}
	set->resumed = NULL;
	schedule_fresh(set, now_ms);
}

/* The director knows it no more: its last word is ours. */
static void
drain(struct endpoint *e, uint64_t now_ms)
{
	atomic_store_explicit(&e->reason, REASON_REMOVED, memory_order_relaxed);
	atomic_store_explicit(&e->reason_detail, 0, memory_order_relaxed);
	atomic_store_explicit(&e->since_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(
	    &e->word, endpoint_word(ENDPOINT_DRAINING, ENDPOINT_WEIGHT_FULL), memory_order_relaxed);
}

void
health_set_retire(struct health_set *set)
{
	uint64_t now_ms = clock_now_ms();

	list_for_safe (node, &set->all) {
		struct health *h = container_of(node, struct health, node);

		if (h->round == set->round)
			continue;
		watchdog_work();
		drain(h->endpoint, now_ms);
		fact_log_removed(&set->log, h->endpoint, now_ms);
		health_free(h);
	}
}

void
health_set_urgent(struct health_set *set, uint32_t endpoint_id, enum fault why)
{
	struct health *h = endpoint_id < set->by_id_size ? set->by_id[endpoint_id] : NULL;
	uint64_t now_ms = clock_now_ms();

	if (h == NULL || fault_origin(why) != FAULT_LOCAL || !has_check(h->site))
		return;
	if (now_ms < h->trusted_until_ms)
		return;
	h->fast_left = h->site->check->fall;
	h->suspected = true;
	if (!h->probe.running)
		probe_soon(h, now_ms);
}

void
health_set_tick(struct health_set *set)
{
	fact_log_tick(&set->log, clock_now_ms());
}

void
health_set_save(const struct health_set *set, struct state *state)
{
	list_for (node, &set->all) {
		const struct health *h = container_of(node, struct health, node);

		if (!has_check(h->site) || h->track.state == ENDPOINT_UNKNOWN)
			continue;
		state_add_endpoint(state,
		    &(struct state_endpoint){
			.service = h->endpoint->service,
			.region = h->endpoint->region,
			.host = h->endpoint->host,
			.url = h->endpoint->url,
			/* a fall that may be chance is none for who comes after us */
			.up = h->track.state == ENDPOINT_UP || !h->track.certain,
		    });
	}
}

void
health_set_resume(struct health_set *set, const struct state *state)
{
	set->resumed = state;
}
