/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/balance.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "steer/region.h"
#include "steer/share.h"
#include "world.h"

/* Region r's endpoint e. */
static uint32_t
id_of(const struct world *w, unsigned region, unsigned endpoint)
{
	return w->service->regions[region].endpoints[endpoint]->id;
}

/* Draws many; each region's count must be near its part of 1000. */
static void
expect_parts(const struct world *w, struct pick *pick, const unsigned *parts)
{
	enum { DRAWS = 40000 };
	unsigned count[8] = { 0 };
	struct rng rng;

	rng_seed(&rng, 3);
	pick->rng = &rng;
	for (unsigned i = 0; i < DRAWS; i++) {
		int region = balance_region(w->service, pick);

		if (region < 0) /* an assertion that holds costs a write to a file */
			ck_abort_msg("draw %u finds none", i);
		count[region]++;
	}
	pick->rng = NULL;
	for (unsigned i = 0; i < w->service->region_count; i++) {
		double due = DRAWS * parts[i] / 1000.0;

		if (parts[i] == 0)
			ck_assert_msg(count[i] == 0, "region %u has %u", i, count[i]);
		/* Five standard deviations at most. */
		ck_assert_msg(count[i] > due - 500 && count[i] < due + 500, "region %u has %u of %f",
		    i, count[i], due);
	}
}

static const struct world_region three[] = { { 0, 70, 2, NULL }, { 0, 30, 2, NULL },
	{ 1, 10, 2, NULL } };

static void
open_three(struct world *w)
{
	world_open(w, BALANCE_ROUND_ROBIN, three, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		world_set_all(w, i, ENDPOINT_UP);
	world_share(w, (const uint32_t[]){ 45875, 19661, 0 });
}

START_TEST(regions_are_drawn_by_share)
{
	struct pick pick = { .tried_count = 0 };
	struct world w;

	open_three(&w);
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	world_share(&w, (const uint32_t[]){ 0, 65536, 0 });
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	/* While control writes, the sum may be anything. */
	world_share(&w, (const uint32_t[]){ 65536, 65536, 0 });
	expect_parts(&w, &pick, (const unsigned[]){ 500, 500, 0 });
	world_share(&w, (const uint32_t[]){ 1, 0, 0 });
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	world_close(&w);
}
END_TEST

START_TEST(an_avoided_region_is_taken_only_when_nothing_else_is_left)
{
	struct pick pick = { .avoid_regions = 1 };
	struct world w;

	open_three(&w);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	pick.avoid_regions = 3; /* the standby, without a share, before the avoided */
	expect_parts(&w, &pick, (const unsigned[]){ 0, 0, 1000 });
	pick.avoid_regions = 7;
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	pick.avoid_regions = 3;
	world_set_all(&w, 2, ENDPOINT_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	pick.avoid_regions = UINT64_MAX;
	world_share(&w, (const uint32_t[]){ 0, 0, 0 });
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 }); /* lowest tier, heavier */
	world_close(&w);
}
END_TEST

START_TEST(an_excluded_or_evacuated_region_is_never_taken)
{
	struct pick pick = { .exclude_regions = 1 };
	struct world w;

	open_three(&w);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	pick.exclude_regions = 3;
	expect_parts(&w, &pick, (const unsigned[]){ 0, 0, 1000 });
	pick.exclude_regions = 7;
	ck_assert_int_eq(balance_region(w.service, &pick), -1);
	pick.exclude_regions = 4;
	pick.avoid_regions = 3; /* what is avoided before what is excluded */
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	pick.exclude_regions = pick.avoid_regions = 0;
	atomic_store(&w.service->regions[0].steering->state, REGION_EVACUATED);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	pick.exclude_regions = 6;
	ck_assert_int_eq(balance_region(w.service, &pick), -1);
	world_close(&w);
}
END_TEST

