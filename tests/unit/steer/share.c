/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/share.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "steer/rng.h"

/* For what holds a million times: Check writes a message to a file for each assertion that does. */
#define ALWAYS(holds, ...)                                                                         \
	do {                                                                                       \
		if (!(holds))                                                                      \
			ck_abort_msg(__VA_ARGS__);                                                 \
	} while (0)

/* R() below has defaults that a case overrides. */
#pragma GCC diagnostic ignored "-Woverride-init"

enum { MOST = 4, WORDS = 8 };

static const struct share_policy usual = {
	.overprovisioning = 1.4,
	.panic_threshold = 0.5,
	.max_utilization = 0.85,
	.spill = SPILL_GRADUAL,
	.fail_open = true,
};

/* Of 100 endpoints so many are up, or unknown; factor and pin; what is left out is as usual. */
#define R(tier_, weight_, up_, ...)                                                                \
	{                                                                                          \
		.tier = tier_, .weight = weight_, .total = 100, .healthy = up_, .factor = 1,       \
		.pinned = NAN, .warm = 1, __VA_ARGS__                                              \
	}

struct share_case {
	const char *what;
	double demand;
	unsigned count;
	struct share_region regions[MOST];
	enum share_mode mode;
	double share[MOST];
	double shed;
};

static void
check_case(const struct share_case *t, const struct share_policy *policy)
{
	struct share_plan plan;

	memset(&plan, 0xff, sizeof plan); /* what was there before must not stay */
	share_compute(t->regions, t->count, policy, t->demand, &plan);
	ck_assert_msg(
	    plan.mode == t->mode, "%s: mode %d, expected %d", t->what, plan.mode, t->mode);
	for (unsigned i = 0; i < t->count; i++)
		ck_assert_msg(fabs(plan.share[i] - t->share[i]) < 6e-4,
		    "%s: share %u is %.4f, expected %.4f", t->what, i, plan.share[i], t->share[i]);
	ck_assert_msg(fabs(plan.shed - t->shed) < 6e-4, "%s: shed %.4f, expected %.4f", t->what,
	    plan.shed, t->shed);
}

#define CHECK_CASES(t, policy)                                                                     \
	for (unsigned case_ = 0; case_ < sizeof(t) / sizeof((t)[0]); case_++)                      \
	check_case(&(t)[case_], policy)

START_TEST(without_capacity_tiers_are_filled_by_envoys_formula)
{
	static const struct share_case t[] = {
		{ "one region", 0, 1, { R(0, 1, 100) }, SHARE_NORMAL, { 1 }, 0 },
		{ "full down to 71.4 %", 0, 2, { R(0, 1, 71.5), R(1, 1, 100) }, SHARE_NORMAL,
		    { 1, 0 }, 0 },
		{ "half", 0, 2, { R(0, 1, 50), R(1, 1, 100) }, SHARE_NORMAL, { .7, .3 }, 0 },
		{ "total health below 1 is normalised", 0, 3,
		    { R(0, 1, 25), R(1, 1, 25), R(2, 1, 20) }, SHARE_NORMAL, { .357, .357, .286 },
		    0 },
		{ "Envoy's table says 50/50, its formula this", 0, 2, { R(0, 1, 50), R(1, 1, 60) },
		    SHARE_NORMAL, { .7, .3 }, 0 },
		{ "and 25/75", 0, 2, { R(0, 1, 25), R(1, 1, 100) }, SHARE_NORMAL, { .35, .65 }, 0 },
		{ "weights", 0, 2, { R(0, 70, 100), R(0, 30, 100) }, SHARE_NORMAL, { .7, .3 }, 0 },
		{ "weight times health inside a tier", 0, 2, { R(0, 1, 100), R(0, 1, 50) },
		    SHARE_NORMAL, { .6667, .3333 }, 0 },
		{ "a region's weight, not its endpoints, is its part of the tier", 0, 3,
		    { { .tier = 0,
			  .weight = 90,
			  .total = 2,
			  .healthy = 2,
			  .factor = 1,
			  .pinned = NAN,
			  .warm = 1 },
			{ .tier = 0,
			    .weight = 10,
			    .total = 20,
			    .factor = 0,
			    .pinned = NAN,
			    .warm = 1 },
			R(1, 1, 100) },
		    SHARE_NORMAL, { 1, 0, 0 }, 0 },
		{ "the tier's other region takes what overprovisioning allows", 0, 3,
		    { R(0, 1, 0, .factor = 0), R(0, 1, 100), R(1, 1, 100) }, SHARE_NORMAL,
		    { 0, .7, .3 }, 0 },
		{ "and all if there is no other tier", 0, 2,
		    { R(0, 1, 0, .factor = 0), R(0, 1, 100) }, SHARE_NORMAL, { 0, 1 }, 0 },
		{ "a gap in tiers, in any order", 0, 2, { R(7, 1, 100), R(2, 1, 0) }, SHARE_NORMAL,
		    { 1, 0 }, 0 },
		{ "one of a hundred endpoints in the lower tier", 0, 2, { R(0, 1, 0), R(1, 1, 1) },
		    SHARE_NORMAL, { 0, 1 }, 0 },
		{ "weight 0 takes nothing", 0, 2, { R(0, 0, 100), R(1, 1, 100) }, SHARE_NORMAL,
		    { 0, 1 }, 0 },
		{ "unknown endpoints are not counted", 0, 2,
		    { R(0, 1, 40, .unknown = 60), R(1, 1, 100) }, SHARE_NORMAL, { 1, 0 }, 0 },
		{ "nor regions of which nothing is known", 0, 3,
		    { R(0, 1, 0, .unknown = 100), R(0, 1, 100), R(1, 1, 100) }, SHARE_NORMAL,
		    { 0, 1, 0 }, 0 },
	};

	CHECK_CASES(t, &usual);
}
END_TEST

