/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks, with the product's own rise and fall. */
#include "world.h"

#include "conf/topology.h"

const struct conf_health_check sim_checks = {
	.type = CHECK_HTTP,
	.interval_ms = 1000,
	.fast_interval_ms = 200,
	.timeout_ms = 500,
	.fall = 3,
	.rise = 2,
	.jitter_pct = 10,
};

static uint32_t
random32(struct world *w)
{
	return (uint32_t)(rng_next(&w->rng) >> 32);
}

void
checks_start(struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			struct sim_endpoint *e = &w->region[i].endpoint[k];

			e->track = (struct check_track){ 0 };
			e->probe_waits = false;
			w->region[i].probe_at_ms[k] =
			    w->t_ms + check_first_ms(&sim_checks, random32(w));
		}
	}
}

/* As the product does after a failed try: a probe at once, but no faster than the fast ones. */
void
check_soon(struct world *w, unsigned region, unsigned endpoint)
{
	const struct sim_endpoint *e = &w->region[region].endpoint[endpoint];
	uint32_t *at_ms = &w->region[region].probe_at_ms[endpoint];

	if (!e->probe_waits && w->t_ms >= e->probed_ms + sim_checks.fast_interval_ms &&
	    *at_ms > w->t_ms + TICK_MS)
		*at_ms = w->t_ms + TICK_MS;
}

static void
conclude(
    struct world *w, unsigned region, unsigned endpoint, bool passed, enum endpoint_reason reason)
{
	struct sim_endpoint *e = &w->region[region].endpoint[endpoint];
	struct check_result result = { .passed = passed, .reason = reason };
	uint64_t now_ms = world_core_ms(w, 0);
	uint32_t next_ms;
	bool was_certain;

	if (reason == REASON_CHECK_TIMEOUT)
		result.detail = sim_checks.timeout_ms;
	was_certain = e->track.certain;
	if (check_step(&e->track, &result, &sim_checks, now_ms) || e->track.certain != was_certain)
		steer_probe(w->core, region, endpoint, e->track.state, e->track.reason,
		    e->track.detail, now_ms);
	if (e->track.state == ENDPOINT_DOWN && !e->track.certain)
		steer_probe_uncertain(w->core, region, endpoint, e->track.failing_since_ms);
	next_ms = e->probed_ms + check_next_ms(&e->track, &sim_checks, random32(w));
	w->region[region].probe_at_ms[endpoint] = next_ms > w->t_ms ? next_ms : w->t_ms + 1;
}

static void
probe(struct world *w, unsigned region, unsigned endpoint)
{
	struct sim_endpoint *e = &w->region[region].endpoint[endpoint];

	if (e->probe_waits) {
		e->probe_waits = false;
		/* It may have healed while the probe hung: that one is lost all the same. */
		conclude(w, region, endpoint, false, REASON_CHECK_TIMEOUT);
		return;
	}
	e->probed_ms = w->t_ms;
	if (e->lies_up)
		conclude(w, region, endpoint, true, REASON_CHECK_PASSED);
	else if (e->lies_down)
		conclude(w, region, endpoint, false, REASON_CHECK_STATUS);
	else if (e->refuses)
		conclude(w, region, endpoint, false, REASON_CHECK_REFUSED);
	else if (e->resets)
		conclude(w, region, endpoint, false, REASON_CHECK_RESET);
	else if (e->vanishes || e->hangs) {
		e->probe_waits = true;
		w->region[region].probe_at_ms[endpoint] = w->t_ms + sim_checks.timeout_ms;
	} else
		conclude(w, region, endpoint, true, REASON_CHECK_PASSED);
}

void
checks_run(struct world *w)
{
	uint32_t until_ms = w->t_ms + TICK_MS;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const uint32_t *at_ms = w->region[i].probe_at_ms;

		for (unsigned k = 0, count = w->is->endpoint_count; k < count; k++) {
			if (at_ms[k] < until_ms)
				probe(w, i, k);
		}
	}
}