START_TEST(what_must_not_be_sent_twice_goes_nowhere_for_a_trial)
{
	struct pick pick = { .unsafe = true };
	struct world w;

	open_three(&w);
	atomic_store(&w.service->regions[1].steering->state, REGION_GREY);
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	pick.unsafe = false;
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	/* Unless nothing else is left. */
	pick.unsafe = true;
	world_set_all(&w, 0, ENDPOINT_DOWN);
	world_share(&w, (const uint32_t[]){ 0, 65536, 0 });
	world_set_all(&w, 2, ENDPOINT_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });

	/* A standby's trickle. */
	for (unsigned i = 0; i < 3; i++)
		world_set_all(&w, i, ENDPOINT_UP);
	atomic_store(&w.service->regions[1].steering->state, REGION_UP);
	world_share(&w, (const uint32_t[]){ 32768, 0, 32768 });
	atomic_store(&w.service->regions[2].steering->trickle, 1);
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	atomic_store(&w.service->regions[2].steering->trickle, 0);
	expect_parts(&w, &pick, (const unsigned[]){ 500, 0, 500 });
	world_close(&w);
}
END_TEST

START_TEST(without_a_share_what_is_not_down_goes_first)
{
	struct pick pick = { 0 };
	struct world w;

	open_three(&w);
	world_share(&w, (const uint32_t[]){ 0, 0, 0 });
	atomic_store(&w.service->regions[0].steering->state, REGION_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	atomic_store(&w.service->regions[1].steering->state, REGION_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 0, 1000 });
	atomic_store(&w.service->regions[2].steering->state, REGION_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	world_close(&w);
}
END_TEST

START_TEST(a_region_whose_endpoints_were_all_tried_is_passed_over)
{
	struct pick pick = { .tried_count = 2 };
	struct world w;

	open_three(&w);
	pick.tried[0] = id_of(&w, 0, 0);
	pick.tried[1] = id_of(&w, 1, 0);
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 }); /* one is left in each */
	pick.tried[1] = id_of(&w, 0, 1);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	pick.tried[2] = id_of(&w, 1, 0);
	pick.tried_count = 3;
	world_set(&w, 1, 1, ENDPOINT_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 0, 1000 });
	pick.tried[3] = id_of(&w, 2, 0);
	pick.tried[4] = id_of(&w, 2, 1);
	pick.tried_count = 5;
	ck_assert_int_eq(balance_region(w.service, &pick), -1);
	world_close(&w);
}
END_TEST

START_TEST(a_tried_endpoint_that_is_down_does_not_count_against_the_others)
{
	struct pick pick = { .tried_count = 1 };
	struct world w;

	open_three(&w);
	world_set(&w, 0, 0, ENDPOINT_DOWN);
	world_share(&w, (const uint32_t[]){ 65536, 0, 0 });
	pick.tried[0] = id_of(&w, 0, 0); /* went down after it was tried; the other is up */
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	world_close(&w);
}
END_TEST

START_TEST(failing_open_uses_what_does_not_drain)
{
	struct pick pick = { .tried_count = 0 };
	struct world w;

	open_three(&w);
	for (unsigned i = 0; i < 3; i++)
		world_set_all(&w, i, ENDPOINT_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 700, 300, 0 });
	world_set_all(&w, 0, ENDPOINT_DRAINING);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	pick.tried[0] = id_of(&w, 1, 0);
	pick.tried[1] = id_of(&w, 1, 1);
	pick.tried_count = 2;
	ck_assert_int_eq(balance_region(w.service, &pick), -1); /* no share, nothing up: not used */
	world_close(&w);
}
END_TEST

START_TEST(without_shares_the_lowest_tier_with_an_endpoint_up_serves)
{
	struct pick pick = { .tried_count = 0 };
	struct world w;

	open_three(&w);
	world_share(&w, (const uint32_t[]){ 0, 0, 0 });
	expect_parts(&w, &pick, (const unsigned[]){ 1000, 0, 0 });
	world_set_all(&w, 0, ENDPOINT_DOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000, 0 });
	world_set_all(&w, 1, ENDPOINT_UNKNOWN);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 0, 1000 });
	world_set_all(&w, 2, ENDPOINT_DRAINING);
	ck_assert_int_eq(balance_region(w.service, &pick), -1);
	world_close(&w);
}
END_TEST