START_TEST(a_factor_limits_a_region_to_that_part_of_its_share)
{
	static const struct share_case t[] = {
		{ "half ramped, in one tier", 0, 2, { R(0, 1, 100, .factor = .5), R(0, 1, 100) },
		    SHARE_NORMAL, { .25, .75 }, 0 },
		{ "in the upper tier, though overprovisioning would hide it", 0, 2,
		    { R(0, 1, 100, .factor = .75), R(1, 1, 100) }, SHARE_NORMAL, { .75, .25 }, 0 },
		{ "a sensor", 0, 2, { R(0, 1, 100, .factor = .05), R(1, 1, 100) }, SHARE_NORMAL,
		    { .05, .95 }, 0 },
		{ "though its capacity would suffice", 10, 2,
		    { R(0, 1, 100, .factor = .05, .capacity = 1000),
			R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .05, .95 }, 0 },
		{ "its peers in the tier take it before the next tier", 0, 3,
		    { R(0, 2, 100, .factor = .5), R(0, 3, 100), R(1, 1, 100) }, SHARE_NORMAL,
		    { .2, .8, 0 }, 0 },
		{ "all of it when there is no other", 0, 1, { R(0, 1, 100, .factor = .05) },
		    SHARE_NORMAL, { 1 }, 0 },
		{ "both ramp", 0, 2, { R(0, 1, 100, .factor = .1), R(0, 1, 100, .factor = .1) },
		    SHARE_NORMAL, { .5, .5 }, 0 },
		{ "a standby that ramps takes what a grey primary leaves", 0, 2,
		    { R(0, 1, 100, .factor = .05), R(1, 1, 100, .factor = .5) }, SHARE_NORMAL,
		    { .0932, .9068 }, 0 },
	};

	CHECK_CASES(t, &usual);
}
END_TEST

