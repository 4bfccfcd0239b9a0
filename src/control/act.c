/* SPDX-License-Identifier: Apache-2.0 */
#include "control/act.h"

#include <math.h>

#include "base/stat.h"
#include "control/controller.h"
#include "control/meter.h"
#include "control/region_use.h"
#include "steer/steer.h"
#include "steer/table.h"

enum { PERMILLE = 1000 };

_Static_assert(STEERING_STATES == REGION_EVACUATED + 1, "a counter for each state");

static void
set(atomic_uint *word, unsigned value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static unsigned
get(const atomic_uint *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* The word last: who sees it may look for its reason. Returns whether it changed. */
static bool
write_endpoint(struct endpoint *e, const struct steer_endpoint_out *out)
{
	unsigned word = endpoint_word(out->state, out->weight);
	unsigned was = get(&e->word);

	set(&e->reason, out->reason);
	set(&e->reason_detail, out->detail);
	atomic_store_explicit(&e->since_ms, out->since_ms, memory_order_relaxed);
	if (word == was)
		return false;
	set(&e->word, word);
	return true;
}

struct scan {
	unsigned usable;
	unsigned changes; /* of state */
	bool words;       /* has any changed */
};

static struct scan
write_endpoints(const struct table_region *region, const struct steer *steer)
{
	struct scan scan = { 0 };

	for (unsigned i = 0; i < region->endpoint_count; i++) {
		struct endpoint *e = region->endpoints[i];
		enum endpoint_state was = endpoint_word_state(get(&e->word));
		struct steer_endpoint_out out;

		steer_endpoint(steer, region->index, i, &out);
		scan.words |= write_endpoint(e, &out);
		scan.changes += out.state != was;
		scan.usable += out.state == ENDPOINT_UP;
	}
	return scan;
}

/* Who is usable goes before who gets how much. */
static void
write_usable(const struct table_region *region, const struct steer *steer, unsigned blind,
    bool whole, struct controller_stats *stats)
{
	struct steering *s = region->steering;
	bool moved = get(&s->blind) != blind;
	unsigned usable = get(&s->usable);

	set(&s->blind, blind);
	if (whole || steer_endpoints_changed(steer, region->index)) {
		struct scan scan = write_endpoints(region, steer);

		stat_add(&stats->verdict_changes, scan.changes);
		moved |= scan.words || scan.usable != usable || whole;
		usable = scan.usable;
	}
	if (moved)
		steering_changed(s, usable);
}

static void
write_state(struct steering *s, const struct steer_region_out *out)
{
	const struct region *region = &out->region;
	bool entered = get(&s->state) != region->state;

	atomic_store_explicit(&s->since_ms, region->since_ms, memory_order_relaxed);
	atomic_store_explicit(&s->hold_until_ms,
	    region->state == REGION_HOLD ? region->since_ms + region->hold_ms : 0,
	    memory_order_relaxed);
	set(&s->target, (unsigned)lround(out->target * SHARE_WHOLE));
	set(&s->signal, region->signal);
	atomic_store_explicit(&s->value, region->value, memory_order_relaxed);
	atomic_store_explicit(&s->threshold, region->threshold, memory_order_relaxed);
	atomic_store_explicit(&s->limit, out->limit, memory_order_relaxed);
	atomic_store_explicit(&s->shed_by_rate, out->shed_by_rate, memory_order_relaxed);
	atomic_store_explicit(&s->shed_in_flight, out->shed_in_flight, memory_order_relaxed);
	atomic_store_explicit(&s->loss, out->loss, memory_order_relaxed);
	if (!entered)
		return;
	stat_add(&s->entered[region->state], 1);
	/* Release: who lets go of a region that is down sees that it has no share any more. */
	atomic_store_explicit(&s->state, region->state, memory_order_release);
}

static void
write_service(struct service_steering *s, const struct steer *steer)
{
	double demand = steer_demand(steer);
	struct steer_shed_out shed = steer_shed_seen(steer);

	if (steer_mode(steer) == SHARE_FAIL_OPEN && get(&s->mode) != SHARE_FAIL_OPEN)
		stat_add(&s->fail_opens, 1);
	set(&s->mode, steer_mode(steer));
	set(&s->shed, (unsigned)lround(steer_shed(steer) * SHARE_WHOLE));
	set(&s->demand, demand < UINT32_MAX ? (unsigned)demand : UINT32_MAX);
	atomic_store_explicit(&s->shed_rate, shed.shed, memory_order_relaxed);
	atomic_store_explicit(&s->refused_rate, shed.refused, memory_order_relaxed);
	atomic_store_explicit(&s->shed_since_ms, shed.since_ms, memory_order_relaxed);
	set(&s->self_suspect, steer_self_suspect(steer));
}

void
act_service(const struct table_service *service, const struct steer *steer,
    struct controller_stats *stats, bool whole)
{
	struct steer_region_out out[SHARE_MAX_REGIONS];
	struct steering *steerings[SHARE_MAX_REGIONS];
	double shares[SHARE_MAX_REGIONS];
	uint32_t words[SHARE_MAX_REGIONS];

	for (unsigned i = 0; i < service->region_count; i++) {
		const struct table_region *region = &service->regions[i];

		steer_region(steer, i, &out[i]);
		steerings[i] = region->steering;
		shares[i] = out[i].share;
		write_usable(
		    region, steer, (unsigned)lround(out[i].blind * PERMILLE), whole, stats);
		set(&region->steering->trickle, out[i].trickle);
		set(&region->steering->shares_common, region_is_shared(region));
		admission_set(&region->steering->admission, out[i].limit, out[i].limit_in_flight,
		    region_meter_in_flight(region->steering));
	}
	share_words(shares, service->region_count, words);
	if (steering_set_shares(steerings, words, service->region_count))
		stat_add(&stats->share_changes, 1);
	for (unsigned i = 0; i < service->region_count; i++)
		write_state(steerings[i], &out[i]);
	write_service(service->steering, steer);
}
