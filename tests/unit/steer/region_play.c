/* SPDX-License-Identifier: Apache-2.0 */
#include "region_play.h"

#include <check.h>
#include <math.h>

const struct region_policy automatic = {
	.min_healthy = 0.25,
	.hold_down_ms = 30000,
	.ramp_ms = 60000,
	.sensor_share = 0.05,
};

struct region region;
struct facts facts;
uint64_t now_ms;

void
reset(enum region_state state)
{
	region = (struct region){ 0 };
	region_start(&region, state, 1000);
	facts = (struct facts){ 0 };
	now_ms = 1000;
}

void
play(const struct region_policy *policy, const struct moment *moments)
{
	for (const struct moment *m = moments; m->at_ms != 0; m++) {
		while (now_ms < m->at_ms) {
			now_ms += TICK_MS;
			region_step(
			    &region, policy, &m->e, TICK_MS, now_ms, &facts, "shop", "east");
		}
		ck_assert_msg(region.state == m->state, "at %lu ms: %s, expected %s",
		    (unsigned long)now_ms, region_state_name(region.state),
		    region_state_name(m->state));
		ck_assert_msg(m->factor < 0 || fabs(region.factor - m->factor) < 1e-6,
		    "at %lu ms: factor %g, expected %g", (unsigned long)now_ms, region.factor,
		    m->factor);
	}
}