START_TEST(no_region_is_given_more_than_its_capacity)
{
	static const struct share_case t[] = {
		{ "demand fits", 100, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { 1, 0 }, 0 },
		{ "above 85 % the next tier helps", 1000, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .85, .15 }, 0 },
		{ "inside a tier others take what one has no room for", 1000, 3,
		    { R(0, 1, 100, .capacity = 200), R(0, 1, 100, .capacity = 2000),
			R(1, 1, 100, .capacity = 2000) },
		    SHARE_NORMAL, { .17, .83, 0 }, 0 },
		{ "until several are full", 1000, 4,
		    { R(0, 1, 100, .capacity = 100), R(0, 1, 100, .capacity = 300),
			R(0, 1, 100, .capacity = 500), R(0, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .085, .255, .33, .33 }, 0 },
		{ "capacity goes with health", 1000, 2,
		    { R(0, 1, 50, .capacity = 1000), R(1, 1, 100, .capacity = 1000) }, SHARE_NORMAL,
		    { .425, .575 }, 0 },
		{ "above 85 % before shedding", 1900, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .5263, .4737 }, 0 },
		{ "and no more than all", 4000, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .25, .25 }, .5 },
		{ "a small standby", 500, 2,
		    { R(0, 1, 0, .factor = 0), R(1, 1, 100, .capacity = 250) }, SHARE_NORMAL,
		    { 0, .5 }, .5 },
		{ "a cold one is spared while others can", 1000, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100, .capacity = 1000, .warm = .1) },
		    SHARE_NORMAL, { .915, .085 }, 0 },
		{ "but not at the price of a refusal", 1000, 2,
		    { R(0, 1, 0, .factor = 0), R(1, 1, 100, .capacity = 1000, .warm = .1) },
		    SHARE_NORMAL, { 0, 1 }, 0 },
		{ "a region without capacity takes by weight, without limit", 1000, 2,
		    { R(0, 1, 100, .capacity = 200), R(0, 1, 100) }, SHARE_NORMAL, { .17, .83 },
		    0 },
		{ "from the next tier too, before anyone goes above 85 %", 10000, 2,
		    { R(0, 1, 100, .capacity = 1000), R(1, 1, 100) }, SHARE_NORMAL, { .085, .915 },
		    0 },
		{ "half a tier without capacity spills as far as the standby's goes", 1000, 2,
		    { R(0, 1, 50), R(1, 1, 100, .capacity = 250) }, SHARE_NORMAL, { .7875, .2125 },
		    0 },
		{ "no demand, no limit", 0, 2,
		    { R(0, 1, 100, .capacity = 1), R(1, 1, 100, .capacity = 1000) }, SHARE_NORMAL,
		    { 1, 0 }, 0 },
		{ "a ramp is not waited for when the rest is full", 1500, 2,
		    { R(0, 1, 100, .capacity = 1000, .factor = .1),
			R(1, 1, 100, .capacity = 1000) },
		    SHARE_NORMAL, { .3333, .6667 }, 0 },
	};

	CHECK_CASES(t, &usual);
}
END_TEST

START_TEST(what_waits_is_used_before_anyone_is_refused)
{
	static const struct share_case t[] = {
		{ "it waits", 100, 2,
		    { R(0, 1, 100, .factor = 0, .reserve = RESERVE_SHED), R(1, 1, 100) },
		    SHARE_NORMAL, { 0, 1 }, 0 },
		{ "it takes what would be shed", 1000, 2,
		    { R(0, 1, 100, .factor = 0, .reserve = RESERVE_SHED),
			R(1, 1, 100, .capacity = 400) },
		    SHARE_NORMAL, { .6, .4 }, 0 },
		{ "unless a person wants it to wait", 1000, 2,
		    { R(0, 1, 100, .factor = 0, .reserve = RESERVE_LAST),
			R(1, 1, 100, .capacity = 400) },
		    SHARE_NORMAL, { 0, .4 }, .6 },
		{ "but not for the sake of nobody", 1000, 2,
		    { R(0, 1, 100, .factor = 0, .reserve = RESERVE_LAST), R(1, 1, 0, .factor = 0) },
		    SHARE_NORMAL, { 1, 0 }, 0 },
	};

	CHECK_CASES(t, &usual);
}
END_TEST