START_TEST(weight_zero_takes_nothing_without_a_share)
{
	static const struct world_region regions[] = { { 0, 0, 2, NULL }, { 1, 1, 2, NULL } };
	struct pick pick = { .tried_count = 0 };
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, regions, 2, 1);
	world_set_all(&w, 0, ENDPOINT_UP);
	world_set_all(&w, 1, ENDPOINT_UP);
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000 });
	world_set_all(&w, 1, ENDPOINT_DOWN);
	ck_assert_int_eq(balance_region(w.service, &pick), -1);
	world_close(&w);
}
END_TEST

START_TEST(a_region_without_endpoints_is_never_named)
{
	static const struct world_region regions[] = { { 0, 1, 0, NULL }, { 0, 1, 1, NULL } };
	struct pick pick = { .tried_count = 0 };
	struct world w;

	world_open(&w, BALANCE_ROUND_ROBIN, regions, 2, 1);
	world_set_all(&w, 1, ENDPOINT_UP);
	world_share(&w, (const uint32_t[]){ 32768, 32768 });
	expect_parts(&w, &pick, (const unsigned[]){ 0, 1000 });
	world_close(&w);
}
END_TEST

struct shifter {
	struct steering *steerings[2];
	atomic_bool stop;
};

static void *
shift_shares(void *arg)
{
	struct shifter *s = arg;

	for (unsigned i = 0; !atomic_load(&s->stop); i++) {
		uint32_t shares[] = { i % 2 == 1 ? SHARE_WHOLE : 0, i % 2 == 0 ? SHARE_WHOLE : 0 };

		steering_set_shares(s->steerings, shares, 2);
	}
	return NULL;
}

/* Both regions are down, so that a region without a share would not do instead. */
START_TEST(a_region_is_found_while_shares_move_to_and_fro)
{
	static const struct world_region regions[] = { { 0, 1, 1, NULL }, { 0, 1, 1, NULL } };
	struct pick pick = { .tried_count = 0 };
	struct shifter shifter = { .stop = false };
	unsigned missed = 0;
	pthread_t thread;
	struct rng rng;
	struct world w;

	rng_seed(&rng, 1);
	pick.rng = &rng;
	world_open(&w, BALANCE_ROUND_ROBIN, regions, 2, 1);
	world_share(&w, (const uint32_t[]){ SHARE_WHOLE, 0 });
	shifter.steerings[0] = w.service->regions[0].steering;
	shifter.steerings[1] = w.service->regions[1].steering;
	ck_assert_int_eq(pthread_create(&thread, NULL, shift_shares, &shifter), 0);
	for (unsigned i = 0; i < 500000; i++)
		missed += balance_region(w.service, &pick) < 0;
	atomic_store(&shifter.stop, true);
	pthread_join(thread, NULL);
	/* Shares that move a million times a second may be missed twice in a row. */
	ck_assert_msg(missed < 5000, "%u of 500000 found none", missed);
	world_close(&w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/balance");
	TCase *tests = tcase_create("balance");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, regions_are_drawn_by_share);
	tcase_add_test(tests, an_avoided_region_is_taken_only_when_nothing_else_is_left);
	tcase_add_test(tests, an_excluded_or_evacuated_region_is_never_taken);
	tcase_add_test(tests, what_must_not_be_sent_twice_goes_nowhere_for_a_trial);
	tcase_add_test(tests, without_a_share_what_is_not_down_goes_first);
	tcase_add_test(tests, a_region_whose_endpoints_were_all_tried_is_passed_over);
	tcase_add_test(tests, a_tried_endpoint_that_is_down_does_not_count_against_the_others);
	tcase_add_test(tests, failing_open_uses_what_does_not_drain);
	tcase_add_test(tests, without_shares_the_lowest_tier_with_an_endpoint_up_serves);
	tcase_add_test(tests, weight_zero_takes_nothing_without_a_share);
	tcase_add_test(tests, a_region_without_endpoints_is_never_named);
	tcase_add_test(tests, a_region_is_found_while_shares_move_to_and_fro);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