START_TEST(when_nothing_is_up_the_unknown_and_then_all_are_asked)
{
	static const struct share_case t[] = {
		{ "at the start", 0, 2, { R(0, 1, 0, .unknown = 100), R(1, 1, 0, .unknown = 100) },
		    SHARE_UNPROVEN, { 1, 0 }, 0 },
		{ "unknown before down", 0, 2, { R(0, 1, 0), R(1, 1, 0, .unknown = 100) },
		    SHARE_UNPROVEN, { 0, 1 }, 0 },
		{ "fail open by weight, over all tiers", 0, 3,
		    { R(0, 3, 0), R(0, 1, 0), R(1, 4, 0) }, SHARE_FAIL_OPEN, { .375, .125, .5 },
		    0 },
		{ "not into an evacuated region", 0, 2,
		    { R(0, 3, 0, .evacuated = true), R(0, 1, 0) }, SHARE_FAIL_OPEN, { 0, 1 }, 0 },
		{ "healthy or not", 0, 2,
		    { R(0, 3, 100, .factor = 0, .evacuated = true), R(0, 1, 0, .factor = 0) },
		    SHARE_FAIL_OPEN, { 0, 1 }, 0 },
		{ "capacity stays in force", 1000, 2,
		    { R(0, 1, 0, .capacity = 100), R(0, 1, 0, .capacity = 300) }, SHARE_FAIL_OPEN,
		    { .1, .3 }, .6 },
		{ "what is up in a region that is down carries 1.4 times its usual load", 0, 2,
		    { R(0, 1, 100, .factor = 0), R(0, 1, 0, .factor = 0) }, SHARE_FAIL_OPEN,
		    { .7, .3 }, 0 },
		{ "by their parts", 0, 3,
		    { R(0, 1, 20, .factor = 0), R(0, 1, 40, .factor = 0), R(1, 2, 0) },
		    SHARE_FAIL_OPEN, { .07 + .79 * .8 / 3.4, .14 + .79 * .6 / 3.4, .79 * 2 / 3.4 },
		    0 },
		{ "all of it, if they can", 0, 2,
		    { R(0, 1, 80, .factor = 0), R(0, 1, 70, .factor = 0) }, SHARE_FAIL_OPEN,
		    { 8. / 15, 7. / 15 }, 0 },
		{ "but not more than their part of the capacity", 1000, 2,
		    { R(0, 1, 50, .factor = 0, .capacity = 400), R(0, 1, 0, .capacity = 1000) },
		    SHARE_FAIL_OPEN, { .2 + .8 / 3 > .4 ? .4 : .2 + .8 / 3, .6 }, 0 },
		{ "all evacuated", 0, 1, { R(0, 1, 100, .factor = 0, .evacuated = true) },
		    SHARE_NOTHING, { 0 }, 1 },
		{ "weight 0 does not serve even then", 0, 2, { R(0, 0, 0), R(1, 1, 0) },
		    SHARE_FAIL_OPEN, { 0, 1 }, 0 },
		{ "no endpoints", 0, 1, { { .weight = 1, .factor = 1, .pinned = NAN, .warm = 1 } },
		    SHARE_NOTHING, { 0 }, 1 },
		{ "no regions", 0, 0, { { 0 } }, SHARE_NOTHING, { 0 }, 1 },
	};
	struct share_policy closed = usual;
	struct share_case refused = { "fail closed", 0, 1, { R(0, 1, 0) }, SHARE_FAIL_CLOSED, { 0 },
		1 };

	CHECK_CASES(t, &usual);
	closed.fail_open = false;
	check_case(&refused, &closed);
}
END_TEST

START_TEST(pins_hold_as_far_as_the_region_can_serve)
{
	static const struct share_case t[] = {
		{ "one pin, the rest by the formula", 0, 3,
		    { R(0, 1, 100, .pinned = .1), R(0, 1, 100), R(0, 2, 100) }, SHARE_NORMAL,
		    { .1, .3, .6 }, 0 },
		{ "a standby is pinned", 0, 2, { R(0, 1, 100), R(1, 1, 100, .pinned = .25) },
		    SHARE_NORMAL, { .75, .25 }, 0 },
		{ "pins that sum to too much are proportions", 0, 2,
		    { R(0, 1, 100, .pinned = 1), R(0, 1, 100, .pinned = 1) }, SHARE_NORMAL,
		    { .5, .5 }, 0 },
		{ "and so are pins of all that sum to too little", 0, 2,
		    { R(0, 1, 100, .pinned = .1), R(0, 1, 100, .pinned = .3) }, SHARE_NORMAL,
		    { .25, .75 }, 0 },
		{ "a pin does not revive the dead", 0, 2,
		    { R(0, 1, 0, .pinned = .5, .factor = 0), R(0, 1, 100) }, SHARE_NORMAL, { 0, 1 },
		    0 },
		{ "nor the evacuated", 0, 2,
		    { R(0, 1, 100, .pinned = .5, .evacuated = true), R(0, 1, 100) }, SHARE_NORMAL,
		    { 0, 1 }, 0 },
		{ "it ends a wait", 0, 2,
		    { R(0, 1, 100, .pinned = .5, .factor = 0, .reserve = RESERVE_SHED),
			R(0, 1, 100) },
		    SHARE_NORMAL, { .5, .5 }, 0 },
		{ "not above capacity", 1000, 2,
		    { R(0, 1, 100, .pinned = .5, .capacity = 100), R(0, 1, 100) }, SHARE_NORMAL,
		    { .1, .9 }, 0 },
		{ "pinned to nothing, used rather than refuse", 0, 2,
		    { R(0, 1, 100, .pinned = 0), R(0, 1, 0, .factor = 0) }, SHARE_NORMAL, { 1, 0 },
		    0 },
		{ "weight 0 may be pinned", 0, 2, { R(0, 0, 100, .pinned = .2), R(0, 1, 100) },
		    SHARE_NORMAL, { .2, .8 }, 0 },
	};

	CHECK_CASES(t, &usual);
}
END_TEST

START_TEST(standbys_get_their_trickle_and_no_more)
{
	static const struct share_case t[] = {
		{ "one", 0, 2, { R(0, 1, 100), R(1, 1, 100) }, SHARE_NORMAL, { .96, .04 }, 0 },
		{ "taken in proportion", 0, 3, { R(0, 3, 100), R(0, 1, 100), R(1, 1, 100) },
		    SHARE_NORMAL, { .72, .24, .04 }, 0 },
		{ "shared by all standbys", 0, 3, { R(0, 1, 100), R(1, 3, 100), R(2, 1, 100) },
		    SHARE_NORMAL, { .96, .03, .01 }, 0 },
		{ "one that gets more anyway needs none", 0, 2, { R(0, 1, 50), R(1, 1, 100) },
		    SHARE_NORMAL, { .7, .3 }, 0 },
		{ "not into one that is down", 0, 2, { R(0, 1, 100), R(1, 1, 0, .factor = 0) },
		    SHARE_NORMAL, { 1, 0 }, 0 },
		{ "not above its capacity", 1000, 2, { R(0, 1, 100), R(1, 1, 100, .capacity = 20) },
		    SHARE_NORMAL, { .983, .017 }, 0 },
		{ "the next tier trickles when the first is gone", 0, 3,
		    { R(0, 1, 0, .factor = 0), R(1, 1, 100), R(2, 1, 100) }, SHARE_NORMAL,
		    { 0, .96, .04 }, 0 },
	};
	struct share_policy policy = usual;

	policy.standby_share = 0.04;
	CHECK_CASES(t, &policy);
}
END_TEST

START_TEST(all_down_spills_only_when_the_tier_is_gone)
{
	static const struct share_case t[] = {
		{ "one endpoint is enough", 0, 2, { R(0, 1, 1), R(1, 1, 100) }, SHARE_NORMAL,
		    { 1, 0 }, 0 },
		{ "gone", 0, 2, { R(0, 1, 0), R(1, 1, 100) }, SHARE_NORMAL, { 0, 1 }, 0 },
		{ "a ramp still ramps", 0, 2, { R(0, 1, 100, .factor = .3), R(1, 1, 100) },
		    SHARE_NORMAL, { .3, .7 }, 0 },
		{ "what does not fit still goes where it does", 1000, 2,
		    { R(0, 1, 100, .capacity = 500), R(1, 1, 100) }, SHARE_NORMAL, { .425, .575 },
		    0 },
	};
	struct share_policy policy = usual;

	policy.spill = SPILL_ALL_DOWN;
	CHECK_CASES(t, &policy);
}
END_TEST

START_TEST(panic_comes_after_spilling_over)
{
	static const struct {
		const char *what;
		unsigned count;
		struct share_region regions[MOST];
		double blind[MOST];
	} t[] = {
		{ "alone with 40 %: total 56 %", 1, { R(0, 1, 40) }, { .44 } },
		{ "half is not below half", 1, { R(0, 1, 50) }, { 0 } },
		{ "spilled over: the standby is well", 2, { R(0, 1, 40), R(1, 1, 100) }, { 0, 0 } },
		{ "both ill", 2, { R(0, 1, 30), R(1, 1, 40) }, { 1 - 1.4 * .3, .44 } },
		{ "the sum reaches 1", 2, { R(0, 1, 36), R(1, 1, 36) }, { 0, 0 } },
		{ "none where no traffic goes", 2, { R(0, 1, 40, .factor = 0), R(0, 1, 60) },
		    { 0, 0 } },
		{ "with nothing up", 2, { R(0, 1, 0), R(0, 1, 0, .evacuated = true) }, { 1, 0 } },
		{ "a region that is down", 2,
		    { R(0, 1, 40, .factor = 0), R(0, 1, 0, .evacuated = true) }, { .44, 0 } },
		{ "both of them", 2, { R(0, 1, 50, .factor = 0), R(0, 1, 0) },
		    { .65 / 3 / (.35 + .65 / 3), 1 } },
		{ "enough are up", 1, { R(0, 1, 80, .factor = 0) }, { 0 } },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct share_plan plan;

		share_compute(t[i].regions, t[i].count, &usual, 0, &plan);
		for (unsigned j = 0; j < t[i].count; j++)
			ck_assert_msg(fabs(plan.blind[j] - t[i].blind[j]) < 1e-9,
			    "%s: region %u: %g", t[i].what, j, plan.blind[j]);
	}
}
END_TEST

static struct share_region
random_region(struct rng *rng)
{
	struct share_region r = R(rng_below(rng, 3), rng_below(rng, 5), 0);

	r.unknown = rng_below(rng, 4) == 0 ? rng_below(rng, 101) : 0;
	r.healthy = rng_below(rng, 101 - (uint32_t)r.unknown);
	r.factor = rng_below(rng, 2) == 0 ? 1 : rng_below(rng, 5) / 4.0;
	r.evacuated = rng_below(rng, 6) == 0;
	r.capacity = rng_below(rng, 2) == 0 ? 0 : rng_below(rng, 1000);
	r.pinned = rng_below(rng, 6) == 0 ? rng_below(rng, 5) / 4.0 : NAN;
	r.warm = rng_below(rng, 11) / 10.0;
	r.reserve = r.factor > 0 ? RESERVE_NONE : (enum share_reserve)rng_below(rng, 3);
	return r;
}

START_TEST(whatever_the_world_the_plan_adds_up_and_respects_capacity_and_evacuation)
{
	struct rng rng;

	rng_seed(&rng, 11);
	for (unsigned round = 0; round < 200000; round++) {
		struct share_region regions[WORDS];
		struct share_policy policy = usual;
		struct share_plan plan;
		unsigned count = 1 + rng_below(&rng, WORDS);
		double demand = rng_below(&rng, 3000);
		double sum = 0;

		policy.fail_open = rng_below(&rng, 2) == 0;
		policy.standby_share = rng_below(&rng, 2) * 0.05;
		policy.spill = rng_below(&rng, 2) == 0 ? SPILL_GRADUAL : SPILL_ALL_DOWN;
		for (unsigned i = 0; i < count; i++)
			regions[i] = random_region(&rng);
		share_compute(regions, count, &policy, demand, &plan);
		for (unsigned i = 0; i < count; i++) {
			const struct share_region *r = &regions[i];

			ALWAYS(plan.share[i] >= 0 && plan.share[i] <= 1 + 1e-9,
			    "round %u: share %u is %g", round, i, plan.share[i]);
			ALWAYS(!r->evacuated || plan.share[i] == 0, "round %u: evacuated %u", round,
			    i);
			ALWAYS(
			    r->capacity <= 0 || plan.share[i] * demand <= r->capacity * (1 + 1e-9),
			    "round %u: region %u is given %g of %g", round, i,
			    plan.share[i] * demand, r->capacity);
			sum += plan.share[i];
		}
		ALWAYS(
		    fabs(sum + plan.shed - 1) < 1e-6, "round %u: %g + %g", round, sum, plan.shed);
	}
}
END_TEST

START_TEST(steps_move_hard_losses_at_once_and_all_else_slowly)
{
	static const struct {
		const char *what;
		double now[3];
		double target[3];
		double shed;
		bool hard[3];
		double next[3];
	} t[] = {
		{ "nothing to do", { .5, .5 }, { .5, .5 }, 0, { 0 }, { .5, .5 } },
		{ "soft", { 1, 0 }, { 0, 1 }, 0, { 0 }, { .99, .01 } },
		{ "soft, arriving", { .505, .495 }, { .5, .5 }, 0, { 0 }, { .5, .5 } },
		{ "soft, to two", { 1, 0, 0 }, { 0, .75, .25 }, 0, { 0 }, { .99, .0075, .0025 } },
		{ "hard", { 1, 0 }, { 0, 1 }, 0, { true }, { 0, 1 } },
		{ "hard, to those who lack most", { .6, .3, .1 }, { 0, .6, .4 }, 0, { true },
		    { 0, .6, .4 } },
		{ "hard and soft together", { .4, .6, 0 }, { 0, .2, .8 }, 0, { true },
		    { 0, .59, .41 } },
		{ "a hard loss beyond what others may take is shed", { 1, 0 }, { 0, .5 }, .5,
		    { true }, { 0, .5 } },
		{ "a hard one that gains is not hard", { .5, .5 }, { 1, 0 }, 0, { true },
		    { .51, .49 } },
		{ "shedding that ends", { .3, .2 }, { .5, .5 }, 0, { 0 }, { .304, .206 } },
		{ "soft shedding", { .5, .5 }, { .25, .25 }, .5, { 0 }, { .495, .495 } },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct share_plan plan = { .shed = t[i].shed };
		double next[3];

		memcpy(plan.share, t[i].target, sizeof t[i].target);
		share_step(t[i].now, &plan, t[i].hard, 3, 0.1, 100, next);
		for (unsigned j = 0; j < 3; j++)
			ck_assert_msg(fabs(next[j] - t[i].next[j]) < 1e-9,
			    "%s: share %u is %.5f, expected %.5f", t[i].what, j, next[j],
			    t[i].next[j]);
	}
}
END_TEST

START_TEST(many_small_steps_end_where_they_should)
{
	const struct share_plan back = { .share = { 1, 0 } };
	const bool hard[2] = { false };

	for (unsigned percent = 1; percent <= 50; percent++) {
		const struct share_plan there = { .share = {
						      1 - percent / 100.0, percent / 100.0 } };
		double now[2] = { 1, 0 }, next[2];

		for (unsigned i = 0; i < 120; i++) {
			share_step(now, i < 60 ? &there : &back, hard, 2, 0.1, 100, next);
			memcpy(now, next, sizeof now);
		}
		ck_assert_msg(now[1] <= 0, "of %u %%: %g is left", percent, now[1]);
	}
}
END_TEST

START_TEST(words_sum_to_the_rounded_sum_and_are_off_by_less_than_one_unit)
{
	struct rng rng;

	rng_seed(&rng, 2);
	for (unsigned round = 0; round < 50000; round++) {
		double shares[WORDS];
		uint32_t words[WORDS];
		unsigned count = 1 + rng_below(&rng, WORDS);
		double given = rng_below(&rng, 4) == 0 ? rng_below(&rng, 1001) / 1000.0 : 1;
		double sum = 0;
		uint32_t words_sum = 0;

		for (unsigned i = 0; i < count; i++)
			sum += shares[i] = 1 + rng_below(&rng, 10000);
		for (unsigned i = 0; i < count; i++)
			shares[i] *= given / sum;
		share_words(shares, count, words);
		for (unsigned i = 0; i < count; i++) {
			ALWAYS(fabs(words[i] - shares[i] * SHARE_WHOLE) < 1, "%g has %u", shares[i],
			    words[i]);
			words_sum += words[i];
		}
		ALWAYS(fabs(words_sum - given * SHARE_WHOLE) <= 0.5 + 1e-6, "%g: %u", given,
		    words_sum);
	}
}
END_TEST

START_TEST(words_of_thirds_favour_the_first)
{
	static const double thirds[] = { 1 / 3.0, 1 / 3.0, 1 / 3.0 };
	uint32_t words[3];

	share_words(thirds, 3, words);
	ck_assert_uint_eq(words[0], 21846);
	ck_assert_uint_eq(words[1], 21845);
	ck_assert_uint_eq(words[2], 21845);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/share");
	TCase *tests = tcase_create("share");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, without_capacity_tiers_are_filled_by_envoys_formula);
	tcase_add_test(tests, a_factor_limits_a_region_to_that_part_of_its_share);
	tcase_add_test(tests, no_region_is_given_more_than_its_capacity);
	tcase_add_test(tests, what_waits_is_used_before_anyone_is_refused);
	tcase_add_test(tests, when_nothing_is_up_the_unknown_and_then_all_are_asked);
	tcase_add_test(tests, pins_hold_as_far_as_the_region_can_serve);
	tcase_add_test(tests, standbys_get_their_trickle_and_no_more);
	tcase_add_test(tests, all_down_spills_only_when_the_tier_is_gone);
	tcase_add_test(tests, panic_comes_after_spilling_over);
	tcase_add_test(
	    tests, whatever_the_world_the_plan_adds_up_and_respects_capacity_and_evacuation);
	tcase_add_test(tests, steps_move_hard_losses_at_once_and_all_else_slowly);
	tcase_add_test(tests, many_small_steps_end_where_they_should);
	tcase_add_test(tests, words_sum_to_the_rounded_sum_and_are_off_by_less_than_one_unit);
	tcase_add_test(tests, words_of_thirds_favour_the_first);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
